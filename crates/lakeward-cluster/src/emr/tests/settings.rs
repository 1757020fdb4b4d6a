//! Settings and policies of a running cluster.

use serde_json::{Value, json};

use super::world::{OTHER, World, code, pass_time, request};
use crate::emr::cluster::{auto_termination, end, scaling, setting};

async fn waiting(world: &World) -> String {
    let id = world.launch(request()).await;
    world.until(&id, "WAITING").await;
    id
}

async fn terminate(world: &World, id: &str) {
    let root = world.root().await;
    let input = json!({"JobFlowIds": [id]});
    world.run(&root, end::terminate, input).await.unwrap();
    world.until(id, "TERMINATED").await;
}

#[tokio::test]
async fn settings_change_and_are_shown() {
    let world = World::new().await;
    let id = waiting(&world).await;
    let root = world.root().await;
    let ids = json!([id]);
    let input = json!({"JobFlowIds": ids, "UnhealthyNodeReplacement": true});
    world.run(&root, setting::replacement, input).await.unwrap();
    let input = json!({"ClusterId": id, "StepConcurrencyLevel": 12});
    let output = world.run(&root, setting::modify, input).await.unwrap();
    assert_eq!(output, json!({"StepConcurrencyLevel": 12}));
    let input = json!({"JobFlowIds": ids, "KeepJobFlowAliveWhenNoSteps": true});
    world.run(&root, setting::keep_alive, input).await.unwrap();
    let input = json!({"JobFlowIds": ids, "VisibleToAllUsers": true});
    world.run(&root, setting::visible, input).await.unwrap();

    let cluster = world.describe(&id).await;
    assert_eq!(cluster["UnhealthyNodeReplacement"], true);
    assert_eq!(cluster["StepConcurrencyLevel"], 12);
    assert_eq!(cluster["AutoTerminate"], false);

    for level in [0, 257, -1] {
        let input = json!({"ClusterId": id, "StepConcurrencyLevel": level});
        let error = world.run(&root, setting::modify, input).await.unwrap_err();
        assert_eq!(code(&error), "InvalidRequestException", "{level}");
    }
    let input = json!({"JobFlowIds": ids, "VisibleToAllUsers": false});
    let error = world.run(&root, setting::visible, input).await.unwrap_err();
    assert_eq!(code(&error), "ValidationException");
    assert!(error.message.contains("IAM policies"), "{error}");
    assert_eq!(world.describe(&id).await["StepConcurrencyLevel"], 12);
}

#[tokio::test]
async fn a_waiting_cluster_that_is_not_to_stay_ends() {
    let world = World::new().await;
    let (a, b) = (waiting(&world).await, waiting(&world).await);
    let root = world.root().await;
    let input = json!({"JobFlowIds": [a], "KeepJobFlowAliveWhenNoSteps": false});
    world.run(&root, setting::keep_alive, input).await.unwrap();
    world.until(&a, "TERMINATED").await;
    let status = world.describe(&a).await["Status"].clone();
    assert_eq!(status["StateChangeReason"]["Code"], "ALL_STEPS_COMPLETED");
    assert_eq!(world.state(&b), "WAITING");
}

#[tokio::test]
async fn an_idle_policy_is_put_shown_and_removed() {
    let world = World::new().await;
    let id = waiting(&world).await;
    let root = world.root().await;
    let by_id = json!({"ClusterId": id});
    let put = |policy: Value| {
        let input = json!({"ClusterId": id, "AutoTerminationPolicy": policy});
        world.run(&root, auto_termination::put, input)
    };
    let get = || world.run(&root, auto_termination::get, by_id.clone());
    assert_eq!(get().await.unwrap(), json!({}));
    for (policy, shown) in [
        (json!({}), 3600),
        (json!({"IdleTimeout": 60}), 60),
        (json!({"IdleTimeout": 604_800}), 604_800),
    ] {
        put(policy).await.unwrap();
        let expected = json!({"AutoTerminationPolicy": {"IdleTimeout": shown}});
        assert_eq!(get().await.unwrap(), expected);
    }
    for bad in [
        json!({"IdleTimeout": 59}),
        json!({"IdleTimeout": 604_801}),
        json!(null),
    ] {
        assert_eq!(code(&put(bad).await.unwrap_err()), "ValidationException");
    }
    let removed = world.run(&root, auto_termination::remove, by_id.clone());
    removed.await.unwrap();
    assert_eq!(get().await.unwrap(), json!({}));
    pass_time(1_000_000);
    world.emr.tidy().await.unwrap();
    assert_eq!(world.state(&id), "WAITING", "has no policy any more");

    put(json!({"IdleTimeout": 60})).await.unwrap();
    pass_time(60);
    world.emr.tidy().await.unwrap();
    world.until(&id, "TERMINATED").await;
}

#[tokio::test]
async fn a_managed_scaling_policy_is_kept_and_an_automatic_one_refused() {
    let world = World::new().await;
    let id = waiting(&world).await;
    let root = world.root().await;
    let by_id = json!({"ClusterId": id});
    let policy = json!({"ComputeLimits": {"UnitType": "Instances",
        "MinimumCapacityUnits": 1, "MaximumCapacityUnits": 3, "MaximumCoreCapacityUnits": 2}});
    let get = || world.run(&root, scaling::get_managed, by_id.clone());
    assert_eq!(get().await.unwrap(), json!({}));
    let input = json!({"ClusterId": id, "ManagedScalingPolicy": policy});
    world.run(&root, scaling::put_managed, input).await.unwrap();
    assert_eq!(
        get().await.unwrap(),
        json!({"ManagedScalingPolicy": policy})
    );
    let mut units = policy.clone();
    units["ComputeLimits"]["UnitType"] = json!("InstanceFleetUnits");
    let input = json!({"ClusterId": id, "ManagedScalingPolicy": units});
    let error = world.run(&root, scaling::put_managed, input).await;
    assert_eq!(code(&error.unwrap_err()), "ValidationException");
    let removed = world.run(&root, scaling::remove_managed, by_id.clone());
    removed.await.unwrap();
    assert_eq!(get().await.unwrap(), json!({}));

    let cluster = crate::emr::Cluster::key_of(super::world::ACCOUNT, &id);
    let cluster = world.store.snapshot().get::<crate::emr::Cluster>(&cluster);
    let group = cluster.unwrap().groups[0].id.clone();
    let input = json!({"ClusterId": id, "InstanceGroupId": group, "AutoScalingPolicy": {}});
    let error = world
        .run(&root, scaling::put_automatic, input.clone())
        .await;
    let error = error.unwrap_err();
    assert_eq!(code(&error), "ValidationException");
    assert!(error.message.contains("one machine"), "{error}");
    world
        .run(&root, scaling::remove_automatic, input)
        .await
        .unwrap();
    let input = json!({"ClusterId": id, "InstanceGroupId": "ig-NONE"});
    let error = world.run(&root, scaling::remove_automatic, input).await;
    assert_eq!(code(&error.unwrap_err()), "ValidationException");
}

#[tokio::test]
async fn what_is_over_is_shown_but_not_changed() {
    let world = World::new().await;
    let id = waiting(&world).await;
    terminate(&world, &id).await;
    let root = world.root().await;
    let by_id = json!({"ClusterId": id});
    let finished = "A job flow that is shutting down, terminated, or finished may not be modified.";
    macro_rules! finished {
        ($handler:expr, $input:expr) => {
            finished!($handler, $input, "ValidationException");
        };
        ($handler:expr, $input:expr, $code:literal) => {
            let error = world.run(&root, $handler, $input).await.unwrap_err();
            assert_eq!((code(&error), error.message.as_str()), ($code, finished));
        };
    }
    finished!(
        setting::keep_alive,
        json!({"JobFlowIds": [id], "KeepJobFlowAliveWhenNoSteps": true})
    );
    finished!(
        setting::visible,
        json!({"JobFlowIds": [id], "VisibleToAllUsers": true})
    );
    finished!(
        setting::modify,
        json!({"ClusterId": id, "StepConcurrencyLevel": 2}),
        "InvalidRequestException"
    );
    finished!(
        auto_termination::put,
        json!({"ClusterId": id, "AutoTerminationPolicy": {}})
    );
    finished!(auto_termination::remove, by_id.clone());
    finished!(scaling::remove_managed, by_id.clone());
    let shown = world.run(&root, auto_termination::get, by_id).await;
    assert_eq!(shown.unwrap(), json!({}));
}

#[tokio::test]
async fn another_accounts_cluster_can_not_be_set() {
    let world = World::new().await;
    let id = waiting(&world).await;
    let foreign = world.root_of(OTHER).await;
    for asked in [id.as_str(), "j-NOSUCHCLUSTER"] {
        let input = json!({"JobFlowIds": [asked], "KeepJobFlowAliveWhenNoSteps": false});
        let error = world.run(&foreign, setting::keep_alive, input).await;
        assert_eq!(
            error.unwrap_err().message,
            "Specified job flow ID not valid"
        );
        let by_id = json!({"ClusterId": asked});
        let error = world
            .run(&foreign, auto_termination::get, by_id.clone())
            .await;
        let unknown = format!("Cluster id '{asked}' is not valid.");
        assert_eq!(error.unwrap_err().message, unknown);
        let error = world.run(&foreign, scaling::remove_managed, by_id).await;
        assert_eq!(error.unwrap_err().message, unknown);
    }
    assert_eq!(world.state(&id), "WAITING");
}
