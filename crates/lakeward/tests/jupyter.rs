//! JupyterLab's own server runs its kernels on a cluster, under runtime roles.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use lakeward::{demo::SENSITIVE_COLUMNS, profile::Profiles, python::Kit};
use serde_json::{Value, json};
use support::{World, emr, script::Script};

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
    Script::new(Kit::Client, "jupyter_day.py")
        .await
        .input(asked.to_string())
        .holds()
        .await;
    world.daemon.shutdown().await;
}
