//! Trust policies, and whom they name.

use crate::world::*;

#[tokio::test]
async fn malformed_trust_is_refused_with_awss_text() {
    let world = world().await;
    let reply = world
        .role(
            "broken",
            r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}"#,
        )
        .await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (400, "MalformedPolicyDocument")
    );
    assert!(
        reply.body.contains("This policy contains invalid Json"),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn whom_a_trust_policy_names_must_be_there() {
    let world = world().await;
    let reply = world.role("r", &ana()).await;
    assert_eq!(reply.code(), "MalformedPolicyDocument");
    let text = format!(r#"Invalid principal in policy: "AWS":"arn:aws:iam::{ACCOUNT}:user/ana""#);
    assert_eq!(reply.message(), text);
    world.user("ana").await;
    world.role("r", &ana()).await;
    let trust = trust(&format!(r#"{{"AWS":"arn:aws:iam::{ACCOUNT}:role/none"}}"#));
    let update = [("RoleName", "r"), ("PolicyDocument", &*trust)];
    let code = world.refused("UpdateAssumeRolePolicy", &update).await;
    assert_eq!(code, "MalformedPolicyDocument");
}

#[tokio::test]
async fn one_who_takes_over_a_name_inherits_no_trust() {
    let world = world().await;
    let first = world.user("ana").await;
    let id = world.admin("GetUser", &[("UserName", "ana")]).await;
    let id = id.text("UserId").unwrap();
    world.role("r", &ana()).await;
    assert_eq!(world.assume(&first, "r", &[]).await.status, 200);
    let name = ("UserName", "ana");
    let key = ("AccessKeyId", first.access_key_id());
    world.admin("DeleteAccessKey", &[name, key]).await;
    world.admin("DeleteUser", &[name]).await;
    let second = world.user("ana").await;
    world.allow_user("ana", &may("sts:*")).await;
    assert_eq!(world.assume(&second, "r", &[]).await.code(), "AccessDenied");

    let shown = world.admin("GetRole", &[("RoleName", "r")]).await;
    let shown = decoded(shown.text("AssumeRolePolicyDocument").unwrap());
    assert!(shown.contains(&format!(r#"{{"AWS":"{id}"}}"#)), "{shown}");
    assert!(!shown.contains("user/ana"), "{shown}");

    let (trust, role) = (ana(), ("RoleName", "r"));
    world
        .admin(
            "UpdateAssumeRolePolicy",
            &[role, ("PolicyDocument", &trust)],
        )
        .await;
    assert_eq!(world.assume(&second, "r", &[]).await.status, 200);
}

#[tokio::test]
async fn a_role_made_again_is_trusted_no_more() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.role("one", &crate::world::ana()).await;
    let by_one = trust(&format!(r#"{{"AWS":"arn:aws:iam::{ACCOUNT}:role/one"}}"#));
    world.role("two", &by_one).await;
    let one = world.assume(&ana, "one", &[]).await.credentials();
    assert_eq!(world.assume(&one, "two", &[]).await.status, 200);
    world.admin("DeleteRole", &[("RoleName", "one")]).await;
    world.role("one", &crate::world::ana()).await;
    let one = world.assume(&ana, "one", &[]).await.credentials();
    assert_eq!(world.assume(&one, "two", &[]).await.code(), "AccessDenied");
}

#[tokio::test]
async fn a_renamed_user_stays_trusted_under_its_new_name() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.role("r", &crate::world::ana()).await;
    let rename = [("UserName", "ana"), ("NewUserName", "anna")];
    world.admin("UpdateUser", &rename).await;
    assert_eq!(world.assume(&ana, "r", &[]).await.status, 200);
    let shown = world.admin("GetRole", &[("RoleName", "r")]).await;
    let shown = decoded(shown.text("AssumeRolePolicyDocument").unwrap());
    assert!(shown.contains("user/anna"), "{shown}");
}

#[tokio::test]
async fn a_trust_policy_has_a_quota() {
    let world = world().await;
    let long = format!(r#"{{"Service":"{}.amazonaws.com"}}"#, "x".repeat(2048));
    assert_eq!(world.role("r", &trust(&long)).await.code(), "LimitExceeded");
}
