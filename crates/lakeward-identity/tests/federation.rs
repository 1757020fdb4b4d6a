//! Federated users: part of their issuer's permissions, and never more.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "life/world.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod world;

use std::sync::Arc;

use lakeward_client::Credentials;
use lakeward_identity::{Call, Front, Service, iam, sts_service};
use lakeward_policy::{Context, PolicyDocument, ResourceSide, Usage};
use lakeward_wire::{AwsError, Protocol};
use serde::Deserialize;
use world::{ACCOUNT, Reply, World};

const EVERYTHING: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;

/// A service of which anyone may ask anything.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Read {
    /// The object's own policy, if it has one.
    policy: Option<String>,
}

async fn read(_: Arc<()>, call: Call, input: Read) -> Result<&'static str, AwsError> {
    let document = input
        .policy
        .map(|text| PolicyDocument::parse(&text, Usage::Resource).unwrap());
    let side = match &document {
        Some(document) => ResourceSide::Policy {
            document,
            account: ACCOUNT,
        },
        None => ResourceSide::Account { account: ACCOUNT },
    };
    let _permit = call.authorize_with("lake:Read", "arn:aws:lake:::o", Context::new(), side)?;
    Ok("the bytes")
}

async fn world() -> World {
    let mut world = world::world().await;
    let protocol = Protocol::Query {
        version: "2020-01-01",
        namespace: "https://lake.example.com/",
    };
    let lake = Service::new("lake", protocol).operation("Read", &Arc::new(()), read);
    let identity = &world.identity;
    let services = [iam::service(identity), sts_service(identity), lake];
    world.front = Front::new(identity, services);
    world
}

fn policy(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
}

fn reading(effect: &str) -> String {
    policy(&format!(
        r#"{{"Effect":"{effect}","Action":"lake:Read","Resource":"*"}}"#
    ))
}

/// `more` in the place of what it names again.
fn over<'a>(usual: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let again = |name: &str| more.iter().any(|(own, _)| *own == name);
    let kept = usual.iter().filter(|(name, _)| !again(name));
    kept.chain(more).copied().collect()
}

async fn federate(world: &World, who: &Credentials, more: &[(&str, &str)]) -> Reply {
    let parameters = over(&[("Action", "GetFederationToken"), ("Name", "bob")], more);
    world.query(who, "sts", &parameters).await
}

async fn reads(world: &World, who: &Credentials, more: &[(&str, &str)]) -> u16 {
    let mut parameters = vec![("Action", "Read")];
    parameters.extend(more);
    world.query(who, "lake", &parameters).await.status.as_u16()
}

#[tokio::test]
async fn a_federated_user_is_its_own_principal() {
    let world = world().await;
    let ana = world.user("ana").await;
    let refused = federate(&world, &ana, &[]).await;
    assert_eq!(
        refused.code(),
        "AccessDenied",
        "the issuer needs permission"
    );
    world.allow_user("ana", EVERYTHING).await;
    let granted = federate(&world, &ana, &[]).await;
    assert_eq!(granted.status, 200, "{}", granted.body);
    let arn = format!("arn:aws:sts::{ACCOUNT}:federated-user/bob");
    assert_eq!(granted.text("Arn"), Some(&*arn));
    let id = format!("{ACCOUNT}:bob");
    assert_eq!(granted.text("FederatedUserId"), Some(&*id));
    let bob = granted.credentials();
    let me = world
        .query(&bob, "sts", &[("Action", "GetCallerIdentity")])
        .await;
    assert_eq!(
        (me.text("Arn"), me.text("UserId")),
        (Some(&*arn), Some(&*id))
    );
    let record = world.audit().pop().unwrap();
    assert_eq!(record["userIdentity"]["type"], "FederatedUser");
    assert_eq!(
        record["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"],
        "ana"
    );
}

#[tokio::test]
async fn its_permissions_are_what_issuer_and_policy_both_allow() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.allow_user("ana", EVERYTHING).await;
    let bare = federate(&world, &ana, &[]).await.credentials();
    assert_eq!(reads(&world, &bare, &[]).await, 403, "nothing was passed");
    let allowed = reading("Allow");
    let limited = federate(&world, &ana, &[("Policy", &allowed)])
        .await
        .credentials();
    assert_eq!(reads(&world, &limited, &[]).await, 200);
    let other = policy(r#"{"Effect":"Allow","Action":"other:*","Resource":"*"}"#);
    let elsewhere = federate(&world, &ana, &[("Policy", &other)])
        .await
        .credentials();
    assert_eq!(reads(&world, &elsewhere, &[]).await, 403);

    let less = r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#;
    world.allow_user("ana", less).await;
    assert_eq!(
        reads(&world, &limited, &[]).await,
        403,
        "the issuer lost it"
    );
}

#[tokio::test]
async fn managed_policies_limit_as_well() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.allow_user("ana", EVERYTHING).await;
    let make = [
        ("Action", "CreatePolicy"),
        ("PolicyName", "limit"),
        ("PolicyDocument", &*reading("Allow")),
    ];
    assert_eq!(world.query(&world.root, "iam", &make).await.status, 200);
    let arn = format!("arn:aws:iam::{ACCOUNT}:policy/limit");
    let bob = federate(&world, &ana, &[("PolicyArns.member.1.arn", &arn)]).await;
    assert_eq!(reads(&world, &bob.credentials(), &[]).await, 200);
}

#[tokio::test]
async fn a_resource_policy_lets_it_in_by_its_own_name() {
    let world = world().await;
    let ana = world.user("ana").await;
    let may = r#"{"Effect":"Allow","Action":"sts:GetFederationToken","Resource":"*"}"#;
    world.allow_user("ana", may).await;
    let bob = federate(&world, &ana, &[]).await.credentials();
    let naming = |arn: &str| {
        policy(&format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:{arn}"}},"Action":"lake:Read","Resource":"*"}}"#
        ))
    };
    let own = naming(&format!("sts::{ACCOUNT}:federated-user/bob"));
    assert_eq!(reads(&world, &bob, &[("Policy", &own)]).await, 200);
    let issuer = naming(&format!("iam::{ACCOUNT}:user/ana"));
    assert_eq!(
        reads(&world, &bob, &[("Policy", &issuer)]).await,
        403,
        "naming the issuer doesn't lift the session's limit"
    );
    assert_eq!(reads(&world, &ana, &[("Policy", &issuer)]).await, 200);
}

#[tokio::test]
async fn a_root_users_federated_user_is_limited_by_the_policy_alone() {
    let world = world().await;
    let granted = federate(&world, &world.root, &[("Policy", &reading("Allow"))]).await;
    assert_eq!(granted.status, 200, "{}", granted.body);
    assert_eq!(reads(&world, &granted.credentials(), &[]).await, 200);
    let bare = federate(&world, &world.root, &[]).await.credentials();
    assert_eq!(reads(&world, &bare, &[]).await, 403);
}

#[tokio::test]
async fn iam_and_sts_are_closed_to_it() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.allow_user("ana", EVERYTHING).await;
    let bob = federate(&world, &ana, &[("Policy", &policy(EVERYTHING))])
        .await
        .credentials();
    let iam = world.query(&bob, "iam", &[("Action", "ListUsers")]).await;
    assert_eq!(iam.code(), "InvalidClientTokenId");
    for operation in [
        "GetFederationToken",
        "GetSessionToken",
        "AssumeRole",
        "GetAccessKeyInfo",
    ] {
        let parameters = [
            ("Action", operation),
            ("Name", "eve"),
            ("RoleArn", "arn:aws:iam::111122223333:role/r"),
            ("RoleSessionName", "here"),
            ("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA"),
        ];
        let reply = world.query(&bob, "sts", &parameters).await;
        assert_eq!(reply.code(), "AccessDenied", "{operation}");
    }
}

#[tokio::test]
async fn tags_need_their_permission_and_join_the_issuers() {
    let world = world().await;
    let ana = world.user("ana").await;
    let tag = [
        ("Action", "TagUser"),
        ("UserName", "ana"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "own"),
        ("Tags.member.2.Key", "desk"),
        ("Tags.member.2.Value", "7"),
    ];
    assert_eq!(world.query(&world.root, "iam", &tag).await.status, 200);
    let statement = |actions: &str| {
        format!(r#"{{"Effect":"Allow","Action":[{actions},"lake:*"],"Resource":"*"}}"#)
    };
    let limit = policy(
        r#"{"Effect":"Allow","Action":"lake:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/Team":"passed","aws:PrincipalTag/desk":"7"}}}"#,
    );
    let passed = [
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "passed"),
        ("Policy", &*limit),
    ];
    world
        .allow_user("ana", &statement(r#""sts:GetFederationToken""#))
        .await;
    let refused = federate(&world, &ana, &passed).await;
    assert!(refused.body.contains("sts:TagSession"), "{}", refused.body);
    let both = statement(r#""sts:GetFederationToken","sts:TagSession""#);
    world.allow_user("ana", &both).await;
    let bob = federate(&world, &ana, &passed).await.credentials();
    assert_eq!(reads(&world, &bob, &[]).await, 200);
    let untagged = federate(&world, &ana, &[("Policy", &limit)])
        .await
        .credentials();
    assert_eq!(reads(&world, &untagged, &[]).await, 403);
}

#[tokio::test]
async fn it_ends_with_its_issuer() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.allow_user("ana", EVERYTHING).await;
    let bob = federate(&world, &ana, &[("Policy", &reading("Allow"))])
        .await
        .credentials();
    for parameters in [
        vec![
            ("Action", "DeleteUserPolicy"),
            ("UserName", "ana"),
            ("PolicyName", "p"),
        ],
        vec![
            ("Action", "DeleteAccessKey"),
            ("UserName", "ana"),
            ("AccessKeyId", ana.access_key_id()),
        ],
        vec![("Action", "DeleteUser"), ("UserName", "ana")],
    ] {
        let reply = world.query(&world.root, "iam", &parameters).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    let reply = world
        .query(&bob, "sts", &[("Action", "GetCallerIdentity")])
        .await;
    assert_eq!(reply.code(), "InvalidClientTokenId");
}

#[tokio::test]
async fn names_and_times_have_bounds() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.allow_user("ana", EVERYTHING).await;
    for (member, value) in [
        ("Name", "x"),
        ("Name", "a b"),
        ("Name", "a-name-that-is-longer-than-thirty-two"),
        ("DurationSeconds", "899"),
        ("DurationSeconds", "129601"),
    ] {
        let reply = federate(&world, &ana, &[(member, value)]).await;
        assert_eq!(reply.code(), "ValidationError", "{member} {value}");
    }
}
