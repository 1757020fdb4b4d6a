//! Livy as its real clients use it: sparkmagic's PySpark kernel with its magics, and plain calls,
//! against the example with real sessions.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::{io::Write as _, path::PathBuf, time::Duration};

use bytes::Bytes;
use http::Method;
use lakeward::{
    cli::Progress,
    profile::Profiles,
    python::{self, Kit},
};
use lakeward_client::Client;
use serde_json::json;
use support::{World, emr, iam, room};
use tokio::{process::Command, time::timeout};

/// The whole script.
const PATIENCE: Duration = Duration::from_secs(600);

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

#[tokio::test]
async fn real_clients_work_a_day_over_livy() {
    let progress = Progress::new();
    let session = python::ensure(Kit::Session, &progress).unwrap();
    let client = python::ensure(Kit::Client, &progress).unwrap();
    let world = World::with_sessions(room(), session).await;
    let (world, demo, admin) = world.with_demo().await;
    let (stack, bucket) = (&demo.stack, demo.stack.cluster_bucket());
    upload(&admin, &bucket, &stack.runtime_role("marketing")).await;

    let david = Profiles::read(&world.folder).unwrap();
    let david = david
        .get("david")
        .unwrap()
        .credentials(&world.instance)
        .await;
    let david = admin.with_credentials(david.unwrap());
    let role = stack.role_arn(&stack.runtime_role("marketing"));
    let input = json!({"ClusterId": demo.cluster_id, "ExecutionRoleArn": role});
    let pair = emr(&david, "GetClusterSessionCredentials", input).await;
    let pair = &pair["Credentials"]["UsernamePassword"];
    let settings = json!({
        "url": format!("https://{}:8998", demo.cluster_address),
        "username": pair["Username"],
        "password": pair["Password"],
        "ca": world.instance.ca,
        "bucket": bucket,
    });
    let file = world.room.path().join("livy.json");
    std::fs::write(&file, settings.to_string()).unwrap();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/python/livy_day.py");
    let home = world.room.path().join("home");
    std::fs::create_dir(&home).unwrap();
    let run = Command::new(client)
        .arg(script)
        .arg(&file)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .kill_on_drop(true)
        .output();
    let ended = timeout(PATIENCE, run)
        .await
        .expect("the script did not end")
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr),
    );
    world.daemon.shutdown().await;
    assert!(ended.status.success(), "{out}{err}");
    assert!(out.contains("all held"), "{out}{err}");
}
