//! A provider of tokens on this machine, and an account that trusts it.

use axum::{Json, Router, routing::get};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::Request;
use lakeward_identity::IssuerNetwork;
use lakeward_wire::{authority::CertificateAuthority, listener};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

use crate::world::{self, ACCOUNT, Reply, World};

/// The provider, and an account that trusts it.
pub struct Federation {
    pub world: World,
    pub issuer: String,
    pub pair: EcdsaKeyPair,
    pub authority: CertificateAuthority,
    pub _stop: watch::Sender<bool>,
    pub _dir: tempfile::TempDir,
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub fn key_pair() -> EcdsaKeyPair {
    let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let document = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random).unwrap()
}

pub fn documents(issuer: &str, pair: &EcdsaKeyPair) -> Router {
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let discovery = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")});
    let keys = json!({"keys": [
        {"kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": "ES256",
         "x": encode(x), "y": encode(y)},
    ]});
    Router::new()
        .route(
            "/.well-known/openid-configuration",
            get(async move || Json(discovery)),
        )
        .route("/keys", get(async move || Json(keys)))
}

/// A provider that runs, and an account that doesn't know it yet.
pub async fn provider() -> Federation {
    let dir = tempfile::tempdir().unwrap();
    let authority = CertificateAuthority::open(dir.path()).unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("https://{}", socket.local_addr().unwrap());
    let tls = authority.server_config(&["127.0.0.1".to_owned()]).unwrap();
    let (pair, (stop, stopped)) = (key_pair(), watch::channel(false));
    tokio::spawn(listener::serve(
        socket,
        tls,
        documents(&issuer, &pair),
        stopped,
    ));
    Federation {
        world: world::world().await,
        issuer,
        pair,
        authority,
        _stop: stop,
        _dir: dir,
    }
}

/// All set up, with a role `web` that the subject `repo:team` may assume.
pub async fn federation() -> Federation {
    let federation = provider().await;
    federation.trust_authority();
    federation.register(&["client"]).await;
    federation
        .role("web", &federation.subject_is("repo:team"))
        .await;
    federation
}

impl Federation {
    pub fn trust_authority(&self) {
        let network = IssuerNetwork {
            extra_roots_pem: Some(self.authority.certificate_pem().to_owned()),
            allow_loopback: true,
        };
        self.world.identity.reach_issuers(&network).unwrap();
    }

    pub fn host(&self) -> &str {
        self.issuer.strip_prefix("https://").unwrap()
    }

    pub fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{}", self.host())
    }

    pub async fn root(&self, parameters: &[(&str, &str)]) -> Reply {
        self.world.query(&self.world.root, "iam", parameters).await
    }

    pub async fn register(&self, clients: &[&str]) -> Reply {
        let names: Vec<String> = (1..=clients.len())
            .map(|i| format!("ClientIDList.member.{i}"))
            .collect();
        let mut parameters = vec![
            ("Action", "CreateOpenIDConnectProvider"),
            ("Url", &*self.issuer),
        ];
        parameters.extend(
            names
                .iter()
                .map(|name| &**name)
                .zip(clients.iter().copied()),
        );
        self.root(&parameters).await
    }

    pub fn subject_is(&self, subject: &str) -> String {
        format!(
            r#"{{"StringEquals":{{"{}:sub":"{subject}"}}}}"#,
            self.host()
        )
    }

    pub async fn role(&self, name: &str, condition: &str) {
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"{}"}},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{condition}}}]}}"#,
            self.arn()
        );
        let reply = self.world.role(name, &trust).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }

    pub fn claims(&self) -> Value {
        let now = jiff::Timestamp::now().as_second();
        json!({"iss": self.issuer, "aud": "client", "sub": "repo:team", "iat": now, "exp": now + 600})
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!(
            "{}.{}",
            encode(header.to_string()),
            encode(claims.to_string())
        );
        let signature = self
            .pair
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        format!("{signed}.{}", encode(signature))
    }

    /// A token with these claims in the place of the usual ones; null takes one away.
    pub fn token(&self, other: Value) -> String {
        let mut claims = self.claims();
        for (name, value) in other.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.sign(&json!({"alg": "ES256", "kid": "k1"}), &claims)
    }

    /// Asks without any signature, as AWS's clients do.
    pub async fn exchange(&self, role: &str, token: &str, more: &[(&str, &str)]) -> Reply {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
        let parameters = [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", &*arn),
            ("RoleSessionName", "here"),
            ("WebIdentityToken", token),
        ];
        let body = lakeward_client::form(parameters.iter().chain(more).copied());
        let request = Request::post("https://sts.us-east-1.amazonaws.com/")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap();
        self.world.send(request).await
    }
}
