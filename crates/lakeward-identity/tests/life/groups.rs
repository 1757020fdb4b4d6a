//! Groups.

use crate::world::*;

#[tokio::test]
async fn what_a_group_holds_its_members_hold_until_they_leave() {
    let world = world().await;
    let ana = world.user("ana").await;
    let arn = world.policy("roles", &may("iam:ListRoles")).await;
    world
        .admin("CreateGroup", &[("GroupName", "Readers")])
        .await;
    let document = document(&may("iam:ListUsers"));
    let put = [
        ("GroupName", "readers"),
        ("PolicyName", "users"),
        ("PolicyDocument", &*document),
    ];
    world.admin("PutGroupPolicy", &put).await;
    let attach = [("GroupName", "readers"), ("PolicyArn", &*arn)];
    world.admin("AttachGroupPolicy", &attach).await;
    let member = [("GroupName", "readers"), ("UserName", "ana")];
    for action in ["ListUsers", "ListRoles"] {
        assert_eq!(world.iam(&ana, action, &[]).await.code(), "AccessDenied");
    }
    world.admin("AddUserToGroup", &member).await;
    world.admin("AddUserToGroup", &member).await;
    for action in ["ListUsers", "ListRoles"] {
        assert_eq!(world.iam(&ana, action, &[]).await.status, 200, "{action}");
    }
    let groups = world
        .admin("ListGroupsForUser", &[("UserName", "ana")])
        .await;
    assert_eq!(groups.texts("GroupName"), ["Readers"]);
    let rename = [("GroupName", "readers"), ("NewGroupName", "lookers")];
    world.admin("UpdateGroup", &rename).await;
    assert_eq!(world.iam(&ana, "ListUsers", &[]).await.status, 200);
    let deny = r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#;
    let deny = crate::world::document(deny);
    let put = [
        ("GroupName", "lookers"),
        ("PolicyName", "no"),
        ("PolicyDocument", &*deny),
    ];
    world.admin("PutGroupPolicy", &put).await;
    assert_eq!(
        world.iam(&ana, "ListUsers", &[]).await.code(),
        "AccessDenied"
    );
    let member = [("GroupName", "lookers"), ("UserName", "ana")];
    world.admin("RemoveUserFromGroup", &member).await;
    assert_eq!(
        world.refused("RemoveUserFromGroup", &member).await,
        "NoSuchEntity"
    );
    let groups = world
        .admin("ListGroupsForUser", &[("UserName", "ana")])
        .await;
    assert!(groups.texts("GroupName").is_empty());
}

#[tokio::test]
async fn a_group_goes_only_when_it_is_empty() {
    let world = world().await;
    world.user("ana").await;
    let name = ("GroupName", "g");
    let made = world.admin("CreateGroup", &[name, ("Path", "/x/")]).await;
    assert!(made.text("GroupId").unwrap().starts_with("AGPA"));
    assert!(made.text("Arn").unwrap().ends_with(":group/x/g"));
    assert_eq!(
        world.refused("CreateGroup", &[("GroupName", "G")]).await,
        "EntityAlreadyExists"
    );
    world
        .admin("AddUserToGroup", &[name, ("UserName", "ana")])
        .await;
    let document = document(&may("s3:*"));
    let put = [name, ("PolicyName", "p"), ("PolicyDocument", &*document)];
    world.admin("PutGroupPolicy", &put).await;
    assert_eq!(
        world.refused("DeleteGroup", &[name]).await,
        "DeleteConflict"
    );
    world
        .admin("RemoveUserFromGroup", &[name, ("UserName", "ana")])
        .await;
    assert_eq!(
        world.refused("DeleteGroup", &[name]).await,
        "DeleteConflict"
    );
    world
        .admin("DeleteGroupPolicy", &[name, ("PolicyName", "p")])
        .await;
    world.admin("DeleteGroup", &[name]).await;
    assert_eq!(world.refused("GetGroup", &[name]).await, "NoSuchEntity");
}

#[tokio::test]
async fn a_user_is_in_ten_groups_at_most() {
    let world = world().await;
    world.user("ana").await;
    for number in 0..11 {
        let name = format!("g{number}");
        world.admin("CreateGroup", &[("GroupName", &name)]).await;
        let member = [("GroupName", &*name), ("UserName", "ana")];
        let reply = world.iam(&world.root, "AddUserToGroup", &member).await;
        match number {
            10 => assert_eq!(reply.code(), "LimitExceeded"),
            _ => assert_eq!(reply.status, 200),
        }
    }
    let page = [("UserName", "ana"), ("MaxItems", "4")];
    let page = world.admin("ListGroupsForUser", &page).await;
    assert_eq!(page.texts("GroupName"), ["g0", "g1", "g2", "g3"]);
    assert_eq!(page.text("IsTruncated"), Some("true"));
}

#[tokio::test]
async fn a_policy_that_cant_be_read_denies_its_members() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.admin("CreateGroup", &[("GroupName", "g")]).await;
    let member = [("GroupName", "g"), ("UserName", "ana")];
    world.admin("AddUserToGroup", &member).await;
    world.allow_user("ana", &may("iam:ListUsers")).await;
    assert_eq!(world.iam(&ana, "ListUsers", &[]).await.status, 200);
    let mut group = (*world
        .identity
        .store()
        .snapshot()
        .get::<lakeward_identity::Group>(&format!("{ACCOUNT}/g"))
        .unwrap())
    .clone();
    group
        .attached
        .insert(format!("arn:aws:iam::{ACCOUNT}:policy/gone"));
    let put = |change: &mut lakeward_store::Change<'_>| {
        change.put(group);
        Ok::<_, lakeward_store::StoreError>(())
    };
    world.identity.store().change(put).await.unwrap();
    let refused = world.iam(&ana, "ListUsers", &[]).await;
    assert_eq!(refused.code(), "AccessDenied");
    assert!(
        refused.message().contains("policy/gone"),
        "{}",
        refused.message()
    );
}
