//! Other questions to STS.

use crate::{
    desk::admin,
    world::{ACCOUNT, world},
};

#[tokio::test]
async fn a_key_tells_its_account_to_those_who_may_ask() {
    let world = world().await;
    let (ana, bo) = (admin(&world, "ana").await, world.user("bo").await);
    let ask = |key| [("Action", "GetAccessKeyInfo"), ("AccessKeyId", key)];
    let reply = world.query(&ana, "sts", &ask(bo.access_key_id())).await;
    assert_eq!(reply.text("Account"), Some(ACCOUNT), "{}", reply.body);
    let denied = world.query(&bo, "sts", &ask(bo.access_key_id())).await;
    assert_eq!(denied.code(), "AccessDenied");
    for key in ["AKIANOBODYNOBODYNOBO", "short", "ASIAAAAAAAAAAAAAAAAA"] {
        let reply = world.query(&ana, "sts", &ask(key)).await;
        assert_eq!(reply.code(), "ValidationError", "{key}");
    }
}

#[tokio::test]
async fn a_message_that_was_not_sealed_here_is_no_message() {
    let world = world().await;
    let (ana, bo) = (admin(&world, "ana").await, world.user("bo").await);
    let decode = [
        ("Action", "DecodeAuthorizationMessage"),
        ("EncodedMessage", "AAAA"),
    ];
    let reply = world.query(&ana, "sts", &decode).await;
    assert_eq!(reply.code(), "InvalidAuthorizationMessageException");
    assert_eq!(
        world.query(&bo, "sts", &decode).await.code(),
        "AccessDenied"
    );
}

#[tokio::test]
async fn what_is_not_built_is_named() {
    let world = world().await;
    for operation in ["AssumeRoleWithSAML", "AssumeRoot"] {
        let reply = world
            .query(&world.root, "sts", &[("Action", operation)])
            .await;
        assert_eq!(reply.code(), "InvalidAction");
        assert!(reply.body.contains(operation), "{}", reply.body);
    }
}
