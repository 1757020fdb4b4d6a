//! `lakeward backup` and `lakeward restore`.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use lakeward_client::Credentials;
use serde_json::Value;
use support::program::{Ended, Program, run};

const IAM: &str = "2010-05-08";

async fn done(arguments: &[&str]) -> Ended {
    let ended = run(arguments).await;
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    ended
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

async fn users(state: &Path, keys: &Credentials) -> Vec<String> {
    let mut program = Program::start("serve", state, &[]);
    program.says("Ready").await;
    let client = program.instance().client(keys.clone()).unwrap();
    let list = client
        .query("iam", IAM, &[("Action", "ListUsers")])
        .await
        .unwrap();
    assert!(program.stop().await.success());
    list.split("<UserName>")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_instance_is_backed_up_and_restored_elsewhere() {
    let room = support::room();
    let path = |name: &str| room.path().join(name);
    let (state, copy, late) = (path("state"), path("copy"), path("late"));
    let init = ["init", "--state-dir", text(&state), "--output", "json"];
    let root: Value = serde_json::from_str(&done(&init).await.out).unwrap();
    let field = |name: &str| root[name].as_str().unwrap();
    let keys = Credentials::permanent(field("AccessKeyId"), field("SecretAccessKey"));
    let mut program = Program::start("serve", &state, &[]);
    program.says("Ready").await;
    let client = program.instance().client(keys.clone()).unwrap();
    let create = |name| [("Action", "CreateUser"), ("UserName", name)];
    client.query("iam", IAM, &create("before")).await.unwrap();

    let backup = [
        "backup",
        text(&copy),
        "--state-dir",
        text(&state),
        "--output",
        "json",
    ];
    let told: Value = serde_json::from_str(&done(&backup).await.out).unwrap();
    assert_eq!(told["Records"]["user"], 1, "{told}");
    assert!(told["ObjectBytes"].as_str().unwrap().ends_with("objects"));
    assert_eq!(
        fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
        0o600
    );
    run(&backup)
        .await
        .failed_saying(&["copy", "can't be written"]);
    client.query("iam", IAM, &create("after")).await.unwrap();

    // Never under a running instance, nor over a state without being told to.
    let restore = ["restore", text(&copy), "--state-dir", text(&state)];
    run(&restore).await.failed_saying(&["in use"]);
    program.kill().await;
    run(&restore)
        .await
        .failed_saying(&["holds a state already", "--replace"]);
    // A state that was left by a kill can be backed up as it is.
    let late_backup = done(&["backup", text(&late), "--state-dir", text(&state)]).await;
    assert!(late_backup.out.contains("objects"), "{late_backup:?}");
    assert!(late_backup.out.contains("0600"), "{late_backup:?}");

    let new = path("new");
    done(&["restore", text(&copy), "--check"]).await;
    done(&["restore", text(&copy), "--state-dir", text(&new)]).await;
    assert_eq!(users(&new, &keys).await, ["before"]);
    done(&[
        "restore",
        text(&late),
        "--state-dir",
        text(&new),
        "--replace",
    ])
    .await;
    assert_eq!(users(&new, &keys).await, ["after", "before"]);

    let mut damaged = fs::read(&copy).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(path("damaged"), &damaged).unwrap();
    fs::write(path("short"), &damaged[..middle]).unwrap();
    fs::write(path("foreign"), "hello").unwrap();
    for (file, word) in [
        ("damaged", "damaged"),
        ("short", "damaged"),
        ("foreign", "isn't a backup"),
    ] {
        let file = path(file);
        let restore = [
            "restore",
            text(&file),
            "--state-dir",
            text(&new),
            "--replace",
        ];
        run(&restore).await.failed_saying(&[word, text(&file)]);
    }
    assert_eq!(users(&new, &keys).await, ["after", "before"]);
}

#[tokio::test]
async fn a_state_that_is_not_there_is_an_error() {
    let room = support::room();
    let (state, copy) = (room.path().join("none"), room.path().join("copy"));
    let backup = run(&["backup", text(&copy), "--state-dir", text(&state)]).await;
    backup.failed_saying(&["no state"]);
    assert!(!copy.exists() && !state.exists());
    let none = run(&["restore", text(&copy), "--state-dir", text(&state)]).await;
    none.failed_saying(&["copy"]);
    assert!(!state.exists());
}
