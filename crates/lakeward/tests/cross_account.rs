//! Studio, clusters, runtime roles and data in two accounts of one instance, with real clients and
//! real sessions.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use lakeward::python::Kit;
use serde_json::{Value, json};
use support::{World, script::Script};

const DATA_ACCOUNT: &str = "222222222222";
/// Runs a script of `tests/python` that has two accounts to itself, as their root users.
async fn run(world: &World, name: &str) {
    let mut accounts = json!({});
    for (role, id) in [("studio", support::ACCOUNT), ("data", DATA_ACCOUNT)] {
        let key = world.daemon.identity().ensure_account(id).await.unwrap();
        accounts[role] = json!({
            "Account": id, "AccessKeyId": key.id, "SecretAccessKey": key.secret.expose(),
        });
    }
    Script::new(Kit::Peers, name)
        .await
        .beside(world)
        .env("LAKEWARD_TEST_ACCOUNTS", accounts.to_string())
        .holds()
        .await;
}

/// What sessions of a runtime role did at a service: operation, error code and source identity.
fn calls(world: &World, service: &str, role_arn: &str) -> Vec<(String, Option<String>, Value)> {
    let text = std::fs::read_to_string(world.folder.audit().join("audit.jsonl")).unwrap();
    let source = format!("{service}.amazonaws.com");
    let records = text.lines().map(|line| serde_json::from_str(line).unwrap());
    records
        .filter(|record: &Value| record["eventSource"] == source.as_str())
        .filter(|record| {
            record["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == role_arn
        })
        .map(|record| {
            let name = record["eventName"].as_str().unwrap().to_owned();
            let error = record["errorCode"].as_str().map(str::to_owned);
            let source = record["userIdentity"]["sessionContext"]["sourceIdentity"].clone();
            (name, error, source)
        })
        .collect()
}

/// The data path too: what the sessions read is a matter of the runtime roles' own policies, and
/// of the buckets'. Every call of theirs names the person who connected.
#[tokio::test]
async fn three_ways_to_share_clusters_roles_and_data_between_accounts() {
    let world = World::with_running_sessions().await;
    run(&world, "cross_account.py").await;
    for (account, role, services) in [
        (
            DATA_ACCOUNT,
            "runtime-one",
            &["s3", "glue", "lakeformation"][..],
        ),
        (support::ACCOUNT, "runtime-two", &["s3"]),
        (DATA_ACCOUNT, "runtime-three", &["s3"]),
    ] {
        let role_arn = format!("arn:aws:iam::{account}:role/{role}");
        for service in services {
            let calls = calls(&world, service, &role_arn);
            assert!(!calls.is_empty(), "{role} at {service}");
            for (operation, error, source) in &calls {
                assert_eq!(source, "david", "{role} {service}:{operation} {error:?}");
            }
            assert!(
                calls.iter().any(|(_, error, _)| error.is_some()),
                "{role} at {service}"
            );
            let reads = |(operation, error, _): &&(String, Option<String>, Value)| {
                operation == "GetObject" && error.is_none()
            };
            assert_eq!(calls.iter().any(|call| reads(&call)), *service == "s3");
        }
    }
}
