//! What steps do to their cluster's state.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::world::{ACCOUNT, World, pass_time, request};
use crate::emr::{
    Cluster,
    cluster::{
        setting,
        work::{work_begins, work_failed},
    },
};

fn key(cluster: &Cluster) -> String {
    Cluster::key_of(&cluster.account, &cluster.id)
}

async fn begin(world: &World, cluster: &Cluster) {
    world
        .change(|change| work_begins(change, &key(cluster)))
        .await;
}

fn record(world: &World, id: &str) -> Arc<Cluster> {
    let key = Cluster::key_of(ACCOUNT, id);
    world.store.snapshot().get::<Cluster>(&key).unwrap()
}

async fn cluster(world: &World, protected: bool) -> Arc<Cluster> {
    let mut request = request();
    request["AutoTerminationPolicy"] = json!({"IdleTimeout": 60});
    request["Instances"]["TerminationProtected"] = json!(protected);
    let id = world.launch(request).await;
    world.until(&id, "WAITING").await;
    record(world, &id)
}

#[tokio::test]
async fn a_cluster_runs_while_steps_do_and_is_not_idle() {
    let world = World::new().await;
    let cluster = cluster(&world, false).await;
    begin(&world, &cluster).await;
    assert_eq!(world.state(&cluster.id), "RUNNING");
    pass_time(1000);
    world.emr.tidy().await.unwrap();
    assert_eq!(world.state(&cluster.id), "RUNNING");
    world.emr.work_ends(&key(&cluster)).await.unwrap();
    assert_eq!(world.state(&cluster.id), "WAITING");
    pass_time(59);
    world.emr.tidy().await.unwrap();
    assert_eq!(world.state(&cluster.id), "WAITING");
    pass_time(2);
    world.emr.tidy().await.unwrap();
    world.until(&cluster.id, "TERMINATED").await;
}

#[tokio::test]
async fn a_cluster_that_is_not_to_stay_ends_after_its_last_step() {
    let world = World::new().await;
    let cluster = cluster(&world, true).await;
    begin(&world, &cluster).await;
    let root = world.root().await;
    let input = json!({"JobFlowIds": [cluster.id], "KeepJobFlowAliveWhenNoSteps": false});
    world.run(&root, setting::keep_alive, input).await.unwrap();
    assert_eq!(world.state(&cluster.id), "RUNNING", "a step runs");
    world.emr.work_ends(&key(&cluster)).await.unwrap();
    world.until(&cluster.id, "TERMINATED").await;
    let code = record(&world, &cluster.id).reason.as_ref().unwrap().code;
    assert_eq!(code.unwrap().name(), "ALL_STEPS_COMPLETED");
}

#[tokio::test]
async fn a_failed_step_can_end_its_cluster_unless_that_is_protected() {
    let world = World::new().await;
    let (mortal, protected) = (cluster(&world, false).await, cluster(&world, true).await);
    for one in [&mortal, &protected] {
        begin(&world, one).await;
        world
            .change(|change| {
                work_failed(change, &key(one), "s-1", Timestamp::now());
            })
            .await;
        world.emr.settle();
    }
    world.until(&mortal.id, "TERMINATED_WITH_ERRORS").await;
    let status = world.describe(&mortal.id).await["Status"].clone();
    assert_eq!(status["StateChangeReason"]["Code"], "STEP_FAILURE");
    let message = status["StateChangeReason"]["Message"].as_str().unwrap();
    assert!(message.contains("s-1"), "{message}");
    assert_eq!(status["ErrorDetails"][0]["ErrorCode"], "STEP_FAILURE");
    assert_eq!(world.state(&protected.id), "RUNNING");
    // One that has ended doesn't come back.
    begin(&world, &mortal).await;
    world.emr.work_ends(&key(&mortal)).await.unwrap();
    assert_eq!(world.state(&mortal.id), "TERMINATED_WITH_ERRORS");
}
