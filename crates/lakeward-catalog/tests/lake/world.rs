//! One account with a registered lake, a database `tpc` with two tables, and some roles.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use jiff::Timestamp;
use lakeward_catalog::{Catalog, ObjectAccess, ViewPermit};
use lakeward_client::{Credentials, Signer};
use lakeward_identity::{AuditTrail, Call, Front, Identity, Origin, iam, sts_service};
use lakeward_store::{Schema, Store};
use serde_json::{Value, json};

pub const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-east-1";
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub struct World {
    pub catalog: Arc<Catalog>,
    pub root: Credentials,
    identity: Arc<Identity>,
    front: Front,
    dir: tempfile::TempDir,
}

#[derive(Debug, PartialEq)]
pub struct Refusal {
    pub status: StatusCode,
    pub code: String,
    pub message: String,
}

pub type Reply = Result<Value, Refusal>;

pub fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

/// `{"Table": …}` for a table of `tpc`.
pub fn table(name: &str) -> Value {
    json!({"Table": {"DatabaseName": "tpc", "Name": name}})
}

/// `{"TableWithColumns": …}` for columns of a table of `tpc`.
pub fn columns(table: &str, names: &[&str]) -> Value {
    json!({"TableWithColumns": {"DatabaseName": "tpc", "Name": table, "ColumnNames": names}})
}

async fn open(dir: &Path) -> (Arc<Identity>, Arc<Catalog>, Front) {
    let schema = lakeward_catalog::schema(lakeward_identity::schema(Schema::new()));
    let store = Store::open(&dir.join("state.db"), schema).await.unwrap();
    let audit = AuditTrail::open(dir).unwrap();
    let identity = Identity::open(store, audit, REGION).await.unwrap();
    let catalog = Arc::new(Catalog::new());
    let own = [iam::service(&identity), sts_service(&identity)];
    let services = own.into_iter().chain(lakeward_catalog::services(&catalog));
    let front = Front::new(&identity, services);
    (identity, catalog, front)
}

impl World {
    /// An account and nothing in it.
    pub async fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (identity, catalog, front) = open(dir.path()).await;
        let key = identity.ensure_account(ACCOUNT).await.unwrap();
        let root = Credentials::permanent(&key.id, key.secret.expose());
        Self {
            catalog,
            root,
            identity,
            front,
            dir,
        }
    }

    /// `tpc.customer` and `tpc.address` at a registered location.
    pub async fn with_tables() -> Self {
        let world = Self::empty().await;
        world.user("ana").await;
        let lake = json!({"ResourceArn": "arn:aws:s3:::lake/tables", "UseServiceLinkedRole": true});
        world
            .lake(&world.root, "RegisterResource", lake)
            .await
            .unwrap();
        let database = json!({"DatabaseInput": {"Name": "TPC"}});
        world
            .glue(&world.root, "CreateDatabase", database)
            .await
            .unwrap();
        for name in ["customer", "address"] {
            let input = table_input(name, &format!("s3://lake/tables/{name}/"));
            world.glue(&world.root, "CreateTable", input).await.unwrap();
        }
        world
    }

    /// The same state, as a restarted process finds it.
    pub async fn reopened(self) -> Self {
        let Self {
            root,
            dir,
            identity,
            catalog,
            front,
        } = self;
        drop((identity, catalog, front));
        let (identity, catalog, front) = open(dir.path()).await;
        Self {
            catalog,
            root,
            identity,
            front,
            dir,
        }
    }

    pub async fn user(&self, name: &str) {
        self.query("iam", &[("Action", "CreateUser"), ("UserName", name)])
            .await;
    }

    /// A session of a new role that may call `actions`.
    pub async fn role(&self, name: &str, actions: &str) -> Credentials {
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }]});
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": actions.split(' ').collect::<Vec<_>>(), "Resource": "*",
        }]});
        let (trust, policy) = (trust.to_string(), policy.to_string());
        self.query(
            "iam",
            &[
                ("Action", "CreateRole"),
                ("RoleName", name),
                ("AssumeRolePolicyDocument", &trust),
            ],
        )
        .await;
        self.query(
            "iam",
            &[
                ("Action", "PutRolePolicy"),
                ("RoleName", name),
                ("PolicyName", "p"),
                ("PolicyDocument", &policy),
            ],
        )
        .await;
        self.assume(name, &[]).await
    }

    /// A role that reads the catalog and the lake's data.
    pub async fn reader(&self, name: &str) -> Credentials {
        self.role(name, "glue:Get* lakeformation:GetDataAccess")
            .await
    }

    /// Another session of the role.
    pub async fn assume(&self, role: &str, more: &[(&str, &str)]) -> Credentials {
        let arn = role_arn(role);
        let mut parameters = vec![
            ("Action", "AssumeRole"),
            ("RoleArn", &*arn),
            ("RoleSessionName", "here"),
        ];
        parameters.extend(more);
        let who = self.assumer().await;
        let body = self.query_as(&who, "sts", &parameters).await;
        let text = |element: &str| {
            let (_, rest) = body
                .split_once(&format!("<{element}>"))
                .unwrap_or_else(|| panic!("{body}"));
            rest.split_once('<').unwrap().0.to_owned()
        };
        Credentials::temporary(
            &text("AccessKeyId"),
            &text("SecretAccessKey"),
            &text("SessionToken"),
        )
    }

    /// A user's key, for root doesn't assume roles.
    async fn assumer(&self) -> Credentials {
        self.user("assumer").await;
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}"#;
        self.query(
            "iam",
            &[
                ("Action", "PutUserPolicy"),
                ("UserName", "assumer"),
                ("PolicyName", "p"),
                ("PolicyDocument", policy),
            ],
        )
        .await;
        let key = self
            .query(
                "iam",
                &[("Action", "CreateAccessKey"), ("UserName", "assumer")],
            )
            .await;
        let text = |element: &str| {
            let (_, rest) = key.split_once(&format!("<{element}>")).unwrap();
            rest.split_once('<').unwrap().0.to_owned()
        };
        Credentials::permanent(&text("AccessKeyId"), &text("SecretAccessKey"))
    }

    pub async fn query(&self, service: &str, parameters: &[(&str, &str)]) -> String {
        self.query_as(&self.root, service, parameters).await
    }

    async fn query_as(
        &self,
        who: &Credentials,
        service: &str,
        parameters: &[(&str, &str)],
    ) -> String {
        let body = lakeward_client::form(parameters.iter().copied());
        let request = Request::post(format!("https://{service}.{REGION}.amazonaws.com/"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap();
        let signed = Signer::new(who, REGION, service).sign(request).unwrap();
        let response = self.front.serve(signed, LOCALHOST).await;
        String::from_utf8(response.into_body().to_vec()).unwrap()
    }

    pub async fn glue(&self, who: &Credentials, operation: &str, input: Value) -> Reply {
        let request = Request::post(format!("https://glue.{REGION}.amazonaws.com/"))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("AWSGlue.{operation}"))
            .body(Bytes::from(input.to_string()))
            .unwrap();
        self.json(who, "glue", request).await
    }

    pub async fn lake(&self, who: &Credentials, operation: &str, input: Value) -> Reply {
        let request = Request::post(format!(
            "https://lakeformation.{REGION}.amazonaws.com/{operation}"
        ))
        .header("content-type", "application/json")
        .body(Bytes::from(input.to_string()))
        .unwrap();
        self.json(who, "lakeformation", request).await
    }

    async fn json(&self, who: &Credentials, service: &str, request: Request<Bytes>) -> Reply {
        let signed = Signer::new(who, REGION, service).sign(request).unwrap();
        let response = self.front.serve(signed, LOCALHOST).await;
        let status = response.status();
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        if status == StatusCode::OK {
            return Ok(body);
        }
        Err(Refusal {
            status,
            code: body["__type"].as_str().unwrap_or_default().to_owned(),
            message: body["message"].as_str().unwrap_or_default().to_owned(),
        })
    }

    pub async fn grant(&self, role: &str, resource: Value, permissions: &[&str]) -> Reply {
        let input = grant_input(role, resource, permissions);
        self.lake(&self.root, "GrantPermissions", input).await
    }

    pub async fn revoke(&self, role: &str, resource: Value, permissions: &[&str]) -> Reply {
        let input = grant_input(role, resource, permissions);
        self.lake(&self.root, "RevokePermissions", input).await
    }

    /// A call as the dispatcher would begin it.
    pub fn call(&self, who: &Credentials) -> Call {
        let now = Timestamp::now();
        let caller = self
            .identity
            .authenticate(who.access_key_id(), who.session_token(), now)
            .unwrap();
        let origin = Origin {
            source_ip: LOCALHOST,
            user_agent: None,
            at: now,
        };
        Call::begin(&self.identity, caller, origin)
    }

    pub fn object(&self, who: &Credentials, key: &str) -> ObjectAccess {
        self.catalog
            .object_access(&self.call(who), "lake", key)
            .unwrap()
    }

    pub fn prefix(&self, who: &Credentials, prefix: &str) -> ObjectAccess {
        self.catalog
            .prefix_access(&self.call(who), "lake", prefix)
            .unwrap()
    }

    pub fn may_write(&self, who: &Credentials, key: &str) -> bool {
        self.catalog.writes_allowed(&self.call(who), "lake", key)
    }

    /// The permit for an object that must be readable.
    pub fn permit(&self, who: &Credentials, key: &str) -> ViewPermit {
        match self.object(who, key) {
            ObjectAccess::View(permit) => permit,
            other => panic!("{key}: {other:?}"),
        }
    }

    pub fn is_denied(&self, who: &Credentials, key: &str) -> bool {
        matches!(self.object(who, key), ObjectAccess::Denied(_))
    }
}

pub fn grant_input(role: &str, resource: Value, permissions: &[&str]) -> Value {
    let principal = match role {
        "IAM_ALLOWED_PRINCIPALS" => role.to_owned(),
        role => role_arn(role),
    };
    json!({
        "Principal": {"DataLakePrincipalIdentifier": principal},
        "Resource": resource,
        "Permissions": permissions,
    })
}

pub fn table_input(name: &str, location: &str) -> Value {
    json!({"DatabaseName": "tpc", "TableInput": {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {
            "classification": "parquet",
            "numRows": "10",
            "spark.sql.sources.schema": "c_first_name",
        },
        "StorageDescriptor": {
            "Columns": [
                {"Name": "c_customer_sk", "Type": "int"},
                {"Name": "c_first_name", "Type": "string", "Comment": "as on the card"},
                {"Name": "c_birth_year", "Type": "int", "Parameters": {"max": "1992"}},
            ],
            "Location": location,
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "SerdeInfo": {
                "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
                "Parameters": {"serialization.format": "1", "path": "c_first_name"},
            },
            "SortColumns": [{"Column": "c_first_name", "SortOrder": 1}],
        },
    }})
}
