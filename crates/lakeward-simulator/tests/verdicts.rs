//! Written cases and what they come to.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use lakeward_simulator::{Detail, Documents, answer};
use proptest::prelude::*;
use serde_json::{Value, json};

fn verdict(line: &str) -> String {
    answer(line.as_bytes(), Detail::Verdict, &mut Documents::default()).unwrap_or_else(|text| text)
}

fn explained(line: &str) -> Value {
    let text = answer(
        line.as_bytes(),
        Detail::Explanation,
        &mut Documents::default(),
    );
    serde_json::from_str(&text.unwrap_or_else(|text| text)).unwrap()
}

/// Each line of a file is a case with its `expected` verdict (for errors: how they begin), or a
/// `raw` line. The verdicts of `documented.jsonl` come from AWS's documentation; its comments say
/// which rule a case shows.
#[test]
fn every_case_comes_to_its_verdict() {
    let mut wrong = Vec::new();
    let files = [
        include_str!("cases/verdicts.jsonl"),
        include_str!("cases/documented.jsonl"),
    ];
    for line in files.iter().flat_map(|file| file.lines()) {
        let case: Value = serde_json::from_str(line).unwrap();
        let expected = case["expected"].as_str().unwrap();
        let line = case["raw"].as_str().unwrap_or(line);
        let came = verdict(line);
        let held = match expected.starts_with("Error:") {
            true => came.starts_with(expected),
            false => came == expected,
        };
        if !held {
            wrong.push(format!(
                "{}{}: expected {expected}, came {came}",
                case["id"], case["raw"]
            ));
        }
        let long = explained(line);
        let result = long["result"].as_str().unwrap();
        assert_eq!(result, came.split(':').next().unwrap(), "{line}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn case(identity: Value) -> String {
    json!({
        "id": 7,
        "identityPolicies": [identity],
        "request": {
            "principal": "arn:aws:iam::111122223333:user/ana",
            "action": "s3:GetObject",
            "resource": {"resource": "arn:aws:s3:::lake/a", "accountId": "111122223333"},
            "contextVariables": {"aws:SourceIp": "203.0.113.7"},
        },
    })
    .to_string()
}

#[test]
fn an_explanation_names_policy_statement_and_line() {
    let text = "{\"Version\": \"2012-10-17\", \"Statement\": [\n  {\"Sid\": \"Home\", \"Effect\": \"Allow\", \
                \"Action\": \"s3:GetObject\", \"Resource\": \"*\"}]}";
    let long = explained(&case(json!({"name": "home", "policy": text})));
    assert_eq!(long["id"], 7);
    assert_eq!(long["result"], "Allowed");
    let reason = &long["decision"]["reasons"][0];
    assert_eq!(reason["policy"], "home");
    assert_eq!(reason["sid"], "Home");
    assert_eq!(reason["line"], 2);
    assert_eq!(long["remedies"], json!([]));
}

#[test]
fn a_refusal_comes_with_remedies_that_work() {
    let nothing = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}});
    let long = explained(&case(nothing));
    assert_eq!(long["result"], "ImplicitlyDenied");
    assert!(
        long["message"]
            .as_str()
            .unwrap()
            .contains("no identity-based policy allows")
    );
    let statement = &long["remedies"][0]["statement"];
    let cured = json!({"Version": "2012-10-17", "Statement": [statement]});
    assert_eq!(verdict(&case(cured)), "Allowed");
}

#[test]
fn an_error_keeps_the_id_and_one_line() {
    let long = explained(&case(
        json!({"Version": "2012-10-17", "Statement": {"Effect": "All\u{2028}ow\n"}}),
    ));
    assert_eq!((&long["id"], &long["result"]), (&json!(7), &json!("Error")));
    assert!(!long["error"].as_str().unwrap().contains(['\n', '\u{2028}']));
    let long = explained(r#"{"id": "x", "request": 1}"#);
    assert_eq!(
        (&long["id"], &long["result"]),
        (&json!("x"), &json!("Error"))
    );
}

/// Bytes that look like cases, cut and changed.
fn broken() -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<Vec<u8>> = include_str!("cases/verdicts.jsonl")
        .lines()
        .map(|line| line.as_bytes().to_vec())
        .collect();
    let change = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (
        prop::sample::select(lines),
        any::<prop::sample::Index>(),
        any::<bool>(),
        change,
    )
        .prop_map(|(mut line, cut, cuts, changes)| {
            for (at, byte) in changes {
                let at = at.index(line.len());
                line[at] = byte;
            }
            if cuts {
                line.truncate(cut.index(line.len()));
            }
            line
        })
}

proptest! {
    #[test]
    fn any_line_gets_one_line_of_answer(line in prop_oneof![prop::collection::vec(any::<u8>(), 0..200), broken()]) {
        for detail in [Detail::Verdict, Detail::Explanation] {
            let text = answer(&line, detail, &mut Documents::default()).unwrap_or_else(|text| text);
            prop_assert!(!text.is_empty() && !text.contains('\n'), "{text}");
            if detail == Detail::Explanation {
                prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
            }
        }
    }

    /// What one line leaves behind changes no other line's answer.
    #[test]
    fn lines_do_not_know_of_each_other(lines in prop::collection::vec(broken(), 1..6)) {
        let mut shared = Documents::default();
        for line in &lines {
            let alone = answer(line, Detail::Explanation, &mut Documents::default());
            prop_assert_eq!(answer(line, Detail::Explanation, &mut shared), alone);
        }
    }
}
