//! What the audit trail says: of requests whose clients do not wait, and of those who come to a
//! cluster.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::{collections::BTreeSet, time::Duration};

use http::Method;
use lakeward::demo::Demo;
use lakeward_client::Credentials;
use lakeward_cluster::emr::SessionCredential;
use serde_json::{Value, json};
use support::{ACCOUNT, World, emr, glue, iam, livy::Livy, wire::Exchange};
use tokio::time::{sleep, timeout};

/// Requests to each service whose client hangs up.
const HANGUPS: u64 = 12;
const PATIENCE: Duration = Duration::from_secs(60);

fn records(world: &World) -> Vec<Value> {
    let text = std::fs::read_to_string(world.folder.audit().join("audit.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// The values of one member of all records of an operation that was done.
fn recorded(world: &World, operation: &str, member: &str) -> BTreeSet<String> {
    let all = records(world).into_iter();
    let done =
        all.filter(|record| record["eventName"] == operation && record["errorCode"].is_null());
    let named = done.filter_map(|record| Some(record.pointer(member)?.as_str()?.to_owned()));
    named.collect()
}

/// One change in each of several services.
fn changes(demo: &Demo, name: &str) -> [Exchange; 4] {
    let cluster = json!({
        "Name": name, "ReleaseLabel": "emr-6.10.0", "Applications": [{"Name": "Spark"}],
        "Instances": {
            "InstanceGroups": [{"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}],
            "KeepJobFlowAliveWhenNoSteps": true,
        },
        "JobFlowRole": demo.stack.instance_profile(), "ServiceRole": demo.stack.service_role(),
    });
    [
        Exchange::query(
            "iam",
            "2010-05-08",
            &[("Action", "CreateUser"), ("UserName", name)],
        ),
        Exchange::s3(Method::PUT, &format!("/{name}")),
        Exchange::json(
            "glue",
            "AWSGlue.CreateDatabase",
            &json!({"DatabaseInput": {"Name": name}}),
        ),
        Exchange::json("elasticmapreduce", "ElasticMapReduce.RunJobFlow", &cluster),
    ]
}

/// What there is of the things that [`changes`] makes, and the records of their making.
async fn made_and_recorded(world: &World) -> [(BTreeSet<String>, BTreeSet<String>); 4] {
    let root = &world.root;
    let users = iam(root, &[("Action", "ListUsers")]).await;
    let buckets = root.s3(Method::GET, "/", Default::default()).await.unwrap();
    let buckets = String::from_utf8(buckets.to_vec()).unwrap();
    let databases = glue(root, "GetDatabases", json!({})).await;
    let clusters = emr(root, "ListClusters", json!({})).await;
    let ours = |name: &str| name.starts_with("gone-");
    let of_xml = |text: &str, element: &str| {
        let names = support::wire::elements(text, element).into_iter();
        names.filter(|name| ours(name)).collect::<BTreeSet<_>>()
    };
    let of_json = |list: &Value| {
        let names = list.as_array().unwrap().iter();
        let names = names.map(|one| one["Name"].as_str().unwrap().to_owned());
        names.filter(|name| ours(name)).collect::<BTreeSet<_>>()
    };
    [
        (
            of_xml(&users, "UserName"),
            recorded(world, "CreateUser", "/requestParameters/userName"),
        ),
        (
            of_xml(&buckets, "Name"),
            recorded(world, "CreateBucket", "/requestParameters/bucketName"),
        ),
        (
            of_json(&databases["DatabaseList"]),
            recorded(
                world,
                "CreateDatabase",
                "/requestParameters/databaseInput/name",
            ),
        ),
        (
            of_json(&clusters["Clusters"]),
            recorded(world, "RunJobFlow", "/requestParameters/name"),
        ),
    ]
}

#[tokio::test]
async fn what_is_changed_for_a_client_that_hangs_up_is_on_record() {
    let (world, demo, _) = World::demo().await;
    let keys = world.root.credentials();
    for number in 0..HANGUPS {
        for exchange in changes(&demo, &format!("gone-{number}")) {
            // An answer first, so that the connection is there and the request is on its way at once.
            world.sender.unsigned(&exchange).await;
            let patience = Duration::from_micros(200 * (number + 1));
            let _ = timeout(patience, world.sender.try_signed(&exchange, keys)).await;
        }
    }
    let all_on_record = async {
        loop {
            let all = made_and_recorded(&world).await;
            if all.iter().all(|(made, recorded)| made.is_subset(recorded)) {
                return all;
            }
            sleep(Duration::from_millis(200)).await;
        }
    };
    let Ok(all) = timeout(PATIENCE, all_on_record).await else {
        let all = made_and_recorded(&world).await;
        panic!(
            "made without a record: {:?}",
            all.map(|(made, recorded)| &made - &recorded)
        );
    };
    for (made, _) in all {
        assert!(!made.is_empty(), "no request arrived");
    }
    clusters_come_up(&world).await;
}

/// A cluster that was begun for a client that left is brought up as any other.
async fn clusters_come_up(world: &World) {
    let up = async {
        loop {
            let starting = json!({"ClusterStates": ["STARTING", "BOOTSTRAPPING"]});
            let starting = emr(&world.root, "ListClusters", starting).await;
            if starting["Clusters"].as_array().unwrap().is_empty() {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, up).await.expect("all clusters come up");
}

#[tokio::test]
async fn a_session_whose_client_hangs_up_is_on_record() {
    let (world, demo, _) = World::demo().await;
    let livy = Livy::log_in(&world, &demo, "david", "marketing").await;
    for number in 0..6 {
        livy.get("/version").await;
        let patience = Duration::from_micros(200 * (number + 1));
        let _ = timeout(patience, livy.post("/sessions", json!({"kind": "pyspark"}))).await;
    }
    let member = "/responseElements/sessionId";
    let all_on_record = async {
        loop {
            let sessions = livy.get("/sessions").await;
            let sessions = sessions["sessions"].as_array().unwrap().iter();
            let made: BTreeSet<String> = sessions.map(|one| one["id"].to_string()).collect();
            if made.is_subset(&recorded(&world, "CreateSession", member)) {
                return made;
            }
            sleep(Duration::from_millis(200)).await;
        }
    };
    let made = timeout(PATIENCE, all_on_record).await;
    assert!(!made.expect("each session has its record").is_empty());
}

/// From a request to Livy back to the call that gave out its user name.
#[tokio::test]
async fn a_request_to_livy_leads_back_to_who_was_given_its_user_name() {
    let (world, demo, _) = World::demo().await;
    let livy = Livy::log_in(&world, &demo, "david", "marketing").await;
    let (status, _) = livy.post("/sessions/7/interrupt", json!({})).await;
    assert_eq!(status, 404);
    let all = records(&world);
    let last = |name: &str| all.iter().rfind(|one| one["eventName"] == name).unwrap();
    let (given, used) = (
        last("GetClusterSessionCredentials"),
        last("InterruptSession"),
    );
    assert_eq!(used["eventSource"], "livy.amazonaws.com");
    let parameters = json!({"sessionId": "7", "clusterId": demo.cluster_id});
    assert_eq!(used["requestParameters"], parameters);
    let pair = &given["responseElements"]["credentials"]["usernamePassword"];
    assert_eq!(pair["password"], "[redacted]");
    let role = demo.stack.role_arn(&demo.stack.runtime_role("marketing"));
    let came_with = json!({"username": pair["username"], "executionRoleArn": role});
    assert_eq!(used["additionalEventData"], came_with);
    let (giver, user) = (&given["userIdentity"], &used["userIdentity"]);
    for member in [
        "/type",
        "/arn",
        "/accountId",
        "/sessionContext/sessionIssuer/arn",
    ] {
        assert_eq!(giver.pointer(member), user.pointer(member), "{member}");
    }
}

/// The names of federated users are free; there is one principal behind them.
#[tokio::test]
async fn all_federated_users_of_one_principal_share_its_bound() {
    let (world, demo, _) = World::demo().await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
    ]});
    let policy = policy.to_string();
    for name in ["ana", "bob"] {
        let parameters = [
            ("Action", "GetFederationToken"),
            ("Name", name),
            ("Policy", &*policy),
        ];
        let answer = world
            .root
            .query("sts", "2011-06-15", &parameters)
            .await
            .unwrap();
        let text = |element: &str| lakeward_client::element(&answer, element).unwrap();
        let keys = Credentials::temporary(
            text("AccessKeyId"),
            text("SecretAccessKey"),
            text("SessionToken"),
        );
        let client = world.instance.client(keys).unwrap();
        let role = demo.stack.role_arn(&demo.stack.runtime_role("marketing"));
        let input = json!({"ClusterId": demo.cluster_id, "ExecutionRoleArn": role});
        emr(&client, "GetClusterSessionCredentials", input).await;
    }
    let store = world.daemon.identity().store();
    let pairs = store.snapshot().scan::<SessionCredential>(&demo.cluster_id);
    let behind: Vec<&str> = pairs.iter().map(|pair| &*pair.principal_id).collect();
    assert_eq!(behind, [ACCOUNT, ACCOUNT]);
}
