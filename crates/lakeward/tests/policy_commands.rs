//! `lakeward policy` as a person or a build server meets it.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::{fs, io::Write as _, path::Path, process::Stdio};

use serde_json::{Value, json};
use support::program::{Ended, lakeward, run};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

const USER: &str = "arn:aws:iam::111122223333:user/ana";

fn policy(effect: &str, action: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Only", "Effect": effect, "Action": action, "Resource": "arn:aws:s3:::lake/*"},
    ]})
}

fn case(id: usize, policies: &[Value]) -> String {
    json!({
        "id": id,
        "identityPolicies": policies,
        "request": {
            "principal": USER,
            "action": "s3:GetObject",
            "resource": {"resource": "arn:aws:s3:::lake/a", "accountId": "111122223333"},
            "contextVariables": {},
        },
    })
    .to_string()
}

/// Runs a command with this standard input.
async fn feed(arguments: &[&str], input: &[u8]) -> Ended {
    let mut child = lakeward(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeding = tokio::spawn(async move {
        stdin.write_all(&input).await.unwrap();
    });
    let output = child.wait_with_output().await.unwrap();
    feeding.await.unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[tokio::test]
async fn eval_answers_a_line_for_a_case_in_order() {
    let allow = policy("Allow", "s3:Get*");
    let kinds = [
        (vec![allow.clone()], "Allowed"),
        (vec![], "ImplicitlyDenied"),
        (vec![allow, policy("Deny", "s3:*")], "ExplicitlyDenied"),
    ];
    let room = tempfile::tempdir().unwrap();
    let file = room.path().join("cases.jsonl");
    let mut cases = fs::File::create(&file).unwrap();
    let mut expected = String::new();
    for id in 0..5_000 {
        let (policies, verdict) = &kinds[id % kinds.len()];
        writeln!(cases, "{}\r\n", case(id, policies)).unwrap();
        expected.push_str(verdict);
        expected.push('\n');
    }
    let ended = run(&["policy", "eval", file.to_str().unwrap()]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(ended.out == expected, "the verdicts came out of order");

    let explained = run(&["policy", "eval", "--explain", file.to_str().unwrap()]).await;
    assert_eq!(explained.code, Some(0));
    for (id, line) in explained.out.lines().enumerate() {
        let value: Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["id"], id);
        assert_eq!(value["result"], kinds[id % kinds.len()].1);
    }
    assert_eq!(explained.out.lines().count(), 5_000);
}

#[tokio::test]
async fn eval_judges_the_rest_when_one_case_is_broken() {
    let good = case(1, &[policy("Allow", "s3:*")]);
    let mut input = format!("\u{feff}{good}\nnonsense\n").into_bytes();
    input.extend_from_slice(b"\xff\xfe\n");
    input.extend_from_slice(good.as_bytes());
    let strict = feed(&["policy", "eval", "--strict"], &input).await;
    assert_eq!(strict.code, Some(1), "{strict:?}");
    let ended = feed(&["policy", "eval"], &input).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("2 of the cases"), "{ended:?}");
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!((lines[0], lines[3], lines.len()), ("Allowed", "Allowed", 4));
    assert!(
        lines[1].starts_with("Error:") && lines[2].starts_with("Error:"),
        "{lines:?}"
    );
    assert!(ended.err.contains("2 of the cases"), "{ended:?}");
    let empty = feed(&["policy", "eval", "-"], b"").await;
    assert_eq!((empty.code, empty.out.as_str()), (Some(0), ""));
    run(&["policy", "eval", "/nowhere/cases.jsonl"])
        .await
        .failed_saying(&["/nowhere/cases.jsonl can't be opened"]);
}

/// Whoever writes a case and waits gets its verdict before writing the next.
#[tokio::test]
async fn eval_answers_while_the_input_is_open() {
    let mut child = lakeward(&["policy", "eval"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for id in 0..3 {
        let line = format!("{}\n", case(id, &[policy("Allow", "s3:*")]));
        stdin.write_all(line.as_bytes()).await.unwrap();
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "Allowed");
    }
    drop(stdin);
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn eval_ends_quietly_when_nobody_reads() {
    let mut child = lakeward(&["policy", "eval"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let line = format!("{}\n", case(1, &[policy("Allow", "s3:*")]));
    let feeding =
        tokio::spawn(async move { while stdin.write_all(line.as_bytes()).await.is_ok() {} });
    let status = child.wait().await.unwrap();
    feeding.await.unwrap();
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .await
        .unwrap();
    assert!(status.success(), "{status:?}");
    assert_eq!(said, "");
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const PEOPLE: &str = "\
principals:
  ana:
    principal: arn:aws:iam::111122223333:user/ana
    identityPolicies: [../policies/read.json]
expect:
  - {who: ana, may: s3:GetObject, mayNot: s3:PutObject, on: arn:aws:s3:::lake/a}
accountId: '111122223333'
";

#[tokio::test]
async fn the_documented_example_holds() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/expectations");
    let held = run(&["policy", "test", docs]).await;
    assert_eq!(held.code, Some(0), "{held:?}");
    assert!(held.out.contains("4 held, 0 failed"), "{held:?}");
    let policy = format!("{docs}/policies/connect.json");
    let clean = run(&["policy", "lint", &policy]).await;
    assert_eq!(clean.code, Some(0), "{clean:?}");
}

#[tokio::test]
async fn test_reports_like_a_test_runner() {
    let room = tempfile::tempdir().unwrap();
    let dir = room.path().join("checks");
    write(
        &dir,
        "policies/read.json",
        &policy("Allow", "s3:Get*").to_string(),
    );
    write(&dir, "team/people.yaml", PEOPLE);
    let shown = dir.to_str().unwrap();
    let held = run(&["policy", "test", shown]).await;
    assert_eq!(held.code, Some(0), "{held:?}");
    assert!(
        held.out.contains("team/people.yaml: 2 of 2 held"),
        "{held:?}"
    );

    write(
        &dir,
        "policies/read.json",
        &policy("Allow", "s3:*").to_string(),
    );
    let failed = run(&["policy", "test", shown]).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    for part in [
        "FAILED line 6: ana may not s3:PutObject on arn:aws:s3:::lake/a",
        "came: Allowed",
        "identity policy ../policies/read.json, statement Only (line 1) allows it",
        "1 held, 1 failed",
    ] {
        assert!(failed.out.contains(part), "no {part:?} in {failed:?}");
    }
    let json = run(&["policy", "test", shown, "--output", "json"]).await;
    let value: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(
        (json.code, &value["summary"]["failed"]),
        (Some(1), &json!(1))
    );
    let junit = run(&["policy", "test", shown, "--output", "junit"]).await;
    assert!(
        junit.out.starts_with("<?xml") && junit.out.contains("failures=\"1\""),
        "{junit:?}"
    );
}

#[tokio::test]
async fn test_refuses_what_it_cannot_hold_to() {
    let room = tempfile::tempdir().unwrap();
    write(
        room.path(),
        "secret.json",
        &policy("Allow", "s3:*").to_string(),
    );
    let dir = room.path().join("checks");
    fs::create_dir(&dir).unwrap();
    let shown = dir.to_str().unwrap();
    let nothing = run(&["policy", "test", shown]).await;
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
    assert!(nothing.err.contains("no .yaml or .yml file"), "{nothing:?}");
    let nowhere = run(&["policy", "test", "/nowhere"]).await;
    assert_eq!(nowhere.code, Some(2), "{nowhere:?}");

    let outside = PEOPLE.replace("../policies/read.json", "../secret.json");
    for (text, part) in [
        (outside.as_str(), "it lies outside"),
        (
            &outside.replace("../secret.json", "/etc/passwd"),
            "it lies outside",
        ),
        (
            &outside.replace("../secret.json", "missing.json"),
            "No such file",
        ),
        ("expect: [", "MALFORMED line"),
        (
            "expect:\n  - {who: ana, can: s3:GetObject}\n",
            "MALFORMED line 2",
        ),
    ] {
        write(&dir, "people.yml", text);
        let ended = run(&["policy", "test", shown]).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.out.contains(part), "no {part:?} in {ended:?}");
    }
    std::os::unix::fs::symlink(room.path().join("secret.json"), dir.join("link.json")).unwrap();
    write(
        &dir,
        "people.yml",
        &outside.replace("../secret.json", "link.json"),
    );
    let linked = run(&["policy", "test", shown]).await;
    assert!(linked.out.contains("it lies outside"), "{linked:?}");
}

#[tokio::test]
async fn lint_says_where_and_what_to_do() {
    let room = tempfile::tempdir().unwrap();
    let good = room.path().join("good.json");
    fs::write(&good, policy("Allow", "s3:GetObject").to_string()).unwrap();
    let clean = run(&["policy", "lint", good.to_str().unwrap()]).await;
    assert_eq!(
        (clean.code, clean.out.as_str()),
        (Some(0), "0 errors, 0 warnings, 0 notes\n")
    );

    let open = json!({"Version": "2012-10-17", "Statement": {"Sid": "Open", "Effect": "Allow",
        "Action": "elasticmapreduce:GetClusterSessionCredentials", "Resource": "*"}});
    let found = feed(&["policy", "lint", "-"], open.to_string().as_bytes()).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    for part in [
        "standard input:1: warning: statement Open:",
        "[runtime-role-unguarded]",
        "0 errors, 1 warnings",
    ] {
        assert!(found.out.contains(part), "no {part:?} in {found:?}");
    }
    let found = feed(
        &["policy", "lint", "--output", "json", "-"],
        b"{\n \"Version\" 1}",
    )
    .await;
    let value: Value = serde_json::from_str(&found.out).unwrap();
    assert_eq!(found.code, Some(1));
    assert_eq!(value[0]["findings"][0]["code"], "malformed");
    assert_eq!(value[0]["findings"][0]["line"], 2);
    let forced = feed(
        &["policy", "lint", "--kind", "trust", "-"],
        open.to_string().as_bytes(),
    )
    .await;
    assert!(forced.out.contains("[malformed]"), "{forced:?}");

    for wrong in [
        &["policy", "lint"][..],
        &["policy", "lint", "/nowhere.json"],
        &["policy"],
    ] {
        assert_eq!(run(wrong).await.code, Some(2), "{wrong:?}");
    }
    for command in ["eval", "test", "lint"] {
        let help = run(&["policy", command, "--help"]).await;
        assert_eq!(help.code, Some(0));
        assert!(help.out.contains("Example"), "{help:?}");
    }
}
