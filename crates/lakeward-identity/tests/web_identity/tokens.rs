//! What tokens are believed.

use lakeward_identity::IssuerNetwork;
use serde_json::{Value, json};

use crate::provider::{encode, federation, key_pair, provider};

#[tokio::test]
async fn each_way_a_token_can_be_wrong_has_its_error() {
    let federation = federation().await;
    let now = jiff::Timestamp::now().as_second();
    let token = |claims| federation.token(claims);
    let headed = |header: Value| federation.sign(&header, &federation.claims());
    let good = token(json!({}));
    let (rest, signature) = good.rsplit_once('.').unwrap();
    let mut flipped = signature.to_owned();
    let last = if flipped.pop() == Some('A') { 'Q' } else { 'A' };
    flipped.push(last);
    let unsigned = format!(
        "{}.{}.",
        encode(r#"{"alg":"none"}"#),
        encode(federation.claims().to_string())
    );
    for (name, token, code, text) in [
        (
            "expired",
            token(json!({"exp": now - 1})),
            "ExpiredTokenException",
            "Token expired: current date/time",
        ),
        (
            "no end",
            token(json!({"exp": null})),
            "InvalidIdentityToken",
            "Missing a required claim: exp",
        ),
        (
            "no subject",
            token(json!({"sub": null})),
            "InvalidIdentityToken",
            "Missing a required claim: sub",
        ),
        (
            "early",
            token(json!({"nbf": now + 3600})),
            "InvalidIdentityToken",
            "nbf",
        ),
        (
            "made later",
            token(json!({"iat": now + 3600})),
            "InvalidIdentityToken",
            "iat",
        ),
        (
            "audience",
            token(json!({"aud": "other"})),
            "InvalidIdentityToken",
            "Incorrect token audience",
        ),
        (
            "party",
            token(json!({"azp": "other"})),
            "InvalidIdentityToken",
            "Incorrect token audience",
        ),
        (
            "issuer",
            token(json!({"iss": "https://idp.example.com"})),
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://idp.example.com",
        ),
        (
            "key",
            headed(json!({"alg": "ES256", "kid": "k2"})),
            "InvalidIdentityToken",
            "verification key",
        ),
        ("none", unsigned, "InvalidIdentityToken", "algorithm"),
        (
            "shared key",
            headed(json!({"alg": "HS256", "kid": "k1"})),
            "InvalidIdentityToken",
            "algorithm",
        ),
        (
            "other kind",
            headed(json!({"alg": "RS256", "kid": "k1"})),
            "InvalidIdentityToken",
            "verification key",
        ),
        (
            "altered",
            format!("{rest}.{flipped}"),
            "InvalidIdentityToken",
            "",
        ),
        (
            "not a token",
            "abcdef".to_owned(),
            "InvalidIdentityToken",
            "not a valid JWT",
        ),
        (
            "short",
            "abc".to_owned(),
            "ValidationError",
            "WebIdentityToken",
        ),
        (
            "long",
            "x".repeat(20_001),
            "ValidationError",
            "WebIdentityToken",
        ),
    ] {
        let reply = federation.exchange("web", &token, &[]).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (400, code),
            "{name}: {}",
            reply.body
        );
        assert!(reply.body.contains(text), "{name}: {}", reply.body);
        let record = federation.world.audit().pop().unwrap();
        assert_eq!(record["eventName"], "AssumeRoleWithWebIdentity", "{name}");
        assert_eq!(record["errorCode"], code, "{name}");
    }
}

#[tokio::test]
async fn a_token_of_another_key_under_the_same_name_is_refused() {
    let mut federation = federation().await;
    federation.pair = key_pair();
    let reply = federation
        .exchange("web", &federation.token(json!({})), &[])
        .await;
    assert_eq!(reply.code(), "InvalidIdentityToken");
    assert!(
        reply.body.contains("could not be validated"),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn an_issuer_whose_certificate_is_not_trusted_is_not_believed() {
    let federation = provider().await;
    let network = IssuerNetwork {
        extra_roots_pem: None,
        allow_loopback: true,
    };
    federation.world.identity.reach_issuers(&network).unwrap();
    federation.register(&["client"]).await;
    federation
        .role("web", &federation.subject_is("repo:team"))
        .await;
    let reply = federation
        .exchange("web", &federation.token(json!({})), &[])
        .await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (400, "IDPCommunicationError")
    );
    assert!(federation.world.identity.reach_issuers(&network).is_err());
}

#[tokio::test]
async fn an_issuer_on_this_machine_needs_the_operators_word() {
    let federation = provider().await;
    let network = IssuerNetwork {
        extra_roots_pem: Some(federation.authority.certificate_pem().to_owned()),
        allow_loopback: false,
    };
    federation.world.identity.reach_issuers(&network).unwrap();
    federation.register(&["client"]).await;
    federation
        .role("web", &federation.subject_is("repo:team"))
        .await;
    let reply = federation
        .exchange("web", &federation.token(json!({})), &[])
        .await;
    assert_eq!(reply.code(), "IDPCommunicationError", "{}", reply.body);
}
