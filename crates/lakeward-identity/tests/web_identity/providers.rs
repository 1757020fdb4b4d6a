//! The providers of an account.

use serde_json::json;

use crate::{provider::federation, world::ACCOUNT};

#[tokio::test]
async fn a_provider_has_a_life_of_its_own() {
    let federation = federation().await;
    let arn = federation.arn();
    let named = |action| [("Action", action), ("OpenIDConnectProviderArn", &*arn)];
    let with = async |action: &str, name: &str, value: &str| {
        let parameters = [
            ("Action", action),
            ("OpenIDConnectProviderArn", &*arn),
            (name, value),
        ];
        let reply = federation.root(&parameters).await;
        assert_eq!(reply.status, 200, "{action} {}", reply.body);
    };
    let again = federation.register(&["client"]).await;
    assert_eq!(
        (again.status.as_u16(), again.code()),
        (409, "EntityAlreadyExists")
    );
    let shown = federation.root(&named("GetOpenIDConnectProvider")).await;
    assert_eq!(shown.text("Url"), Some(federation.host()), "{}", shown.body);
    assert!(shown.body.contains("<member>client</member>"));
    let listed = federation
        .root(&[("Action", "ListOpenIDConnectProviders")])
        .await;
    assert_eq!(listed.text("Arn"), Some(&*arn));

    let token = || federation.token(json!({"aud": "second"}));
    assert_eq!(federation.exchange("web", &token(), &[]).await.status, 400);
    with("AddClientIDToOpenIDConnectProvider", "ClientID", "second").await;
    assert_eq!(federation.exchange("web", &token(), &[]).await.status, 200);
    with(
        "RemoveClientIDFromOpenIDConnectProvider",
        "ClientID",
        "second",
    )
    .await;
    assert_eq!(federation.exchange("web", &token(), &[]).await.status, 400);

    let print = "0123456789abcdef0123456789abcdef01234567";
    with(
        "UpdateOpenIDConnectProviderThumbprint",
        "ThumbprintList.member.1",
        print,
    )
    .await;
    let tag = [
        ("Action", "TagOpenIDConnectProvider"),
        ("OpenIDConnectProviderArn", &*arn),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "x"),
    ];
    assert_eq!(federation.root(&tag).await.status, 200);
    let shown = federation.root(&named("GetOpenIDConnectProvider")).await;
    assert!(
        shown.body.contains(print) && shown.body.contains("team"),
        "{}",
        shown.body
    );
    with("UntagOpenIDConnectProvider", "TagKeys.member.1", "Team").await;
    let tags = federation
        .root(&named("ListOpenIDConnectProviderTags"))
        .await;
    assert!(!tags.body.contains("team"), "{}", tags.body);

    for _ in 0..2 {
        let deleted = federation.root(&named("DeleteOpenIDConnectProvider")).await;
        assert_eq!(deleted.status, 200, "{}", deleted.body);
    }
    let gone = federation.root(&named("GetOpenIDConnectProvider")).await;
    assert_eq!((gone.status.as_u16(), gone.code()), (404, "NoSuchEntity"));
    let reply = federation
        .exchange("web", &federation.token(json!({})), &[])
        .await;
    assert!(
        reply.body.contains("No OpenIDConnect provider found"),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn a_hidden_provider_and_a_missing_one_look_alike() {
    let federation = federation().await;
    let bo = federation.world.user("bo").await;
    let ask = async |arn: &str| {
        let parameters = [
            ("Action", "GetOpenIDConnectProvider"),
            ("OpenIDConnectProviderArn", arn),
        ];
        federation.world.query(&bo, "iam", &parameters).await
    };
    let there = federation.arn();
    let missing = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/nowhere.example.com");
    let (hidden, absent) = (ask(&there).await, ask(&missing).await);
    assert_eq!(
        (hidden.code(), absent.code()),
        ("AccessDenied", "AccessDenied")
    );
    let text = absent.text("Message").unwrap().replace(&missing, &there);
    let cut = |text: &str| text.split("Encoded").next().unwrap().to_owned();
    assert_eq!(cut(hidden.text("Message").unwrap()), cut(&text));
}
