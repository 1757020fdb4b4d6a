//! The operations that don't follow the rules, each with its reason.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    names::Names,
    refusals::Wrong,
    requests::{Door, every_door},
    town::Town,
};

/// Operations that answer even one who holds nothing.
const OPEN: [(&str, &str); 2] = [
    (
        "sts:GetCallerIdentity",
        "\"No permissions are required to perform this operation\", and no policy can deny it (STS API Reference)",
    ),
    (
        "sts:GetSessionToken",
        "\"No permissions are required for users to perform this operation\"; the credentials do what the user may do (STS API Reference)",
    ),
];

/// Operations that are called without a signature. What proves the caller is in the request.
const PUBLIC: [(&str, &str); 1] = [(
    "sts:AssumeRoleWithWebIdentity",
    "its caller has no AWS credentials yet, but a token of an identity provider (STS API Reference)",
)];

pub fn is_open(door: &Door) -> bool {
    OPEN.iter().any(|(name, _)| *name == door.name())
}

pub fn is_public(door: &Door) -> bool {
    PUBLIC.iter().any(|(name, _)| *name == door.name())
}

/// The operations that no policy is asked about, for the golden file.
pub fn listed() -> impl Iterator<Item = String> {
    let all = OPEN.iter().chain(&PUBLIC);
    all.map(|(name, reason)| format!("{name}: {reason}"))
}

#[tokio::test]
async fn only_these_operations_are_called_without_a_signature() {
    let town = Town::build().await;
    for service in town.world.daemon.services() {
        for operation in service.operations() {
            let name = format!("{}:{operation}", service.signing_name());
            let listed = PUBLIC.iter().any(|(public, _)| *public == name);
            assert_eq!(service.is_public(operation), listed, "{name}");
        }
    }
}

#[tokio::test]
async fn those_who_hold_nothing_learn_only_who_they_are() {
    let town = Town::build().await;
    let doors = every_door(&town.world.daemon, &town.names);
    let mut open = doors.iter().filter(|door| is_open(door));
    let identity = town.ask(open.next().unwrap(), Wrong::Holder).await;
    assert_eq!(identity.status, 200, "{}", identity.text());
    assert_eq!(identity.one("Arn"), town.nobody_arn());
    let session = town.ask(open.next().unwrap(), Wrong::Holder).await;
    assert_eq!(session.status, 200, "{}", session.text());
    assert!(open.next().is_none());
    let keys = lakeward_client::Credentials::temporary(
        &session.one("AccessKeyId"),
        &session.one("SecretAccessKey"),
        &session.one("SessionToken"),
    );
    // The session holds nothing either, and IAM and STS are closed to it altogether.
    for door in &doors {
        if door.name() == "sts:GetCallerIdentity" || is_public(door) {
            continue;
        }
        let answer = town.world.sender.signed(&door.exchange, &keys).await;
        let record = town.record(&answer);
        let code = match door.service {
            "iam" => "InvalidClientTokenId",
            _ => "AccessDenied",
        };
        if door.operation == "DeleteObjects" {
            assert_eq!(answer.one("Code"), code, "{}", answer.text());
            continue;
        }
        assert!((400..404).contains(&answer.status), "{}", door.name());
        let recorded = record["errorCode"].as_str().unwrap_or_default();
        let recorded = recorded.strip_suffix("Exception").unwrap_or(recorded);
        assert_eq!(recorded, code, "{}: {}", door.name(), answer.text());
    }
}

fn encoded(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token that looks right but for its signature.
fn token(algorithm: &str, issuer: &str) -> String {
    let header = json!({"alg": algorithm, "typ": "JWT", "kid": "1"});
    let claims = json!({
        "iss": issuer, "sub": "someone", "aud": "client", "iat": 1, "exp": 4_102_444_800_i64,
    });
    let signature = BASE64_URL_SAFE_NO_PAD.encode([7; 256]);
    format!("{}.{}.{signature}", encoded(&header), encoded(&claims))
}

#[tokio::test]
async fn a_junk_token_is_refused_and_audited() {
    let town = Town::build().await;
    let before = town.everything().await;
    let missing = Names::missing();
    let (own, foreign) = (town.names.get("issuer"), missing.get("issuer"));
    for junk in [
        "this.is.junk",
        "junk",
        "....",
        &token("none", own),
        &token("HS256", own),
        &token("RS256", foreign),
    ] {
        for names in [&town.names, &missing] {
            let mut names = names.clone();
            names.set("token", junk);
            let doors = every_door(&town.world.daemon, &names);
            let mut public = doors.iter().filter(|door| is_public(door));
            let door = public.next().unwrap();
            assert!(public.next().is_none());
            for wrong in Wrong::ALL {
                let answer = town.ask(door, wrong).await;
                let at = format!("{junk}, {wrong:?}: {}", answer.text());
                assert_eq!(
                    (answer.status, &*answer.code()),
                    (400, "InvalidIdentityToken"),
                    "{at}"
                );
                let record = town.record(&answer);
                assert_eq!(record["eventSource"], "sts.amazonaws.com", "{at}");
                assert_eq!(record["eventName"], door.operation, "{at}");
                assert_eq!(record["errorCode"], "InvalidIdentityToken", "{at}");
                let who = &record["userIdentity"];
                assert_eq!(who["type"], "Unknown", "{at}");
                assert!(who["arn"].is_null() && who["accessKeyId"].is_null(), "{at}");
                assert!(!record.to_string().contains(junk) || junk == "....", "{at}");
            }
        }
    }
    assert_eq!(town.everything().await, before);
}
