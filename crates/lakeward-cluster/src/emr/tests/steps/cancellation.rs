//! Steps that are cancelled.

use super::*;

#[tokio::test]
async fn what_waits_is_cancelled_at_once_and_what_runs_when_it_has_ended() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let steps = json!([step("1", "wait"), step("2", "wait"), step("3", "succeed")]);
    let ids = submit(&world, &id, None, steps).await.unwrap();
    program(&world, 0).await;
    let root = world.root().await;
    let cancel = |ids: Value| {
        let input = json!({"ClusterId": id, "StepIds": ids,
            "StepCancellationOption": "TERMINATE_PROCESS"});
        world.run(&root, cancel::cancel, input)
    };
    let answer = cancel(json!([ids[1]])).await.unwrap();
    assert_eq!(
        answer["CancelStepsInfoList"],
        json!([{"StepId": ids[1], "Status": "SUBMITTED"}])
    );
    assert_eq!(state(&world, &id, &ids[1]), "CANCELLED");
    cancel(json!([ids[0]])).await.unwrap();
    until(&world, &id, &ids[0], "CANCELLED").await;
    until(&world, &id, &ids[2], "COMPLETED").await;

    let answer = cancel(json!([ids[2], "s-NONE"])).await.unwrap();
    let list = answer["CancelStepsInfoList"].as_array().unwrap();
    for (info, words) in list.iter().zip(["COMPLETED", "not valid"]) {
        assert_eq!(info["Status"], "FAILED");
        assert!(info["Reason"].as_str().unwrap().contains(words), "{info}");
    }
    assert!(cancel(json!([])).await.is_err());
    let wrong = json!({"ClusterId": "j-NONE", "StepIds": [ids[2]]});
    let error = world.run(&root, cancel::cancel, wrong).await.unwrap_err();
    assert_eq!(error.message, "Cluster id 'j-NONE' is not valid.");
}
