//! A whole instance in a temporary folder: real store, identity, catalog and gate, and clients
//! that sign as AWS's do.
#![allow(dead_code, clippy::unwrap_used)]

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use lakeward_catalog::Catalog;
use lakeward_client::{Credentials, Signer};
use lakeward_gate::{Body, Gate, GateService, Hosts};
use lakeward_identity::{AuditTrail, Front, Identity, iam, sts_service};
use lakeward_store::{Schema, Store};
use parquet::{arrow::ArrowWriter, file::properties::WriterProperties};
use serde_json::{Value, json};

pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "us-east-1";
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub struct World {
    pub folder: Arc<tempfile::TempDir>,
    pub identity: Arc<Identity>,
    pub front: Arc<Front>,
    pub gate: GateService,
    pub account: &'static str,
    pub root: Credentials,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The contents of every element of this name.
    pub fn all(&self, element: &str) -> Vec<String> {
        let text = self.text();
        text.split(&format!("<{element}>"))
            .skip(1)
            .filter_map(|rest| Some(rest.split_once(&format!("</{element}>"))?.0.to_owned()))
            .collect()
    }

    pub fn one(&self, element: &str) -> String {
        self.all(element).into_iter().next().unwrap_or_default()
    }

    pub fn code(&self) -> String {
        self.one("Code")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }
}

pub fn content_folder(folder: &Path) -> PathBuf {
    folder.join("objects")
}

/// Files in the content folder.
pub fn blobs(folder: &Path) -> usize {
    std::fs::read_dir(content_folder(folder)).unwrap().count()
}

async fn open(folder: &Path) -> (Arc<Identity>, Arc<Front>, GateService) {
    let schema = lakeward_identity::schema(Schema::new());
    let schema = lakeward_gate::schema(lakeward_catalog::schema(schema));
    let store = Store::open(&folder.join("state.db"), schema).await.unwrap();
    let audit = AuditTrail::open(folder).unwrap();
    let identity = Identity::open(store.clone(), audit, REGION).await.unwrap();
    let catalog = Arc::new(Catalog::new());
    let services = [iam::service(&identity), sts_service(&identity)];
    let services = services
        .into_iter()
        .chain(lakeward_catalog::services(&catalog));
    let front = Arc::new(Front::new(&identity, services));
    let gate = Gate::open(
        &content_folder(folder),
        store,
        Arc::clone(&identity),
        catalog,
    )
    .await
    .unwrap();
    let gate = lakeward_gate::service(gate, Hosts::new(["localhost"]));
    (identity, front, gate)
}

pub async fn world() -> World {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let (identity, front, gate) = open(folder.path()).await;
    World {
        root: root_of(&identity, ACCOUNT).await,
        account: ACCOUNT,
        folder,
        identity,
        front,
        gate,
    }
}

async fn root_of(identity: &Identity, account: &str) -> Credentials {
    let key = identity.ensure_account(account).await.unwrap();
    Credentials::permanent(&key.id, key.secret.expose())
}

impl World {
    /// Another account of the same instance.
    pub async fn neighbour(&self) -> Self {
        let account = "444455556666";
        Self {
            root: root_of(&self.identity, account).await,
            account,
            folder: Arc::clone(&self.folder),
            identity: Arc::clone(&self.identity),
            front: Arc::clone(&self.front),
            gate: self.gate.clone(),
        }
    }

    /// The same state, opened anew: what a restart finds.
    pub async fn reopened(self) -> Self {
        let (folder, account, root) = (Arc::clone(&self.folder), self.account, self.root.clone());
        drop(self);
        let (identity, front, gate) = open(folder.path()).await;
        Self {
            folder,
            identity,
            front,
            gate,
            account,
            root,
        }
    }

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
        let request = Request::post(format!("https://{service}.{REGION}.amazonaws.com/"))
            .header(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .body(Bytes::from(body))
            .unwrap();
        self.control(who, service, request).await.expect(200)
    }

    pub async fn glue(&self, operation: &str, input: Value) -> Reply {
        let request = Request::post("https://glue.us-east-1.amazonaws.com/")
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("AWSGlue.{operation}"))
            .body(Bytes::from(input.to_string()))
            .unwrap();
        self.control(&self.root, "glue", request).await.expect(200)
    }

    pub async fn lake(&self, operation: &str, input: Value) -> Reply {
        let request = Request::post(format!(
            "https://lakeformation.us-east-1.amazonaws.com/{operation}"
        ))
        .header("content-type", "application/json")
        .body(Bytes::from(input.to_string()))
        .unwrap();
        self.control(&self.root, "lakeformation", request)
            .await
            .expect(200)
    }

    async fn control(&self, who: &Credentials, service: &str, request: Request<Bytes>) -> Reply {
        let signed = Signer::new(who, REGION, service).sign(request).unwrap();
        let (parts, body) = self.front.serve(signed, HERE).await.into_parts();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// A role with one inline policy, and a session of it.
    pub async fn role(&self, name: &str, statements: Value) -> Credentials {
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{}:root", self.account)},
            "Action": "sts:AssumeRole"}]})
        .to_string();
        let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let user = format!("{name}-user");
        let arn = format!("arn:aws:iam::{}:role/{name}", self.account);
        let assume = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn}]})
        .to_string();
        let root = &self.root;
        self.query(
            root,
            "iam",
            &[
                ("Action", "CreateRole"),
                ("RoleName", name),
                ("AssumeRolePolicyDocument", &trust),
            ],
        )
        .await;
        self.query(
            root,
            "iam",
            &[
                ("Action", "PutRolePolicy"),
                ("RoleName", name),
                ("PolicyName", "p"),
                ("PolicyDocument", &policy),
            ],
        )
        .await;
        self.query(
            root,
            "iam",
            &[("Action", "CreateUser"), ("UserName", &user)],
        )
        .await;
        self.query(
            root,
            "iam",
            &[
                ("Action", "PutUserPolicy"),
                ("UserName", &user),
                ("PolicyName", "p"),
                ("PolicyDocument", &assume),
            ],
        )
        .await;
        let key = self
            .query(
                root,
                "iam",
                &[("Action", "CreateAccessKey"), ("UserName", &user)],
            )
            .await;
        let key = Credentials::permanent(&key.one("AccessKeyId"), &key.one("SecretAccessKey"));
        let session = self
            .query(
                &key,
                "sts",
                &[
                    ("Action", "AssumeRole"),
                    ("RoleArn", &arn),
                    ("RoleSessionName", "here"),
                ],
            )
            .await;
        Credentials::temporary(
            &session.one("AccessKeyId"),
            &session.one("SecretAccessKey"),
            &session.one("SessionToken"),
        )
    }

    pub async fn s3(
        &self,
        who: &Credentials,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        self.send(signed(who, method, path, headers, body.into()))
            .await
    }

    pub async fn send(&self, request: Request<Bytes>) -> Reply {
        read(self.gate.serve(request, HERE).await).await
    }

    pub async fn get(&self, who: &Credentials, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.s3(who, Method::GET, path, headers, "").await
    }

    pub async fn head(&self, who: &Credentials, path: &str) -> Reply {
        self.s3(who, Method::HEAD, path, &[], "").await
    }

    pub async fn put(&self, who: &Credentials, path: &str, body: impl Into<Bytes>) -> Reply {
        self.s3(who, Method::PUT, path, &[], body).await
    }

    pub async fn delete(&self, who: &Credentials, path: &str) -> Reply {
        self.s3(who, Method::DELETE, path, &[], "").await
    }

    /// A bucket `lake` with tables `customer` and `item`, registered, each with one data file.
    pub async fn with_tables(&self) {
        self.put(&self.root, "/lake", "").await.expect(200);
        let columns = [
            json!({"Name": "id", "Type": "bigint"}),
            json!({"Name": "name", "Type": "string"}),
            json!({"Name": "region", "Type": "string"}),
        ];
        for table in ["customer", "item"] {
            let path = format!("/lake/tpc/{table}/part-0.parquet");
            self.put(&self.root, &path, customers(1000))
                .await
                .expect(200);
        }
        self.with_customer_table(&columns).await;
        self.table("item", &columns).await;
    }

    /// Registers `lake/tpc` and makes the table `customer` in it.
    pub async fn with_customer_table(&self, columns: &[Value]) {
        self.glue("CreateDatabase", json!({"DatabaseInput": {"Name": "tpc"}}))
            .await;
        let place = json!({"ResourceArn": "arn:aws:s3:::lake/tpc", "UseServiceLinkedRole": true});
        self.lake("RegisterResource", place).await;
        self.table("customer", columns).await;
    }

    async fn table(&self, name: &str, columns: &[Value]) {
        let hive = "org.apache.hadoop.hive.ql.io.parquet";
        let table = json!({
        "Name": name, "TableType": "EXTERNAL_TABLE", "Parameters": {"classification": "parquet"},
        "StorageDescriptor": {
            "Location": format!("s3://lake/tpc/{name}"), "Columns": columns,
            "InputFormat": format!("{hive}.MapredParquetInputFormat"),
            "OutputFormat": format!("{hive}.MapredParquetOutputFormat"),
            "SerdeInfo": {"SerializationLibrary": format!("{hive}.serde.ParquetHiveSerDe")},
        }});
        self.glue(
            "CreateTable",
            json!({"DatabaseName": "tpc", "TableInput": table}),
        )
        .await;
    }

    /// Grants SELECT on columns of `customer` to a role.
    pub async fn grant_columns(&self, role: &str, columns: &[&str]) {
        self.lake("GrantPermissions", json!({
            "Principal": {"DataLakePrincipalIdentifier": format!("arn:aws:iam::{}:role/{role}", self.account)},
            "Resource": {"TableWithColumns": {"DatabaseName": "tpc", "Name": "customer", "ColumnNames": columns}},
            "Permissions": ["SELECT"]})).await;
    }
}

pub fn data_access() -> Value {
    json!({"Effect": "Allow", "Action": "lakeformation:GetDataAccess", "Resource": "*"})
}

pub fn signed(
    who: &Credentials,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Request<Bytes> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("https://s3.{REGION}.amazonaws.com{path}"))
        .header("content-length", body.len());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).unwrap();
    Signer::new(who, REGION, "s3").sign(request).unwrap()
}

pub async fn read(response: Response<Body>) -> Reply {
    let (parts, body) = response.into_parts();
    Reply {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// A Parquet file of customers: names begin with `SECRET`, regions alternate.
pub fn customers(rows: i64) -> Bytes {
    let names = (0..rows).map(|row| format!("SECRET-{row}"));
    let regions = (0..rows).map(|row| if row % 2 == 0 { "NORTH" } else { "SOUTH" });
    let batch = RecordBatch::try_from_iter([
        (
            "id",
            Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef,
        ),
        (
            "name",
            Arc::new(StringArray::from_iter_values(names)) as ArrayRef,
        ),
        (
            "region",
            Arc::new(StringArray::from_iter_values(regions)) as ArrayRef,
        ),
    ])
    .unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(400))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap().into()
}
