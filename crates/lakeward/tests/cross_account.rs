//! Studio, clusters, runtime roles and data in two accounts of one instance, with real clients and
//! real sessions.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::{path::Path, time::Duration};

use lakeward::{
    cli::Progress,
    python::{self, Kit},
};
use serde_json::{Value, json};
use support::World;
use tokio::{process::Command, time::timeout};

const DATA_ACCOUNT: &str = "222222222222";
/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs a script of `tests/python` that has two accounts to itself, as their root users.
async fn run(world: &World, name: &str) {
    let home = world.room.path().join("home");
    std::fs::create_dir(&home).unwrap();
    let mut accounts = json!({});
    for (role, id) in [("studio", support::ACCOUNT), ("data", DATA_ACCOUNT)] {
        let key = world.daemon.identity().ensure_account(id).await.unwrap();
        accounts[role] = json!({
            "Account": id, "AccessKeyId": key.id, "SecretAccessKey": key.secret.expose(),
        });
    }
    let program = tokio::task::spawn_blocking(|| python::ensure(Kit::Peers, &Progress::new()));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let ended = Command::new(program.await.unwrap().unwrap())
        .arg(folder.join(name))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HOME", &home)
        .env("LAKEWARD_TEST_ACCOUNTS", accounts.to_string())
        .env("AWS_DEFAULT_REGION", support::REGION)
        .env("AWS_ENDPOINT_URL", world.instance.addresses.endpoint_url())
        .env("AWS_CA_BUNDLE", &world.instance.ca)
        .env("AWS_MAX_ATTEMPTS", "1")
        .kill_on_drop(true)
        .output();
    let ended = timeout(PATIENCE, ended)
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
