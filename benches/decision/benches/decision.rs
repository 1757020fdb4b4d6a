//! One decision over the same ten statements: Lakeward's engine beside Cedar's, both compiled
//! before, the request prepared before.
//!
//! `cargo bench` in this folder. Cedar has no variables in patterns and no case-insensitive
//! matching, so its policies say less; where they can't say the same, the comment there tells.

use std::hint::black_box;

use cedar_policy::{
    Authorizer, Context as CedarContext, Entities, EntityUid, PolicySet, Request as CedarRequest,
    RestrictedExpression,
};
use criterion::{Criterion, criterion_group, criterion_main};
use lakeward_policy::{
    Attached, Context, Layers, PolicyDocument, Principal, Request, Usage, evaluate,
};

const POLICY: &str = include_str!("policy.json");
const CEDAR: &str = include_str!("policy.cedar");

/// Name, action, resource, and whether it is allowed.
const CASES: [(&str, &str, &str, bool); 4] = [
    (
        "connect",
        "elasticmapreduce:GetClusterSessionCredentials",
        "arn:aws:elasticmapreduce:us-east-1:111122223333:cluster/j-1",
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

const KEYS: [(&str, &str); 12] = [
    ("aws:SecureTransport", "true"),
    ("aws:SourceIp", "10.1.2.3"),
    ("aws:CurrentTime", "2026-11-21T12:00:00Z"),
    ("aws:EpochTime", "1795262400"),
    ("aws:UserAgent", "bench"),
    ("aws:PrincipalAccount", "111122223333"),
    ("aws:PrincipalArn", "arn:aws:iam::111122223333:role/studio"),
    ("aws:PrincipalTag/team", "red"),
    ("aws:userid", "AROAEXAMPLE:ana"),
    ("aws:RequestedRegion", "us-east-1"),
    (
        "elasticmapreduce:ExecutionRoleArn",
        "arn:aws:iam::111122223333:role/emr-training-a",
    ),
    ("elasticmapreduce:ResourceTag/group", "ml-training-team"),
];

fn lakeward(criterion: &mut Criterion) {
    let document = PolicyDocument::parse(POLICY, Usage::Identity).expect("a valid policy");
    let principal = Principal::RoleSession {
        role_arn: "arn:aws:iam::111122223333:role/studio".into(),
        session_arn: "arn:aws:sts::111122223333:assumed-role/studio/ana".into(),
    };
    let attached = [Attached {
        name: "studio",
        document: &document,
    }];
    let layers = Layers {
        identity: &attached,
        ..Layers::default()
    };
    let context = KEYS.iter().fold(Context::new(), |context, (key, value)| {
        context.with(key, *value)
    });
    for (name, action, resource, allowed) in CASES {
        let request = Request {
            principal: &principal,
            unique_id: None,
            action,
            resource,
            context: &context,
        };
        assert_eq!(evaluate(&request, &layers).is_allowed(), allowed, "{name}");
        criterion.bench_function(&format!("{name}/lakeward"), |bencher| {
            bencher.iter(|| evaluate(black_box(&request), black_box(&layers)))
        });
    }
}

fn cedar(criterion: &mut Criterion) {
    let policies: PolicySet = CEDAR.parse().expect("valid policies");
    let entities = Entities::empty();
    let authorizer = Authorizer::new();
    for (name, action, resource, allowed) in CASES {
        let request = cedar_request(action, resource);
        let decision = authorizer.is_authorized(&request, &policies, &entities);
        assert_eq!(
            decision.decision() == cedar_policy::Decision::Allow,
            allowed,
            "{name}"
        );
        criterion.bench_function(&format!("{name}/cedar"), |bencher| {
            bencher.iter(|| {
                authorizer.is_authorized(black_box(&request), black_box(&policies), &entities)
            })
        });
    }
}

fn cedar_request(action: &str, resource: &str) -> CedarRequest {
    let string = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let mut pairs: Vec<(String, RestrictedExpression)> = KEYS
        .iter()
        .map(|(key, value)| ((*key).to_owned(), string(value)))
        .collect();
    pairs.push(("action".to_owned(), string(action)));
    pairs.push(("resource".to_owned(), string(resource)));
    pairs.push((
        "sourceIp".to_owned(),
        RestrictedExpression::new_ip("10.1.2.3"),
    ));
    let uid = |text: &str| text.parse::<EntityUid>().expect("an entity");
    CedarRequest::new(
        uid(r#"Role::"studio""#),
        uid(r#"Action::"call""#),
        uid(r#"Resource::"any""#),
        CedarContext::from_pairs(pairs).expect("a context"),
        None,
    )
    .expect("a request")
}

criterion_group!(benches, lakeward, cedar);
criterion_main!(benches);
