//! JupyterLab's own server runs its kernels on a cluster, under runtime roles.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::{path::Path, process::Stdio, time::Duration};

use lakeward::{
    cli::Progress,
    demo::SENSITIVE_COLUMNS,
    profile::Profiles,
    python::{self, Kit},
};
use serde_json::{Value, json};
use support::{World, emr};
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_secs(300);
/// The gateway's port, as on EMR.
const PORT: u16 = 18888;

/// A user name and password for a cluster, under the runtime role of that purpose.
async fn log_in(world: &World, demo: &lakeward::demo::Demo, person: &str, purpose: &str) -> Value {
    let profiles = Profiles::read(&world.folder).unwrap();
    let profile = profiles.get(person).unwrap();
    let keys = profile.credentials(&world.instance).await.unwrap();
    let client = world.instance.client(keys).unwrap();
    let stack = &demo.stack;
    let role = stack.role_arn(&stack.runtime_role(purpose));
    let input = json!({"ClusterId": demo.cluster_id, "ExecutionRoleArn": role});
    let answer = emr(&client, "GetClusterSessionCredentials", input).await;
    let pair = &answer["Credentials"]["UsernamePassword"];
    json!({"username": pair["Username"], "password": pair["Password"]})
}

#[tokio::test]
async fn jupyters_own_server_runs_kernels_under_runtime_roles() {
    let ensure =
        |kit| tokio::task::spawn_blocking(move || python::ensure(kit, &Progress::new()).unwrap());
    let client_python = ensure(Kit::Client).await.unwrap();
    let (world, demo, _admin) = World::working_demo().await;
    let asked = json!({
        "gateway": format!("https://{}:{PORT}", demo.cluster_address),
        "ca": world.instance.ca,
        "room": world.room.path(),
        "people": [
            log_in(&world, &demo, "david", "marketing").await,
            log_in(&world, &demo, "tina", "sales").await,
        ],
        "query": "select * from tpc.dl_tpc_customer limit 5",
        "shown": ["c_customer_sk", "c_customer_id"],
        "hidden": SENSITIVE_COLUMNS,
        "refused": "tpc.dl_tpc_item",
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/jupyter_day.py");
    let mut child = Command::new(client_python)
        .arg(script)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(asked.to_string().as_bytes()).await.unwrap();
    drop(stdin);
    let ended = timeout(PATIENCE, child.wait_with_output())
        .await
        .expect("the script did not end")
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr),
    );
    assert!(ended.status.success(), "{out}{err}");
    assert!(out.contains("all held"), "{out}{err}");
    world.daemon.shutdown().await;
}
