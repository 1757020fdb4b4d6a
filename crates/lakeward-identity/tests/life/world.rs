//! An account behind the dispatcher.

pub use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

pub use bytes::Bytes;
pub use http::{Request, StatusCode};
pub use lakeward_client::{Credentials, Signer};
pub use lakeward_identity::{AuditTrail, Front, Identity, iam, schema, sts_service};
pub use lakeward_store::{Schema, Store};

pub const ACCOUNT: &str = "111122223333";

pub struct World {
    pub front: Front,
    pub identity: Arc<Identity>,
    pub root: Credentials,
    pub _dir: tempfile::TempDir,
    pub audit: std::path::PathBuf,
}

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub body: String,
}

impl Reply {
    pub fn text(&self, element: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{element}>"))?;
        Some(rest.split_once(&format!("</{element}>"))?.0)
    }

    /// Every element of this name, in order.
    pub fn texts(&self, element: &str) -> Vec<&str> {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let parts = self.body.split(&*open).skip(1);
        parts
            .filter_map(|rest| Some(rest.split_once(&*close)?.0))
            .collect()
    }

    pub fn message(&self) -> String {
        let text = self.text("Message").unwrap_or_default();
        text.replace("&apos;", "'").replace("&quot;", "\"")
    }

    pub fn code(&self) -> &str {
        self.text("Code").unwrap_or_default()
    }

    pub fn credentials(&self) -> Credentials {
        Credentials::temporary(
            self.text("AccessKeyId").unwrap(),
            self.text("SecretAccessKey").unwrap(),
            self.text("SessionToken").unwrap(),
        )
    }
}

pub async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("state.db"), schema(Schema::new()))
        .await
        .unwrap();
    let audit = AuditTrail::open(dir.path()).unwrap();
    let identity = Identity::open(store, audit, "us-east-1").await.unwrap();
    let key = identity.ensure_account(ACCOUNT).await.unwrap();
    let services = [iam::service(&identity), sts_service(&identity)];
    World {
        front: Front::new(&identity, services),
        identity,
        root: Credentials::permanent(&key.id, key.secret.expose()),
        audit: dir.path().join("audit.jsonl"),
        _dir: dir,
    }
}

impl World {
    pub async fn query(
        &self,
        who: &Credentials,
        service: &str,
        parameters: &[(&str, &str)],
    ) -> Reply {
        let version = if service == "iam" {
            "2010-05-08"
        } else {
            "2011-06-15"
        };
        let body = lakeward_client::form(parameters.iter().copied().chain([("Version", version)]));
        let request = Request::post(format!("https://{service}.us-east-1.amazonaws.com/"))
            .header(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .body(Bytes::from(body))
            .unwrap();
        let signed = Signer::new(who, "us-east-1", service)
            .sign(request)
            .unwrap();
        self.send(signed).await
    }

    /// Asks IAM.
    pub async fn iam(&self, who: &Credentials, action: &str, more: &[(&str, &str)]) -> Reply {
        let mut parameters = vec![("Action", action)];
        parameters.extend(more);
        self.query(who, "iam", &parameters).await
    }

    /// Asks IAM as root, who must be answered.
    pub async fn admin(&self, action: &str, more: &[(&str, &str)]) -> Reply {
        let reply = self.iam(&self.root, action, more).await;
        assert_eq!(reply.status, 200, "{action}: {}", reply.body);
        reply
    }

    /// Asks IAM as root, who must be refused: the error's code.
    pub async fn refused(&self, action: &str, more: &[(&str, &str)]) -> String {
        let reply = self.iam(&self.root, action, more).await;
        assert_ne!(reply.status, 200, "{action}: {}", reply.body);
        reply.code().to_owned()
    }

    /// Makes a managed policy: its ARN.
    pub async fn policy(&self, name: &str, statement: &str) -> String {
        let made = [
            ("PolicyName", name),
            ("PolicyDocument", &*document(statement)),
        ];
        let made = self.admin("CreatePolicy", &made).await;
        made.text("Arn").unwrap().to_owned()
    }

    pub async fn send(&self, request: Request<Bytes>) -> Reply {
        let response = self
            .front
            .serve(request, IpAddr::V4(Ipv4Addr::LOCALHOST))
            .await;
        Reply {
            status: response.status(),
            body: String::from_utf8(response.body().to_vec()).unwrap(),
        }
    }

    pub async fn user(&self, name: &str) -> Credentials {
        self.query(
            &self.root,
            "iam",
            &[("Action", "CreateUser"), ("UserName", name)],
        )
        .await;
        let key = self
            .query(
                &self.root,
                "iam",
                &[("Action", "CreateAccessKey"), ("UserName", name)],
            )
            .await;
        Credentials::permanent(
            key.text("AccessKeyId").unwrap(),
            key.text("SecretAccessKey").unwrap(),
        )
    }

    pub async fn role(&self, name: &str, trust: &str) -> Reply {
        let parameters = [
            ("Action", "CreateRole"),
            ("RoleName", name),
            ("AssumeRolePolicyDocument", trust),
        ];
        self.query(&self.root, "iam", &parameters).await
    }

    pub async fn allow_user(&self, name: &str, statement: &str) {
        let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let parameters = [
            ("Action", "PutUserPolicy"),
            ("UserName", name),
            ("PolicyName", "p"),
            ("PolicyDocument", &*document),
        ];
        assert_eq!(self.query(&self.root, "iam", &parameters).await.status, 200);
    }

    pub async fn assume(&self, who: &Credentials, role: &str, more: &[(&str, &str)]) -> Reply {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
        let mut parameters = vec![
            ("Action", "AssumeRole"),
            ("RoleArn", &*arn),
            ("RoleSessionName", "here"),
        ];
        parameters.extend(more);
        self.query(who, "sts", &parameters).await
    }

    pub fn audit(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(&self.audit).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

pub fn trust(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":["sts:AssumeRole","sts:TagSession"]}}]}}"#
    )
}

pub fn ana() -> String {
    trust(&format!(r#"{{"AWS":"arn:aws:iam::{ACCOUNT}:user/ana"}}"#))
}

pub fn document(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
}

/// Leave to do this to everything.
pub fn may(action: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"*"}}"#)
}

pub fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .unwrap()
        .into_owned()
}
