//! Expectation files and how they fare.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use lakeward_simulator::Documents;
use lakeward_simulator::expectation::{
    Checked, FileReport, Suite, SuiteError, Summary, json, junit, text,
};

const MARKETING: &str = "{\"Version\": \"2012-10-17\", \"Statement\": [\n  {\"Sid\": \"Read\", \"Effect\": \"Allow\", \
                         \"Action\": [\"s3:Get*\", \"s3:ListBucket\"], \"Resource\": \"*\"}]}";

const PEOPLE: &str = r#"
accountId: "111122223333"
contextVariables:
  aws:SecureTransport: true
principals:
  marketing:
    principal: arn:aws:iam::111122223333:role/marketing
    identityPolicies: [marketing.json]
    scps:
      - - Version: 2012-10-17
          Statement: {Effect: Allow, Action: "*", Resource: "*"}
  visitor:
    principal: null
resources:
  lake:
    resource: [arn:aws:s3:::lake, "arn:aws:s3:::lake/*"]
    resourcePolicy:
      name: bucket
      policy: |
        {"Version": "2012-10-17", "Statement": [
          {"Sid": "Closed", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "arn:aws:s3:::lake/secret/*",
           "Condition": {"Bool": {"aws:SecureTransport": "true"}}}]}
  letter:
    resource: arn:aws:s3:::lake/letter
expect:
  - who: marketing
    may: [s3:GetObject, s3:GetObjectTagging]
    mayNot: s3:PutObject
    on: [arn:aws:s3:::lake/a, letter]
  - name: secrets stay secret
    who: [marketing, visitor, glue.amazonaws.com]
    mayNot: s3:GetObject
    denied: explicitly
    on: arn:aws:s3:::lake/secret/x
  - who: anonymous
    mayNot: s3:GetObject
    denied: implicitly
    on: arn:aws:s3:::lake/secret/x
    contextVariables: {aws:SecureTransport: false}
"#;

fn run(yaml: &str) -> Result<Vec<Checked>, SuiteError> {
    let load = |path: &str| match path {
        "marketing.json" => Ok(MARKETING.to_owned()),
        _ => Err(format!("{path} can't be read")),
    };
    Suite::read(yaml, &load, &mut Documents::default()).map(|suite| suite.run())
}

fn report(yaml: &str) -> FileReport {
    FileReport {
        file: "people.yaml".to_owned(),
        outcome: run(yaml),
    }
}

#[test]
fn what_is_expected_holds() {
    let checked = run(PEOPLE).unwrap();
    let failed: Vec<_> = checked.iter().filter(|checked| !checked.held).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(checked.len(), 2 * 3 + 3 + 1);
    assert_eq!(
        checked[0].expectation,
        "marketing may s3:GetObject on arn:aws:s3:::lake/a"
    );
    assert_eq!(checked[6].name.as_deref(), Some("secrets stay secret"));
    assert!(checked[0].line < checked[6].line && checked[6].line < checked[9].line);
}

#[test]
fn a_failure_says_what_came_and_why() {
    let yaml = PEOPLE.replace("mayNot: s3:PutObject", "mayNot: s3:GetObjectAcl");
    let report = report(&yaml);
    assert_eq!(
        Summary::of(std::slice::from_ref(&report)),
        Summary {
            held: 8,
            failed: 2,
            malformed: 0
        }
    );
    let said = text(std::slice::from_ref(&report));
    for part in [
        "people.yaml: 8 of 10 held",
        "FAILED line 26: marketing may not s3:GetObjectAcl on arn:aws:s3:::lake/a",
        "came: Allowed",
        "The identity policy marketing.json, statement Read (line 2) allows it.",
        "8 held, 2 failed",
    ] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    let missing = PEOPLE.replace("s3:GetObjectTagging", "s3:DeleteObject");
    let said = text(&[self::report(&missing)]);
    assert!(said.contains("came: ImplicitlyDenied"), "{said}");
    assert!(said.contains("No identity policy allows it."), "{said}");
}

#[test]
fn reports_for_programs() {
    let yaml = PEOPLE.replace("mayNot: s3:PutObject", "mayNot: s3:GetObjectAcl");
    let files = [report(&yaml), report("expect: <&>")];
    let value: serde_json::Value = serde_json::from_str(&json(&files)).unwrap();
    assert_eq!(
        value["summary"],
        serde_json::json!({"held": 8, "failed": 2, "malformed": 1})
    );
    assert_eq!(value["files"][0]["expectations"][0]["held"], true);
    assert!(value["files"][1]["error"]["why"].is_string());
    let xml = junit(&files);
    assert!(
        xml.contains("<testsuite name=\"people.yaml\" tests=\"10\" failures=\"2\" errors=\"0\">"),
        "{xml}"
    );
    assert!(xml.contains("<failure message=\"came: Allowed\">"));
    assert!(xml.contains("errors=\"1\""));
    assert_eq!(xml.matches("<testcase").count(), 11);
    assert!(!xml.contains("<&>"));
}

#[test]
fn mistakes_are_told_with_their_line() {
    for (from, to, line, why) in [
        ("identityPolicies:", "identityPolicy:", 8, "identityPolicy"),
        (
            "[marketing.json]",
            "[other.json]",
            8,
            "other.json can't be read",
        ),
        (
            "\"Effect\": \"Deny\"",
            "\"Effect\": \"Denied\"",
            19,
            "policy bucket: Syntax errors in policy.",
        ),
        (
            "who: marketing\n",
            "who: sales\n",
            26,
            "\"sales\" is neither an ARN or service nor one of the principals: marketing, visitor",
        ),
        ("letter]", "lake]", 26, "stands for many"),
        (
            "letter]",
            "lakes]",
            26,
            "neither an ARN nor \"*\" nor one of the resources: lake, letter",
        ),
        (
            "mayNot: s3:PutObject",
            "mayNot: PutObject",
            26,
            "is not an action",
        ),
        (
            "accountId: \"111122223333\"",
            "accountId: \"1\"",
            26,
            "is not an account",
        ),
        (
            "    mayNot: s3:GetObject\n    denied: implicitly\n",
            "",
            35,
            "needs actions in `may` or `mayNot`",
        ),
        ("denied: implicitly", "denied: politely", 37, "politely"),
        ("who: anonymous", "may: [", 0, ""),
    ] {
        assert!(PEOPLE.contains(from), "{from}");
        let error = run(&PEOPLE.replacen(from, to, 1)).unwrap_err();
        assert!(error.why.contains(why), "{from}: {error}");
        assert!(!error.why.contains('\n'), "{error}");
        if line > 0 {
            assert!(error.line.abs_diff(line) <= 1, "{from}: {error}");
        }
    }
    assert!(
        run("expect: []")
            .unwrap_err()
            .why
            .contains("nothing to check")
    );
    assert!(run("").is_err());
}

/// Anchors that multiply are refused before they fill the memory.
#[test]
fn a_bomb_is_refused() {
    let mut yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        yaml.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let yaml = format!("principals:\n  p: {{contextVariables: {{k: 1}}}}\n{yaml}");
    assert!(run(&yaml).is_err());
}
