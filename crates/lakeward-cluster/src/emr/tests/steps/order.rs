//! In which order steps run, and what a failure does to those behind it.

use super::*;

#[tokio::test]
async fn steps_run_in_their_order_as_many_at_once_as_the_cluster_may() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let steps = json!([step("1", "wait"), step("2", "wait"), step("3", "wait")]);
    let ids = submit(&world, &id, None, steps.clone()).await.unwrap();
    for n in 0..3 {
        let program = program(&world, n).await;
        assert_eq!(program.login.username, ids[n]);
        for later in &ids[n + 1..] {
            assert_eq!(state(&world, &id, later), "PENDING");
        }
        program.end(StepEnd::Succeeded);
        until(&world, &id, &ids[n], "COMPLETED").await;
    }
    world.until(&id, "WAITING").await;

    let two = cluster(
        &world,
        Wish {
            concurrency: 2,
            ..PLAIN
        },
    )
    .await;
    let ids = submit(&world, &two, None, steps).await.unwrap();
    let (first, _) = (program(&world, 3).await, program(&world, 4).await);
    assert_eq!(state(&world, &two, &ids[2]), "PENDING");
    first.end(StepEnd::Succeeded);
    let third = program(&world, 5).await;
    assert_eq!(third.login.username, ids[2]);
    assert_eq!(world.state(&two), "RUNNING");
    world.sockets.programs.end_all();
    world.until(&two, "WAITING").await;
}

#[tokio::test]
async fn a_failed_step_does_what_its_action_says() {
    let world = World::new().await;
    let failing = |action: &str| json!([with_action("1", "fail", action), step("2", "succeed")]);

    let id = cluster(
        &world,
        Wish {
            logs: true,
            ..PLAIN
        },
    )
    .await;
    let ids = submit(&world, &id, None, failing("CONTINUE"))
        .await
        .unwrap();
    until(&world, &id, &ids[1], "COMPLETED").await;
    let status = describe(&world, &id, &ids[0]).await["Status"].clone();
    assert_eq!(status["State"], "FAILED");
    let details = &status["FailureDetails"];
    assert_eq!(details["Reason"], "The program ended with an error.");
    let message = "ValueError: it went wrong (the script ended with exit code 3)";
    assert_eq!(details["Message"], message);
    let file = format!("s3://{NAME}/logs/{id}/steps/{}/stderr.gz", ids[0]);
    assert_eq!(details["LogFile"], file);

    let id = cluster(&world, PLAIN).await;
    let ids = submit(&world, &id, None, failing("CANCEL_AND_WAIT"))
        .await
        .unwrap();
    until(&world, &id, &ids[1], "CANCELLED").await;
    world.until(&id, "WAITING").await;

    for action in ["TERMINATE_CLUSTER", "TERMINATE_JOB_FLOW"] {
        let id = cluster(&world, PLAIN).await;
        let ids = submit(&world, &id, None, failing(action)).await.unwrap();
        world.until(&id, "TERMINATED_WITH_ERRORS").await;
        assert_eq!(state(&world, &id, &ids[0]), "FAILED");
        assert_eq!(state(&world, &id, &ids[1]), "CANCELLED");
        let reason = world.describe(&id).await["Status"]["StateChangeReason"].clone();
        assert_eq!(reason["Code"], "STEP_FAILURE");
        assert!(!world.sockets.running().contains_key(&id));
    }

    let id = cluster(&world, PLAIN).await;
    edit(&world, &id, |cluster| cluster.termination_protected = true).await;
    let ids = submit(&world, &id, None, failing("TERMINATE_CLUSTER"))
        .await
        .unwrap();
    until(&world, &id, &ids[1], "CANCELLED").await;
    world.until(&id, "WAITING").await;
}

#[tokio::test]
async fn actions_that_need_an_order_are_refused_where_there_is_none() {
    let world = World::new().await;
    let id = cluster(
        &world,
        Wish {
            concurrency: 2,
            ..PLAIN
        },
    )
    .await;
    for action in ["TERMINATE_CLUSTER", "TERMINATE_JOB_FLOW", "CANCEL_AND_WAIT"] {
        let steps = json!([step("1", "wait"), with_action("2", "wait", action)]);
        let error = submit(&world, &id, None, steps).await.unwrap_err();
        assert_eq!(code(&error), "ValidationException");
        assert!(
            error.message.contains("ActionOnFailure is not valid"),
            "{error}"
        );
    }
    assert!(world.sockets.programs.started().is_empty());
    let mut unsaid = step("1", "fail");
    unsaid.as_object_mut().unwrap().remove("ActionOnFailure");
    let ids = submit(&world, &id, None, json!([unsaid])).await.unwrap();
    until(&world, &id, &ids[0], "FAILED").await;
    world.until(&id, "WAITING").await;
}

#[tokio::test]
async fn a_cluster_of_steps_ends_when_they_are_done() {
    let world = World::new().await;
    let mut with_steps = request();
    with_steps["Instances"]["KeepJobFlowAliveWhenNoSteps"] = json!(false);
    with_steps["Steps"] = json!([step("1", "succeed"), step("2", "fail"), step("3", "wait")]);
    let id = world.launch(with_steps.clone()).await;
    let last = program(&world, 2).await;
    assert_eq!(world.state(&id), "RUNNING");
    assert_eq!(last.login.role_arn, role_arn("machine"));
    last.end(StepEnd::Succeeded);
    world.until(&id, "TERMINATED").await;
    let reason = world.describe(&id).await["Status"]["StateChangeReason"].clone();
    assert_eq!(reason["Code"], "ALL_STEPS_COMPLETED");
    assert_eq!(reason["Message"], "Steps completed with errors");

    world.create_rules("rules", RULES).await.unwrap();
    let mut needs_roles = with_steps.clone();
    needs_roles["SecurityConfiguration"] = json!("rules");
    let mut names_role = with_steps;
    names_role["StepExecutionRoleArn"] = json!(role_arn("marketing"));
    for (request, words) in [
        (needs_roles, "using the StepExecutionRoleArn parameter"),
        (names_role, "remove the StepExecutionRoleArn parameter"),
    ] {
        let root = world.root().await;
        let error = world.run(&root, launch::run_job_flow, request).await;
        let error = error.unwrap_err();
        assert_eq!(code(&error), "ValidationException");
        assert!(error.message.contains(words), "{error}");
    }
    assert_eq!(world.store.snapshot().scan::<Cluster>("").len(), 1);
}

#[tokio::test]
async fn a_step_for_which_there_is_no_room_waits_on() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let steps = json!([
        with_action("1", "full", "TERMINATE_CLUSTER"),
        step("2", "succeed")
    ]);
    let ids = submit(&world, &id, None, steps).await.unwrap();
    let note = || {
        Step::find(&world.store.snapshot(), &id, &ids[0])
            .unwrap()
            .note
            .clone()
    };
    let why = eventually("it says why it waits", async || note()).await;
    assert_eq!(why, "the cluster has no room");
    assert_eq!(state(&world, &id, &ids[0]), "PENDING");
    // It keeps its place, and isn't tried with every look at the cluster.
    let key = Cluster::key_of(ACCOUNT, &id);
    world.emr.advance(&key).await.unwrap();
    assert_eq!(state(&world, &id, &ids[0]), "PENDING");
    assert_eq!(state(&world, &id, &ids[1]), "PENDING");
    world
        .sockets
        .programs
        .has_room
        .store(true, Ordering::SeqCst);
    eventually("it runs", async || {
        world.emr.settle();
        (state(&world, &id, &ids[0]) == "COMPLETED").then_some(())
    })
    .await;
    assert_eq!(note(), None);
}
