//! Sessions that are over, without waiting for one to end.

use std::path::Path;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use lakeward::daemon::{StateFolder, schema};
use lakeward_client::Credentials;
use lakeward_store::{Record, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    exceptions::is_public,
    names::TRUST,
    requests::exchange,
    support::{self, ACCOUNT, World, assume, user, wire::Answer},
    town::Town,
};

/// Someone who knows the key that an instance seals its session tokens with, which only the
/// instance does.
pub struct Sealer(String);

/// The record in which the instance keeps that key.
#[derive(Serialize, Deserialize)]
struct SealingKey {
    key: String,
}

impl Record for SealingKey {
    const KIND: &'static str = "signing-key";

    fn key(&self) -> String {
        "session-token".to_owned()
    }
}

impl Sealer {
    /// Chooses the key of an instance before its first start.
    pub async fn install(room: &Path) -> Self {
        let folder = StateFolder::open(&room.join("state")).unwrap();
        let key = "a key that this test chose".to_owned();
        let record = SealingKey { key: key.clone() };
        let store = Store::open(&folder.database(), schema().record::<SealingKey>())
            .await
            .unwrap();
        let kept = store.change(|change| {
            change.put(record);
            Ok::<_, lakeward_store::StoreError>(())
        });
        kept.await.unwrap();
        Self(key)
    }

    /// A session of a role that may do everything, as the instance made it, but over.
    pub async fn expired(&self, world: &World) -> Credentials {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/visited");
        let visitor = format!("arn:aws:iam::{ACCOUNT}:user/visitor");
        let assume_it = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn},
        ]});
        let keys = user(&world.root, "visitor", Some(assume_it)).await;
        let create = [
            ("Action", "CreateRole"),
            ("RoleName", "visited"),
            ("AssumeRolePolicyDocument", TRUST),
        ];
        support::iam(&world.root, &create).await;
        support::also_trust(&world.root, "visited", &[&visitor]).await;
        let everything = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
        ]})
        .to_string();
        let put = [
            ("Action", "PutRolePolicy"),
            ("RoleName", "visited"),
            ("PolicyName", "everything"),
            ("PolicyDocument", &*everything),
        ];
        support::iam(&world.root, &put).await;
        let live = assume(&world.root.with_credentials(keys), &arn).await;
        self.end(&live)
    }

    /// The keys of a live session, as they are once it is over.
    pub fn end(&self, live: &Credentials) -> Credentials {
        let token = live.session_token().unwrap();
        let resealed = self.reseal(token, |_| {});
        assert_eq!(
            resealed, token,
            "the token is sealed as the instance does it"
        );
        let over = self.reseal(token, |claim| {
            claim["session"]["expires_at"] = claim["session"]["issued_at"].clone();
        });
        Credentials::temporary(live.access_key_id(), live.secret_access_key(), &over)
    }

    fn reseal(&self, token: &str, change: impl FnOnce(&mut Value)) -> String {
        let payload = BASE64_URL_SAFE_NO_PAD
            .decode(token.split('.').next().unwrap())
            .unwrap();
        let mut claim: Value = serde_json::from_slice(&payload).unwrap();
        change(&mut claim);
        let payload = serde_json::to_vec(&claim).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).unwrap();
        mac.update(b"session-token\0");
        mac.update(&payload);
        let seal = BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        format!("{}.{seal}", BASE64_URL_SAFE_NO_PAD.encode(payload))
    }
}

/// Asks STS with a key that may do everything.
async fn session(town: &Town, keys: &Credentials, operation: &str, input: Value) -> Credentials {
    let daemon = &town.world.daemon;
    let mut services = daemon.services();
    let sts = services.find(|service| service.signing_name() == "sts");
    let ask = exchange("sts", sts.unwrap().protocol(), operation, &input);
    let answer: Answer = town.world.sender.signed(&ask, keys).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = |element: &str| answer.one(element);
    Credentials::temporary(
        &text("AccessKeyId"),
        &text("SecretAccessKey"),
        &text("SessionToken"),
    )
}

#[tokio::test]
async fn sessions_of_users_and_of_those_they_federate_end_everywhere_too() {
    let town = Town::build().await;
    let everything = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
    ]});
    let keys = user(&town.world.root, "administrator", Some(everything.clone())).await;
    let federated = json!({"Name": "visitor", "Policy": everything.to_string()});
    let doors = town.doors();
    let databases = doors.iter().find(|door| door.operation == "GetDatabases");
    let databases = databases.unwrap();
    for (operation, input) in [
        ("GetSessionToken", json!({})),
        ("GetFederationToken", federated),
    ] {
        let live = session(&town, &keys, operation, input).await;
        let answer = town.world.sender.signed(&databases.exchange, &live).await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.text());
        let over = town.sealer.end(&live);
        for door in doors.iter().filter(|door| !is_public(door)) {
            let answer = town.world.sender.signed(&door.exchange, &over).await;
            let record = town.record(&answer);
            let code = record["errorCode"].as_str().unwrap_or_default();
            let at = format!("{operation}, {}: {}", door.name(), answer.text());
            assert!(
                ["ExpiredToken", "ExpiredTokenException"].contains(&code),
                "{at}"
            );
            assert!(answer.status >= 400, "{at}");
        }
    }
}
