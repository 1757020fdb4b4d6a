//! Tags of users, roles and policies.

use crate::world::*;

#[tokio::test]
async fn iam_asks_about_the_tags_of_what_it_changes_and_makes() {
    let world = world().await;
    let trusts = ana();
    let ana = world.user("ana").await;
    let make = [
        ("Action", "CreateRole"),
        ("RoleName", "prod"),
        ("AssumeRolePolicyDocument", &*trusts),
        ("Tags.member.1.Key", "env"),
        ("Tags.member.1.Value", "prod"),
    ];
    assert_eq!(world.query(&world.root, "iam", &make).await.status, 200);
    world.role("test", &trusts).await;
    let statements = r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"},
        {"Effect":"Deny","Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/Env":"prod"}}},
        {"Effect":"Deny","Action":"iam:Create*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/env":"prod"}}},
        {"Effect":"Deny","Action":"iam:Create*","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":"secret"}}}"#;
    world.allow_user("ana", statements).await;
    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    for (role, status) in [("prod", 403), ("test", 200)] {
        let put = [
            ("Action", "PutRolePolicy"),
            ("RoleName", role),
            ("PolicyName", "p"),
            ("PolicyDocument", document),
        ];
        assert_eq!(
            world.query(&ana, "iam", &put).await.status,
            status,
            "{role}"
        );
        let get = [("Action", "GetRole"), ("RoleName", role)];
        assert_eq!(
            world.query(&ana, "iam", &get).await.status,
            status,
            "{role}"
        );
    }
    let profile = [
        ("Action", "CreateInstanceProfile"),
        ("InstanceProfileName", "machines"),
    ];
    assert_eq!(world.query(&ana, "iam", &profile).await.status, 200);
    for (role, status) in [("prod", 403), ("test", 200)] {
        let add = [
            ("Action", "AddRoleToInstanceProfile"),
            ("InstanceProfileName", "machines"),
            ("RoleName", role),
        ];
        assert_eq!(
            world.query(&ana, "iam", &add).await.status,
            status,
            "{role}"
        );
    }
    for (key, value, status) in [
        ("env", "prod", 403),
        ("secret", "x", 403),
        ("env", "test", 200),
    ] {
        let make = [
            ("Action", "CreateUser"),
            ("UserName", "new"),
            ("Tags.member.1.Key", key),
            ("Tags.member.1.Value", value),
        ];
        assert_eq!(
            world.query(&ana, "iam", &make).await.status,
            status,
            "{key}"
        );
    }
}

#[tokio::test]
async fn tags_are_set_replaced_and_removed_alike() {
    let world = world().await;
    world.user("x").await;
    world
        .role("x", &trust(r#"{"Service":"ec2.amazonaws.com"}"#))
        .await;
    let arn = world.policy("x", &may("s3:*")).await;
    for (kind, name) in [
        ("User", ("UserName", "x")),
        ("Role", ("RoleName", "x")),
        ("Policy", ("PolicyArn", &*arn)),
    ] {
        let set = async |key: &str, value: &str| {
            let tag = [
                name,
                ("Tags.member.1.Key", key),
                ("Tags.member.1.Value", value),
            ];
            world.iam(&world.root, &format!("Tag{kind}"), &tag).await
        };
        let tags = async || {
            let list = world.admin(&format!("List{kind}Tags"), &[name]).await;
            let pairs = list.texts("Key").into_iter().zip(list.texts("Value"));
            pairs
                .map(|(key, value)| format!("{key}={value}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(set("Team", "red").await.status, 200);
        assert_eq!(set("cost", "7").await.status, 200);
        assert_eq!(set("team", "blue").await.status, 200);
        assert_eq!(tags().await, ["cost=7", "team=blue"], "{kind}");
        let untag = [
            name,
            ("TagKeys.member.1", "COST"),
            ("TagKeys.member.2", "none"),
        ];
        world.admin(&format!("Untag{kind}"), &untag).await;
        assert_eq!(tags().await, ["team=blue"]);
        for (key, value, code) in [
            ("aws:x", "", "InvalidInput"),
            ("AWS:x", "", "InvalidInput"),
            ("", "", "ValidationError"),
            (&"k".repeat(129), "", "ValidationError"),
            ("k", &"v".repeat(257), "ValidationError"),
            ("k", "<", "ValidationError"),
        ] {
            assert_eq!(set(key, value).await.code(), code, "{key}");
        }
        for number in 0..49 {
            assert_eq!(set(&format!("k{number}"), "").await.status, 200);
        }
        assert_eq!(set("one-more", "").await.code(), "LimitExceeded");
        assert_eq!(set("k1", "again").await.status, 200);
    }
}

#[tokio::test]
async fn making_something_with_tags_needs_leave_to_tag_it() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.allow_user("ana", &may("iam:Create*")).await;
    let tag = [("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")];
    let (trust, text) = (
        trust(r#"{"Service":"ec2.amazonaws.com"}"#),
        document(&may("s3:*")),
    );
    let makings = [
        ("CreateUser", vec![("UserName", "x")], "iam:TagUser"),
        (
            "CreateRole",
            vec![("RoleName", "x"), ("AssumeRolePolicyDocument", &*trust)],
            "iam:TagRole",
        ),
        (
            "CreatePolicy",
            vec![("PolicyName", "x"), ("PolicyDocument", &*text)],
            "iam:TagPolicy",
        ),
    ];
    for (action, plain, needed) in makings {
        let tagged: Vec<_> = plain.iter().copied().chain(tag).collect();
        let refused = world.iam(&ana, action, &tagged).await;
        assert!(refused.message().contains(needed), "{}", refused.message());
        assert_eq!(world.iam(&ana, action, &plain).await.status, 200);
    }
}

#[tokio::test]
async fn a_policys_tags_are_asked_about() {
    let world = world().await;
    let ana = world.user("ana").await;
    let statement = r#"{"Effect":"Allow","Action":"iam:GetPolicy","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}}"#;
    world.allow_user("ana", statement).await;
    let text = document(&may("s3:*"));
    for (team, status) in [("red", 200), ("blue", 403)] {
        let made = [
            ("PolicyName", team),
            ("PolicyDocument", &*text),
            ("Tags.member.1.Key", "Team"),
            ("Tags.member.1.Value", team),
        ];
        let made = world.admin("CreatePolicy", &made).await;
        let policy = [("PolicyArn", made.text("Arn").unwrap())];
        assert_eq!(
            world.iam(&ana, "GetPolicy", &policy).await.status,
            status,
            "{team}"
        );
    }
}
