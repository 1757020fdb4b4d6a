//! What a believed token opens.

use bytes::Bytes;
use http::Request;
use serde_json::json;

use crate::{provider::federation, world::ACCOUNT};

#[tokio::test]
async fn a_token_becomes_a_session() {
    let federation = federation().await;
    let granted = federation
        .exchange("web", &federation.token(json!({})), &[])
        .await;
    assert_eq!(granted.status, 200, "{}", granted.body);
    assert_eq!(
        granted.text("SubjectFromWebIdentityToken"),
        Some("repo:team")
    );
    assert_eq!(granted.text("Audience"), Some("client"));
    assert_eq!(granted.text("Provider"), Some(&*federation.arn()));
    let session = granted.credentials();
    let me = [("Action", "GetCallerIdentity")];
    let me = federation.world.query(&session, "sts", &me).await;
    let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/web/here");
    assert_eq!(me.text("Arn"), Some(&*arn));

    let audit = federation.world.audit();
    let exchanged = audit
        .iter()
        .find(|record| record["eventName"] == "AssumeRoleWithWebIdentity")
        .unwrap();
    let who = &exchanged["userIdentity"];
    assert_eq!(who["type"], "WebIdentityUser");
    assert_eq!(who["userName"], "repo:team");
    assert_eq!(who["identityProvider"], federation.arn());
    assert_eq!(exchanged["recipientAccountId"], ACCOUNT);
    let text = exchanged.to_string();
    assert!(!text.contains(&federation.token(json!({}))[..40]), "{text}");
    let used = &audit.last().unwrap()["userIdentity"]["sessionContext"];
    assert_eq!(
        used["webIdFederationData"]["federatedProvider"],
        federation.arn()
    );
}

#[tokio::test]
async fn a_signature_beside_the_token_does_not_matter() {
    let federation = federation().await;
    let bo = federation.world.user("bo").await;
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/web");
    let token = federation.token(json!({}));
    let parameters = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("RoleArn", &*arn),
        ("RoleSessionName", "here"),
        ("WebIdentityToken", &*token),
    ];
    let reply = federation.world.query(&bo, "sts", &parameters).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test]
async fn a_signature_for_another_service_is_not_passed_over() {
    let federation = federation().await;
    let form = format!(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn:aws:iam::{ACCOUNT}:role/web&RoleSessionName=here&WebIdentityToken={}",
        federation.token(json!({}))
    );
    for (authorization, code) in [
        (made_up("iam"), "InvalidClientTokenId"),
        (made_up("nobody"), "UnknownService"),
        (
            "AWS4-HMAC-SHA256 nonsense".to_owned(),
            "IncompleteSignature",
        ),
    ] {
        let request = Request::post("https://localhost/")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-amz-date", "20260101T000000Z")
            .header("authorization", &authorization)
            .body(Bytes::from(form.clone()))
            .unwrap();
        let reply = federation.world.send(request).await;
        let body = reply.body.to_string();
        assert!(body.contains(code), "{authorization}: {body}");
    }
}

/// A header that claims to be signed for a service.
fn made_up(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIAXXXXXXXXXXXXXXXX/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host;x-amz-date, Signature={}",
        "0".repeat(64)
    )
}

#[tokio::test]
async fn other_operations_still_need_a_signature() {
    let federation = federation().await;
    for body in [
        "Action=AssumeRole&RoleArn=arn:aws:iam::111122223333:role/web&RoleSessionName=here",
        "Action=AssumeRoleWithWebIdentity2&Version=2011-06-15",
        "Action=ListUsers&Version=2010-05-08",
    ] {
        let request = Request::post("https://sts.us-east-1.amazonaws.com/")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap();
        let reply = federation.world.send(request).await;
        assert_eq!(reply.code(), "MissingAuthenticationToken", "{body}");
    }
}

#[tokio::test]
async fn the_trust_policy_decides_and_hides_whether_the_role_is_there() {
    let federation = federation().await;
    let other = federation.token(json!({"sub": "repo:other"}));
    let refused = federation.exchange("web", &other, &[]).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (403, "AccessDenied")
    );
    let text = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    assert_eq!(refused.text("Message"), Some(text));
    let missing = federation.exchange("nobody", &other, &[]).await;
    assert_eq!(
        (missing.code(), missing.text("Message")),
        ("AccessDenied", Some(text))
    );

    let people = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"sts:*"}}]}}"#
    );
    federation.world.role("people", &people).await;
    let reply = federation
        .exchange("people", &federation.token(json!({})), &[])
        .await;
    assert_eq!(
        reply.code(),
        "AccessDenied",
        "naming the account is not naming its provider"
    );
}

#[tokio::test]
async fn conditions_see_what_the_token_says() {
    let federation = federation().await;
    let host = federation.host().to_owned();
    let tags = "https://aws.amazon.com/tags";
    let token = federation.token(json!({
        "amr": ["mfa", "pwd"],
        tags: {"principal_tags": {"team": ["x"]}, "transitive_tag_keys": ["team"]},
    }));
    for (i, (condition, status)) in [
        (
            format!(r#"{{"StringEquals":{{"{host}:aud":"client"}}}}"#),
            200,
        ),
        (
            format!(r#"{{"StringEquals":{{"{host}:aud":"other"}}}}"#),
            403,
        ),
        (
            format!(r#"{{"StringLike":{{"{host}:sub":"repo:*"}}}}"#),
            200,
        ),
        (
            format!(r#"{{"ForAnyValue:StringEquals":{{"{host}:amr":"mfa"}}}}"#),
            200,
        ),
        (
            format!(r#"{{"ForAnyValue:StringEquals":{{"{host}:amr":"otp"}}}}"#),
            403,
        ),
        (
            r#"{"StringEquals":{"aws:RequestTag/team":"x"}}"#.to_owned(),
            200,
        ),
        (
            r#"{"StringEquals":{"aws:RequestTag/team":"y"}}"#.to_owned(),
            403,
        ),
        (
            r#"{"StringEquals":{"sts:RoleSessionName":"here"}}"#.to_owned(),
            200,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let role = format!("role{i}");
        federation.role(&role, &condition).await;
        let reply = federation.exchange(&role, &token, &[]).await;
        assert_eq!(reply.status, status, "{condition} {}", reply.body);
    }
}

#[tokio::test]
async fn a_session_keeps_tags_and_provider() {
    let federation = federation().await;
    let tags = "https://aws.amazon.com/tags";
    let claims = json!({tags: {"principal_tags": {"team": "x"}}});
    let granted = federation
        .exchange("web", &federation.token(claims), &[])
        .await;
    let session = granted.credentials();
    for (condition, status) in [
        (
            r#"{"StringEquals":{"aws:PrincipalTag/team":"x"}}"#.to_owned(),
            200,
        ),
        (
            r#"{"StringEquals":{"aws:PrincipalTag/team":"y"}}"#.to_owned(),
            403,
        ),
        (
            format!(
                r#"{{"StringEquals":{{"aws:FederatedProvider":"{}"}}}}"#,
                federation.arn()
            ),
            200,
        ),
    ] {
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{condition}}}}}"#
        );
        let put = [
            ("Action", "PutRolePolicy"),
            ("RoleName", "web"),
            ("PolicyName", "p"),
            ("PolicyDocument", &*document),
        ];
        assert_eq!(federation.root(&put).await.status, 200);
        let list = [("Action", "ListUsers")];
        let reply = federation.world.query(&session, "iam", &list).await;
        assert_eq!(reply.status, status, "{condition}");
    }
}

#[tokio::test]
async fn a_source_identity_needs_the_trust_policys_word() {
    let federation = federation().await;
    let claims = json!({"https://aws.amazon.com/source_identity": "ana"});
    let reply = federation
        .exchange("web", &federation.token(claims.clone()), &[])
        .await;
    assert_eq!(
        reply.code(),
        "AccessDenied",
        "sts:SetSourceIdentity is not allowed"
    );
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"{}"}},"Action":"sts:*"}}]}}"#,
        federation.arn()
    );
    federation.world.role("open", &trust).await;
    let reply = federation
        .exchange("open", &federation.token(claims), &[])
        .await;
    assert_eq!(reply.text("SourceIdentity"), Some("ana"), "{}", reply.body);
}
