//! Sessions of users.

use crate::{
    desk::{EVERYTHING, ME, OPEN, admin, assume, own_session, role_may, root_does},
    world::{ACCOUNT, Reply, world},
};

#[tokio::test]
async fn a_users_session_is_the_user_but_for_iam_and_most_of_sts() {
    let world = world().await;
    let ana = admin(&world, "ana").await;
    world.role("reader", OPEN).await;
    let session = own_session(&world, &ana, &[]).await;
    assert_eq!(session.status, 200, "{}", session.body);
    let session = session.credentials();
    let me = world.query(&session, "sts", &ME).await;
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/ana");
    assert_eq!(me.text("Arn"), Some(&*arn));
    assert!(me.text("UserId").unwrap().starts_with("AIDA"));

    let iam = world
        .query(&session, "iam", &[("Action", "ListRoles")])
        .await;
    assert_eq!(
        (iam.status.as_u16(), iam.code()),
        (403, "InvalidClientTokenId")
    );
    for operation in ["GetSessionToken", "GetFederationToken"] {
        let parameters = [("Action", operation), ("Name", "bob")];
        let reply = world.query(&session, "sts", &parameters).await;
        assert_eq!(reply.code(), "AccessDenied", "{}", reply.body);
        let text = format!("Cannot call {operation} with session credentials");
        assert_eq!(reply.text("Message"), Some(&*text));
    }
    assert_eq!(assume(&world, &session, "reader", &[]).await.status, 200);
}

#[tokio::test]
async fn asking_for_a_session_needs_no_permission() {
    let world = world().await;
    let bo = world.user("bo").await;
    assert_eq!(own_session(&world, &bo, &[]).await.status, 200);
    let record = world.audit().pop().unwrap();
    assert_eq!(record["eventName"], "GetSessionToken");
    assert_eq!(record["userIdentity"]["type"], "IAMUser");
}

#[tokio::test]
async fn a_role_session_asks_for_no_session_of_a_user() {
    let world = world().await;
    let ana = admin(&world, "ana").await;
    world.role("reader", OPEN).await;
    role_may(&world, "reader", EVERYTHING).await;
    let role = assume(&world, &ana, "reader", &[]).await.credentials();
    let reply = own_session(&world, &role, &[]).await;
    assert_eq!(reply.code(), "AccessDenied");
}

#[tokio::test]
async fn a_session_outlives_its_key_but_not_its_user() {
    let world = world().await;
    let ana = world.user("ana").await;
    let session = own_session(&world, &ana, &[]).await.credentials();
    let key = ana.access_key_id();
    let off = [
        ("Action", "UpdateAccessKey"),
        ("UserName", "ana"),
        ("AccessKeyId", key),
        ("Status", "Inactive"),
    ];
    root_does(&world, &off).await;
    assert_eq!(world.query(&session, "sts", &ME).await.status, 200);
    let delete = [
        ("Action", "DeleteAccessKey"),
        ("UserName", "ana"),
        ("AccessKeyId", key),
    ];
    root_does(&world, &delete).await;
    assert_eq!(world.query(&session, "sts", &ME).await.status, 200);

    root_does(&world, &[("Action", "DeleteUser"), ("UserName", "ana")]).await;
    let gone = world.query(&session, "sts", &ME).await;
    assert_eq!(gone.code(), "InvalidClientTokenId");
    world.user("ana").await;
    let other = world.query(&session, "sts", &ME).await;
    assert_eq!(
        other.code(),
        "InvalidClientTokenId",
        "a user of the same name is another user"
    );
}

#[tokio::test]
async fn a_session_lasts_as_long_as_its_kind_allows() {
    let world = world().await;
    let ana = world.user("ana").await;
    for seconds in ["899", "129601"] {
        let refused = own_session(&world, &ana, &[("DurationSeconds", seconds)]).await;
        assert_eq!(refused.code(), "ValidationError", "{seconds}");
        assert!(refused.body.contains("durationSeconds"), "{}", refused.body);
    }
    let lasts = |reply: &Reply| {
        let end: jiff::Timestamp = reply.text("Expiration").unwrap().parse().unwrap();
        end.as_second() - jiff::Timestamp::now().as_second()
    };
    let long = own_session(&world, &ana, &[("DurationSeconds", "129600")]).await;
    assert!(lasts(&long) > 129_000);
    let usual = own_session(&world, &ana, &[]).await;
    assert!((42_000..=43_200).contains(&lasts(&usual)));
    let root = own_session(&world, &world.root, &[("DurationSeconds", "43200")]).await;
    assert!(lasts(&root) <= 3600, "a root user's session is shortened");
    let me = world.query(&root.credentials(), "sts", &ME).await;
    let arn = format!("arn:aws:iam::{ACCOUNT}:root");
    assert_eq!(me.text("Arn"), Some(&*arn));
}

#[tokio::test]
async fn conditions_tell_a_session_from_a_key() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.role("reader", OPEN).await;
    let may = |condition: &str| {
        format!(
            r#"{{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*","Condition":{condition}}}"#
        )
    };
    let session = own_session(&world, &ana, &[]).await.credentials();
    for (condition, key, token) in [
        (r#"{"Null":{"aws:TokenIssueTime":"false"}}"#, 403, 200),
        (
            r#"{"Null":{"aws:MultiFactorAuthPresent":"false"}}"#,
            403,
            200,
        ),
        (
            r#"{"Bool":{"aws:MultiFactorAuthPresent":"false"}}"#,
            403,
            200,
        ),
        (
            r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}"#,
            200,
            403,
        ),
        (r#"{"StringEquals":{"aws:username":"ana"}}"#, 200, 200),
    ] {
        world.allow_user("ana", &may(condition)).await;
        let answers = (
            assume(&world, &ana, "reader", &[]).await.status.as_u16(),
            assume(&world, &session, "reader", &[])
                .await
                .status
                .as_u16(),
        );
        assert_eq!(answers, (key, token), "{condition}");
    }
}

#[tokio::test]
async fn sessions_survive_one_change_of_the_signing_key() {
    let world = world().await;
    let ana = world.user("ana").await;
    let session = own_session(&world, &ana, &[]).await.credentials();
    world.identity.rotate_signing_key().await.unwrap();
    assert_eq!(world.query(&session, "sts", &ME).await.status, 200);
    let new = own_session(&world, &ana, &[]).await.credentials();
    assert_eq!(world.query(&new, "sts", &ME).await.status, 200);
    world.identity.rotate_signing_key().await.unwrap();
    assert_eq!(world.query(&session, "sts", &ME).await.status, 403);
    assert_eq!(world.query(&new, "sts", &ME).await.status, 200);
}
