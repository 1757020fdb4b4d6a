//! Several nodes over one state: a cluster runs on one of them, and all of them know it.

use std::{collections::BTreeMap, net::Ipv4Addr};

use serde_json::json;

use super::world::{ACCOUNT, World, everything, pass_time, request, role_arn};
use crate::emr::{
    Cluster, ClusterState,
    cluster::{end, list},
    credential,
};
use lakeward_session::RuntimeRoles as _;

async fn terminate(world: &World, id: &str) {
    let root = world.root().await;
    let input = json!({"JobFlowIds": [id]});
    world.run(&root, end::terminate, input).await.unwrap();
}

fn runs(world: &World) -> Vec<String> {
    world.sockets.running().into_keys().collect()
}

#[tokio::test]
async fn a_cluster_is_known_to_every_node_and_runs_on_one() {
    let home = World::new().await;
    let (one, two) = (home.node("one"), home.node("two"));
    let id = one.ready_cluster().await;
    let described = two.describe(&id).await;
    assert_eq!(described["Status"]["State"], "WAITING");
    let root = two.root().await;
    let listed = two.run(&root, list::clusters, json!({})).await.unwrap();
    assert_eq!(listed["Clusters"][0]["Id"], json!(id));

    let elsewhere = two.launch(request()).await;
    two.until(&elsewhere, "WAITING").await;
    let addresses: BTreeMap<String, Ipv4Addr> = one
        .sockets
        .running()
        .into_iter()
        .chain(two.sockets.running())
        .collect();
    assert_ne!(
        addresses[&id], addresses[&elsewhere],
        "one machine has both"
    );

    // What another node issued opens the cluster where it runs.
    let call = two.studio(&everything(), None).await;
    let input = json!({"ClusterId": id, "ExecutionRoleArn": role_arn("marketing")});
    let pair = two.run(&call, credential::issue, input).await.unwrap();
    let pair = &pair["Credentials"]["UsernamePassword"];
    let text = |name: &str| pair[name].as_str().unwrap();
    let login = one.emr.login(&id, text("Username"), text("Password"));
    assert_eq!(login.unwrap().role_arn, role_arn("marketing"));
}

#[tokio::test]
async fn a_node_takes_up_its_own_clusters_only() {
    let home = World::new().await;
    let (one, two) = (home.node("one"), home.node("two"));
    let id = one.launch(request()).await;
    one.until(&id, "WAITING").await;
    two.emr.resume().await.unwrap();
    assert!(runs(&two).is_empty());
    let again = home.node("one");
    again.emr.resume().await.unwrap();
    assert_eq!(runs(&again), std::slice::from_ref(&id));
    assert_eq!(again.state(&id), "WAITING");

    // A state that one node has to itself is all its own, whoever made it.
    let alone = home.alone();
    alone.emr.resume().await.unwrap();
    assert_eq!(runs(&alone), [id]);
}

#[tokio::test]
async fn a_cluster_without_a_node_goes_to_one_of_those_that_resume() {
    let home = World::new().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let id = home.launch(request()).await;
        home.until(&id, "WAITING").await;
        ids.push(id);
    }
    let nodes = [home.node("one"), home.node("two"), home.node("three")];
    let [one, two, three] = &nodes;
    let (a, b, c) = tokio::join!(one.emr.resume(), two.emr.resume(), three.emr.resume());
    a.and(b).and(c).unwrap();
    let mut taken: Vec<String> = nodes.iter().flat_map(runs).collect();
    taken.sort();
    ids.sort();
    assert_eq!(taken, ids, "each cluster runs once");
    for node in &nodes {
        for id in runs(node) {
            let key = Cluster::key_of(ACCOUNT, &id);
            let cluster = home.store.snapshot().get::<Cluster>(&key).unwrap();
            assert!(node.emr.runs_here(&cluster), "{cluster:?}");
        }
    }
}

#[tokio::test]
async fn an_end_that_another_node_asks_for_is_the_owners_to_make() {
    let home = World::new().await;
    let (one, two) = (home.node("one"), home.node("two"));
    let id = one.launch(request()).await;
    one.until(&id, "WAITING").await;
    terminate(&two, &id).await;
    two.emr.settle();
    two.emr.resume().await.unwrap();
    assert_eq!(
        home.state(&id),
        "TERMINATING",
        "not the other node's to end"
    );
    assert_eq!(runs(&one), std::slice::from_ref(&id));
    one.emr.settle();
    one.emr.settle();
    one.until(&id, "TERMINATED").await;
    assert!(runs(&one).is_empty());
    let key = Cluster::key_of(ACCOUNT, &id);
    let ended = || home.store.snapshot().get::<Cluster>(&key).unwrap().ended_at;
    let at = ended();
    assert!(at.is_some());
    pass_time(60);
    one.emr.settle();
    one.emr.resume().await.unwrap();
    assert_eq!((home.state(&id), ended()), ("TERMINATED", at));
}

#[tokio::test]
async fn an_owner_that_was_away_ends_what_was_asked_meanwhile() {
    let home = World::new().await;
    let one = home.node("one");
    let id = one.launch(request()).await;
    one.until(&id, "WAITING").await;
    terminate(&home.node("two"), &id).await;
    let again = home.node("one");
    again.emr.resume().await.unwrap();
    assert_eq!(again.state(&id), ClusterState::Terminated.name());
    assert!(runs(&again).is_empty());
}

#[tokio::test]
async fn idleness_is_the_owners_to_judge_by_what_all_nodes_issued() {
    let home = World::new().await;
    let (one, two) = (home.node("one"), home.node("two"));
    let id = one
        .ready_cluster_with(super::world::RULES, |request| {
            request["AutoTerminationPolicy"] = json!({"IdleTimeout": 60});
        })
        .await;
    pass_time(59);
    let call = two.studio(&everything(), None).await;
    let input = json!({"ClusterId": id, "ExecutionRoleArn": role_arn("marketing")});
    two.run(&call, credential::issue, input).await.unwrap();
    pass_time(59);
    one.emr.tidy().await.unwrap();
    assert_eq!(home.state(&id), "WAITING", "used by way of the other node");
    pass_time(1000);
    two.emr.tidy().await.unwrap();
    assert_eq!(home.state(&id), "WAITING", "not the other node's to end");
    one.emr.tidy().await.unwrap();
    one.until(&id, "TERMINATED").await;
}
