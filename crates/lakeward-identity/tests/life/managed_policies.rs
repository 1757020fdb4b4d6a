//! Managed policies: their versions, who has them, and AWS's own.

use crate::world::*;

const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

#[tokio::test]
async fn the_version_in_force_is_what_counts() {
    let world = world().await;
    let ana = world.user("ana").await;
    let arn = world.policy("look", &may("iam:ListUsers")).await;
    assert_eq!(arn, format!("arn:aws:iam::{ACCOUNT}:policy/look"));
    let attach = [("UserName", "ana"), ("PolicyArn", &*arn)];
    world.admin("AttachUserPolicy", &attach).await;
    assert_eq!(world.iam(&ana, "ListUsers", &[]).await.status, 200);
    assert_eq!(
        world.iam(&ana, "ListRoles", &[]).await.code(),
        "AccessDenied"
    );
    let roles = document(&may("iam:ListRoles"));
    let next = [("PolicyArn", &*arn), ("PolicyDocument", &*roles)];
    let made = world.admin("CreatePolicyVersion", &next).await;
    assert_eq!(made.text("VersionId"), Some("v2"));
    assert_eq!(made.text("IsDefaultVersion"), Some("false"));
    assert_eq!(world.iam(&ana, "ListUsers", &[]).await.status, 200);
    let v2 = [("PolicyArn", &*arn), ("VersionId", "v2")];
    world.admin("SetDefaultPolicyVersion", &v2).await;
    assert_eq!(
        world.iam(&ana, "ListUsers", &[]).await.code(),
        "AccessDenied"
    );
    assert_eq!(world.iam(&ana, "ListRoles", &[]).await.status, 200);
    let found = world.admin("GetPolicyVersion", &v2).await;
    assert_eq!(decoded(found.text("Document").unwrap()), roles);
    world.admin("DetachUserPolicy", &attach).await;
    assert_eq!(
        world.iam(&ana, "ListRoles", &[]).await.code(),
        "AccessDenied"
    );
    assert_eq!(
        world.refused("DetachUserPolicy", &attach).await,
        "NoSuchEntity"
    );
}

#[tokio::test]
async fn five_versions_are_kept_and_numbers_are_not_used_again() {
    let world = world().await;
    let arn = world.policy("p", &may("s3:*")).await;
    let text = document(&may("glue:*"));
    let next = [("PolicyArn", &*arn), ("PolicyDocument", &*text)];
    for _ in 0..4 {
        world.admin("CreatePolicyVersion", &next).await;
    }
    assert_eq!(
        world.refused("CreatePolicyVersion", &next).await,
        "LimitExceeded"
    );
    let v5 = [("PolicyArn", &*arn), ("VersionId", "v5")];
    world.admin("DeletePolicyVersion", &v5).await;
    assert_eq!(
        world.refused("DeletePolicyVersion", &v5).await,
        "NoSuchEntity"
    );
    let as_default = [next[0], next[1], ("SetAsDefault", "true")];
    let sixth = world.admin("CreatePolicyVersion", &as_default).await;
    assert_eq!(sixth.text("VersionId"), Some("v6"));
    assert_eq!(sixth.text("IsDefaultVersion"), Some("true"));
    let v6 = [("PolicyArn", &*arn), ("VersionId", "v6")];
    assert_eq!(
        world.refused("DeletePolicyVersion", &v6).await,
        "DeleteConflict"
    );
    let listed = world
        .admin("ListPolicyVersions", &[("PolicyArn", &arn)])
        .await;
    assert_eq!(listed.texts("VersionId"), ["v6", "v4", "v3", "v2", "v1"]);
    for id in ["6", "v0", "v", "v01", "v6.x", "v99999999999"] {
        let version = [("PolicyArn", &*arn), ("VersionId", id)];
        let code = world.refused("GetPolicyVersion", &version).await;
        assert_eq!(code, "ValidationError", "{id}");
    }
    assert_eq!(
        world.refused("DeletePolicy", &[("PolicyArn", &arn)]).await,
        "DeleteConflict"
    );
    for id in ["v1", "v2", "v3", "v4"] {
        let version = [("PolicyArn", &*arn), ("VersionId", id)];
        world.admin("DeletePolicyVersion", &version).await;
    }
    world.admin("DeletePolicy", &[("PolicyArn", &arn)]).await;
    assert_eq!(
        world.refused("GetPolicy", &[("PolicyArn", &arn)]).await,
        "NoSuchEntity"
    );
}

#[tokio::test]
async fn who_has_a_policy_is_counted_and_listed() {
    let world = world().await;
    let arn = world.policy("p", &may("s3:*")).await;
    let policy = ("PolicyArn", &*arn);
    world.user("ana").await;
    world.admin("CreateGroup", &[("GroupName", "g")]).await;
    world
        .role("r", &trust(r#"{"Service":"ec2.amazonaws.com"}"#))
        .await;
    world
        .role("bounded", &trust(r#"{"Service":"ec2.amazonaws.com"}"#))
        .await;
    world
        .admin("AttachUserPolicy", &[("UserName", "ana"), policy])
        .await;
    world
        .admin("AttachUserPolicy", &[("UserName", "ana"), policy])
        .await;
    world
        .admin("AttachGroupPolicy", &[("GroupName", "g"), policy])
        .await;
    world
        .admin("AttachRolePolicy", &[("RoleName", "r"), policy])
        .await;
    let limit = [("RoleName", "bounded"), ("PermissionsBoundary", &*arn)];
    world.admin("PutRolePermissionsBoundary", &limit).await;

    let found = world.admin("GetPolicy", &[policy]).await;
    assert_eq!(found.text("AttachmentCount"), Some("3"));
    assert_eq!(found.text("PermissionsBoundaryUsageCount"), Some("1"));
    let of = async |more: &[(&str, &str)]| {
        let asked: Vec<_> = [policy].into_iter().chain(more.iter().copied()).collect();
        let reply = world.admin("ListEntitiesForPolicy", &asked).await;
        ["GroupName", "RoleName", "UserName"].map(|kind| reply.texts(kind).join(","))
    };
    assert_eq!(of(&[]).await, ["g", "bounded,r", "ana"]);
    assert_eq!(of(&[("EntityFilter", "User")]).await, ["", "", "ana"]);
    assert_eq!(
        of(&[("PolicyUsageFilter", "PermissionsPolicy")]).await,
        ["g", "r", "ana"]
    );
    assert_eq!(
        of(&[("PolicyUsageFilter", "PermissionsBoundary")]).await,
        ["", "bounded", ""]
    );
    assert_eq!(of(&[("PathPrefix", "/x/")]).await, ["", "", ""]);
    assert_eq!(
        world.refused("DeletePolicy", &[policy]).await,
        "DeleteConflict"
    );
    for (action, name) in [
        ("ListAttachedUserPolicies", ("UserName", "ana")),
        ("ListAttachedGroupPolicies", ("GroupName", "g")),
        ("ListAttachedRolePolicies", ("RoleName", "r")),
    ] {
        let attached = world.admin(action, &[name]).await;
        assert_eq!(attached.texts("PolicyArn"), [&*arn]);
        assert_eq!(attached.texts("PolicyName"), ["p"]);
    }
}

#[tokio::test]
async fn lists_of_policies_are_filtered() {
    let world = world().await;
    world.user("ana").await;
    world.policy("own", &may("s3:*")).await;
    let text = document(&may("s3:*"));
    let deep = [
        ("PolicyName", "deep"),
        ("Path", "/x/"),
        ("PolicyDocument", &*text),
    ];
    world.admin("CreatePolicy", &deep).await;
    let attach = [("UserName", "ana"), ("PolicyArn", ADMIN)];
    world.admin("AttachUserPolicy", &attach).await;
    let names = async |more: &[(&str, &str)]| {
        let reply = world.admin("ListPolicies", more).await;
        reply.texts("PolicyName").join(",")
    };
    assert_eq!(names(&[("Scope", "Local")]).await, "own,deep");
    assert_eq!(
        names(&[("Scope", "Local"), ("PathPrefix", "/x/")]).await,
        "deep"
    );
    assert_eq!(
        names(&[("OnlyAttached", "true")]).await,
        "AdministratorAccess"
    );
    assert_eq!(
        names(&[("Scope", "Local"), ("OnlyAttached", "true")]).await,
        ""
    );
    let aws = names(&[("Scope", "AWS"), ("MaxItems", "1000")]).await;
    assert!(aws.contains("AmazonS3ReadOnlyAccess") && !aws.contains("own"));
    assert_eq!(
        world.refused("ListPolicies", &[("Scope", "Mine")]).await,
        "ValidationError"
    );
}

#[tokio::test]
async fn ten_policies_are_attached_at_most() {
    let world = world().await;
    world.user("ana").await;
    for number in 0..11 {
        let arn = world.policy(&format!("p{number}"), &may("s3:*")).await;
        let attach = [("UserName", "ana"), ("PolicyArn", &*arn)];
        let reply = world.iam(&world.root, "AttachUserPolicy", &attach).await;
        match number {
            10 => assert_eq!(reply.code(), "LimitExceeded"),
            _ => assert_eq!(reply.status, 200),
        }
    }
}

#[tokio::test]
async fn awss_own_policies_work_and_are_nobodys_to_change() {
    let world = world().await;
    let ana = world.user("ana").await;
    let attach = [("UserName", "ana"), ("PolicyArn", ADMIN)];
    world.admin("AttachUserPolicy", &attach).await;
    assert_eq!(world.iam(&ana, "ListUsers", &[]).await.status, 200);
    let policy = ("PolicyArn", ADMIN);
    let found = world.iam(&ana, "GetPolicy", &[policy]).await;
    assert_eq!(found.text("AttachmentCount"), Some("1"), "{}", found.body);
    let version = world
        .iam(&ana, "GetPolicyVersion", &[policy, ("VersionId", "v1")])
        .await;
    assert!(decoded(version.text("Document").unwrap()).contains("\"Action\": \"*\""));
    let text = document(&may("s3:*"));
    for (action, more) in [
        ("CreatePolicyVersion", ("PolicyDocument", &*text)),
        ("SetDefaultPolicyVersion", ("VersionId", "v1")),
        ("DeletePolicyVersion", ("VersionId", "v1")),
        ("DeletePolicy", ("VersionId", "v1")),
        ("UntagPolicy", ("TagKeys.member.1", "k")),
    ] {
        let reply = world.iam(&ana, action, &[policy, more]).await;
        assert_eq!(reply.code(), "AccessDenied", "{action}: {}", reply.body);
    }
    for arn in [
        "arn:aws:iam::aws:policy/NoSuch",
        "arn:aws:iam::444455556666:policy/p",
    ] {
        let attach = [("UserName", "ana"), ("PolicyArn", arn)];
        assert_eq!(
            world.refused("AttachUserPolicy", &attach).await,
            "NoSuchEntity"
        );
    }
    let attach = [("UserName", "ana"), ("PolicyArn", "AdministratorAccess")];
    assert_eq!(
        world.refused("AttachUserPolicy", &attach).await,
        "InvalidInput"
    );
}

#[tokio::test]
async fn a_policy_is_checked_when_it_is_made() {
    let world = world().await;
    let text = document(&may("s3:*"));
    world.policy("P", &may("s3:*")).await;
    let again = [
        ("PolicyName", "p"),
        ("Path", "/x/"),
        ("PolicyDocument", &*text),
    ];
    assert_eq!(
        world.refused("CreatePolicy", &again).await,
        "EntityAlreadyExists"
    );
    let broken = [("PolicyName", "q"), ("PolicyDocument", "{")];
    assert_eq!(
        world.refused("CreatePolicy", &broken).await,
        "MalformedPolicyDocument"
    );
    let long = document(&may(&format!("s3:{}", "x".repeat(6144))));
    let long = [("PolicyName", "q"), ("PolicyDocument", &*long)];
    assert_eq!(world.refused("CreatePolicy", &long).await, "LimitExceeded");
}

#[tokio::test]
async fn who_may_attach_can_be_limited_by_the_policys_arn() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.user("bo").await;
    let statement = r#"{"Effect":"Allow","Action":["iam:AttachUserPolicy","iam:DetachUserPolicy"],"Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}}}"#;
    world.allow_user("ana", statement).await;
    let reading = (
        "PolicyArn",
        "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
    );
    for (policy, status) in [(reading, 200), (("PolicyArn", ADMIN), 403)] {
        for action in ["AttachUserPolicy", "DetachUserPolicy"] {
            let reply = world.iam(&ana, action, &[("UserName", "bo"), policy]).await;
            assert_eq!(reply.status, status, "{action} {policy:?}");
        }
    }
}
