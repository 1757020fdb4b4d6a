//! The records of sessions: they outlive the service, and go with their cluster.

use jiff::SignedDuration;
use lakeward_session::{Login, SessionRecord, SessionRecords as _};
use serde_json::json;

use super::world::{World, role_arn};
use crate::emr::cluster::end;

fn record(cluster_id: &str, id: u32) -> SessionRecord {
    let created_at = jiff::Timestamp::now();
    let owner = Login {
        username: "someone".to_owned(),
        cluster_id: cluster_id.to_owned(),
        role_arn: role_arn("marketing"),
        caller_arn: "arn:aws:sts::123456789012:assumed-role/Studio/SageMaker".to_owned(),
        source_identity: Some("david".to_owned()),
        expires_at: created_at + SignedDuration::from_hours(1),
    };
    SessionRecord {
        id,
        owner,
        name: Some("mine".to_owned()),
        kind: "pyspark".to_owned(),
        is_batch: id.is_multiple_of(2),
        created_at,
    }
}

fn numbers(world: &World, cluster_id: &str) -> Vec<u32> {
    let kept = world.emr.kept(cluster_id);
    let mut numbers: Vec<u32> = kept.iter().map(|record| record.id).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn records_are_found_by_the_next_service_over_the_same_state() {
    let world = World::new().await;
    let id = world.ready_cluster().await;
    for number in [1, 2, 10] {
        world.emr.keep(record(&id, number)).await.unwrap();
    }
    let next = world.alone();
    assert_eq!(numbers(&next, &id), [1, 2, 10]);
    let kept = next.emr.kept(&id);
    let second = kept.iter().find(|record| record.id == 2).unwrap();
    let expected = record(&id, 2);
    assert!(second.is_batch && second.owner.is_same_binding(&expected.owner));
    assert_eq!(second.name, expected.name);
    assert!(next.emr.kept("j-OTHER").is_empty());
    next.emr.forget(&id, vec![1, 10, 77]).await.unwrap();
    assert_eq!(numbers(&world, &id), [2]);
}

#[tokio::test]
async fn records_go_with_their_cluster() {
    let world = World::new().await;
    let id = world.ready_cluster().await;
    for cluster in [&*id, "j-NEVERWAS"] {
        world.emr.keep(record(cluster, 1)).await.unwrap();
    }
    world.emr.tidy().await.unwrap();
    assert_eq!(numbers(&world, &id), [1]);
    assert!(numbers(&world, "j-NEVERWAS").is_empty());
    let root = world.root().await;
    let input = json!({"JobFlowIds": [id]});
    world.run(&root, end::terminate, input).await.unwrap();
    world.until(&id, "TERMINATED").await;
    world.emr.tidy().await.unwrap();
    assert!(numbers(&world, &id).is_empty());
}
