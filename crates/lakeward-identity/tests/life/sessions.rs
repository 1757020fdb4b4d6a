//! Sessions of roles.

use crate::world::*;

#[tokio::test]
async fn assuming_needs_the_trust_policy_to_name_the_caller() {
    let world = world().await;
    let (ana, bo) = (world.user("ana").await, world.user("bo").await);
    assert_eq!(world.role("reader", &self::ana()).await.status, 200);
    let session = world.assume(&ana, "reader", &[]).await;
    assert_eq!(session.status, 200, "{}", session.body);
    let me = world
        .query(
            &session.credentials(),
            "sts",
            &[("Action", "GetCallerIdentity")],
        )
        .await;
    assert_eq!(
        me.text("Arn").unwrap(),
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/reader/here")
    );

    let hidden = world.assume(&bo, "reader", &[]).await;
    let missing = world.assume(&bo, "nobody", &[]).await;
    assert_eq!(
        (hidden.status.as_u16(), hidden.code()),
        (403, "AccessDenied")
    );
    let text = |reply: &Reply| reply.text("Message").unwrap().replace("nobody", "reader");
    assert_eq!(
        text(&hidden),
        text(&missing),
        "a hidden role and a missing role look alike"
    );
}

#[tokio::test]
async fn a_session_policy_narrows_and_a_deleted_role_ends_its_sessions() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.role("admin", &self::ana()).await;
    let everything =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let put = [
        ("Action", "PutRolePolicy"),
        ("RoleName", "admin"),
        ("PolicyName", "p"),
        ("PolicyDocument", everything),
    ];
    world.query(&world.root, "iam", &put).await;

    let list = [("Action", "ListRoles")];
    let whole = world.assume(&ana, "admin", &[]).await.credentials();
    assert_eq!(world.query(&whole, "iam", &list).await.status, 200);
    let narrow =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let narrowed = world
        .assume(&ana, "admin", &[("Policy", narrow)])
        .await
        .credentials();
    assert_eq!(
        world.query(&narrowed, "iam", &list).await.code(),
        "AccessDenied"
    );

    let root = &world.root;
    world
        .query(
            root,
            "iam",
            &[
                ("Action", "DeleteRolePolicy"),
                ("RoleName", "admin"),
                ("PolicyName", "p"),
            ],
        )
        .await;
    assert_eq!(
        world.query(&whole, "iam", &list).await.code(),
        "AccessDenied",
        "revocation is felt at once"
    );
    world
        .query(
            root,
            "iam",
            &[("Action", "DeleteRole"), ("RoleName", "admin")],
        )
        .await;
    world.role("admin", &self::ana()).await;
    let gone = world
        .query(&whole, "sts", &[("Action", "GetCallerIdentity")])
        .await;
    assert_eq!(
        gone.code(),
        "InvalidClientTokenId",
        "a role of the same name is another role"
    );
}

#[tokio::test]
async fn source_identity_and_tags_need_their_own_permissions() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.role("reader", &self::ana()).await;
    let tags = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "x")];
    assert_eq!(world.assume(&ana, "reader", &tags).await.status, 200);
    let refused = world
        .assume(&ana, "reader", &[("SourceIdentity", "ana")])
        .await;
    assert!(
        refused.body.contains("sts:SetSourceIdentity"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn a_chain_keeps_its_source_identity_and_is_an_hour_at_most() {
    let world = world().await;
    let ana = world.user("ana").await;
    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:*"}]}"#;
    world.role("one", open).await;
    world.role("two", open).await;
    let may = r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#;
    world.allow_user("ana", may).await;
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{may}]}}"#);
    let put = [
        ("Action", "PutRolePolicy"),
        ("RoleName", "one"),
        ("PolicyName", "p"),
        ("PolicyDocument", &*document),
    ];
    world.query(&world.root, "iam", &put).await;

    let one = world
        .assume(&ana, "one", &[("SourceIdentity", "ana")])
        .await
        .credentials();
    let two = world.assume(&one, "two", &[]).await;
    assert_eq!(two.text("SourceIdentity"), Some("ana"));
    assert_eq!(
        world
            .assume(&one, "two", &[("SourceIdentity", "bo")])
            .await
            .code(),
        "AccessDenied"
    );
    assert_eq!(
        world
            .assume(&one, "two", &[("DurationSeconds", "3601")])
            .await
            .code(),
        "ValidationError"
    );
}

#[tokio::test]
async fn a_transitive_tag_is_not_overridden_in_another_case() {
    let world = world().await;
    let ana = world.user("ana").await;
    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:*"}]}"#;
    world.role("one", open).await;
    // Only the department's own people may be here.
    let hr = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:*","Condition":{"StringEquals":{"aws:RequestTag/department":"hr"}}}]}"#;
    world.role("two", hr).await;
    let may = r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#;
    world.allow_user("ana", may).await;
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{may}]}}"#);
    let put = [
        ("Action", "PutRolePolicy"),
        ("RoleName", "one"),
        ("PolicyName", "p"),
        ("PolicyDocument", &*document),
    ];
    world.query(&world.root, "iam", &put).await;
    let tagged = [
        ("Tags.member.1.Key", "Department"),
        ("Tags.member.1.Value", "sales"),
        ("TransitiveTagKeys.member.1", "Department"),
    ];
    let one = world.assume(&ana, "one", &tagged).await.credentials();
    for key in ["Department", "department"] {
        let other = [("Tags.member.1.Key", key), ("Tags.member.1.Value", "hr")];
        let answer = world.assume(&one, "two", &other).await;
        assert_ne!(answer.status, 200, "{key}");
    }
}

#[tokio::test]
async fn a_denial_by_the_tags_of_a_role_holds() {
    let world = world().await;
    let ana = world.user("ana").await;
    let make = [
        ("Action", "CreateRole"),
        ("RoleName", "prod"),
        (
            "AssumeRolePolicyDocument",
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}"#,
        ),
        ("Tags.member.1.Key", "env"),
        ("Tags.member.1.Value", "prod"),
    ];
    assert_eq!(world.query(&world.root, "iam", &make).await.status, 200);
    let statements = r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"},{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/env":"prod"}}}"#;
    world.allow_user("ana", statements).await;
    assert_eq!(world.assume(&ana, "prod", &[]).await.code(), "AccessDenied");
}

#[tokio::test]
async fn tags_have_no_case() {
    let world = world().await;
    let trusts = ana();
    let ana = world.user("ana").await;
    world
        .allow_user(
            "ana",
            r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#,
        )
        .await;
    world.role("one", &trusts).await;
    let twice = [
        ("Tags.member.1.Key", "Team"),
        ("Tags.member.1.Value", "a"),
        ("Tags.member.2.Key", "team"),
        ("Tags.member.2.Value", "b"),
    ];
    let answer = world.assume(&ana, "one", &twice).await;
    assert_eq!(answer.code(), "InvalidParameterValue");
    let make = [("Action", "CreateUser"), ("UserName", "twice")];
    let make: Vec<_> = make.into_iter().chain(twice).collect();
    let answer = world.query(&world.root, "iam", &make).await;
    assert_eq!(answer.code(), "InvalidInput");
    let unknown = [("TransitiveTagKeys.member.1", "Team")];
    let answer = world.assume(&ana, "one", &unknown).await;
    assert_eq!(answer.code(), "InvalidParameterValue");
}

#[tokio::test]
async fn a_session_tag_wins_over_the_roles_own_in_any_case() {
    let world = world().await;
    let trusts = ana();
    let ana = world.user("ana").await;

    let make = [
        ("Action", "CreateRole"),
        ("RoleName", "one"),
        ("AssumeRolePolicyDocument", &*trusts),
        ("Tags.member.1.Key", "department"),
        ("Tags.member.1.Value", "hr"),
    ];
    assert_eq!(world.query(&world.root, "iam", &make).await.status, 200);
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/department":"sales"}}}]}"#;
    let put = [
        ("Action", "PutRolePolicy"),
        ("RoleName", "one"),
        ("PolicyName", "p"),
        ("PolicyDocument", document),
    ];
    assert_eq!(world.query(&world.root, "iam", &put).await.status, 200);
    let tagged = [
        ("Tags.member.1.Key", "Department"),
        ("Tags.member.1.Value", "sales"),
    ];
    let list = [("Action", "ListUsers")];
    let one = world.assume(&ana, "one", &tagged).await.credentials();
    assert_eq!(world.query(&one, "iam", &list).await.status, 200);
    let plain = world.assume(&ana, "one", &[]).await.credentials();
    assert_eq!(
        world.query(&plain, "iam", &list).await.code(),
        "AccessDenied"
    );
}
