//! Time of one decision for a role with a ten-statement policy.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lakeward_policy::{
    Attached, Context, Layers, PolicyDocument, Principal, Request, ResourceSide, Usage, evaluate,
};

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Sid": "List", "Effect": "Allow", "Action": ["elasticmapreduce:ListClusters", "elasticmapreduce:ListSteps"], "Resource": "*"},
  {"Sid": "Describe", "Effect": "Allow", "Action": "elasticmapreduce:Describe*", "Resource": "arn:aws:elasticmapreduce:*:111122223333:cluster/*"},
  {"Sid": "Connect", "Effect": "Allow", "Action": "elasticmapreduce:GetClusterSessionCredentials", "Resource": "*",
   "Condition": {"StringLike": {"elasticmapreduce:ExecutionRoleArn": ["arn:aws:iam::111122223333:role/emr-modeling*", "arn:aws:iam::111122223333:role/emr-training*"],
                                "elasticmapreduce:ResourceTag/group": ["*modeling*", "*training*"]}}},
  {"Sid": "Objects", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": "arn:aws:s3:::home/${aws:PrincipalTag/team}/*"},
  {"Sid": "Buckets", "Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": "arn:aws:s3:::home"},
  {"Sid": "Catalog", "Effect": "Allow", "Action": ["glue:Get*", "glue:BatchGet*"], "Resource": "*"},
  {"Sid": "Lake", "Effect": "Allow", "Action": "lakeformation:GetDataAccess", "Resource": "*"},
  {"Sid": "Keys", "Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "arn:aws:kms:*:111122223333:key/*"},
  {"Sid": "Tls", "Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
  {"Sid": "Network", "Effect": "Deny", "NotAction": "sts:*", "Resource": "*", "Condition": {"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"]}}}
]}"#;

fn context() -> Context {
    Context::new()
        .with("aws:SecureTransport", "true")
        .with("aws:SourceIp", "10.1.2.3")
        .with("aws:CurrentTime", "2026-11-21T12:00:00Z")
        .with("aws:EpochTime", "1795262400")
        .with("aws:UserAgent", "bench")
        .with("aws:PrincipalAccount", "111122223333")
        .with("aws:PrincipalArn", "arn:aws:iam::111122223333:role/studio")
        .with("aws:PrincipalTag/team", "red")
        .with("aws:userid", "AROAEXAMPLE:ana")
        .with("aws:RequestedRegion", "us-east-1")
        .with(
            "elasticmapreduce:ExecutionRoleArn",
            "arn:aws:iam::111122223333:role/emr-training-a",
        )
        .with("elasticmapreduce:ResourceTag/group", "ml-training-team")
}

fn studio() -> Principal {
    Principal::RoleSession {
        role_arn: "arn:aws:iam::111122223333:role/studio".into(),
        session_arn: "arn:aws:sts::111122223333:assumed-role/studio/ana".into(),
    }
}

fn decision(criterion: &mut Criterion) {
    let document = PolicyDocument::parse(POLICY, Usage::Identity).expect("a valid policy");
    let principal = studio();
    let attached = [Attached {
        name: "studio",
        document: &document,
    }];
    let layers = Layers {
        identity: &attached,
        ..Layers::default()
    };
    let context = context();
    let cluster = "arn:aws:elasticmapreduce:us-east-1:111122223333:cluster/j-1";
    let cases = [
        (
            "connect",
            "elasticmapreduce:GetClusterSessionCredentials",
            cluster,
            true,
        ),
        (
            "object",
            "s3:GetObject",
            "arn:aws:s3:::home/red/a.parquet",
            true,
        ),
        (
            "catalog",
            "glue:GetTable",
            "arn:aws:glue:us-east-1:111122223333:table/tpc/item",
            true,
        ),
        (
            "refused",
            "iam:CreateRole",
            "arn:aws:iam::111122223333:role/x",
            false,
        ),
    ];
    let mut group = criterion.benchmark_group("decision");
    for (name, action, resource, allowed) in cases {
        let request = Request {
            principal: &principal,
            unique_id: None,
            action,
            resource,
            context: &context,
        };
        assert_eq!(evaluate(&request, &layers).is_allowed(), allowed, "{name}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| evaluate(black_box(&request), black_box(&layers)))
        });
    }
    group.finish();
    all_layers(criterion, &document);
    criterion.bench_function("context", |bencher| bencher.iter(self::context));
    criterion.bench_function("parse", |bencher| {
        bencher.iter(|| PolicyDocument::parse(black_box(POLICY), Usage::Identity));
    });
}

/// The same policy among boundary, session, two levels of each organization policy and a bucket
/// policy of another account.
fn all_layers(criterion: &mut Criterion, document: &PolicyDocument) {
    let parse = |text: &str, usage| PolicyDocument::parse(text, usage).expect("a valid policy");
    let full = parse(
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#,
        Usage::ServiceControl,
    );
    let guard = parse(
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "NotAction": ["iam:*", "sts:*", "s3:*"],
            "Resource": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}}}}"#,
        Usage::ServiceControl,
    );
    let open = parse(
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}"#,
        Usage::ResourceControl,
    );
    let bucket = parse(
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": "s3:*", "Resource": ["arn:aws:s3:::home", "arn:aws:s3:::home/*"]}}"#,
        Usage::Resource,
    );
    let attach = |name, document| Attached { name, document };
    let (own, all) = ([attach("studio", document)], [attach("all", &full)]);
    let levels = [
        vec![attach("full", &full)],
        vec![attach("full", &full), attach("regions", &guard)],
    ];
    let resources = [vec![attach("full", &open)], vec![attach("full", &open)]];
    let layers = Layers {
        identity: &own,
        boundary: Some(&all),
        session: Some(&all),
        service_control: &levels,
        resource_control: &resources,
        endpoint: None,
        resource: ResourceSide::Policy {
            document: &bucket,
            account: "444455556666",
        },
    };
    let principal = studio();
    let context = context();
    let request = Request {
        principal: &principal,
        unique_id: None,
        action: "s3:GetObject",
        resource: "arn:aws:s3:::home/red/a.parquet",
        context: &context,
    };
    assert!(evaluate(&request, &layers).is_allowed());
    criterion.bench_function("layers", |bencher| {
        bencher.iter(|| evaluate(black_box(&request), black_box(&layers)))
    });
}

criterion_group!(benches, decision);
criterion_main!(benches);
