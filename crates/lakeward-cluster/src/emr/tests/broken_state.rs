//! What becomes of clusters and steps while the database doesn't take what is to be recorded of them.

use std::sync::atomic::Ordering;

use lakeward_session::fixture::eventually;
use serde_json::json;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    steps::{PLAIN, Wish, cluster, program, state, step, submit, until},
    world::{ACCOUNT, World, request, settled},
};
use crate::emr::{Cluster, Step, StepEnd, StepState};

const STEPS: &str = "NEW.kind = 'emr-step'";
const CLUSTERS: &str = "NEW.kind = 'emr-cluster'";

/// From now on the database itself refuses records of which `condition` holds: `NEW.kind` is the
/// record's kind and `NEW.json` its text.
async fn refuse(world: &World, condition: &str) {
    let trigger = format!(
        "CREATE TRIGGER refusal BEFORE INSERT ON record WHEN {condition}
         BEGIN SELECT RAISE(ABORT, 'the test refuses'); END"
    );
    run(world, trigger).await;
}

/// The end of [`refuse`].
async fn accept(world: &World) {
    run(world, "DROP TRIGGER refusal".to_owned()).await;
}

async fn run(world: &World, text: String) {
    let file = SqliteConnectOptions::new().filename(world.folder.join("state.db"));
    let mut connection = SqliteConnection::connect_with(&file).await.unwrap();
    let text = sqlx::AssertSqlSafe(text);
    sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn held_up(world: &World, id: &str) {
    eventually("the cluster is held up", async || {
        (world.emr.held_up() == [id]).then_some(())
    })
    .await;
    assert_eq!(world.state(id), "BOOTSTRAPPING");
    assert!(world.sockets.running().is_empty(), "nothing stays behind");
}

#[tokio::test]
async fn the_end_of_a_step_is_recorded_when_the_state_takes_it_again() {
    let world = World::new().await;
    let wish = Wish {
        logs: true,
        ..PLAIN
    };
    let id = cluster(&world, wish).await;
    let steps = json!([step("1", "wait"), step("2", "succeed")]);
    let ids = submit(&world, &id, None, steps).await.unwrap();
    let first = program(&world, 0).await;
    refuse(&world, STEPS).await;
    first.end(StepEnd::Succeeded);
    // The record is tried right after the last of the logs, and changes have their order.
    let log = format!("logs/{id}/steps/{}/stderr.gz", ids[0]);
    eventually("the logs are there", async || {
        world.sockets.bucket.content(&log)
    })
    .await;
    world.change(|_| ()).await;
    assert_eq!(state(&world, &id, &ids[0]), "RUNNING");
    accept(&world).await;
    until(&world, &id, &ids[0], "COMPLETED").await;
    until(&world, &id, &ids[1], "COMPLETED").await;
    world.until(&id, "WAITING").await;
}

#[tokio::test]
async fn no_step_is_begun_whose_cluster_cannot_be_said_to_run() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    refuse(&world, CLUSTERS).await;
    let ids = submit(&world, &id, None, json!([step("1", "wait")])).await;
    let ids = ids.unwrap();
    let key = Cluster::key_of(ACCOUNT, &id);
    world.emr.advance(&key).await.unwrap_err();
    assert_eq!(state(&world, &id, &ids[0]), "PENDING");
    assert!(world.sockets.programs.started().is_empty());
    accept(&world).await;
    world.emr.settle();
    program(&world, 0).await.end(StepEnd::Succeeded);
    until(&world, &id, &ids[0], "COMPLETED").await;
}

#[tokio::test]
async fn a_cluster_waits_again_when_the_end_of_its_work_can_be_recorded() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let ids = submit(&world, &id, None, json!([step("1", "wait")])).await;
    let ids = ids.unwrap();
    let first = program(&world, 0).await;
    refuse(&world, CLUSTERS).await;
    first.end(StepEnd::Succeeded);
    until(&world, &id, &ids[0], "COMPLETED").await;
    let key = Cluster::key_of(ACCOUNT, &id);
    world.emr.advance(&key).await.unwrap_err();
    assert_eq!(world.state(&id), "RUNNING");
    accept(&world).await;
    settled(&world, &id, "WAITING").await;
}

#[tokio::test]
async fn a_running_step_that_nobody_sees_to_its_end_fails() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    // As a start leaves it of which it never became known that it was recorded.
    refuse(&world, CLUSTERS).await;
    let steps = json!([step("1", "wait"), step("2", "wait")]);
    let ids = submit(&world, &id, None, steps).await.unwrap();
    world
        .change(|change| {
            let step = Step::find(change, &id, &ids[0]).unwrap();
            change.put(step.in_state(StepState::Running, jiff::Timestamp::now()));
        })
        .await;
    accept(&world).await;
    world.emr.settle();
    until(&world, &id, &ids[0], "FAILED").await;
    let second = program(&world, 0).await;
    assert_eq!(second.login.username, ids[1]);
    assert_eq!(world.sockets.programs.started().len(), 1);
}

#[tokio::test]
async fn a_start_that_cannot_be_recorded_leaves_nothing_and_is_tried_again() {
    let world = World::new().await;
    let waiting = format!("{CLUSTERS} AND NEW.json LIKE '%\"WAITING\"%'");
    refuse(&world, &waiting).await;
    let id = world.launch(request()).await;
    held_up(&world, &id).await;
    accept(&world).await;
    settled(&world, &id, "WAITING").await;
    assert_eq!(world.sockets.running().len(), 1);
}

#[tokio::test]
async fn a_failure_that_cannot_be_recorded_is_recorded_later() {
    let world = World::new().await;
    let failed = format!("{CLUSTERS} AND NEW.json LIKE '%\"TERMINATED_WITH_ERRORS\"%'");
    refuse(&world, &failed).await;
    world.sockets.taken.store(true, Ordering::SeqCst);
    let id = world.launch(request()).await;
    held_up(&world, &id).await;
    accept(&world).await;
    settled(&world, &id, "TERMINATED_WITH_ERRORS").await;
    assert!(world.emr.held_up().is_empty());
}
