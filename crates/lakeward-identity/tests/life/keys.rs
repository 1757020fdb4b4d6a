//! Access keys.

use crate::world::*;

#[tokio::test]
async fn two_keys_let_a_user_rotate() {
    let world = world().await;
    let first = world.user("ana").await;
    let name = ("UserName", "ana");
    let me = [("Action", "GetCallerIdentity")];
    world.admin("CreateAccessKey", &[name]).await;
    assert_eq!(
        world.refused("CreateAccessKey", &[name]).await,
        "LimitExceeded"
    );
    let key = ("AccessKeyId", first.access_key_id());
    world
        .admin("UpdateAccessKey", &[name, key, ("Status", "Inactive")])
        .await;
    assert_eq!(
        world.query(&first, "sts", &me).await.code(),
        "InvalidClientTokenId"
    );
    world
        .admin("UpdateAccessKey", &[name, key, ("Status", "Active")])
        .await;
    assert_eq!(world.query(&first, "sts", &me).await.status, 200);
    world.admin("DeleteAccessKey", &[name, key]).await;
    assert_eq!(
        world.query(&first, "sts", &me).await.code(),
        "InvalidClientTokenId"
    );
    let left = world.admin("ListAccessKeys", &[name]).await;
    assert_eq!(left.texts("AccessKeyId").len(), 1);
    assert!(!left.body.contains("Secret"));
    let wrong = world
        .refused("UpdateAccessKey", &[name, key, ("Status", "On")])
        .await;
    assert_eq!(wrong, "ValidationError");
}

#[tokio::test]
async fn root_has_keys_of_its_own() {
    let world = world().await;
    let second = world.admin("CreateAccessKey", &[]).await;
    assert_eq!(world.refused("CreateAccessKey", &[]).await, "LimitExceeded");
    let second = Credentials::permanent(
        second.text("AccessKeyId").unwrap(),
        second.text("SecretAccessKey").unwrap(),
    );
    let me = world
        .query(&second, "sts", &[("Action", "GetCallerIdentity")])
        .await;
    assert!(me.text("Arn").unwrap().ends_with(":root"));
    let old = ("AccessKeyId", world.root.access_key_id());
    assert_eq!(
        world.iam(&second, "DeleteAccessKey", &[old]).await.status,
        200
    );
    let left = world.iam(&second, "ListAccessKeys", &[]).await;
    assert_eq!(left.texts("AccessKeyId"), [second.access_key_id()]);
}

#[tokio::test]
async fn the_last_use_of_a_key_is_told_to_those_who_may_ask() {
    let world = world().await;
    let ana = world.user("ana").await;
    let key = ("AccessKeyId", ana.access_key_id());
    let never = world.admin("GetAccessKeyLastUsed", &[key]).await;
    assert_eq!(never.text("ServiceName"), Some("N/A"));
    assert_eq!(never.text("LastUsedDate"), None);
    let me = [("Action", "GetCallerIdentity")];
    world.query(&ana, "sts", &me).await;
    let used = world.admin("GetAccessKeyLastUsed", &[key]).await;
    assert_eq!(used.text("UserName"), Some("ana"));
    assert_eq!(used.text("ServiceName"), Some("sts"));
    assert!(used.text("LastUsedDate").is_some());

    let own = format!(
        r#"{{"Effect":"Allow","Action":"iam:GetAccessKeyLastUsed","Resource":"arn:aws:iam::{ACCOUNT}:user/ana"}}"#
    );
    world.allow_user("ana", &own).await;
    assert_eq!(
        world.iam(&ana, "GetAccessKeyLastUsed", &[key]).await.status,
        200
    );
    for other in [world.root.access_key_id(), "AKIAQQQQQQQQQQQQQQQQ"] {
        let reply = world
            .iam(&ana, "GetAccessKeyLastUsed", &[("AccessKeyId", other)])
            .await;
        assert_eq!(reply.code(), "AccessDenied", "{other}");
    }
    let none = world.refused(
        "GetAccessKeyLastUsed",
        &[("AccessKeyId", "AKIAQQQQQQQQQQQQQQQQ")],
    );
    assert_eq!(none.await, "NoSuchEntity");
}

#[tokio::test]
async fn anothers_key_is_not_found_under_ones_own_name() {
    let world = world().await;
    let (ana, bo) = (world.user("ana").await, world.user("bo").await);
    let own = format!(
        r#"{{"Effect":"Allow","Action":"iam:*AccessKey*","Resource":"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"}}"#
    );
    world.allow_user("ana", &own).await;
    let of_bo = [("UserName", "ana"), ("AccessKeyId", bo.access_key_id())];
    assert_eq!(
        world.iam(&ana, "DeleteAccessKey", &of_bo).await.code(),
        "NoSuchEntity"
    );
    let as_bo = [("UserName", "bo"), ("AccessKeyId", bo.access_key_id())];
    assert_eq!(
        world.iam(&ana, "DeleteAccessKey", &as_bo).await.code(),
        "AccessDenied"
    );
    assert_eq!(world.iam(&ana, "CreateAccessKey", &[]).await.status, 200);
}
