//! Policies and the remarks that they draw.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use lakeward_simulator::lint::{Finding, Kind, Severity, lint};
use proptest::prelude::*;

/// A document around statements.
fn document(statements: &str) -> String {
    format!("{{\"Version\": \"2012-10-17\", \"Statement\": [\n{statements}\n]}}")
}

fn findings(statements: &str) -> Vec<Finding> {
    lint(&document(statements), None).findings
}

fn codes(statements: &str) -> Vec<&'static str> {
    findings(statements)
        .iter()
        .map(|finding| finding.code)
        .collect()
}

const CONNECT: &str = "elasticmapreduce:GetClusterSessionCredentials";

/// S53: without the condition any role passes, and the author is warned.
#[test]
fn a_grant_without_a_role_condition_draws_a_warning() {
    let open =
        format!(r#"{{"Sid": "Open", "Effect": "Allow", "Action": "{CONNECT}", "Resource": "*"}}"#);
    let found = findings(&open);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].sid.as_deref(), Some("Open"));
    assert_eq!((found[0].severity, found[0].line), (Severity::Warning, 2));
    assert!(
        found[0]
            .message
            .contains("elasticmapreduce:ExecutionRoleArn")
    );
    for (condition, expected) in [
        (
            r#"{"StringLike": {"ElasticMapReduce:executionrolearn": "arn:aws:iam::111122223333:role/a*"}}"#,
            false,
        ),
        (
            r#"{"StringLike": {"elasticmapreduce:ExecutionRoleArn": ["a", "*"]}}"#,
            true,
        ),
        (
            r#"{"Null": {"elasticmapreduce:ExecutionRoleArn": "false"}}"#,
            true,
        ),
        (
            r#"{"StringEquals": {"elasticmapreduce:ResourceTag/team": "a"}}"#,
            true,
        ),
    ] {
        let guarded = format!(
            r#"{{"Effect": "Allow", "Action": "elasticmapreduce:Get*", "Resource": "*", "Condition": {condition}}}"#
        );
        assert_eq!(
            codes(&guarded).contains(&"runtime-role-unguarded"),
            expected,
            "{condition}"
        );
    }
    let denied = open.replace("Allow", "Deny");
    assert_eq!(codes(&denied), Vec::<&str>::new());
}

/// The printed policies that are right draw nothing worse than a note.
#[test]
fn good_policies_pass() {
    for statements in [
        r#"{"Effect": "Allow", "Action": "elasticmapreduce:GetClusterSessionCredentials", "Resource": "*",
            "Condition": {"StringLike": {
              "elasticmapreduce:ExecutionRoleArn": ["arn:aws:iam::123456780910:role/emr-execution-role-ml-modeling*"],
              "elasticmapreduce:ResourceTag/group": ["*modeling*", "*training*"]}}}"#,
        r#"{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::lake/*"},
           {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::lake",
            "Condition": {"StringLike": {"s3:prefix": "home/${aws:username}/*"}}}"#,
        r#"{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*",
            "Condition": {"StringEquals": {"iam:PassedToService": "elasticmapreduce.amazonaws.com"}}}"#,
        r#"{"Effect": "Allow", "Action": ["lakeformation:GetDataAccess", "glue:Get*"], "Resource": "*"}"#,
        r#"{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}"#,
        r#"{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/id.example"},
            "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {"id.example:aud": "x"}}}"#,
        r#"{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}"#,
    ] {
        let worst = lint(&document(statements), None).gravest();
        assert!(
            worst <= Some(Severity::Note),
            "{statements}: {:?}",
            findings(statements)
        );
    }
}

/// S5, S10, S12, S50–S52: the documents as AWS prints them.
#[test]
fn printed_policies() {
    let message = |text: &str| lint(text, None).findings[0].message.clone();
    assert_eq!(
        message(include_str!(
            "../../lakeward-policy/tests/policies/access-role-as-printed.json"
        )),
        "Resource  must be in ARN format or \"*\"."
    );
    assert_eq!(
        message(include_str!(
            "../../lakeward-policy/tests/policies/cross-account-trust-as-printed.json"
        )),
        "This policy contains invalid Json"
    );
    let modeling = include_str!("../../lakeward-policy/tests/policies/modeling-training.json");
    let minimum = include_str!("../../lakeward-policy/tests/policies/serverless-minimum.json");
    let service = include_str!("../../lakeward-policy/tests/policies/service-role-trust.json");
    for text in [modeling, minimum, service] {
        assert_eq!(lint(text, None).findings, [], "{text}");
    }
    for text in [
        include_str!("../../lakeward-policy/tests/policies/workspace-1.json"),
        include_str!("../../lakeward-policy/tests/policies/workspace-2.json"),
        include_str!("../../lakeward-policy/tests/policies/workspace-3.json"),
    ] {
        assert_eq!(findings(text), [], "{text}");
    }
}

#[test]
fn each_mistake_draws_its_remark() {
    let identity = |members: &str| format!("{{\"Effect\": \"Allow\", {members}}}");
    for (members, expected) in [
        (
            r#""Action": "s3:GetObjekt", "Resource": "*""#,
            vec!["unknown-action"],
        ),
        (
            r#""Action": "s3:Frob*", "Resource": "*""#,
            vec!["unknown-action"],
        ),
        (
            r#""Action": "s4:GetObject", "Resource": "*""#,
            vec!["unknown-service"],
        ),
        (
            r#""Action": "s3:GetObject", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceIpp": "x"}}"#,
            vec!["unknown-key"],
        ),
        (
            r#""Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/${aws:usrname}/*""#,
            vec!["unknown-key"],
        ),
        (
            r#""Action": "s3:GetObject", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceIp": "10.0.0.0/8"}}"#,
            vec!["operator-type"],
        ),
        (
            r#""Action": "ec2:CreateTags", "Resource": "*", "Condition": {"StringEquals": {"aws:TagKeys": "a"}}"#,
            vec!["set-operator"],
        ),
        (
            r#""Action": "ec2:CreateTags", "Resource": "*", "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}"#,
            vec!["for-all-values"],
        ),
        (
            r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::lake", "Condition": {"StringEquals": {"s3:prefix": []}}"#,
            vec!["empty-condition"],
        ),
        (
            r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::lake", "Condition": {"ForAnyValue:Null": {"s3:prefix": "true"}}"#,
            vec!["null-set-operator"],
        ),
        (
            r#""Action": "s3:GetObject", "Resource": "*", "Condition": {"StringEquals": {"s3:prefix": "x"}}"#,
            vec!["key-not-carried"],
        ),
        (
            r#""Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake""#,
            vec!["resource-not-supported"],
        ),
        (
            r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::lake/*""#,
            vec!["resource-not-supported"],
        ),
        (
            r#""Action": ["s3:GetObject", "lakeformation:GetDataAccess"], "Resource": "arn:aws:s3:::lake/*""#,
            vec!["resource-not-supported"],
        ),
        (
            r#""Action": "s3:GetObject", "Resource": ["arn:aws:s3:::lake/*", "arn:aws:sqs:::queue"]"#,
            vec!["resource-not-supported"],
        ),
        (
            r#""Action": "iam:PassRole", "Resource": "arn:aws:iam::*:role/*""#,
            vec!["pass-role-wildcard"],
        ),
        (
            r#""Action": "iam:PassRole", "Resource": "arn:aws:iam""#,
            vec!["pass-role-wildcard"],
        ),
        (
            r#""NotAction": ["iam:*", "elasticmapreduce:*"], "Resource": "*""#,
            vec!["not-action-allow"],
        ),
        (
            r#""Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/*""#,
            vec!["open-principal"],
        ),
        (
            r#""Principal": {"AWS": "*"}, "Action": "sts:AssumeRole""#,
            vec!["open-principal"],
        ),
    ] {
        assert_eq!(codes(&identity(members)), expected, "{members}");
    }
}

#[test]
fn misspellings_are_answered_with_the_nearest_word() {
    let found = findings(
        r#"{"Effect": "Allow", "Action": "elasticmapreduce:GetClusterSessionCredential", "Resource": "*"}"#,
    );
    assert_eq!(
        found[0].advice,
        "Did you mean elasticmapreduce:GetClusterSessionCredentials?"
    );
}

#[test]
fn statements_that_change_nothing() {
    let allow = r#"{"Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/a/*"}"#;
    let wide = r#"{"Sid": "B", "Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::lake/*"}"#;
    let deny = r#"{"Sid": "D", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}"#;
    let unless = r#"{"Sid": "U", "Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Null": {"aws:SourceIp": "true"}}}"#;
    let both = |a: &str, b: &str| findings(&format!("{a},\n{b}"));
    let found = both(allow, deny);
    assert_eq!(
        (found[0].code, found[0].sid.as_deref()),
        ("unreachable", Some("A"))
    );
    assert!(
        found[0].message.contains("\"D\" (line 3)"),
        "{}",
        found[0].message
    );
    assert_eq!(both(allow, unless), []);
    let found = both(wide, allow);
    assert_eq!((found[0].code, found[0].line), ("shadowed", 3));
    let found = both(allow, wide);
    assert_eq!((found[0].code, found[0].line), ("shadowed", 2));
    let found = both(allow, &allow.replace("\"A\"", "\"C\""));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].code, found[0].sid.as_deref()),
        ("shadowed", Some("C"))
    );
}

#[test]
fn malformed_documents_are_told_with_their_place() {
    let report = lint(
        "{\"Version\": \"2012-10-17\",\n \"Statement\": [{\"Effect\": \"Allow\",\n  \"Action\": \"s3:*\", \"Resource\": \"\"}]}",
        None,
    );
    let finding = &report.findings[0];
    assert_eq!(
        (finding.code, finding.severity),
        ("malformed", Severity::Error)
    );
    assert_eq!((finding.line, finding.column), (3, Some(33)));
    assert_eq!(finding.message, "Resource  must be in ARN format or \"*\".");
    // S112: curly quotes.
    let report = lint("{\"Version\": “2012-10-17”}", None);
    assert_eq!(
        report.findings[0].message,
        "This policy contains invalid Json"
    );
}

#[test]
fn the_kind_can_be_forced() {
    let text = document(r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#);
    let codes = |kind| -> Vec<_> {
        let report = lint(&text, kind);
        report
            .findings
            .into_iter()
            .map(|finding| finding.code)
            .collect()
    };
    assert_eq!(codes(Some(Kind::Scp)), Vec::<&str>::new());
    assert_eq!(codes(Some(Kind::Resource)), ["malformed"]);
    assert_eq!(
        codes(None),
        ["runtime-role-unguarded", "pass-role-wildcard"]
    );
}

proptest! {
    #[test]
    fn any_text_gets_a_report(text in ".{0,200}") {
        let _ = lint(&text, None);
    }
}

proptest! {
    // Patterns such as `*` expand to every action there is.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_statement_gets_a_report(
        effect in "Allow|Deny",
        actions in prop::collection::vec("[*]|(s3|iam|sts|ec2):[A-Z*?][a-zA-Z*?]{0,6}", 1..4),
        resource in "[*]|arn:aws:[a-z0-9*]{1,4}:[*]?:[*]?:[a-z*?/${}:]{1,12}",
        key in "(aws|s3):[a-zA-Z/${}]{1,8}",
    ) {
        let text = serde_json::json!({"Version": "2012-10-17", "Statement": [
            {"Effect": effect, "Action": actions, "Resource": [resource], "Condition": {"StringLike": {key: "x"}}},
            {"Effect": "Deny", "Action": actions, "Resource": [resource]},
        ]});
        let _ = lint(&text.to_string(), None);
    }
}
