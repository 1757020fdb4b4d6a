//! The control plane as real clients see it: boto3 and the AWS CLI live the whole life of users,
//! roles, policies, sessions and clusters against an instance.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use lakeward::python::Kit;
use lakeward_policy::{PolicyDocument, Usage};
use serde::Deserialize;
use support::{World, script::Script};

/// Runs a script as the root of a fresh instance.
async fn live(name: &str) {
    let world = World::empty().await;
    let keys = world.root.credentials();
    Script::new(Kit::Peers, name)
        .await
        .beside(&world)
        .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
        .holds()
        .await;
}

#[tokio::test]
async fn boto3_lives_the_whole_life_of_principals() {
    live("boto_life.py").await;
}

#[tokio::test]
async fn boto3_lives_the_whole_life_of_clusters() {
    live("emr_life.py").await;
}

#[tokio::test]
async fn the_aws_command_line_works_a_day() {
    live("cli_life.py").await;
}

#[derive(Deserialize)]
struct Managed {
    name: String,
    text: String,
}

#[tokio::test]
async fn the_policies_that_aws_manages_parse_and_round_trip() {
    let script = Script::new(Kit::Peers, "managed_policies.py").await;
    let lines = script.output().await;
    let mut count = 0;
    let mut refused = Vec::new();
    for line in lines.lines() {
        let policy: Managed = serde_json::from_str(line).unwrap();
        count += 1;
        match PolicyDocument::parse(&policy.text, Usage::Identity) {
            Ok(document) => assert_eq!(document.source(), policy.text),
            Err(malformed) => refused.push(format!("{}: {malformed}", policy.name)),
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(count > 1_500, "only {count} policies");
}
