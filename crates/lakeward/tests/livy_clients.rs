//! Livy as its real clients use it: sparkmagic's PySpark kernel with its magics, and plain calls,
//! against the example with real sessions.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::{io::Write as _, path::Path};

use bytes::Bytes;
use http::Method;
use lakeward::{
    daemon::StateFolder,
    demo::{Demo, ready},
    profile::{Instance, Profiles},
    python::Kit,
};
use lakeward_client::Client;
use serde_json::{Value, json};
use support::{PATIENCE, World, emr, iam, program::Program, room, script::Script};

const JOB: &str = r#"
import sys
import plain, packed
from pyspark.sql import SparkSession

if __name__ == "__main__":
    spark = SparkSession.builder.appName("nightly").getOrCreate()
    print(sys.argv[1:])
    print(plain.name, packed.name, sep="\n")
    rows = spark.sql("select * from tpc.dl_tpc_customer limit 5").collect()
    print("rows:", len(rows))
    print("a warning", file=sys.stderr)
    spark.stop()
"#;

fn archive() -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("packed.py", options).unwrap();
    archive.write_all(b"name = 'packed module'").unwrap();
    archive.finish().unwrap().into_inner()
}

/// Puts the batch's files where the role may read them.
async fn upload(admin: &Client, bucket: &str, role: &str) {
    for (name, content) in [
        ("job.py", JOB.into()),
        ("plain.py", b"name = 'plain module'".to_vec()),
        ("packed.zip", archive()),
        ("fails.py", b"import sys; sys.exit(3)".to_vec()),
    ] {
        let path = format!("/{bucket}/jobs/{name}");
        admin
            .s3(Method::PUT, &path, Bytes::from(content))
            .await
            .unwrap();
    }
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{bucket}/jobs/*")},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": format!("arn:aws:s3:::{bucket}")},
    ]})
    .to_string();
    let put = [
        ("Action", "PutRolePolicy"),
        ("RoleName", role),
        ("PolicyName", "jobs"),
        ("PolicyDocument", &*policy),
    ];
    iam(admin, &put).await;
}

/// A user name and password for David with the marketing role.
async fn pair(instance: &Instance, folder: &StateFolder, demo: &Demo) -> Value {
    let profiles = Profiles::read(folder).unwrap();
    let keys = profiles.get("david").unwrap().credentials(instance).await;
    let david = instance.client(keys.unwrap()).unwrap();
    let stack = &demo.stack;
    let role = stack.role_arn(&stack.runtime_role("marketing"));
    let input = json!({"ClusterId": demo.cluster_id, "ExecutionRoleArn": role});
    let issued = emr(&david, "GetClusterSessionCredentials", input).await;
    issued["Credentials"]["UsernamePassword"].clone()
}

#[tokio::test]
async fn real_clients_work_a_day_over_livy() {
    let (world, demo, admin) = World::working_demo().await;
    let (stack, bucket) = (&demo.stack, demo.stack.cluster_bucket());
    upload(&admin, &bucket, &stack.runtime_role("marketing")).await;

    let pair = pair(&world.instance, &world.folder, &demo).await;
    let settings = json!({
        "url": format!("https://{}:8998", demo.cluster_address),
        "username": pair["Username"],
        "password": pair["Password"],
        "ca": world.instance.ca,
        "bucket": bucket,
    });
    let file = world.room.path().join("livy.json");
    std::fs::write(&file, settings.to_string()).unwrap();
    Script::new(Kit::Client, "livy_day.py")
        .await
        .at_home(&world)
        .arg(&file)
        .holds()
        .await;
    world.daemon.shutdown().await;
}

/// One cluster's Livy, for one pair.
struct Livy {
    client: reqwest::Client,
    url: String,
    pair: Value,
}

impl Livy {
    fn of(ca: &Path, demo: &Demo, pair: Value) -> Self {
        let ca = reqwest::Certificate::from_pem(&std::fs::read(ca).unwrap()).unwrap();
        let client = reqwest::Client::builder().add_root_certificate(ca);
        Self {
            client: client.no_proxy().timeout(PATIENCE).build().unwrap(),
            url: format!("https://{}:8998", demo.cluster_address),
            pair,
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.client.request(method, format!("{}{path}", self.url));
        let password = self.pair["Password"].as_str();
        let request = request.basic_auth(self.pair["Username"].as_str().unwrap(), password);
        let request = match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap())
    }
}

fn demo(state: &Path) -> Program {
    Program::start("demo", state, &["--scale", "0.01"])
}

#[tokio::test]
async fn a_daemon_that_was_killed_says_what_became_of_its_sessions() {
    let room = room();
    let state = room.path().join("state");
    let mut program = demo(&state);
    program.says("Lakeward is up").await;
    let folder = StateFolder::open(&state).unwrap();
    let example = ready(&folder).unwrap().unwrap();
    let pair = pair(&program.instance(), &folder, &example).await;
    let livy = Livy::of(&program.instance().ca, &example, pair);
    let mut places = Vec::new();
    for (kind, body) in [
        ("sessions", json!({"kind": "pyspark", "name": "mine"})),
        (
            "batches",
            json!({"file": "s3://bucket/job.py", "name": "mine"}),
        ),
    ] {
        let path = format!("/{kind}");
        let (status, opened) = livy.call(Method::POST, &path, Some(body)).await;
        assert_eq!(status, 201, "{opened}");
        places.push(format!("/{kind}/{}", opened["id"]));
    }
    for kindly in [false, true] {
        if kindly {
            assert!(program.stop().await.success());
        } else {
            program.kill().await;
        }
        program = demo(&state);
        program.says("Lakeward is up").await;
        for place in &places {
            let (status, shown) = livy.call(Method::GET, place, None).await;
            assert_eq!((status, &shown["state"]), (200, &json!("dead")), "{shown}");
            assert_eq!(shown["name"], "mine");
            let line = shown["log"][0].as_str().unwrap();
            assert!(line.contains("Lakeward was restarted"), "{line}");
        }
        let path = format!("{}/statements", places[0]);
        let code = json!({"code": "1"});
        let (status, refused) = livy.call(Method::POST, &path, Some(code)).await;
        assert_eq!(status, 400);
        assert_eq!(refused["msg"], "Rejected, session is in state dead");
    }
    for place in &places {
        assert_eq!(livy.call(Method::DELETE, place, None).await.0, 200);
        assert_eq!(livy.call(Method::GET, place, None).await.0, 404);
    }
    assert!(program.stop().await.success());
}
