//! Two nodes on one PostgreSQL: what one is told, the other knows.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "../../lakeward-store/src/tests/server.rs"]
mod postgres;
mod support;

use std::{path::Path, time::Duration, time::Instant};

use lakeward_client::{Client, Credentials};
use postgres::Server;
use serde_json::Value;
use support::program::{Program, run};
use tokio::time::sleep;

const IAM: &str = "2010-05-08";

async fn node(state: &Path, url: &str) -> Program {
    let mut program = Program::start("serve", state, &["--store", url]);
    program.says("Ready").await;
    program
}

async fn root(state: &Path, url: &str) -> Credentials {
    let folder = state.to_str().unwrap();
    let made = run(&[
        "init",
        "--state-dir",
        folder,
        "--store",
        url,
        "--output",
        "json",
    ])
    .await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let made: Value = serde_json::from_str(&made.out).unwrap();
    let text = |name: &str| made[name].as_str().unwrap();
    Credentials::permanent(text("AccessKeyId"), text("SecretAccessKey"))
}

async fn iam(client: &Client, action: &str, user: &str) -> bool {
    let call = [("Action", action), ("UserName", user)];
    match client.query("iam", IAM, &call).await {
        Ok(_) => true,
        Err(error) if error.code() == Some("NoSuchEntity") => false,
        Err(error) => panic!("{error}"),
    }
}

/// Waits until a node knows a user or doesn't, and answers how long that took.
async fn until(client: &Client, user: &str, there: bool) -> Duration {
    let begun = Instant::now();
    while iam(client, "GetUser", user).await != there {
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{user}: the other node doesn't know"
        );
        sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_see_each_others_changes() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let url = server.database("lake");
    let room = support::room();
    let (one, two) = (room.path().join("one"), room.path().join("two"));
    let keys = root(&one, &url).await;
    assert!(!one.join("state.db").exists(), "the state is in PostgreSQL");
    let (first, second) = (node(&one, &url).await, node(&two, &url).await);
    let client = |program: &Program| program.instance().client(keys.clone()).unwrap();
    let (a, b) = (client(&first), client(&second));
    let mut slowest = Duration::ZERO;
    for round in 0..20 {
        let user = format!("user-{round}");
        assert!(iam(&a, "CreateUser", &user).await);
        slowest = slowest.max(until(&b, &user, true).await);
        assert!(iam(&b, "DeleteUser", &user).await);
        slowest = slowest.max(until(&a, &user, false).await);
    }
    eprintln!("the slowest of 40 changes was seen after {slowest:?}");

    let folder = two.to_str().unwrap();
    let copy = room.path().join("copy");
    let copy = copy.to_str().unwrap();
    let backup = run(&["backup", copy, "--state-dir", folder, "--store", &url]).await;
    assert_eq!(backup.code, Some(0), "{backup:?}");
    assert!(!backup.out.contains("not-printed"), "{backup:?}");
    let restore = [
        "restore",
        copy,
        "--state-dir",
        folder,
        "--store",
        &url,
        "--replace",
    ];
    run(&restore).await.failed_saying(&["in use"]);

    // A node that is killed takes nothing with it, and its change is known to the others.
    assert!(iam(&a, "CreateUser", "last").await);
    first.kill().await;
    until(&b, "last", true).await;
    // Without the database a node reads, and says that it can't write.
    server.kill();
    assert!(iam(&b, "GetUser", "last").await);
    let refused = [("Action", "CreateUser"), ("UserName", "lost")];
    let refused = b.query("iam", IAM, &refused).await.unwrap_err();
    assert!(refused.code().is_some(), "{refused}");
    server.run();
    let begun = Instant::now();
    let again = [("Action", "CreateUser"), ("UserName", "back")];
    while b.query("iam", IAM, &again).await.is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the node doesn't come back"
        );
        sleep(Duration::from_millis(50)).await;
    }
    assert!(!iam(&b, "GetUser", "lost").await);
    assert!(second.stop().await.success());
    let first = node(&one, &url).await;
    assert!(iam(&client(&first), "GetUser", "back").await);
    assert!(first.stop().await.success());
    run(&restore).await;
}

#[tokio::test]
async fn nothing_that_is_printed_holds_the_password() {
    let room = support::room();
    let state = room.path().join("state");
    let url = "postgres://ann:s3cret@127.0.0.1:1/lake";
    let folder = state.to_str().unwrap();
    let failed = run(&["init", "--state-dir", folder, "--store", url]).await;
    failed.failed_saying(&["postgres://127.0.0.1:1/lake", "can't be reached"]);
    let typo = run(&[
        "init",
        "--state-dir",
        folder,
        "--store",
        "postgres://ann:s3cret@h:x/",
    ])
    .await;
    typo.failed_saying(&["--store"]);
    let mut help = support::program::lakeward(&["serve", "--help"]);
    let help = help.env("LAKEWARD_STORE", url).output().await.unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("LAKEWARD_STORE"));
    for said in [&failed.err, &failed.out, &typo.err, &typo.out, &help] {
        assert!(!said.contains("s3cret"), "{said}");
    }
}
