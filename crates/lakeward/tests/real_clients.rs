//! The control plane as real clients see it: boto3 and the AWS CLI live the whole life of users,
//! roles, policies, sessions and clusters against an instance.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::{path::PathBuf, time::Duration};

use lakeward::{
    cli::Progress,
    python::{self, Kit},
};
use lakeward_policy::{PolicyDocument, Usage};
use serde::Deserialize;
use support::World;
use tokio::{process::Command, time::timeout};

/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_secs(300);

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/python")
        .join(name)
}

/// A script in the clients' Python, with nothing of the caller's AWS settings.
fn python(name: &str) -> Command {
    let python = python::ensure(Kit::Peers, &Progress::new()).unwrap();
    let mut command = Command::new(python);
    command
        .arg(script(name))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .kill_on_drop(true);
    command
}

/// Runs a script as the root of a fresh instance.
async fn live(name: &str) {
    let world = World::empty().await;
    let home = world.room.path().join("home");
    std::fs::create_dir(&home).unwrap();
    let keys = world.root.credentials();
    let run = python(name)
        .env("HOME", &home)
        .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
        .env("AWS_DEFAULT_REGION", support::REGION)
        .env("AWS_ENDPOINT_URL", world.instance.addresses.endpoint_url())
        .env("AWS_CA_BUNDLE", &world.instance.ca)
        .env("AWS_MAX_ATTEMPTS", "1")
        .output();
    let ended = timeout(PATIENCE, run)
        .await
        .expect("the script did not end")
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr),
    );
    assert!(ended.status.success(), "{out}{err}");
    assert!(out.contains("all held"), "{out}{err}");
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
    let run = python("managed_policies.py").output();
    let ended = timeout(PATIENCE, run).await.unwrap().unwrap();
    assert!(ended.status.success());
    let lines = String::from_utf8(ended.stdout).unwrap();
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
