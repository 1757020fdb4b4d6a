//! Every operation of every service, asked by those who may not: each answers its protocol's own
//! error and leaves a record, and nothing has changed afterwards.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use lakeward::daemon::{StateFolder, schema};
use lakeward_catalog::Catalog;
use lakeward_client::Credentials;
use lakeward_cluster::emr::{self, Emr, EmrConfig};
use lakeward_identity::{Identity, Service, iam, sts_service};
use lakeward_store::{Record, Store};
use lakeward_wire::Protocol;
use s3s::crypto::{Checksum as _, Md5};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use support::{
    World, assume, room, user,
    wire::{Answer, Exchange},
};

/// The services of an instance, as its tables name their operations. S3 has no such table.
async fn services(room: &std::path::Path) -> Vec<Service> {
    let store = Store::open(&room.join("tables.db"), schema())
        .await
        .unwrap();
    let audit = lakeward_identity::AuditTrail::open(room).unwrap();
    let identity = Identity::open(store.clone(), audit, support::REGION)
        .await
        .unwrap();
    let emr = Emr::new(store, Arc::clone(&identity), EmrConfig::default(), |_| {
        Arc::new(NoCluster)
    });
    let mut services = vec![iam::service(&identity), sts_service(&identity)];
    services.extend(lakeward_catalog::services(&Arc::new(Catalog::new())));
    services.extend(emr::services(&emr));
    services
}

struct NoCluster;

#[async_trait::async_trait]
impl emr::ClusterRuntime for NoCluster {
    async fn start(&self, _: &str, _: std::net::Ipv4Addr, _: &str) -> std::io::Result<()> {
        Ok(())
    }

    async fn stop(&self, _: &str) {}

    fn busy(&self, _: &str) -> bool {
        false
    }
}

/// An operation, and a request for it that is well formed.
#[derive(Clone)]
struct Door {
    service: &'static str,
    operation: &'static str,
    exchange: Exchange,
}

/// The things that requests name. Some instances have them, others don't.
struct Names {
    user: &'static str,
    role: &'static str,
    instance_profile: &'static str,
    bucket: &'static str,
    key: &'static str,
    database: &'static str,
    table: &'static str,
    security_configuration: &'static str,
}

const EXISTING: Names = Names {
    user: "someone",
    role: "some-role",
    instance_profile: "some-profile",
    bucket: "some-bucket",
    key: "folder/object",
    database: "some_database",
    table: "some_table",
    security_configuration: "some-configuration",
};

const MISSING: Names = Names {
    user: "no-one",
    role: "no-role",
    instance_profile: "no-profile",
    bucket: "no-bucket",
    key: "folder/none",
    database: "no_database",
    table: "no_table",
    security_configuration: "no-configuration",
};

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const EMR_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"elasticmapreduce.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

fn query_doors(names: &Names) -> Vec<Door> {
    let Names {
        user,
        role,
        instance_profile,
        ..
    } = *names;
    let (user, role) = (("UserName", user), ("RoleName", role));
    let profile = ("InstanceProfileName", instance_profile);
    let key = ("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA");
    let (named, document) = (("PolicyName", "own"), ("PolicyDocument", POLICY));
    let arn = format!("arn:aws:iam::{}:role/{}", support::ACCOUNT, names.role);
    let iam: [(&'static str, Vec<(&str, &str)>); 27] = [
        ("CreateUser", vec![user]),
        ("GetUser", vec![user]),
        ("ListUsers", vec![]),
        ("DeleteUser", vec![user]),
        ("CreateAccessKey", vec![user]),
        ("ListAccessKeys", vec![user]),
        ("UpdateAccessKey", vec![user, key, ("Status", "Inactive")]),
        ("DeleteAccessKey", vec![user, key]),
        (
            "CreateRole",
            vec![role, ("AssumeRolePolicyDocument", TRUST)],
        ),
        ("GetRole", vec![role]),
        ("ListRoles", vec![]),
        ("DeleteRole", vec![role]),
        (
            "UpdateAssumeRolePolicy",
            vec![role, ("PolicyDocument", TRUST)],
        ),
        ("PutRolePolicy", vec![role, named, document]),
        ("GetRolePolicy", vec![role, named]),
        ("ListRolePolicies", vec![role]),
        ("DeleteRolePolicy", vec![role, named]),
        ("PutUserPolicy", vec![user, named, document]),
        ("GetUserPolicy", vec![user, named]),
        ("ListUserPolicies", vec![user]),
        ("DeleteUserPolicy", vec![user, named]),
        ("CreateInstanceProfile", vec![profile]),
        ("GetInstanceProfile", vec![profile]),
        ("ListInstanceProfiles", vec![]),
        ("DeleteInstanceProfile", vec![profile]),
        ("AddRoleToInstanceProfile", vec![profile, role]),
        ("RemoveRoleFromInstanceProfile", vec![profile, role]),
    ];
    let sts = [
        ("GetCallerIdentity", vec![]),
        (
            "AssumeRole",
            vec![("RoleArn", &*arn), ("RoleSessionName", "session")],
        ),
    ];
    let door = |service, version, operation, parameters: &[(&str, &str)]| {
        let whole: Vec<_> = [("Action", operation)]
            .into_iter()
            .chain(parameters.iter().copied())
            .collect();
        Door {
            service,
            operation,
            exchange: Exchange::query(service, version, &whole),
        }
    };
    let iam = iam
        .iter()
        .map(|(operation, input)| door("iam", "2010-05-08", operation, input));
    let sts = sts
        .iter()
        .map(|(operation, input)| door("sts", "2011-06-15", operation, input));
    iam.chain(sts).collect()
}

fn glue_doors(names: &Names) -> Vec<Door> {
    let Names {
        database, table, ..
    } = *names;
    let within = json!({"DatabaseName": database});
    let named = json!({"DatabaseName": database, "Name": table});
    let change = json!({"DatabaseName": database, "TableInput": {"Name": table}});
    [
        (
            "CreateDatabase",
            json!({"DatabaseInput": {"Name": database}}),
        ),
        ("GetDatabase", json!({"Name": database})),
        ("GetDatabases", json!({})),
        ("DeleteDatabase", json!({"Name": database})),
        ("CreateTable", change.clone()),
        ("UpdateTable", change),
        ("GetTable", named.clone()),
        ("GetTables", within),
        ("DeleteTable", named),
        (
            "GetPartitions",
            json!({"DatabaseName": database, "TableName": table}),
        ),
    ]
    .into_iter()
    .map(|(operation, input)| Door {
        service: "glue",
        operation,
        exchange: Exchange::json("glue", &format!("AWSGlue.{operation}"), &input),
    })
    .collect()
}

fn lake_formation_doors(names: &Names) -> Vec<Door> {
    let Names {
        database,
        table,
        bucket,
        role,
        ..
    } = *names;
    let location = json!({"ResourceArn": format!("arn:aws:s3:::{bucket}/{database}")});
    let mut register = location.clone();
    register["UseServiceLinkedRole"] = json!(true);
    let grant = json!({
        "Principal": {"DataLakePrincipalIdentifier": format!("arn:aws:iam::{}:role/{role}", support::ACCOUNT)},
        "Resource": {"Table": {"DatabaseName": database, "Name": table}},
        "Permissions": ["SELECT"],
    });
    let mut entry = grant.clone();
    entry["Id"] = json!("1");
    let filter = json!({
        "TableCatalogId": support::ACCOUNT, "DatabaseName": database, "TableName": table, "Name": "rows",
    });
    let mut data = filter.clone();
    data["RowFilter"] = json!({"AllRowsWildcard": {}});
    data["ColumnWildcard"] = json!({});
    [
        ("GetDataLakeSettings", json!({})),
        ("PutDataLakeSettings", json!({"DataLakeSettings": {}})),
        ("RegisterResource", register),
        ("DeregisterResource", location.clone()),
        ("DescribeResource", location),
        ("ListResources", json!({})),
        ("GrantPermissions", grant.clone()),
        ("RevokePermissions", grant),
        ("BatchGrantPermissions", json!({"Entries": [entry]})),
        ("BatchRevokePermissions", json!({"Entries": [entry]})),
        ("ListPermissions", json!({})),
        ("CreateDataCellsFilter", json!({"TableData": data})),
        ("UpdateDataCellsFilter", json!({"TableData": data})),
        ("GetDataCellsFilter", filter.clone()),
        ("ListDataCellsFilter", json!({})),
        ("DeleteDataCellsFilter", filter),
    ]
    .into_iter()
    .map(|(operation, input)| Door {
        service: "lakeformation",
        operation,
        exchange: Exchange::rest_json("lakeformation", operation, &input),
    })
    .collect()
}

/// `cluster` is an id.
fn emr_doors(names: &Names, cluster: &str) -> Vec<Door> {
    let name = names.security_configuration;
    let (one, several) = (json!({"ClusterId": cluster}), json!([cluster]));
    let role = format!("arn:aws:iam::{}:role/{}", support::ACCOUNT, names.role);
    [
        (
            "CreateSecurityConfiguration",
            json!({"Name": name, "SecurityConfiguration": "{}"}),
        ),
        ("DescribeSecurityConfiguration", json!({"Name": name})),
        ("ListSecurityConfigurations", json!({})),
        ("DeleteSecurityConfiguration", json!({"Name": name})),
        ("RunJobFlow", job_flow(names.instance_profile, names.role)),
        ("DescribeCluster", one.clone()),
        ("ListClusters", json!({})),
        ("ListInstances", one.clone()),
        ("ListInstanceGroups", one),
        ("TerminateJobFlows", json!({"JobFlowIds": several})),
        (
            "SetTerminationProtection",
            json!({"JobFlowIds": several, "TerminationProtected": true}),
        ),
        (
            "AddTags",
            json!({"ResourceId": cluster, "Tags": [{"Key": "team", "Value": "a"}]}),
        ),
        (
            "RemoveTags",
            json!({"ResourceId": cluster, "TagKeys": ["team"]}),
        ),
        (
            "GetClusterSessionCredentials",
            json!({"ClusterId": cluster, "ExecutionRoleArn": role}),
        ),
    ]
    .into_iter()
    .map(|(operation, input)| Door {
        service: "elasticmapreduce",
        operation,
        exchange: Exchange::json(
            "elasticmapreduce",
            &format!("ElasticMapReduce.{operation}"),
            &input,
        ),
    })
    .collect()
}

fn job_flow(instance_profile: &str, service_role: &str) -> Value {
    json!({
        "Name": "cluster", "ReleaseLabel": "emr-6.10.0", "Applications": [{"Name": "Spark"}],
        "Instances": {
            "InstanceGroups": [{"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}],
            "KeepJobFlowAliveWhenNoSteps": true,
        },
        "JobFlowRole": instance_profile, "ServiceRole": service_role,
    })
}

const DELETE_ONE: &str = "<Delete><Object><Key>folder/object</Key></Object></Delete>";

fn s3_doors(names: &Names) -> Vec<Door> {
    let bucket = format!("/{}", names.bucket);
    let key = format!("{bucket}/{}", names.key);
    let source = format!("{}/{}", names.bucket, names.key);
    let with = |path: &str, query: &str| format!("{path}?{query}");
    let part = with(&key, "partNumber=1&uploadId=none");
    let complete = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"e\"</ETag></Part></CompleteMultipartUpload>";
    let mut md5 = Md5::new();
    md5.update(DELETE_ONE.as_bytes());
    let md5 = base64::prelude::BASE64_STANDARD.encode(md5.finalize());
    let ask = |method: Method, path: &str| Exchange::s3(method, path);
    let copy = |path: &str| ask(Method::PUT, path).header("x-amz-copy-source", &source);
    [
        ("ListBuckets", ask(Method::GET, "/")),
        ("CreateBucket", ask(Method::PUT, &bucket)),
        ("HeadBucket", ask(Method::HEAD, &bucket)),
        ("DeleteBucket", ask(Method::DELETE, &bucket)),
        (
            "GetBucketLocation",
            ask(Method::GET, &with(&bucket, "location")),
        ),
        (
            "PutBucketPolicy",
            ask(Method::PUT, &with(&bucket, "policy")).body(POLICY),
        ),
        (
            "GetBucketPolicy",
            ask(Method::GET, &with(&bucket, "policy")),
        ),
        (
            "DeleteBucketPolicy",
            ask(Method::DELETE, &with(&bucket, "policy")),
        ),
        ("ListObjects", ask(Method::GET, &bucket)),
        (
            "ListObjectsV2",
            ask(Method::GET, &with(&bucket, "list-type=2")),
        ),
        ("GetObject", ask(Method::GET, &key)),
        ("HeadObject", ask(Method::HEAD, &key)),
        ("PutObject", ask(Method::PUT, &key).body("bytes")),
        ("CopyObject", copy(&format!("{key}-copy"))),
        ("DeleteObject", ask(Method::DELETE, &key)),
        (
            "DeleteObjects",
            ask(Method::POST, &with(&bucket, "delete"))
                .header("content-md5", &md5)
                .body(DELETE_ONE),
        ),
        (
            "CreateMultipartUpload",
            ask(Method::POST, &with(&key, "uploads")),
        ),
        ("UploadPart", ask(Method::PUT, &part).body("bytes")),
        ("UploadPartCopy", copy(&part)),
        (
            "CompleteMultipartUpload",
            ask(Method::POST, &with(&key, "uploadId=none")).body(complete),
        ),
        (
            "AbortMultipartUpload",
            ask(Method::DELETE, &with(&key, "uploadId=none")),
        ),
        ("ListParts", ask(Method::GET, &with(&key, "uploadId=none"))),
        (
            "ListMultipartUploads",
            ask(Method::GET, &with(&bucket, "uploads")),
        ),
    ]
    .map(|(operation, exchange)| Door {
        service: "s3",
        operation,
        exchange,
    })
    .into()
}

/// Operations of the gate, from its source: the codec hides which ones it was given.
fn gate_operations() -> BTreeSet<String> {
    let source = include_str!("../../lakeward-gate/src/operations.rs");
    let methods = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("async fn "));
    methods
        .map(|method| {
            let name = method.split(['(', '<']).next().unwrap();
            let words = name
                .split('_')
                .map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]));
            words.collect::<String>()
        })
        .collect()
}

/// A door for each operation there is, and none for others.
async fn every_door(names: &Names, cluster: &str, room: &std::path::Path) -> Vec<Door> {
    let mut all = query_doors(names);
    all.extend(glue_doors(names));
    all.extend(lake_formation_doors(names));
    all.extend(emr_doors(names, cluster));
    let mut tables = BTreeMap::new();
    for service in services(room).await {
        let operations: BTreeSet<String> = service.operations().map(str::to_owned).collect();
        tables.insert(service.signing_name(), operations);
    }
    all.extend(s3_doors(names));
    tables.insert("s3", gate_operations());
    for (service, operations) in tables {
        let listed = all.iter().filter(|door| door.service == service);
        let listed: BTreeSet<String> = listed.map(|door| door.operation.to_owned()).collect();
        assert_eq!(
            listed, operations,
            "{service}: an operation without a door here"
        );
    }
    all
}

/// The ways to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Unsigned,
    UnknownKey,
    Secret,
    Date,
    Expired,
    Body,
    Holder,
}

/// Status and code, by protocol ("Common errors" of each service; "Error responses" of S3).
fn refusal(service: &str, wrong: Wrong) -> (u16, &'static str) {
    let family = match service {
        "s3" => 2,
        "iam" | "sts" => 0,
        _ => 1,
    };
    let [query, json, s3] = match wrong {
        Wrong::Unsigned => [
            (403, "MissingAuthenticationToken"),
            (400, "MissingAuthenticationTokenException"),
            (403, "AccessDenied"),
        ],
        Wrong::UnknownKey => [
            (403, "InvalidClientTokenId"),
            (400, "UnrecognizedClientException"),
            (403, "InvalidAccessKeyId"),
        ],
        Wrong::Secret => [
            (403, "SignatureDoesNotMatch"),
            (400, "InvalidSignatureException"),
            (403, "SignatureDoesNotMatch"),
        ],
        Wrong::Date => [
            (403, "SignatureDoesNotMatch"),
            (400, "InvalidSignatureException"),
            (403, "RequestTimeTooSkewed"),
        ],
        Wrong::Expired => [
            (403, "ExpiredToken"),
            (400, "ExpiredTokenException"),
            (400, "ExpiredToken"),
        ],
        Wrong::Body => [
            (403, "SignatureDoesNotMatch"),
            (400, "InvalidSignatureException"),
            (400, "XAmzContentSHA256Mismatch"),
        ],
        Wrong::Holder => [
            (403, "AccessDenied"),
            (400, "AccessDeniedException"),
            (403, "AccessDenied"),
        ],
    };
    [query, json, s3][family]
}

/// An instance with one of everything, someone who holds nothing, and a session that is over.
struct Town {
    world: World,
    cluster: String,
    nobody: Credentials,
    expired: Credentials,
}

impl Town {
    async fn build() -> Self {
        let room = room();
        let sealer = Sealer::install(room.path()).await;
        let world = World::in_room(room).await;
        let root = &world.root;
        let names = &EXISTING;
        user(root, names.user, None).await;
        let nobody = user(root, "nobody", None).await;
        let create = |kind: &'static str, name: &str, trust: &'static str| {
            let named = if kind == "CreateRole" {
                "RoleName"
            } else {
                "InstanceProfileName"
            };
            let mut input = vec![("Action", kind.to_owned()), (named, name.to_owned())];
            if kind == "CreateRole" {
                input.push(("AssumeRolePolicyDocument", trust.to_owned()));
            }
            input
        };
        for input in [
            create("CreateRole", names.role, EMR_TRUST),
            create("CreateRole", "machines", TRUST),
            create("CreateInstanceProfile", names.instance_profile, ""),
        ] {
            let input: Vec<(&str, &str)> = input
                .iter()
                .map(|(name, value)| (*name, &**value))
                .collect();
            support::iam(root, &input).await;
        }
        let add = [
            ("Action", "AddRoleToInstanceProfile"),
            ("InstanceProfileName", names.instance_profile),
            ("RoleName", "machines"),
        ];
        support::iam(root, &add).await;
        for path in [
            format!("/{}", names.bucket),
            format!("/{}/{}", names.bucket, names.key),
        ] {
            root.s3(Method::PUT, &path, "".into()).await.unwrap();
        }
        support::glue(
            root,
            "CreateDatabase",
            json!({"DatabaseInput": {"Name": names.database}}),
        )
        .await;
        let table = json!({"DatabaseName": names.database, "TableInput": {"Name": names.table}});
        support::glue(root, "CreateTable", table).await;
        let configuration =
            json!({"Name": names.security_configuration, "SecurityConfiguration": "{}"});
        support::emr(root, "CreateSecurityConfiguration", configuration).await;
        let started = support::emr(
            root,
            "RunJobFlow",
            job_flow(names.instance_profile, names.role),
        )
        .await;
        let expired = sealer.expired(&world).await;
        Self {
            cluster: started["JobFlowId"].as_str().unwrap().to_owned(),
            world,
            nobody,
            expired,
        }
    }

    fn root(&self) -> &Credentials {
        self.world.root.credentials()
    }

    /// Asks at a door in a wrong way.
    async fn ask(&self, door: &Door, wrong: Wrong) -> Answer {
        let (sender, root, exchange) = (&self.world.sender, self.root(), &door.exchange);
        let stolen = Credentials::permanent(root.access_key_id(), "not the secret");
        let unknown = Credentials::permanent("AKIAAAAAAAAAAAAAAAAA", root.secret_access_key());
        match wrong {
            Wrong::Unsigned => sender.unsigned(exchange).await,
            Wrong::UnknownKey => sender.signed(exchange, &unknown).await,
            Wrong::Secret => sender.signed(exchange, &stolen).await,
            Wrong::Date => {
                let before = SystemTime::now() - Duration::from_secs(16 * 60);
                sender.signed_at(exchange, root, before).await
            }
            Wrong::Expired => sender.signed(exchange, &self.expired).await,
            Wrong::Body => {
                // Well formed still: only the signature tells.
                let mut body = exchange.body.to_vec();
                match door.service {
                    "s3" => *body.last_mut().unwrap() ^= 1,
                    "iam" | "sts" => body.extend(b"&More=1"),
                    _ => body.push(b' '),
                }
                sender.altered(exchange, root, body).await
            }
            Wrong::Holder => sender.signed(exchange, &self.nobody).await,
        }
    }

    /// The audit record of an answer.
    fn record(&self, answer: &Answer) -> Value {
        let id = answer.request_id();
        assert!(
            !id.is_empty(),
            "an answer without a request id: {}",
            answer.text()
        );
        let trail = std::fs::read_to_string(self.world.folder.audit().join("audit.jsonl")).unwrap();
        let mut records = trail
            .lines()
            .rev()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let record = records.find(|record| record["requestID"] == *id);
        record.unwrap_or_else(|| panic!("no audit record of request {id}"))
    }

    /// The answer is the protocol's own refusal, and the record tells of it.
    fn assert_refused(&self, door: &Door, wrong: Wrong, answer: &Answer) {
        let at = format!(
            "{} {}, {wrong:?}: {}",
            door.service,
            door.operation,
            answer.text()
        );
        let (status, code) = refusal(door.service, wrong);
        let bodiless = door.exchange.method == Method::HEAD;
        let seen = if bodiless {
            code.to_owned()
        } else {
            answer.code()
        };
        assert_eq!((answer.status, &*seen), (status, code), "{at}");
        let record = self.record(answer);
        assert_eq!(
            record["eventSource"],
            format!("{}.amazonaws.com", door.service),
            "{at}"
        );
        // The query services' own code of a denial is the shorter one, on the wire as well.
        let recorded = record["errorCode"].as_str().unwrap_or_default();
        assert!(
            [code, &format!("{code}Exception")].contains(&recorded),
            "{at}: recorded {recorded}"
        );
        let named = record["eventName"].as_str().unwrap_or_default();
        // S3 learns which operation it is after the signature.
        let unread = door.service == "s3" && !matches!(wrong, Wrong::Holder | Wrong::Expired);
        assert!(
            named == door.operation || (unread && named == "Unknown"),
            "{at}: recorded {named}"
        );
        if wrong == Wrong::Holder {
            let who = &record["userIdentity"]["arn"];
            assert_eq!(
                *who,
                format!("arn:aws:iam::{}:user/nobody", support::ACCOUNT),
                "{at}"
            );
            let decisions = record["additionalEventData"]["decisions"]
                .as_array()
                .unwrap();
            assert!(
                decisions
                    .iter()
                    .any(|decision| decision["allowed"] == false),
                "{at}"
            );
        }
        if matches!(wrong, Wrong::Secret | Wrong::Date) {
            let key = self.root().access_key_id();
            assert_eq!(record["userIdentity"]["accessKeyId"], key, "{at}");
            assert!(
                record["userIdentity"]["arn"].is_null(),
                "an unproven name is no identity: {at}"
            );
        }
    }

    /// What root sees of everything, to tell whether anything changed.
    async fn everything(&self) -> Vec<String> {
        let mut seen = Vec::new();
        let cluster = &self.cluster;
        let doors = query_doors(&EXISTING)
            .into_iter()
            .chain(glue_doors(&EXISTING))
            .chain(lake_formation_doors(&EXISTING))
            .chain(emr_doors(&EXISTING, cluster))
            .chain(s3_doors(&EXISTING));
        let reads = |door: &Door| {
            let name = door.operation;
            let reading =
                name.starts_with("List") || name.starts_with("Describe") || name.starts_with("Get");
            reading && !name.contains("Session") && !name.contains("Parts")
        };
        for door in doors.filter(reads) {
            let answer = self.world.sender.signed(&door.exchange, self.root()).await;
            let id = answer.request_id();
            seen.push(format!(
                "{} {}",
                door.operation,
                answer.text().replace(&id, "")
            ));
        }
        seen
    }
}

#[tokio::test]
async fn every_operation_refuses_those_who_prove_nothing() {
    let town = Town::build().await;
    let before = town.everything().await;
    let doors = every_door(&EXISTING, &town.cluster, town.world.room.path()).await;
    for door in &doors {
        for wrong in [
            Wrong::Unsigned,
            Wrong::UnknownKey,
            Wrong::Secret,
            Wrong::Date,
            Wrong::Expired,
        ] {
            let answer = town.ask(door, wrong).await;
            town.assert_refused(door, wrong, &answer);
        }
        // Without such an upload there is nothing to read a part for.
        if !door.exchange.body.is_empty() && door.operation != "UploadPart" {
            let answer = town.ask(door, Wrong::Body).await;
            town.assert_refused(door, Wrong::Body, &answer);
        }
    }
    assert_eq!(town.everything().await, before);
}

#[tokio::test]
async fn every_operation_refuses_those_who_hold_nothing() {
    let town = Town::build().await;
    let before = town.everything().await;
    let room = town.world.room.path();
    let there = every_door(&EXISTING, &town.cluster, room).await;
    let missing = every_door(&MISSING, "j-0000000000000", room).await;
    for (there, missing) in there.iter().zip(&missing) {
        if there.operation == "GetCallerIdentity" {
            assert_eq!(town.ask(there, Wrong::Holder).await.status, 200);
            continue;
        }
        let answers = [
            town.ask(there, Wrong::Holder).await,
            town.ask(missing, Wrong::Holder).await,
        ];
        if there.operation == "DeleteObjects" {
            for answer in &answers {
                // It answers for each key.
                assert_eq!(
                    (answer.status, answer.one("Code")),
                    (200, "AccessDenied".to_owned())
                );
                assert!(answer.all("Deleted").is_empty());
                assert_eq!(town.record(answer)["eventName"], "DeleteObjects");
            }
            continue;
        }
        for (door, answer) in [there, missing].into_iter().zip(&answers) {
            town.assert_refused(door, Wrong::Holder, answer);
        }
        assert_alike(there.operation, &answers);
    }
    assert_eq!(town.everything().await, before);
}

/// What is there and what is missing look alike to the one who may not see either.
fn assert_alike(operation: &str, answers: &[Answer; 2]) {
    let [there, missing] = answers.each_ref().map(|answer| {
        let mut text = answer.text().replace(&answer.request_id(), "");
        for (one, other) in [
            (EXISTING.user, MISSING.user),
            (EXISTING.role, MISSING.role),
            (EXISTING.instance_profile, MISSING.instance_profile),
            (EXISTING.key, MISSING.key),
            (EXISTING.bucket, MISSING.bucket),
            (EXISTING.database, MISSING.database),
            (EXISTING.table, MISSING.table),
            (
                EXISTING.security_configuration,
                MISSING.security_configuration,
            ),
        ] {
            text = text.replace(one, "<name>").replace(other, "<name>");
        }
        let mut words: Vec<&str> = text.split([' ', '"', '/']).collect();
        words.retain(|word| !word.starts_with("j-"));
        words.join(" ")
    });
    assert_eq!(there, missing, "{operation}");
}

#[tokio::test]
async fn what_is_not_built_says_so_by_name() {
    let town = Town::build().await;
    let room = town.world.room.path();
    for service in services(room).await {
        let name = service.signing_name();
        let exchange = match service.protocol() {
            Protocol::AwsJson { target } => {
                Exchange::json(name, &format!("{target}.BrewCoffee"), &json!({}))
            }
            Protocol::RestJson => Exchange::rest_json(name, "BrewCoffee", &json!({})),
            Protocol::Query { version, .. } => {
                Exchange::query(name, version, &[("Action", "BrewCoffee")])
            }
        };
        let answer = town.world.sender.signed(&exchange, town.root()).await;
        let code = match service.protocol() {
            Protocol::Query { .. } => "InvalidAction",
            _ => "UnknownOperationException",
        };
        assert_eq!((answer.status, &*answer.code()), (400, code), "{name}");
        assert!(answer.text().contains("BrewCoffee"), "{}", answer.text());
        assert!(
            answer.text().contains("not implemented"),
            "{}",
            answer.text()
        );
        let record = town.record(&answer);
        assert_eq!(
            (&record["eventName"], &record["errorCode"]),
            (&json!("BrewCoffee"), &json!(code))
        );
        // One who proves nothing doesn't learn what there is.
        let unsigned = town.world.sender.unsigned(&exchange).await;
        assert!(
            !unsigned.text().contains("not implemented"),
            "{}",
            unsigned.text()
        );
    }
    let bucket = EXISTING.bucket;
    for (operation, method, path) in [
        (
            "GetBucketVersioning",
            Method::GET,
            format!("/{bucket}?versioning"),
        ),
        (
            "GetObjectTagging",
            Method::GET,
            format!("/{bucket}/{}?tagging", EXISTING.key),
        ),
        (
            "DeleteBucketLifecycle",
            Method::DELETE,
            format!("/{bucket}?lifecycle"),
        ),
    ] {
        let answer = town
            .world
            .sender
            .signed(&Exchange::s3(method, &path), town.root())
            .await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (501, "NotImplemented"),
            "{operation}: {}",
            answer.text()
        );
        assert!(answer.text().contains(operation), "{}", answer.text());
        assert_eq!(town.record(&answer)["eventName"], operation);
    }
    let other = Exchange::json("kms", "TrentService.Encrypt", &json!({}));
    let answer = town.world.sender.signed(&other, town.root()).await;
    assert_eq!((answer.status, &*answer.code()), (404, "UnknownService"));
    assert!(answer.text().contains("kms"), "{}", answer.text());
}

/// Someone who knows the key that an instance seals its session tokens with, which only the
/// instance does: so a test needn't wait for a session to end.
struct Sealer(String);

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
    async fn install(room: &std::path::Path) -> Self {
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
        drop(store);
        // The file stays locked until the database's own thread has ended.
        for _ in 0..100 {
            if Store::open(&folder.database(), schema()).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        Self(key)
    }

    /// A session as the instance made it, but over.
    async fn expired(&self, world: &World) -> Credentials {
        let arn = format!("arn:aws:iam::{}:role/visited", support::ACCOUNT);
        let visitor = format!("arn:aws:iam::{}:user/visitor", support::ACCOUNT);
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

#[tokio::test]
async fn strangers_are_not_listened_to_for_long() {
    let world = World::empty().await;
    let long = "x".repeat(1 << 20);
    let exchange = Exchange::query(
        "iam",
        "2010-05-08",
        &[("Action", "GetUser"), ("UserName", &long)],
    );
    let stranger = Credentials::permanent("AKIANOBODYNOBODYNOBO", "secret");
    for answer in [
        world.sender.unsigned(&exchange).await,
        world.sender.signed(&exchange, &stranger).await,
    ] {
        assert_eq!(answer.status, 413, "{}", answer.text());
    }
    let answer = world
        .sender
        .signed(&exchange, world.root.credentials())
        .await;
    assert_eq!(
        answer.code(),
        "NoSuchEntity",
        "a known caller is heard: {}",
        answer.status
    );
}
