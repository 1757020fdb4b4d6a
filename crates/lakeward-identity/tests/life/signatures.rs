//! Signatures, keys and tokens.

use crate::world::*;

#[tokio::test]
async fn a_user_signs_and_is_who_it_is() {
    let world = world().await;
    let ana = world.user("ana").await;
    let me = world
        .query(&ana, "sts", &[("Action", "GetCallerIdentity")])
        .await;
    assert_eq!(
        me.text("Arn").unwrap(),
        format!("arn:aws:iam::{ACCOUNT}:user/ana")
    );
    assert_eq!(me.text("Account").unwrap(), ACCOUNT);
}

#[tokio::test]
async fn each_way_a_signature_can_be_wrong_has_its_error() {
    let world = world().await;
    let key = world.root.access_key_id().to_owned();
    let me = [("Action", "GetCallerIdentity")];
    let wrong = world
        .query(&Credentials::permanent(&key, "wrong"), "sts", &me)
        .await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.code()),
        (403, "SignatureDoesNotMatch")
    );
    let unknown = world
        .query(&Credentials::permanent("AKIANOBODY", "x"), "sts", &me)
        .await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.code()),
        (403, "InvalidClientTokenId")
    );
    let unsigned = Request::post("https://sts.us-east-1.amazonaws.com/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from_static(b"Action=GetCallerIdentity"))
        .unwrap();
    let unsigned = world.send(unsigned).await;
    assert_eq!(
        (unsigned.status.as_u16(), unsigned.code()),
        (403, "MissingAuthenticationToken")
    );
}

#[tokio::test]
async fn tokens_of_other_keys_and_altered_tokens_are_refused() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.role("reader", &self::ana()).await;
    let first = world.assume(&ana, "reader", &[]).await;
    let second = world.assume(&ana, "reader", &[]).await;
    let mixed = Credentials::temporary(
        first.text("AccessKeyId").unwrap(),
        first.text("SecretAccessKey").unwrap(),
        second.text("SessionToken").unwrap(),
    );
    let me = [("Action", "GetCallerIdentity")];
    assert_eq!(
        world.query(&mixed, "sts", &me).await.code(),
        "InvalidClientTokenId"
    );
    let bare = Credentials::permanent(
        first.text("AccessKeyId").unwrap(),
        first.text("SecretAccessKey").unwrap(),
    );
    assert_eq!(
        world.query(&bare, "sts", &me).await.code(),
        "InvalidClientTokenId"
    );
}
