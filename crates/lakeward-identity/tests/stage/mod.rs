//! An instance without listeners: services behind the real dispatcher, and the trail they leave.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::Arc,
};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use lakeward_client::{Credentials, Signer};
use lakeward_identity::{
    AuditTrail, Call, Caller, Front, Identity, Origin, audit::Keep, cloudtrail, explain, iam,
    organizations, schema, sts_service,
};
use lakeward_store::{Schema, Store};
use serde_json::{Value, json};

pub const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-east-1";

pub struct Stage {
    pub front: Front,
    pub identity: Arc<Identity>,
    pub root: Credentials,
    pub trail: PathBuf,
    _dir: tempfile::TempDir,
}

pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}", self.body))
    }

    pub fn text(&self, element: &str) -> String {
        let text = lakeward_client::element(&self.body, element);
        let text = text.unwrap_or_else(|| panic!("no {element} in {}", self.body));
        text.replace("&quot;", "\"").replace("&amp;", "&")
    }

    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.body);
        self
    }

    pub fn credentials(&self) -> Credentials {
        Credentials::temporary(
            &self.text("AccessKeyId"),
            &self.text("SecretAccessKey"),
            &self.text("SessionToken"),
        )
    }
}

impl Stage {
    pub async fn new() -> Self {
        Self::keeping(Keep::default()).await
    }

    pub async fn keeping(keep: Keep) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("state.db"), schema(Schema::new()))
            .await
            .unwrap();
        let trail = dir.path().join("audit");
        std::fs::create_dir(&trail).unwrap();
        let audit = AuditTrail::open_with(&trail, keep).unwrap();
        let identity = Identity::open(store, audit, REGION).await.unwrap();
        let key = identity.ensure_account(ACCOUNT).await.unwrap();
        let services = [
            iam::service(&identity),
            sts_service(&identity),
            organizations::service(&identity),
            cloudtrail::service(&identity),
            explain::service(&identity, Vec::new()),
        ];
        Self {
            front: Front::new(&identity, services),
            root: Credentials::permanent(&key.id, key.secret.expose()),
            identity,
            trail,
            _dir: dir,
        }
    }

    pub async fn query(
        &self,
        who: &Credentials,
        service: &str,
        parameters: &[(&str, &str)],
    ) -> Reply {
        let request = Request::post(format!("https://{service}.{REGION}.amazonaws.com/"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("user-agent", "stage/1.0")
            .body(Bytes::from(lakeward_client::form(
                parameters.iter().copied(),
            )))
            .unwrap();
        self.send(who, service, request).await
    }

    pub async fn json(
        &self,
        who: &Credentials,
        service: &str,
        target: &str,
        input: Value,
    ) -> Reply {
        let request = Request::post(format!("https://{service}.{REGION}.amazonaws.com/"))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .body(Bytes::from(input.to_string()))
            .unwrap();
        self.send(who, service, request).await
    }

    pub async fn send(&self, who: &Credentials, service: &str, request: Request<Bytes>) -> Reply {
        let signed = Signer::new(who, REGION, service).sign(request).unwrap();
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let response = self.front.serve(signed, peer).await;
        Reply {
            status: response.status(),
            headers: response.headers().clone(),
            body: String::from_utf8(response.body().to_vec()).unwrap(),
        }
    }

    /// A user with an inline policy `p` of these statements.
    pub async fn user(&self, name: &str, statements: Value) -> Credentials {
        self.root("CreateUser", &[("UserName", name)]).await;
        let document = policy(statements);
        let put = [
            ("UserName", name),
            ("PolicyName", "p"),
            ("PolicyDocument", &*document),
        ];
        self.root("PutUserPolicy", &put).await;
        let key = self.root("CreateAccessKey", &[("UserName", name)]).await;
        Credentials::permanent(&key.text("AccessKeyId"), &key.text("SecretAccessKey"))
    }

    /// A role that the account's users may assume if their policies let them.
    pub async fn role(&self, name: &str, statements: Value) {
        let trust = policy(json!({
            "Sid": "Account", "Effect": "Allow", "Principal": {"AWS": ACCOUNT},
            "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
        }));
        let create = [("RoleName", name), ("AssumeRolePolicyDocument", &*trust)];
        self.root("CreateRole", &create).await;
        let document = policy(statements);
        let put = [
            ("RoleName", name),
            ("PolicyName", "p"),
            ("PolicyDocument", &*document),
        ];
        self.root("PutRolePolicy", &put).await;
    }

    /// Calls IAM as the root user, and it has to work.
    pub async fn root(&self, action: &str, parameters: &[(&str, &str)]) -> Reply {
        let mut all = vec![("Action", action)];
        all.extend(parameters);
        self.query(&self.root, "iam", &all).await.ok()
    }

    pub async fn assume(&self, who: &Credentials, role: &str, more: &[(&str, &str)]) -> Reply {
        let arn = role_arn(role);
        let mut all = vec![
            ("Action", "AssumeRole"),
            ("RoleArn", &*arn),
            ("RoleSessionName", "s1"),
        ];
        all.extend(more);
        self.query(who, "sts", &all).await
    }

    /// The records of the active file.
    pub fn records(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.trail.join("audit.jsonl")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub fn last_record(&self) -> Value {
        self.records().pop().unwrap()
    }

    pub fn caller(&self, who: &Credentials) -> Arc<Caller> {
        let now = jiff::Timestamp::now();
        self.identity
            .authenticate(who.access_key_id(), who.session_token(), now)
            .unwrap()
    }

    pub fn call(&self, caller: &Arc<Caller>) -> Call {
        let origin = Origin {
            source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent: Some("stage/1.0".to_owned()),
            at: jiff::Timestamp::now(),
        };
        Call::begin(&self.identity, Arc::clone(caller), origin)
    }
}

pub fn policy(statements: Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

pub fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

pub fn user_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/{name}")
}
