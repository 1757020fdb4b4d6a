//! Two nodes on one PostgreSQL: what one is told, the other knows.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "../../lakeward-store/src/tests/server.rs"]
#[allow(dead_code, reason = "the store's tests use more of it")]
mod postgres;
mod support;

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use http::Method;
use lakeward::{
    cli::Progress,
    daemon::StateFolder,
    demo::ready,
    profile::{Instance, Profiles},
    python::{self, Kit},
};
use lakeward_client::{Client, Credentials};
use postgres::Server;
use serde_json::{Value, json};
use support::{
    eventually,
    program::{Program, run},
};
use tokio::net::TcpStream;

const IAM: &str = "2010-05-08";
/// Where a cluster's Livy listens.
const LIVY: u16 = 8998;

async fn node(state: &Path, url: &str) -> Program {
    let mut program = Program::start("serve", state, &["--store", url]);
    program.says("Ready").await;
    program
}

async fn root(state: &Path, url: &str) -> Credentials {
    let folder = state.to_str().unwrap();
    let made = run(&[
        "init",
        "--state-dir",
        folder,
        "--store",
        url,
        "--output",
        "json",
    ])
    .await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let made: Value = serde_json::from_str(&made.out).unwrap();
    let text = |name: &str| made[name].as_str().unwrap();
    Credentials::permanent(text("AccessKeyId"), text("SecretAccessKey"))
}

async fn iam(client: &Client, action: &str, user: &str) -> bool {
    let call = [("Action", action), ("UserName", user)];
    match client.query("iam", IAM, &call).await {
        Ok(_) => true,
        Err(error) if error.code() == Some("NoSuchEntity") => false,
        Err(error) => panic!("{error}"),
    }
}

/// Waits until a node knows a user or doesn't, and answers how long that took.
async fn until(client: &Client, user: &str, there: bool) -> Duration {
    let begun = Instant::now();
    eventually(&format!("{user}, on the other node"), async || {
        iam(client, "GetUser", user).await == there
    })
    .await;
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_see_each_others_changes() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let url = server.database("lake");
    let room = support::room();
    let (one, two) = (room.path().join("one"), room.path().join("two"));
    let keys = root(&one, &url).await;
    assert!(!one.join("state.db").exists(), "the state is in PostgreSQL");
    let (first, second) = (node(&one, &url).await, node(&two, &url).await);
    let client = |program: &Program| program.instance().client(keys.clone()).unwrap();
    let (a, b) = (client(&first), client(&second));
    let mut slowest = Duration::ZERO;
    for round in 0..20 {
        let user = format!("user-{round}");
        assert!(iam(&a, "CreateUser", &user).await);
        slowest = slowest.max(until(&b, &user, true).await);
        assert!(iam(&b, "DeleteUser", &user).await);
        slowest = slowest.max(until(&a, &user, false).await);
    }
    eprintln!("the slowest of 40 changes was seen after {slowest:?}");

    let folder = two.to_str().unwrap();
    let copy = room.path().join("copy");
    let copy = copy.to_str().unwrap();
    let backup = run(&["backup", copy, "--state-dir", folder, "--store", &url]).await;
    assert_eq!(backup.code, Some(0), "{backup:?}");
    assert!(!backup.out.contains("not-printed"), "{backup:?}");
    let restore = [
        "restore",
        copy,
        "--state-dir",
        folder,
        "--store",
        &url,
        "--replace",
    ];
    run(&restore).await.failed_saying(&["in use"]);

    // A node that is killed takes nothing with it, and its change is known to the others.
    assert!(iam(&a, "CreateUser", "last").await);
    first.kill().await;
    until(&b, "last", true).await;
    // Without the database a node reads, and says that it can't write.
    server.kill();
    assert!(iam(&b, "GetUser", "last").await);
    let refused = [("Action", "CreateUser"), ("UserName", "lost")];
    let refused = b.query("iam", IAM, &refused).await.unwrap_err();
    assert_eq!(refused.code(), Some("ServiceUnavailable"), "{refused}");
    let text = refused.to_string();
    assert!(
        text.contains("was not made: the database of the state cannot be reached"),
        "{text}"
    );
    server.run();
    let again = [("Action", "CreateUser"), ("UserName", "back")];
    eventually("the node's return", async || {
        b.query("iam", IAM, &again).await.is_ok()
    })
    .await;
    assert!(!iam(&b, "GetUser", "lost").await);
    assert!(second.stop().await.success());
    let first = node(&one, &url).await;
    assert!(iam(&client(&first), "GetUser", "back").await);
    assert!(first.stop().await.success());
    run(&restore).await;
}

/// A role for each of the services, and an instance profile.
async fn roles(client: &Client) {
    for (name, service) in [("service", "elasticmapreduce"), ("machine", "ec2")] {
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": format!("{service}.amazonaws.com")},
            "Action": "sts:AssumeRole",
        }]})
        .to_string();
        let create = [
            ("Action", "CreateRole"),
            ("RoleName", name),
            ("AssumeRolePolicyDocument", &*trust),
        ];
        client.query("iam", IAM, &create).await.unwrap();
    }
    let profile = ("InstanceProfileName", "machine");
    let create = [("Action", "CreateInstanceProfile"), profile];
    client.query("iam", IAM, &create).await.unwrap();
    let add = [
        ("Action", "AddRoleToInstanceProfile"),
        profile,
        ("RoleName", "machine"),
    ];
    client.query("iam", IAM, &add).await.unwrap();
}

async fn launch(client: &Client) -> String {
    let input = json!({
        "Name": "cluster",
        "ReleaseLabel": "emr-6.10.0",
        "Applications": [{"Name": "Livy"}],
        "Instances": {
            "InstanceGroups": [
                {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
            ],
            "KeepJobFlowAliveWhenNoSteps": true,
        },
        "JobFlowRole": "machine",
        "ServiceRole": "service",
    });
    let made = support::emr(client, "RunJobFlow", input).await;
    made["JobFlowId"].as_str().unwrap().to_owned()
}

/// Waits until a node says that a cluster is in a state; the cluster's address.
async fn reaches(client: &Client, id: &str, state: &str) -> SocketAddr {
    let describe = "ElasticMapReduce.DescribeCluster";
    let mut cluster = Value::Null;
    eventually(&format!("{id} is {state}"), async || {
        let found = client.json("elasticmapreduce", describe, json!({"ClusterId": id}));
        // A node hears of a new cluster a little later than the one that made it.
        cluster = found.await.unwrap_or_default()["Cluster"].take();
        cluster["Status"]["State"] == state
    })
    .await;
    let address = cluster["MasterPublicDnsName"].as_str().unwrap();
    SocketAddr::new(address.parse().unwrap(), LIVY)
}

/// Bytes that no record names, written so long ago.
fn stray(state: &Path, age: Duration) -> PathBuf {
    let path = state
        .join("objects")
        .join(format!("stray-{}", age.as_secs()));
    let file = File::create(&path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
    path
}

async fn listens(address: SocketAddr) -> bool {
    TcpStream::connect(address).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_the_node_s_that_started_it() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.database("lake");
    let room = support::room();
    let (one, two) = (room.path().join("one"), room.path().join("two"));
    let keys = root(&one, &url).await;
    let (first, second) = (node(&one, &url).await, node(&two, &url).await);
    let client = |program: &Program| program.instance().client(keys.clone()).unwrap();
    let (a, b) = (client(&first), client(&second));
    roles(&a).await;
    let mine = launch(&a).await;
    let address = reaches(&b, &mine, "WAITING").await;
    assert!(listens(address).await);
    // Both nodes are on this machine, with one network of clusters.
    let theirs = launch(&b).await;
    assert_ne!(reaches(&a, &theirs, "WAITING").await, address);
    let listed = support::emr(&b, "ListClusters", json!({})).await;
    assert_eq!(listed["Clusters"].as_array().unwrap().len(), 2);

    // Were it to take the other's cluster, too, it couldn't start: the address is taken.
    second.kill().await;
    assert!(listens(address).await);
    let hour = Duration::from_hours(1);
    let (young, old) = (stray(&two, hour), stray(&two, 25 * hour));
    let second = node(&two, &url).await;
    assert!(young.exists(), "another node may be about to name it");
    assert!(!old.exists());
    let b = client(&second);
    assert!(listens(reaches(&b, &theirs, "WAITING").await).await);
    reaches(&a, &mine, "WAITING").await;

    support::emr(&b, "TerminateJobFlows", json!({"JobFlowIds": [mine]})).await;
    reaches(&b, &mine, "TERMINATED").await;
    reaches(&a, &mine, "TERMINATED").await;
    assert!(!listens(address).await);

    // While its node is away a cluster can be ended; it then doesn't come back.
    second.kill().await;
    support::emr(&a, "TerminateJobFlows", json!({"JobFlowIds": [theirs]})).await;
    reaches(&a, &theirs, "TERMINATING").await;
    let second = node(&two, &url).await;
    let address = reaches(&a, &theirs, "TERMINATED").await;
    assert!(!listens(address).await);
    assert!(second.stop().await.success());
    assert!(first.stop().await.success());
}

/// What a cluster's Livy answers a login, and with which status.
async fn livy(instance: &Instance, pair: &Value, ask: (Method, &str, Value)) -> (u16, Value) {
    let (method, url, body) = ask;
    let ca = reqwest::Certificate::from_pem(&std::fs::read(&instance.ca).unwrap()).unwrap();
    let client = reqwest::Client::builder().add_root_certificate(ca);
    let client = client.no_proxy().build().unwrap();
    let text = |name: &str| pair[name].as_str().unwrap();
    let request = client.request(method, url).body(body.to_string());
    let request = request.basic_auth(text("Username"), Some(text("Password")));
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_lives_on_its_clusters_node_and_every_node_decides_over_it() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.database("lake");
    let room = support::room();
    let (one, two) = (room.path().join("one"), room.path().join("two"));
    let arguments = ["--scale", "0.01", "--store", &url];
    let install = || python::ensure(Kit::Session, &Progress::new());
    let python = tokio::task::spawn_blocking(install).await.unwrap();
    let mut first = Program::with_python("demo", &one, &python.unwrap(), &arguments);
    first.says("Lakeward is up").await;
    let second = node(&two, &url).await;
    let folder = StateFolder::open(&one).unwrap();
    let demo = ready(&folder).unwrap().unwrap();
    let keys = Profiles::read(&folder).unwrap();
    let instance = second.instance();
    let (david, admin) = (keys.get("david").unwrap(), keys.get("admin").unwrap().key());
    let david = david.credentials(&instance).await.unwrap();
    let (david, admin) = (
        instance.client(david).unwrap(),
        instance.client(admin).unwrap(),
    );

    // The other node gives out the login; the cluster's own knows it.
    let role = demo.stack.role_arn(&demo.stack.runtime_role("marketing"));
    let input = json!({"ClusterId": demo.cluster_id, "ExecutionRoleArn": role});
    let issued = support::emr(&david, "GetClusterSessionCredentials", input).await;
    let pair = &issued["Credentials"]["UsernamePassword"];
    let sessions = format!("https://{}:{LIVY}/sessions", demo.cluster_address);
    let here = first.instance();
    let open = (Method::POST, &*sessions, json!({"kind": "pyspark"}));
    let mut opened = Value::Null;
    // It hears of the login a little later than the node that gave it out.
    eventually("the login, on the other node", async || {
        let (status, answer) = livy(&here, pair, open.clone()).await;
        assert!([201, 401].contains(&status), "{answer}");
        opened = answer;
        status == 201
    })
    .await;
    let place = format!("{sessions}/{}", opened["id"]);
    let shown = async |place: &str, state: &str| {
        let mut seen = Value::Null;
        eventually(&format!("{place} is {state}"), async || {
            seen = livy(&here, pair, (Method::GET, place, Value::Null)).await.1;
            assert_ne!(seen["state"], "error", "{seen}");
            seen["state"] == state
        })
        .await;
        seen
    };
    shown(&place, "idle").await;
    let code = "spark.sql('select * from tpc.dl_tpc_customer limit 3').count()";
    let statements = format!("{place}/statements");
    let run = (Method::POST, &*statements, json!({"code": code}));
    let (_, statement) = livy(&here, pair, run).await;
    let statement = format!("{statements}/{}", statement["id"]);
    let ended = shown(&statement, "available").await;
    assert_eq!(ended["output"]["data"]["text/plain"], "3", "{ended}");

    // The other node doesn't run the cluster, and says so.
    let input = json!({"ClusterId": demo.cluster_id});
    let listed = admin.json("lakeward", "Lakeward.ListSessions", input).await;
    assert_eq!(listed.unwrap()["IsHere"], false);

    // What it takes away, the session loses.
    let role = demo.stack.runtime_role("marketing");
    let delete = [
        ("Action", "DeleteRolePolicy"),
        ("RoleName", &*role),
        ("PolicyName", "permissions"),
    ];
    admin.query("iam", IAM, &delete).await.unwrap();
    eventually("what was taken away is no longer read", async || {
        let run = (Method::POST, &*statements, json!({"code": code}));
        let (_, statement) = livy(&here, pair, run).await;
        let statement = format!("{statements}/{}", statement["id"]);
        let ended = shown(&statement, "available").await;
        ended["output"]["status"] == "error"
    })
    .await;
    assert!(second.stop().await.success());
    assert!(first.stop().await.success());
}

#[tokio::test]
async fn nothing_that_is_printed_holds_the_password() {
    let room = support::room();
    let state = room.path().join("state");
    let url = "postgres://ann:s3cret@127.0.0.1:1/lake";
    let folder = state.to_str().unwrap();
    let failed = run(&["init", "--state-dir", folder, "--store", url]).await;
    failed.failed_saying(&["postgres://127.0.0.1:1/lake", "can't be reached"]);
    let typo = run(&[
        "init",
        "--state-dir",
        folder,
        "--store",
        "postgres://ann:s3cret@h:x/",
    ])
    .await;
    typo.failed_saying(&["--store"]);
    let mut help = support::program::lakeward(&["serve", "--help"]);
    let help = help.env("LAKEWARD_STORE", url).output().await.unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("LAKEWARD_STORE"));
    for said in [&failed.err, &failed.out, &typo.err, &typo.out, &help] {
        assert!(!said.contains("s3cret"), "{said}");
    }
}
