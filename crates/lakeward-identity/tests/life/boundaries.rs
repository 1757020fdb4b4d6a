//! Permissions boundaries.

use crate::world::*;

#[tokio::test]
async fn a_boundary_limits_and_never_grants() {
    let world = world().await;
    let ana = world.user("ana").await;
    let limit = world.policy("limit", &may("iam:List*")).await;
    let put = [("UserName", "ana"), ("PermissionsBoundary", &*limit)];
    world.admin("PutUserPermissionsBoundary", &put).await;
    let refused = world.iam(&ana, "ListUsers", &[]).await;
    assert!(
        refused.message().contains("no identity-based policy"),
        "{}",
        refused.message()
    );
    world.allow_user("ana", &may("iam:*")).await;
    assert_eq!(world.iam(&ana, "ListUsers", &[]).await.status, 200);
    let refused = world.iam(&ana, "CreateUser", &[("UserName", "x")]).await;
    let text = "because no permissions boundary allows the iam:CreateUser action";
    assert!(refused.message().ends_with(text), "{}", refused.message());
    let found = world.admin("GetUser", &[("UserName", "ana")]).await;
    assert_eq!(found.text("PermissionsBoundaryArn"), Some(&*limit));
    assert_eq!(
        world
            .refused("DeletePolicy", &[("PolicyArn", &limit)])
            .await,
        "DeleteConflict"
    );
    let name = [("UserName", "ana")];
    world.admin("DeleteUserPermissionsBoundary", &name).await;
    assert_eq!(
        world.refused("DeleteUserPermissionsBoundary", &name).await,
        "NoSuchEntity"
    );
    assert_eq!(
        world
            .iam(&ana, "CreateUser", &[("UserName", "x")])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_roles_boundary_binds_its_sessions() {
    let world = world().await;
    let ana = world.user("ana").await;
    let limit = world.policy("limit", &may("iam:ListRoles")).await;
    let trust = crate::world::ana();
    let made = [
        ("RoleName", "r"),
        ("AssumeRolePolicyDocument", &*trust),
        ("PermissionsBoundary", &*limit),
    ];
    let made = world.admin("CreateRole", &made).await;
    assert_eq!(made.text("PermissionsBoundaryArn"), Some(&*limit));
    let admin = ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess");
    world
        .admin("AttachRolePolicy", &[("RoleName", "r"), admin])
        .await;
    let session = world.assume(&ana, "r", &[]).await.credentials();
    assert_eq!(world.iam(&session, "ListRoles", &[]).await.status, 200);
    assert_eq!(
        world.iam(&session, "ListUsers", &[]).await.code(),
        "AccessDenied"
    );
}

#[tokio::test]
async fn a_boundary_is_a_policy_that_is_there() {
    let world = world().await;
    world.user("ana").await;
    let gone = format!("arn:aws:iam::{ACCOUNT}:policy/gone");
    for (arn, code) in [
        (&*gone, "NoSuchEntity"),
        ("arn:aws:iam::444455556666:policy/p", "NoSuchEntity"),
        ("p", "InvalidInput"),
    ] {
        let boundary = ("PermissionsBoundary", arn);
        let (ana, bo) = (
            [("UserName", "ana"), boundary],
            [("UserName", "bo"), boundary],
        );
        assert_eq!(
            world.refused("PutUserPermissionsBoundary", &ana).await,
            code
        );
        assert_eq!(world.refused("CreateUser", &bo).await, code);
    }
    assert_eq!(
        world.refused("GetUser", &[("UserName", "bo")]).await,
        "NoSuchEntity"
    );
}

/// The delegation of the IAM User Guide, "Permissions boundaries": an administrator may make users
/// only under a boundary, and can't take it away.
#[tokio::test]
async fn who_makes_users_can_be_bound_to_set_a_boundary() {
    let world = world().await;
    let ana = world.user("ana").await;
    let limit = world.policy("limit", &may("s3:*")).await;
    let other = world.policy("other", &may("*")).await;
    let statements = format!(
        r#"{{"Effect":"Allow","Action":["iam:CreateUser","iam:PutUserPolicy","iam:PutUserPermissionsBoundary","iam:DeleteUserPolicy"],"Resource":"*","Condition":{{"StringEquals":{{"iam:PermissionsBoundary":"{limit}"}}}}}},
        {{"Effect":"Deny","Action":"iam:DeleteUserPermissionsBoundary","Resource":"*"}},
        {{"Effect":"Allow","Action":"iam:DeleteUserPermissionsBoundary","Resource":"*"}}"#
    );
    world.allow_user("ana", &statements).await;
    for (boundary, status) in [(None, 403), (Some(&*other), 403), (Some(&*limit), 200)] {
        let boundary = boundary.map(|arn| ("PermissionsBoundary", arn));
        let make: Vec<_> = [("UserName", "bo")].into_iter().chain(boundary).collect();
        assert_eq!(
            world.iam(&ana, "CreateUser", &make).await.status,
            status,
            "{boundary:?}"
        );
    }
    world.user("free").await;
    let text = document(&may("*"));
    for (user, status) in [("bo", 200), ("free", 403)] {
        let put = [
            ("UserName", user),
            ("PolicyName", "p"),
            ("PolicyDocument", &*text),
        ];
        assert_eq!(
            world.iam(&ana, "PutUserPolicy", &put).await.status,
            status,
            "{user}"
        );
    }
    let change = [("UserName", "bo"), ("PermissionsBoundary", &*other)];
    assert_eq!(
        world
            .iam(&ana, "PutUserPermissionsBoundary", &change)
            .await
            .status,
        403
    );
    let remove = [("UserName", "bo")];
    assert_eq!(
        world
            .iam(&ana, "DeleteUserPermissionsBoundary", &remove)
            .await
            .status,
        403
    );
}
