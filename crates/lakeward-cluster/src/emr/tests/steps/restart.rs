//! Steps of a daemon or a cluster that ends.

use super::*;

#[tokio::test]
async fn a_restart_fails_what_ran_and_goes_on_with_what_waited() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let steps = json!([
        with_action("1", "wait", "TERMINATE_CLUSTER"),
        step("2", "succeed")
    ]);
    let ids = submit(&world, &id, None, steps).await.unwrap();
    program(&world, 0).await;
    let stopped = cluster(&world, PLAIN).await;
    let other = submit(&world, &stopped, None, json!([step("1", "wait")])).await;
    let other = other.unwrap();
    program(&world, 1).await;
    world
        .change(|change| {
            let step = Step::find(change, &stopped, &other[0]).unwrap();
            change.put(step.in_state(crate::emr::StepState::CancelPending, jiff::Timestamp::now()));
        })
        .await;

    let next = world.alone();
    next.emr.resume().await.unwrap();
    assert_eq!(state(&next, &id, &ids[0]), "FAILED");
    assert_eq!(state(&next, &stopped, &other[0]), "CANCELLED");
    until(&next, &id, &ids[1], "COMPLETED").await;
    next.until(&id, "WAITING").await;
    let details = describe(&next, &id, &ids[0]).await["Status"]["FailureDetails"].clone();
    let message = details["Message"].as_str().unwrap();
    assert!(message.contains("Lakeward was stopped"), "{message}");
}

#[tokio::test]
async fn a_shutdown_is_no_failure_that_ends_a_cluster() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let steps = json!([with_action("1", "wait", "TERMINATE_CLUSTER")]);
    let ids = submit(&world, &id, None, steps).await.unwrap();
    program(&world, 0).await;
    world.sockets.programs.end_all();
    until(&world, &id, &ids[0], "FAILED").await;
    world.until(&id, "WAITING").await;
}

#[tokio::test]
async fn the_end_of_a_cluster_is_the_end_of_its_steps() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let steps = json!([step("1", "wait"), step("2", "wait")]);
    let ids = submit(&world, &id, None, steps.clone()).await.unwrap();
    let first = program(&world, 0).await;
    let root = world.root().await;
    let terminate = json!({"JobFlowIds": [id]});
    world.run(&root, end::terminate, terminate).await.unwrap();
    assert_eq!(state(&world, &id, &ids[0]), "FAILED");
    assert_eq!(state(&world, &id, &ids[1]), "CANCELLED");
    world.until(&id, "TERMINATED").await;
    first.end(StepEnd::Killed);
    let error = submit(&world, &id, None, steps.clone()).await.unwrap_err();
    assert_eq!(
        error.message,
        "A job flow that is shutting down, terminated, or finished may not be modified."
    );
    let error = submit(&world, "j-NONE", None, steps).await.unwrap_err();
    assert_eq!(error.message, "Specified job flow ID not valid");
    assert_eq!(state(&world, &id, &ids[0]), "FAILED");
}
