//! An organization with a management account and members, and the gate of a small service.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use bytes::Bytes;
use http::Request;
use lakeward_client::{Credentials, Signer};
use lakeward_identity::{
    AuditTrail, Call, Front, Identity, Service, iam, organizations, schema, sts_service,
};
use lakeward_policy::{Context, PolicyDocument, ResourceSide, Usage};
use lakeward_store::{Schema, Store};
use lakeward_wire::{AwsError, Protocol};
use serde::Deserialize;
use serde_json::{Value, json};

pub const MANAGEMENT: &str = "111122223333";
pub const OTHER: &str = "444455556666";
pub const SCP: &str = "SERVICE_CONTROL_POLICY";
pub const RCP: &str = "RESOURCE_CONTROL_POLICY";

pub struct World {
    pub front: Front,
    pub identity: Arc<Identity>,
    /// The root user of the management account.
    pub boss: Credentials,
    pub _dir: tempfile::TempDir,
}

/// Asks for an object of a bucket in `account` whose policy lets everyone in.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetObject {
    pub account: String,
}

pub async fn get_object(
    _: Arc<()>,
    call: Call,
    input: GetObject,
) -> Result<&'static str, AwsError> {
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}}"#;
    let document = PolicyDocument::parse(text, Usage::Resource).unwrap();
    let side = ResourceSide::Policy {
        document: &document,
        account: &input.account,
    };
    let _permit = call.authorize_with(
        "s3:GetObject",
        "arn:aws:s3:::lake/object",
        Context::new(),
        side,
    )?;
    Ok("the bytes")
}

pub async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("state.db"), schema(Schema::new()))
        .await
        .unwrap();
    let audit = AuditTrail::open(dir.path()).unwrap();
    let identity = Identity::open(store, audit, "eu-central-1").await.unwrap();
    let key = identity.ensure_account(MANAGEMENT).await.unwrap();
    let bucket = Service::new("s3", Protocol::AwsJson { target: "S3" }).operation(
        "GetObject",
        &Arc::new(()),
        get_object,
    );
    let services = [
        iam::service(&identity),
        sts_service(&identity),
        organizations::service(&identity),
        bucket,
    ];
    World {
        front: Front::new(&identity, services),
        boss: Credentials::permanent(&key.id, key.secret.expose()),
        identity,
        _dir: dir,
    }
}

pub struct Reply {
    pub status: u16,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn refusal(&self) -> String {
        assert_ne!(self.status, 200, "{}", self.body);
        let error: Value = serde_json::from_str(&self.body).unwrap();
        error["__type"].as_str().unwrap().to_owned()
    }

    pub fn message(&self) -> String {
        let error: Value = serde_json::from_str(&self.body).unwrap();
        error["message"].as_str().unwrap().to_owned()
    }

    pub fn element(&self, name: &str) -> &str {
        lakeward_client::element(&self.body, name).unwrap_or_else(|| panic!("{}", self.body))
    }
}

impl World {
    pub async fn send(
        &self,
        who: &Credentials,
        service: &str,
        region: &str,
        request: Request<Bytes>,
    ) -> Reply {
        let signed = Signer::new(who, region, service).sign(request).unwrap();
        let response = self
            .front
            .serve(signed, IpAddr::V4(Ipv4Addr::LOCALHOST))
            .await;
        Reply {
            status: response.status().as_u16(),
            body: String::from_utf8(response.body().to_vec()).unwrap(),
        }
    }

    pub async fn org_in(
        &self,
        region: &str,
        who: &Credentials,
        operation: &str,
        input: Value,
    ) -> Reply {
        let request = Request::post("https://organizations.us-east-1.amazonaws.com/")
            .header("content-type", "application/x-amz-json-1.1")
            .header(
                "x-amz-target",
                format!("AWSOrganizationsV20161128.{operation}"),
            )
            .body(Bytes::from(input.to_string()))
            .unwrap();
        self.send(who, "organizations", region, request).await
    }

    pub async fn org(&self, who: &Credentials, operation: &str, input: Value) -> Reply {
        self.org_in("us-east-1", who, operation, input).await
    }

    /// As the root user of the management account, and it has to work.
    pub async fn boss(&self, operation: &str, input: Value) -> Value {
        self.org(&self.boss, operation, input).await.json()
    }

    pub async fn query(
        &self,
        who: &Credentials,
        service: &str,
        parameters: &[(&str, &str)],
    ) -> Reply {
        let body = lakeward_client::form(parameters.iter().copied());
        let request = Request::post(format!("https://{service}.amazonaws.com/"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap();
        self.send(who, service, "us-east-1", request).await
    }

    /// Whether `who` reads an object of a bucket in `account`, whose policy lets everyone in.
    pub async fn reads(&self, who: &Credentials, account: &str) -> Result<(), String> {
        let request = Request::post("https://s3.eu-central-1.amazonaws.com/")
            .header("x-amz-target", "S3.GetObject")
            .body(Bytes::from(json!({"Account": account}).to_string()))
            .unwrap();
        let reply = self.send(who, "s3", "eu-central-1", request).await;
        match reply.status {
            200 => Ok(()),
            _ => Err(reply.message()),
        }
    }

    /// Whether `who` lists its account's users.
    pub async fn lists_users(&self, who: &Credentials) -> bool {
        let reply = self.query(who, "iam", &[("Action", "ListUsers")]).await;
        assert!(
            reply.status == 200 || reply.body.contains("AccessDenied"),
            "{}",
            reply.body
        );
        reply.status == 200
    }

    pub async fn root_of(&self, account: &str) -> Credentials {
        let key = self.identity.ensure_account(account).await.unwrap();
        Credentials::permanent(&key.id, key.secret.expose())
    }

    pub async fn organize(&self) -> Organized {
        self.boss("CreateOrganization", json!({})).await;
        let roots = self.boss("ListRoots", json!({})).await;
        let root = roots["Roots"][0]["Id"].as_str().unwrap().to_owned();
        for kind in [SCP, RCP] {
            self.boss(
                "EnablePolicyType",
                json!({"RootId": root, "PolicyType": kind}),
            )
            .await;
        }
        let member = self.account("one").await;
        Organized { root, member }
    }

    pub async fn account(&self, name: &str) -> String {
        let email = format!("{name}@example.com");
        let status = self
            .boss(
                "CreateAccount",
                json!({"AccountName": name, "Email": email}),
            )
            .await;
        let status = &status["CreateAccountStatus"];
        assert_eq!(status["State"], "SUCCEEDED");
        status["AccountId"].as_str().unwrap().to_owned()
    }

    pub async fn unit(&self, parent: &str, name: &str) -> String {
        let unit = self
            .boss(
                "CreateOrganizationalUnit",
                json!({"ParentId": parent, "Name": name}),
            )
            .await;
        let id = &unit["OrganizationalUnit"]["Id"];
        id.as_str().unwrap().to_owned()
    }

    pub async fn policy(&self, kind: &str, name: &str, statement: Value) -> String {
        let document = json!({"Version": "2012-10-17", "Statement": statement});
        let input = json!({
            "Name": name, "Description": "", "Type": kind, "Content": document.to_string(),
        });
        let policy = self.boss("CreatePolicy", input).await;
        let id = &policy["Policy"]["PolicySummary"]["Id"];
        id.as_str().unwrap().to_owned()
    }

    pub async fn attach(&self, policy: &str, target: &str) {
        let pair = json!({"PolicyId": policy, "TargetId": target});
        self.boss("AttachPolicy", pair).await;
    }

    pub async fn detach(&self, policy: &str, target: &str) {
        let pair = json!({"PolicyId": policy, "TargetId": target});
        self.boss("DetachPolicy", pair).await;
    }

    /// A user of the management account.
    pub async fn user(&self, name: &str, statement: Option<Value>) -> Credentials {
        let named = ("UserName", name);
        self.query(&self.boss, "iam", &[("Action", "CreateUser"), named])
            .await;
        if let Some(statement) = statement {
            let document = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
            let policy = [
                ("Action", "PutUserPolicy"),
                named,
                ("PolicyName", "p"),
                ("PolicyDocument", &document),
            ];
            assert_eq!(self.query(&self.boss, "iam", &policy).await.status, 200);
        }
        let key = self
            .query(&self.boss, "iam", &[("Action", "CreateAccessKey"), named])
            .await;
        Credentials::permanent(key.element("AccessKeyId"), key.element("SecretAccessKey"))
    }

    pub async fn assume(&self, who: &Credentials, role: &str) -> Reply {
        let parameters = [
            ("Action", "AssumeRole"),
            ("RoleArn", role),
            ("RoleSessionName", "here"),
        ];
        self.query(who, "sts", &parameters).await
    }

    /// A session of the role that lets the management account into `account`.
    pub async fn access(&self, account: &str) -> Credentials {
        let allow = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"});
        let admin = self.user("admin", Some(allow)).await;
        let role = format!("arn:aws:iam::{account}:role/OrganizationAccountAccessRole");
        let reply = self.assume(&admin, &role).await;
        Credentials::temporary(
            reply.element("AccessKeyId"),
            reply.element("SecretAccessKey"),
            reply.element("SessionToken"),
        )
    }
}

pub struct Organized {
    pub root: String,
    /// An account that the organization made.
    pub member: String,
}

pub fn deny_everything() -> Value {
    json!({"Effect": "Deny", "Action": "*", "Resource": "*"})
}

pub fn deny_users() -> Value {
    json!({"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"})
}

pub fn ids<'v>(list: &'v Value, member: &str) -> Vec<&'v str> {
    let mut ids: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item[member].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids
}
