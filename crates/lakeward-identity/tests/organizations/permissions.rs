//! Who may look at the organization and change it.

use lakeward_identity::organizations;
use serde_json::json;

use crate::world::*;

#[tokio::test]
async fn a_member_changes_nothing_and_sees_only_that_it_belongs() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let member_root = world.root_of(&member).await;
    world
        .org(&member_root, "DescribeOrganization", json!({}))
        .await
        .json();
    for (operation, input) in [
        ("ListAccounts", json!({})),
        ("ListRoots", json!({})),
        (
            "CreateAccount",
            json!({"AccountName": "x", "Email": "x@example.com"}),
        ),
        (
            "DetachPolicy",
            json!({"PolicyId": "p-FullAWSAccess", "TargetId": member}),
        ),
        (
            "CreateOrganizationalUnit",
            json!({"ParentId": root, "Name": "x"}),
        ),
        (
            "RemoveAccountFromOrganization",
            json!({"AccountId": member}),
        ),
        ("DeleteOrganization", json!({})),
        (
            "TagResource",
            json!({"ResourceId": member, "Tags": [{"Key": "a", "Value": "b"}]}),
        ),
    ] {
        let reply = world.org(&member_root, operation, input).await;
        assert_eq!(reply.refusal(), "AccessDeniedException", "{operation}");
    }
    world
        .org(&member_root, "LeaveOrganization", json!({}))
        .await
        .json();
    let gone = world
        .org(&member_root, "DescribeOrganization", json!({}))
        .await;
    assert_eq!(gone.refusal(), "AWSOrganizationsNotInUseException");
    let own = json!({"AccountId": MANAGEMENT});
    let own = world
        .org(&world.boss, "RemoveAccountFromOrganization", own)
        .await;
    assert_eq!(own.refusal(), "MasterCannotLeaveOrganizationException");
}

#[tokio::test]
async fn permissions_on_organizations_are_by_resource_type_and_tag() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let allow = json!([
        {"Effect": "Allow", "Action": "organizations:CreatePolicy", "Resource": "*",
         "Condition": {"StringEquals": {"organizations:PolicyType": SCP}}},
        {"Effect": "Allow", "Action": "organizations:DescribeAccount",
         "Resource": format!("arn:aws:organizations::{MANAGEMENT}:account/o-*/*"),
         "Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}}},
    ]);
    let ana = world.user("ana", Some(allow)).await;
    let content = json!({"Version": "2012-10-17", "Statement": deny_users()}).to_string();
    let scp = json!({"Name": "n", "Description": "", "Type": SCP, "Content": content});
    world.org(&ana, "CreatePolicy", scp.clone()).await.json();
    let mut rcp = scp;
    rcp["Type"] = json!(RCP);
    let refused = world.org(&ana, "CreatePolicy", rcp).await;
    assert_eq!(refused.refusal(), "AccessDeniedException");
    let account = json!({"AccountId": member});
    let refused = world.org(&ana, "DescribeAccount", account.clone()).await;
    assert_eq!(refused.refusal(), "AccessDeniedException");
    let tags = json!({"ResourceId": member, "Tags": [{"Key": "team", "Value": "red"}]});
    world.boss("TagResource", tags).await;
    world
        .org(&ana, "DescribeAccount", account.clone())
        .await
        .json();
    let listed = world
        .boss("ListTagsForResource", json!({"ResourceId": member}))
        .await;
    assert_eq!(listed["Tags"], json!([{"Key": "team", "Value": "red"}]));
    let untag = json!({"ResourceId": member, "TagKeys": ["team"]});
    world.boss("UntagResource", untag).await;
    let refused = world.org(&ana, "DescribeAccount", account).await;
    assert_eq!(refused.refusal(), "AccessDeniedException");
    let nothing = json!({"ResourceId": "p-nosuchpolicy", "Tags": []});
    let nothing = world.org(&world.boss, "TagResource", nothing).await;
    assert_eq!(nothing.refusal(), "TargetNotFoundException");
    assert!(root.starts_with("r-"));
}

#[tokio::test]
async fn one_who_holds_nothing_is_denied_every_operation() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let ana = world.user("ana", None).await;
    let input = json!({
        "Email": "x@example.com", "AccountName": "x", "CreateAccountRequestId": "car-x",
        "AccountId": member, "ParentId": root, "Name": "x", "OrganizationalUnitId": "ou-x-y",
        "ChildId": member, "ChildType": "ACCOUNT", "SourceParentId": root,
        "DestinationParentId": root, "RootId": root, "PolicyType": SCP, "Content": "{}",
        "Description": "", "Type": SCP, "PolicyId": "p-FullAWSAccess", "TargetId": member,
        "Filter": SCP, "ResourceId": member, "Tags": [], "TagKeys": [],
        "Target": {"Id": OTHER, "Type": "ACCOUNT"}, "HandshakeId": "h-x",
    });
    let service = organizations::service(&world.identity);
    for operation in service.operations() {
        let reply = world.org(&ana, operation, input.clone()).await;
        assert_eq!(reply.refusal(), "AccessDeniedException", "{operation}");
    }
}
