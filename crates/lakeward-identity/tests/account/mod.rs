//! One account behind the dispatcher, asked as a client asks.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use bytes::Bytes;
use http::Request;
use lakeward_client::{Credentials, Signer};
use lakeward_identity::{AuditTrail, Front, Identity, iam, organizations, schema, sts_service};
use lakeward_store::{Schema, Store};

pub const ACCOUNT: &str = "111122223333";

pub struct Account {
    pub front: Front,
    pub identity: Arc<Identity>,
    pub root: Credentials,
    _dir: tempfile::TempDir,
}

pub struct Reply {
    pub status: u16,
    pub body: String,
}

impl Reply {
    /// The text of the first element of this name.
    pub fn text(&self, name: &str) -> &str {
        lakeward_client::element(&self.body, name)
            .unwrap_or_else(|| panic!("{name}: {}", self.body))
    }

    /// The texts of all elements of this name.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let parts = self.body.split(&open).skip(1);
        parts
            .map(|part| part.split(&close).next().unwrap())
            .collect()
    }
}

pub async fn account() -> Account {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("state.db"), schema(Schema::new()))
        .await
        .unwrap();
    let audit = AuditTrail::open(dir.path()).unwrap();
    let identity = Identity::open(store, audit, "us-east-1").await.unwrap();
    let key = identity.ensure_account(ACCOUNT).await.unwrap();
    let services = [
        iam::service(&identity),
        sts_service(&identity),
        organizations::service(&identity),
    ];
    Account {
        front: Front::new(&identity, services),
        root: Credentials::permanent(&key.id, key.secret.expose()),
        identity,
        _dir: dir,
    }
}

impl Account {
    pub async fn send(&self, who: &Credentials, service: &str, request: Request<Bytes>) -> Reply {
        let signed = Signer::new(who, "us-east-1", service)
            .sign(request)
            .unwrap();
        let response = self
            .front
            .serve(signed, IpAddr::V4(Ipv4Addr::LOCALHOST))
            .await;
        Reply {
            status: response.status().as_u16(),
            body: String::from_utf8(response.body().to_vec()).unwrap(),
        }
    }

    pub async fn iam_as(
        &self,
        who: &Credentials,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Reply {
        let whole = [("Action", operation), ("Version", "2010-05-08")];
        let body = lakeward_client::form(whole.into_iter().chain(parameters.iter().copied()));
        let request = Request::post("https://iam.amazonaws.com/")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap();
        self.send(who, "iam", request).await
    }

    /// As the account's root, and it has to work.
    pub async fn iam(&self, operation: &str, parameters: &[(&str, &str)]) -> Reply {
        let reply = self.iam_as(&self.root, operation, parameters).await;
        assert_eq!(reply.status, 200, "{operation}: {}", reply.body);
        reply
    }

    /// As the account's root, and it has to be refused; the code.
    pub async fn refused(&self, operation: &str, parameters: &[(&str, &str)]) -> String {
        let reply = self.iam_as(&self.root, operation, parameters).await;
        assert_ne!(reply.status, 200, "{operation}: {}", reply.body);
        reply.text("Code").to_owned()
    }
}
