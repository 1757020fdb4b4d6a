//! Users.

use crate::world::*;

#[tokio::test]
async fn a_user_is_made_once_whatever_the_case() {
    let world = world().await;
    let made = [
        ("UserName", "Ana"),
        ("Path", "/team/"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "red"),
    ];
    let made = world.admin("CreateUser", &made).await;
    let id = made.text("UserId").unwrap();
    assert!(id.starts_with("AIDA") && id.len() == 21, "{id}");
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/team/Ana");
    assert_eq!(made.text("Arn"), Some(&*arn));
    assert_eq!(made.text("Key"), Some("team"));
    let again = world.refused("CreateUser", &[("UserName", "ana")]).await;
    assert_eq!(again, "EntityAlreadyExists");
    for name in ["", "a b", "a/b", &"a".repeat(65)] {
        let code = world.refused("CreateUser", &[("UserName", name)]).await;
        assert_eq!(code, "ValidationError", "{name}");
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = world().await;
    for number in 0..7 {
        let (name, path) = (format!("u{number}"), ["/even/", "/odd/"][number % 2]);
        let user = [("UserName", &*name), ("Path", path)];
        world.admin("CreateUser", &user).await;
    }
    let (mut found, mut marker, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let mut asked = vec![("MaxItems", "3")];
        if pages > 0 {
            asked.push(("Marker", &*marker));
        }
        let page = world.admin("ListUsers", &asked).await;
        pages += 1;
        found.extend(page.texts("UserName").into_iter().map(str::to_owned));
        let Some(next) = page.text("Marker") else {
            assert_eq!(page.text("IsTruncated"), Some("false"));
            break;
        };
        assert_eq!(page.text("IsTruncated"), Some("true"));
        marker = next.to_owned();
    }
    assert_eq!(found, ["u0", "u1", "u2", "u3", "u4", "u5", "u6"]);
    assert_eq!(pages, 3);
    let odd = world.admin("ListUsers", &[("PathPrefix", "/odd/")]).await;
    assert_eq!(odd.texts("UserName"), ["u1", "u3", "u5"]);
    for wrong in [
        [("Marker", "made-up"), ("MaxItems", "3")],
        [("Marker", &*marker), ("PathPrefix", "/odd/")],
        [("PathPrefix", "/"), ("MaxItems", "0")],
        [("PathPrefix", "/"), ("MaxItems", "1001")],
    ] {
        assert_eq!(
            world.refused("ListUsers", &wrong).await,
            "ValidationError",
            "{wrong:?}"
        );
    }
}

#[tokio::test]
async fn a_renamed_user_keeps_its_id_keys_groups_and_policies() {
    let world = world().await;
    let ana = world.user("ana").await;
    let id = world.admin("GetUser", &[("UserName", "ana")]).await;
    world
        .admin("CreateGroup", &[("GroupName", "readers")])
        .await;
    let member = [("GroupName", "readers"), ("UserName", "ana")];
    world.admin("AddUserToGroup", &member).await;
    let document = document(&may("iam:ListUsers"));
    let put = [
        ("GroupName", "readers"),
        ("PolicyName", "p"),
        ("PolicyDocument", &*document),
    ];
    world.admin("PutGroupPolicy", &put).await;
    let rename = [
        ("UserName", "ana"),
        ("NewUserName", "anna"),
        ("NewPath", "/x/"),
    ];
    world.admin("UpdateUser", &rename).await;

    let now = world.admin("GetUser", &[("UserName", "anna")]).await;
    assert_eq!(now.text("UserId"), id.text("UserId"));
    assert_eq!(now.text("Path"), Some("/x/"));
    assert_eq!(
        world.refused("GetUser", &[("UserName", "ana")]).await,
        "NoSuchEntity"
    );
    let me = world
        .query(&ana, "sts", &[("Action", "GetCallerIdentity")])
        .await;
    assert!(me.text("Arn").unwrap().ends_with(":user/x/anna"));
    assert_eq!(world.iam(&ana, "ListUsers", &[]).await.status, 200);
    let group = world.admin("GetGroup", &[("GroupName", "readers")]).await;
    assert_eq!(group.texts("UserName"), ["anna"]);

    world.user("bo").await;
    let taken = [("UserName", "bo"), ("NewUserName", "ANNA")];
    assert_eq!(
        world.refused("UpdateUser", &taken).await,
        "EntityAlreadyExists"
    );
    let case = [("UserName", "bo"), ("NewUserName", "BO")];
    world.admin("UpdateUser", &case).await;
    assert_eq!(
        world.admin("ListUsers", &[]).await.texts("UserName"),
        ["anna", "BO"]
    );
}

#[tokio::test]
async fn renaming_needs_leave_for_both_names() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.user("bo").await;
    let statement = format!(
        r#"{{"Effect":"Allow","Action":"iam:UpdateUser","Resource":["arn:aws:iam::{ACCOUNT}:user/bo","arn:aws:iam::{ACCOUNT}:user/b/*"]}}"#
    );
    world.allow_user("ana", &statement).await;
    let out = [("UserName", "bo"), ("NewUserName", "root-like")];
    assert_eq!(
        world.iam(&ana, "UpdateUser", &out).await.code(),
        "AccessDenied"
    );
    let within = [("UserName", "bo"), ("NewPath", "/b/")];
    assert_eq!(world.iam(&ana, "UpdateUser", &within).await.status, 200);
}

#[tokio::test]
async fn a_user_goes_only_when_nothing_hangs_on_it() {
    let world = world().await;
    let arn = world.policy("p", &may("s3:*")).await;
    world.user("ana").await;
    world.admin("CreateGroup", &[("GroupName", "g")]).await;
    let name = ("UserName", "ana");
    world
        .admin("AddUserToGroup", &[name, ("GroupName", "g")])
        .await;
    world
        .admin("AttachUserPolicy", &[name, ("PolicyArn", &arn)])
        .await;
    world.allow_user("ana", &may("s3:*")).await;
    let key = world.admin("ListAccessKeys", &[name]).await;
    let key = key.text("AccessKeyId").unwrap().to_owned();
    let steps = [
        (
            "detach all policies",
            "DetachUserPolicy",
            ("PolicyArn", &*arn),
        ),
        ("delete policies", "DeleteUserPolicy", ("PolicyName", "p")),
        (
            "remove users from group",
            "RemoveUserFromGroup",
            ("GroupName", "g"),
        ),
        (
            "delete access keys",
            "DeleteAccessKey",
            ("AccessKeyId", &*key),
        ),
    ];
    for (text, action, what) in steps {
        let reply = world.iam(&world.root, "DeleteUser", &[name]).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (409, "DeleteConflict"),
            "{text}"
        );
        assert!(reply.message().contains(text), "{}", reply.message());
        world.admin(action, &[name, what]).await;
    }
    world.admin("DeleteUser", &[name]).await;
    assert_eq!(world.refused("DeleteUser", &[name]).await, "NoSuchEntity");
}

#[tokio::test]
async fn root_is_a_user_too() {
    let world = world().await;
    let root = world.admin("GetUser", &[]).await;
    assert_eq!(root.text("UserId"), Some(ACCOUNT));
    assert_eq!(root.text("UserName"), None);
}

#[tokio::test]
async fn a_hidden_user_and_a_missing_user_look_alike() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.user("bo").await;
    let of = async |name: &str| {
        let reply = world.iam(&ana, "GetUser", &[("UserName", name)]).await;
        (reply.status, reply.message().replace("cy", "bo"))
    };
    assert_eq!(of("bo").await, of("cy").await);
}
