//! Policies and their attachments.

use serde_json::json;

use crate::world::*;

#[tokio::test]
async fn attachments_have_their_bounds() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let pair = |policy: &str| json!({"PolicyId": policy, "TargetId": member});
    let last = world
        .org(&world.boss, "DetachPolicy", pair("p-FullAWSAccess"))
        .await;
    assert_eq!(last.refusal(), "ConstraintViolationException");
    let fixed = world
        .org(&world.boss, "DetachPolicy", pair("p-RCPFullAWSAccess"))
        .await;
    assert_eq!(fixed.refusal(), "InvalidInputException");
    for number in 0..4 {
        let policy = world.policy(SCP, &format!("p{number}"), deny_users()).await;
        world.attach(&policy, &member).await;
        let again = world.org(&world.boss, "AttachPolicy", pair(&policy)).await;
        assert_eq!(again.refusal(), "DuplicatePolicyAttachmentException");
        let used = json!({"PolicyId": policy});
        let used = world.org(&world.boss, "DeletePolicy", used).await;
        assert_eq!(used.refusal(), "PolicyInUseException");
    }
    let sixth = world.policy(SCP, "sixth", deny_users()).await;
    let refused = world.org(&world.boss, "AttachPolicy", pair(&sixth)).await;
    assert_eq!(refused.refusal(), "ConstraintViolationException");
    let input = json!({"RootId": root, "PolicyType": SCP});
    world.boss("DisablePolicyType", input).await;
    let refused = world.org(&world.boss, "AttachPolicy", pair(&sixth)).await;
    assert_eq!(refused.refusal(), "PolicyTypeNotEnabledException");
    let listed = json!({"TargetId": member, "Filter": SCP});
    let listed = world.boss("ListPoliciesForTarget", listed).await;
    assert_eq!(listed["Policies"], json!([]));
}

#[tokio::test]
async fn policies_are_checked_when_they_are_made_and_changed() {
    let world = world().await;
    world.organize().await;
    let make = |kind: &str, name: &str, content: &str| json!({"Name": name, "Description": "d", "Type": kind, "Content": content});
    for (kind, content) in [
        (SCP, "{}"),
        (
            SCP,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}"#,
        ),
        (
            RCP,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#,
        ),
    ] {
        let refused = world
            .org(&world.boss, "CreatePolicy", make(kind, "x", content))
            .await;
        assert_eq!(
            refused.refusal(),
            "MalformedPolicyDocumentException",
            "{content}"
        );
    }
    let good = json!({"Version": "2012-10-17", "Statement": deny_users()}).to_string();
    let long = format!("{good}{}", " ".repeat(5120));
    let refused = world
        .org(&world.boss, "CreatePolicy", make(SCP, "x", &long))
        .await;
    assert_eq!(refused.refusal(), "ConstraintViolationException");
    let refused = world
        .org(&world.boss, "CreatePolicy", make("TAG_POLICY", "x", &good))
        .await;
    assert_eq!(
        refused.refusal(),
        "PolicyTypeNotAvailableForOrganizationException"
    );
    let id = world.policy(SCP, "x", deny_users()).await;
    let refused = world
        .org(&world.boss, "CreatePolicy", make(SCP, "x", &good))
        .await;
    assert_eq!(refused.refusal(), "DuplicatePolicyException");
    let changed = world
        .boss(
            "UpdatePolicy",
            json!({"PolicyId": id, "Name": "y", "Description": ""}),
        )
        .await;
    assert_eq!(changed["Policy"]["PolicySummary"]["Name"], "y");
    let read = world.boss("DescribePolicy", json!({"PolicyId": id})).await;
    assert_eq!(read, changed);
    let own = json!({"PolicyId": "p-FullAWSAccess", "Name": "mine"});
    let refused = world.org(&world.boss, "UpdatePolicy", own).await;
    assert_eq!(refused.refusal(), "InvalidInputException");
    world.boss("DeletePolicy", json!({"PolicyId": id})).await;
    let gone = world
        .org(&world.boss, "DescribePolicy", json!({"PolicyId": id}))
        .await;
    assert_eq!(gone.refusal(), "PolicyNotFoundException");
}
