//! What steps do to their cluster's state.

use std::sync::Arc;

use serde_json::json;

use super::world::{ACCOUNT, World, pass_time, request};
use crate::emr::{Cluster, cluster::setting};

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
    world.emr.work_begins(&cluster).await.unwrap();
    assert_eq!(world.state(&cluster.id), "RUNNING");
    pass_time(1000);
    world.emr.tidy().await.unwrap();
    assert_eq!(world.state(&cluster.id), "RUNNING");
    world.emr.work_ends(&cluster).await.unwrap();
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
    world.emr.work_begins(&cluster).await.unwrap();
    let root = world.root().await;
    let input = json!({"JobFlowIds": [cluster.id], "KeepJobFlowAliveWhenNoSteps": false});
    world.run(&root, setting::keep_alive, input).await.unwrap();
    assert_eq!(world.state(&cluster.id), "RUNNING", "a step runs");
    world.emr.work_ends(&cluster).await.unwrap();
    world.until(&cluster.id, "TERMINATED").await;
    let code = record(&world, &cluster.id).reason.as_ref().unwrap().code;
    assert_eq!(code.unwrap().name(), "ALL_STEPS_COMPLETED");
}

#[tokio::test]
async fn a_failed_step_can_end_its_cluster_unless_that_is_protected() {
    let world = World::new().await;
    let (mortal, protected) = (cluster(&world, false).await, cluster(&world, true).await);
    for one in [&mortal, &protected] {
        world.emr.work_begins(one).await.unwrap();
        world.emr.work_failed(one, "s-1").await.unwrap();
    }
    world.until(&mortal.id, "TERMINATED_WITH_ERRORS").await;
    let status = world.describe(&mortal.id).await["Status"].clone();
    assert_eq!(status["StateChangeReason"]["Code"], "STEP_FAILURE");
    let message = status["StateChangeReason"]["Message"].as_str().unwrap();
    assert!(message.contains("s-1"), "{message}");
    assert_eq!(status["ErrorDetails"][0]["ErrorCode"], "STEP_FAILURE");
    assert_eq!(world.state(&protected.id), "RUNNING");
    // One that has ended doesn't come back.
    world.emr.work_begins(&mortal).await.unwrap();
    world.emr.work_ends(&mortal).await.unwrap();
    assert_eq!(world.state(&mortal.id), "TERMINATED_WITH_ERRORS");
}
