//! Steps as they are listed, on every node.

use super::*;

#[tokio::test]
async fn the_listing_pages_youngest_first_and_a_cluster_holds_so_many() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let many: Vec<Value> = (0..120).map(|n| step(&n.to_string(), "wait")).collect();
    let ids = submit(&world, &id, None, json!(many)).await.unwrap();
    program(&world, 0).await;
    let root = world.root().await;
    let mut seen = Vec::new();
    let mut input = json!({"ClusterId": id});
    for size in [50, 50, 20] {
        let page = world.run(&root, show::list, input).await.unwrap();
        let steps = page["Steps"].as_array().unwrap();
        assert_eq!(steps.len(), size);
        seen.extend(
            steps
                .iter()
                .map(|step| step["Id"].as_str().unwrap().to_owned()),
        );
        input = json!({"ClusterId": id, "Marker": page["Marker"]});
    }
    assert!(input["Marker"].is_null());
    assert!(seen.iter().eq(ids.iter().rev()));

    for (filter, count) in [
        (json!({"StepStates": ["RUNNING"]}), 1),
        (json!({"StepStates": ["RUNNING", "COMPLETED"]}), 1),
        (json!({"StepIds": [ids[3], ids[5], "s-NONE"]}), 2),
        (json!({"StepIds": [ids[3]], "StepStates": ["RUNNING"]}), 0),
    ] {
        let mut input = filter.clone();
        input["ClusterId"] = json!(id);
        let page = world.run(&root, show::list, input).await.unwrap();
        assert_eq!(page["Steps"].as_array().unwrap().len(), count, "{filter}");
    }
    for bad in [
        json!({"StepStates": ["LOST"]}),
        json!({"Marker": "%%"}),
        json!({"StepIds": ids[..11]}),
    ] {
        let mut input = bad;
        input["ClusterId"] = json!(id);
        let error = world.run(&root, show::list, input).await.unwrap_err();
        assert_eq!(code(&error), "InvalidRequestException");
    }
    let unknown = json!({"ClusterId": id, "StepId": "s-NONE"});
    let error = world.run(&root, show::describe, unknown).await.unwrap_err();
    assert_eq!(error.message, "Step id 's-NONE' is not valid.");

    let more: Vec<Value> = (0..137).map(|n| step(&n.to_string(), "wait")).collect();
    let error = submit(&world, &id, None, json!(more)).await.unwrap_err();
    assert!(
        error.message.contains("Maximum number of active steps"),
        "{error}"
    );
    submit(&world, &id, None, json!(more[1..])).await.unwrap();
}

#[tokio::test]
async fn a_step_that_another_node_added_runs_on_the_clusters_own() {
    let world = World::new().await;
    let (own, other) = (world.node("one"), world.node("two"));
    let id = own.launch(request()).await;
    own.until(&id, "WAITING").await;
    let ids = submit(&other, &id, None, json!([step("1", "wait")]))
        .await
        .unwrap();
    assert_eq!(state(&other, &id, &ids[0]), "PENDING");
    own.emr.settle();
    program(&own, 0).await;
    assert!(other.sockets.programs.started().is_empty());
    let root = other.root().await;
    let input = json!({"ClusterId": id, "StepIds": ids});
    other.run(&root, cancel::cancel, input).await.unwrap();
    assert_eq!(state(&other, &id, &ids[0]), "CANCEL_PENDING");
    own.emr.settle();
    until(&own, &id, &ids[0], "CANCELLED").await;
}
