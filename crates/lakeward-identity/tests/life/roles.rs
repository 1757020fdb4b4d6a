//! Roles.

use crate::world::*;

const EC2: &str = r#"{"Service":"ec2.amazonaws.com"}"#;

#[tokio::test]
async fn a_role_is_made_read_changed_and_removed() {
    let world = world().await;
    let trust = trust(EC2);
    let made = [
        ("RoleName", "reader"),
        ("Path", "/team/"),
        ("AssumeRolePolicyDocument", &*trust),
        ("Description", "reads"),
        ("MaxSessionDuration", "7200"),
        ("Tags.member.1.Key", "a"),
        ("Tags.member.1.Value", "b"),
    ];
    let made = world.admin("CreateRole", &made).await;
    assert!(made.text("RoleId").unwrap().starts_with("AROA"));
    let name = ("RoleName", "reader");
    let role = world.admin("GetRole", &[name]).await;
    assert_eq!(role.text("MaxSessionDuration"), Some("7200"));
    assert_eq!(role.text("Description"), Some("reads"));
    assert_eq!(
        decoded(role.text("AssumeRolePolicyDocument").unwrap()),
        trust
    );
    assert_eq!(role.text("Key"), Some("a"));
    assert!(role.body.contains("RoleLastUsed"));
    let listed = world.admin("ListRoles", &[]).await;
    assert_eq!(listed.text("Key"), None, "lists leave tags out");

    world
        .admin("UpdateRole", &[name, ("MaxSessionDuration", "3600")])
        .await;
    let role = world
        .admin("UpdateRoleDescription", &[name, ("Description", "x")])
        .await;
    assert_eq!(role.text("MaxSessionDuration"), Some("3600"));
    assert_eq!(role.text("Description"), Some("x"));
    for seconds in ["3599", "43201"] {
        let code = world
            .refused("UpdateRole", &[name, ("MaxSessionDuration", seconds)])
            .await;
        assert_eq!(code, "ValidationError");
    }
    world.admin("DeleteRole", &[name]).await;
    assert_eq!(world.refused("GetRole", &[name]).await, "NoSuchEntity");
}

#[tokio::test]
async fn a_role_goes_only_when_nothing_hangs_on_it() {
    let world = world().await;
    let arn = world.policy("p", &may("s3:*")).await;
    world.role("r", &trust(EC2)).await;
    let name = ("RoleName", "r");
    world
        .admin("AttachRolePolicy", &[name, ("PolicyArn", &arn)])
        .await;
    let document = document(&may("s3:*"));
    let put = [name, ("PolicyName", "p"), ("PolicyDocument", &*document)];
    world.admin("PutRolePolicy", &put).await;
    let profile = ("InstanceProfileName", "i");
    world.admin("CreateInstanceProfile", &[profile]).await;
    world
        .admin("AddRoleToInstanceProfile", &[name, profile])
        .await;
    for (action, what) in [
        ("DetachRolePolicy", ("PolicyArn", &*arn)),
        ("DeleteRolePolicy", ("PolicyName", "p")),
        ("RemoveRoleFromInstanceProfile", profile),
    ] {
        assert_eq!(
            world.refused("DeleteRole", &[name]).await,
            "DeleteConflict",
            "{action}"
        );
        world.admin(action, &[name, what]).await;
    }
    world.admin("DeleteRole", &[name]).await;
}

#[tokio::test]
async fn the_roles_of_services_are_theirs() {
    let world = world().await;
    let trust = trust(EC2);
    let linked = [
        ("RoleName", "linked"),
        ("Path", "/aws-service-role/ec2.amazonaws.com/"),
        ("AssumeRolePolicyDocument", &*trust),
    ];
    assert_eq!(
        world.refused("CreateRole", &linked).await,
        "ValidationError"
    );
    world.role("plain", &trust).await;
    let snapshot = world.identity.store().snapshot();
    let plain = snapshot.get::<lakeward_identity::Role>(&format!("{ACCOUNT}/plain"));
    let role = lakeward_identity::Role {
        name: "linked".into(),
        path: "/aws-service-role/ec2.amazonaws.com/".into(),
        ..(*plain.unwrap()).clone()
    };
    let put = |change: &mut lakeward_store::Change<'_>| {
        change.put(role);
        Ok::<_, lakeward_store::StoreError>(())
    };
    world.identity.store().change(put).await.unwrap();
    let name = ("RoleName", "linked");
    let document = document(&may("s3:*"));
    let admin = ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess");
    let boundary = ("PermissionsBoundary", admin.1);
    for (action, more) in [
        (
            "PutRolePolicy",
            vec![("PolicyName", "p"), ("PolicyDocument", &*document)],
        ),
        ("AttachRolePolicy", vec![admin]),
        ("PutRolePermissionsBoundary", vec![boundary]),
        ("UpdateAssumeRolePolicy", vec![("PolicyDocument", &*trust)]),
        ("UpdateRole", vec![("MaxSessionDuration", "3600")]),
        ("DeleteRole", vec![]),
    ] {
        let more: Vec<_> = [name].into_iter().chain(more).collect();
        assert_eq!(
            world.refused(action, &more).await,
            "UnmodifiableEntity",
            "{action}"
        );
    }
    world
        .admin("UpdateRoleDescription", &[name, ("Description", "d")])
        .await;
}
