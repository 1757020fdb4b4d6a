//! A whole authorisation: the call's context, every layer of policies, and the decision kept for
//! the audit record. The policies of others in the account must not cost anything.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "../tests/stage/mod.rs"]
mod stage;

use std::{collections::BTreeMap, hint::black_box, sync::Arc};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use lakeward_client::Credentials;
use lakeward_identity::{Caller, ManagedPolicy, PolicyVersion, StoredPolicy};
use lakeward_policy::Context;
use lakeward_store::StoreError;
use serde_json::{Value, json};
use stage::{Stage, policy};

criterion_group!(benches, authorization);
criterion_main!(benches);

const OBJECT: &str = "arn:aws:s3:::lake/a";

fn authorization(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for others in [10, 10_000] {
        let (stage, caller) = runtime.block_on(set_up(others));
        let call = || stage.call(&caller);
        let mut bench = |what: &str, action: &str, repeated: bool| {
            criterion.bench_function(&format!("{what}, {others} policies"), |bench| {
                bench.iter_batched_ref(
                    || {
                        let call = call();
                        if repeated {
                            let first = call.authorize(action, OBJECT, Context::new());
                            assert!(first.is_ok(), "{first:?}");
                        }
                        call
                    },
                    |call| {
                        let key = Context::new().with("s3:ExistingObjectTag/team", "red");
                        black_box(call.authorize(action, OBJECT, key).is_ok())
                    },
                    BatchSize::SmallInput,
                );
            });
        };
        bench("allowed, first question of a call", "s3:GetObject", false);
        bench("allowed, next question of a call", "s3:GetObject", true);
        bench("denied, first question of a call", "s3:PutObject", false);
        criterion.bench_function(&format!("the audit record, {others} policies"), |bench| {
            bench.iter_batched_ref(
                || {
                    let call = call();
                    let asked = call.authorize("s3:GetObject", OBJECT, Context::new());
                    assert!(asked.is_ok());
                    call
                },
                |call| {
                    let parameters = json!({"bucketName": "lake", "key": "a"});
                    call.close("s3", "GetObject", parameters, Ok(())).unwrap();
                },
                BatchSize::SmallInput,
            );
        });
    }
}

/// A role session of a member account with every layer: inline and managed policies, a boundary,
/// a session policy, service control policies at three levels.
async fn set_up(others: usize) -> (Stage, Arc<Caller>) {
    let stage = Stage::new().await;
    let member = member_account(&stage).await;
    let iam =
        async |parameters: &[(&str, &str)]| stage.query(&member.root, "iam", parameters).await.ok();
    let trust = policy(json!({
        "Effect": "Allow", "Principal": {"AWS": member.account}, "Action": "sts:AssumeRole",
    }));
    iam(&[
        ("Action", "CreateRole"),
        ("RoleName", "reader"),
        ("AssumeRolePolicyDocument", &trust),
    ])
    .await;
    let inline = policy(reading(10));
    iam(&[
        ("Action", "PutRolePolicy"),
        ("RoleName", "reader"),
        ("PolicyName", "inline"),
        ("PolicyDocument", &inline),
    ])
    .await;
    let everything = policy(json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
    let managed = async |name: &str, document: &str| {
        let parameters = [
            ("Action", "CreatePolicy"),
            ("PolicyName", name),
            ("PolicyDocument", document),
        ];
        iam(&parameters).await.text("Arn")
    };
    let attached = managed("managed", &policy(reading(5))).await;
    iam(&[
        ("Action", "AttachRolePolicy"),
        ("RoleName", "reader"),
        ("PolicyArn", &attached),
    ])
    .await;
    let boundary = managed(
        "boundary",
        &policy(json!({"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"})),
    )
    .await;
    iam(&[
        ("Action", "PutRolePermissionsBoundary"),
        ("RoleName", "reader"),
        ("PermissionsBoundary", &boundary),
    ])
    .await;
    let assumer = policy(json!({"Effect": "Allow", "Action": "sts:*", "Resource": "*"}));
    iam(&[("Action", "CreateUser"), ("UserName", "ana")]).await;
    iam(&[
        ("Action", "PutUserPolicy"),
        ("UserName", "ana"),
        ("PolicyName", "p"),
        ("PolicyDocument", &assumer),
    ])
    .await;
    let key = iam(&[("Action", "CreateAccessKey"), ("UserName", "ana")]).await;
    let ana = Credentials::permanent(&key.text("AccessKeyId"), &key.text("SecretAccessKey"));
    let role = format!("arn:aws:iam::{}:role/reader", member.account);
    let assume = [
        ("Action", "AssumeRole"),
        ("RoleArn", &*role),
        ("RoleSessionName", "session"),
        ("Policy", &*everything),
    ];
    let session = stage.query(&ana, "sts", &assume).await.ok().credentials();
    add_others(&stage, &member.account, others).await;
    let caller = stage.caller(&session);
    (stage, caller)
}

/// Ten statements, of which the last one counts.
fn reading(count: usize) -> Value {
    let mut statements: Vec<Value> = (1..count)
        .map(|number| {
            json!({
                "Sid": format!("S{number}"), "Effect": "Allow",
                "Action": ["glue:GetTable", "elasticmapreduce:Describe*", "s3:ListBucket"],
                "Resource": [format!("arn:aws:glue:*:*:table/db{number}/*"), "arn:aws:s3:::other*"],
                "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}},
            })
        })
        .collect();
    statements.push(json!({
        "Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::lake/*",
    }));
    Value::from(statements)
}

struct Member {
    account: String,
    root: Credentials,
}

async fn member_account(stage: &Stage) -> Member {
    let ask = async |operation: &str, input: Value| {
        let target = format!("AWSOrganizationsV20161128.{operation}");
        stage
            .json(&stage.root, "organizations", &target, input)
            .await
            .ok()
            .json()
    };
    ask("CreateOrganization", json!({})).await;
    let roots = ask("ListRoots", json!({})).await;
    let root = &roots["Roots"][0]["Id"];
    ask(
        "EnablePolicyType",
        json!({"RootId": root, "PolicyType": "SERVICE_CONTROL_POLICY"}),
    )
    .await;
    let made = ask(
        "CreateAccount",
        json!({"AccountName": "one", "Email": "one@example.com"}),
    )
    .await;
    let account = made["CreateAccountStatus"]["AccountId"]
        .as_str()
        .unwrap()
        .to_owned();
    let unit = ask(
        "CreateOrganizationalUnit",
        json!({"ParentId": root, "Name": "u"}),
    )
    .await;
    let unit = unit["OrganizationalUnit"]["Id"].clone();
    let moving = json!({
        "AccountId": account, "SourceParentId": root, "DestinationParentId": unit,
    });
    ask("MoveAccount", moving).await;
    let limit = json!({
        "Name": "limit", "Description": "", "Type": "SERVICE_CONTROL_POLICY",
        "Content": policy(json!({"Effect": "Deny", "Action": "organizations:*", "Resource": "*"})),
    });
    let made = ask("CreatePolicy", limit).await;
    let id = &made["Policy"]["PolicySummary"]["Id"];
    ask("AttachPolicy", json!({"PolicyId": id, "TargetId": account})).await;
    let key = stage.identity.ensure_account(&account).await.unwrap();
    Member {
        root: Credentials::permanent(&key.id, key.secret.expose()),
        account,
    }
}

/// Managed policies of the account that nobody here has.
async fn add_others(stage: &Stage, account: &str, count: usize) {
    let now = jiff::Timestamp::now();
    let made = stage.identity.store().change(|change| {
        for number in 0..count {
            let text = policy(reading(3));
            let version = PolicyVersion {
                policy: StoredPolicy::identity(text).unwrap(),
                created: now,
            };
            change.put(ManagedPolicy {
                account: account.to_owned(),
                name: format!("other{number}"),
                id: format!("ANPA{number:017}"),
                path: "/".to_owned(),
                description: None,
                versions: BTreeMap::from([(1, version)]),
                default_version: 1,
                latest_version: 1,
                tags: BTreeMap::new(),
                created: now,
                updated: now,
            });
        }
        Ok::<_, StoreError>(())
    });
    made.await.unwrap();
}
