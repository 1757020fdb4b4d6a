use std::sync::atomic::Ordering;

use serde_json::json;

use super::world::{ACCOUNT, World, everything, pass_time, request, role_arn, set_clock, settled};
use crate::emr::{
    Cluster, ClusterState, SessionCredential,
    cluster::{auto_termination, end},
    credential,
};

async fn idle_cluster(world: &World, timeout: u32) -> String {
    let mut request = request();
    request["AutoTerminationPolicy"] = json!({"IdleTimeout": timeout});
    let id = world.launch(request).await;
    world.until(&id, "WAITING").await;
    id
}

#[tokio::test]
async fn an_idle_cluster_ends_and_a_busy_or_protected_one_stays() {
    let world = World::new().await;
    let id = idle_cluster(&world, 600).await;
    let forever = world.launch(request()).await;
    world.until(&forever, "WAITING").await;

    pass_time(590);
    world.emr.tidy().await.unwrap();
    assert_eq!(world.state(&id), "WAITING", "not idle for long enough");

    world.sockets.busy.store(true, Ordering::SeqCst);
    pass_time(1000);
    world.emr.tidy().await.unwrap();
    assert_eq!(world.state(&id), "WAITING", "busy");
    world.sockets.busy.store(false, Ordering::SeqCst);
    pass_time(590);
    world.emr.tidy().await.unwrap();
    assert_eq!(world.state(&id), "WAITING", "was busy a moment ago");

    let root = world.root().await;
    let protect = |on: bool| json!({"JobFlowIds": [id], "TerminationProtected": on});
    world.run(&root, end::protect, protect(true)).await.unwrap();
    pass_time(1000);
    world.emr.tidy().await.unwrap();
    assert_eq!(world.state(&id), "WAITING", "protected");
    world
        .run(&root, end::protect, protect(false))
        .await
        .unwrap();
    world.emr.tidy().await.unwrap();
    world.until(&id, "TERMINATED").await;
    let reason = world.describe(&id).await["Status"]["StateChangeReason"].clone();
    assert!(
        reason["Message"].as_str().unwrap().contains("600"),
        "{reason}"
    );
    assert_eq!(world.state(&forever), "WAITING", "has no policy");
}

#[tokio::test]
async fn issuing_credentials_counts_as_use() {
    let world = World::new().await;
    let id = world
        .ready_cluster_with(super::world::RULES, |request| {
            request["AutoTerminationPolicy"] = json!({"IdleTimeout": 60});
        })
        .await;
    pass_time(59);
    let call = world.studio(&everything(), None).await;
    let input = json!({"ClusterId": id, "ExecutionRoleArn": role_arn("marketing")});
    world.run(&call, credential::issue, input).await.unwrap();
    pass_time(59);
    world.emr.tidy().await.unwrap();
    assert_eq!(world.state(&id), "WAITING");
    pass_time(2);
    world.emr.tidy().await.unwrap();
    world.until(&id, "TERMINATED").await;
}

#[tokio::test]
async fn what_is_over_leaves_the_record_in_time() {
    let world = World::new().await;
    let id = world.ready_cluster().await;
    let call = world.studio(&everything(), None).await;
    let input = json!({"ClusterId": id, "ExecutionRoleArn": role_arn("marketing")});
    world.run(&call, credential::issue, input).await.unwrap();
    let pairs = || world.store.snapshot().scan::<SessionCredential>("").len();
    world.emr.tidy().await.unwrap();
    assert_eq!(pairs(), 1);
    pass_time((12 + 24) * 3600 + 1);
    world.emr.tidy().await.unwrap();
    assert_eq!(pairs(), 0);

    let root = world.root().await;
    world
        .run(&root, end::terminate, json!({"JobFlowIds": [id]}))
        .await
        .unwrap();
    world.until(&id, "TERMINATED").await;
    let known = || world.store.snapshot().scan::<Cluster>("").len();
    pass_time(59 * 24 * 3600);
    world.emr.tidy().await.unwrap();
    assert_eq!(known(), 1);
    pass_time(2 * 24 * 3600);
    world.emr.tidy().await.unwrap();
    assert_eq!(known(), 0);
}

#[tokio::test]
async fn a_clock_that_is_put_right_ends_no_cluster() {
    let world = World::new().await;
    let id = idle_cluster(&world, 60).await;
    set_clock(24 * 3600);
    world.emr.tidy().await.unwrap();
    assert_eq!(world.state(&id), "WAITING");
    pass_time(61);
    world.emr.tidy().await.unwrap();
    world.until(&id, "TERMINATED").await;
}

/// The same state under a new process.
async fn restarted(world: World) -> (World, tempfile::TempDir) {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(&world.folder).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    (World::open(copy.path().to_owned()).await, copy)
}

#[tokio::test]
async fn a_restart_takes_up_every_cluster_where_it_was() {
    let world = World::new().await;
    let (live, ending) = (world.launch(request()).await, world.launch(request()).await);
    world.until(&live, "WAITING").await;
    world.until(&ending, "WAITING").await;
    let before = world.sockets.running();
    // As a daemon leaves it that is killed between the two steps of an end.
    let key = Cluster::key_of(ACCOUNT, &ending);
    let mut half = (*world.store.snapshot().get::<Cluster>(&key).unwrap()).clone();
    half.state = ClusterState::Terminating;
    world.change(|change| change.put(half)).await;

    let (world, _folder) = restarted(world).await;
    assert!(world.sockets.running().is_empty());
    world.emr.resume().await.unwrap();
    assert_eq!(world.state(&live), "WAITING");
    assert_eq!(world.state(&ending), "TERMINATED");
    assert_eq!(world.sockets.running().get(&live), before.get(&live));
    assert_eq!(world.sockets.running().len(), 1);
}

#[tokio::test]
async fn a_cluster_whose_address_is_taken_is_tried_again_and_says_why() {
    let world = World::new().await;
    let id = world.launch(request()).await;
    world.until(&id, "WAITING").await;
    let (world, _folder) = restarted(world).await;
    world.sockets.taken.store(true, Ordering::SeqCst);
    world.emr.resume().await.unwrap();
    assert_eq!(world.state(&id), "BOOTSTRAPPING");
    assert_eq!(world.emr.held_up(), std::slice::from_ref(&id));
    let reason = world.describe(&id).await["Status"]["StateChangeReason"].clone();
    let text = reason["Message"].as_str().unwrap();
    assert!(text.contains(&id) && text.contains("127.87.0.1"), "{text}");
    assert!(world.sockets.running().is_empty());

    world.sockets.taken.store(false, Ordering::SeqCst);
    settled(&world, &id, "WAITING").await;
    assert!(world.emr.held_up().is_empty());
    assert_eq!(world.sockets.running().len(), 1);
}

#[tokio::test]
async fn a_cluster_that_nobody_brought_up_comes_up_all_the_same() {
    let world = World::new().await;
    let id = world.launch(request()).await;
    world.until(&id, "WAITING").await;
    for state in [ClusterState::Starting, ClusterState::Bootstrapping] {
        // As one leaves it who launches a cluster and goes away before it is begun.
        let next = world.alone();
        let key = Cluster::key_of(ACCOUNT, &id);
        let mut left = (*world.store.snapshot().get::<Cluster>(&key).unwrap()).clone();
        left.state = state;
        world.change(|change| change.put(left)).await;
        settled(&next, &id, "WAITING").await;
        assert_eq!(next.sockets.running().len(), 1);
    }
}

#[tokio::test]
async fn what_keeps_an_idle_cluster_is_looked_at_when_it_ends() {
    let world = World::new().await;
    let id = idle_cluster(&world, 60).await;
    let key = Cluster::key_of(ACCOUNT, &id);
    let seen = world.store.snapshot().get::<Cluster>(&key).unwrap();
    let root = world.root().await;
    let protect = json!({"JobFlowIds": [id], "TerminationProtected": true});
    pass_time(61);
    world.run(&root, end::protect, protect).await.unwrap();
    let now = world.root().await.now();
    world.emr.end_idle(&seen, 60, now).await.unwrap();
    assert_eq!(world.state(&id), "WAITING", "protected meanwhile");
}

#[tokio::test]
async fn a_policy_that_is_set_counts_from_then_on() {
    let world = World::new().await;
    let (one, two) = (world.node("one"), world.node("two"));
    let id = one.launch(request()).await;
    one.until(&id, "WAITING").await;
    one.emr.tidy().await.unwrap();
    pass_time(3600);
    let root = two.root().await;
    let input = json!({"ClusterId": id, "AutoTerminationPolicy": {"IdleTimeout": 60}});
    two.run(&root, auto_termination::put, input).await.unwrap();
    pass_time(55);
    one.emr.tidy().await.unwrap();
    assert_eq!(one.state(&id), "WAITING", "idle under its policy for 55 s");
    pass_time(10);
    one.emr.tidy().await.unwrap();
    one.until(&id, "TERMINATED").await;
}
