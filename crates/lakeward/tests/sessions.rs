//! Sessions in their enclosures, with the real interpreter, engine and kernel.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::path::Path;

use lakeward::daemon::StateFolder;
use lakeward_client::Client;
use lakeward_sandbox::Mode;
use lakeward_session::Isolation;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use support::{World, eventually, livy::Livy};

/// How many processes run sessions of the instance that has its packages there.
fn interpreters(packages: &Path) -> usize {
    let marker = packages.display().to_string();
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let runs = all.filter(|entry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&marker)
    });
    runs.count()
}

/// How many interpreters wait for a session, as the metrics tell it.
async fn warm(world: &World) -> u64 {
    let url = world.instance.addresses.metrics_url().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("{url}/metrics")).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("lakeward_warm_interpreters "));
    line.unwrap().parse().unwrap()
}

/// The records of that event. They are of data events, which CloudTrail's history leaves out.
fn recorded(folder: &StateFolder, name: &str) -> Vec<Value> {
    let trail = std::fs::read_to_string(folder.audit().join("audit.jsonl")).unwrap();
    let records = trail
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    records
        .filter(|record: &Value| record["eventName"] == name)
        .collect()
}

const REACH: &str = r#"
import socket
for host, port in TARGETS:
    try:
        socket.create_connection((host, port), timeout=2).close()
        print("reached", host, port)
    except OSError as error:
        pass
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_reaches_its_own_endpoints_and_nothing_else() {
    let files = getrlimit(Resource::Nofile);
    let fewer = Rlimit {
        current: files.maximum.map(|most| most - 1),
        maximum: files.maximum,
    };
    setrlimit(Resource::Nofile, fewer).unwrap();
    let (world, demo, _) = World::working_demo().await;
    assert!(matches!(world.daemon.isolation(), Isolation::Enclosed(_)));
    // The daemon takes all that it may have.
    assert_eq!(getrlimit(Resource::Nofile).current, files.maximum);
    let livy = Livy::log_in(&world, &demo, "david", "marketing").await;
    eventually("a warm interpreter", async || warm(&world).await > 0).await;
    let first = livy.open(json!({"kind": "pyspark"})).await;
    let log = livy.log(&first).await;
    assert!(log.contains(r#""sandbox":"full","warm":true"#), "{log}");

    // What it is for.
    let count = "spark.sql('use tpc')\nspark.sql('select * from dl_tpc_customer limit 3').count()";
    assert_eq!(livy.text(&first, count).await, "3");
    let who = "import boto3\nboto3.client('sts').get_caller_identity()['Arn']";
    let who = livy.text(&first, who).await;
    assert!(who.contains("marketing"), "{who}");

    // A service that is not on the list.
    let iam = livy
        .output(&first, "boto3.client('iam').list_users()")
        .await;
    let refused = iam["evalue"].as_str().unwrap_or_default();
    assert!(
        refused.contains("may not reach iam") && refused.contains("allowed-services"),
        "{iam}"
    );

    // Addresses of the host, of other clusters, and of the world.
    let addresses = world.daemon.addresses();
    let targets = format!(
        "TARGETS = [('{}', 8998), ('127.0.0.1', 8998), ('127.0.0.1', {}), ('169.254.169.254', 80), ('1.1.1.1', 443)]",
        demo.cluster_address,
        addresses.proxy.port(),
    );
    let reached = livy.text(&first, &format!("{targets}{REACH}")).await;
    assert_eq!(reached, "");

    // The host's files and other people's.
    let state = world.folder.root().display();
    let files = format!(
        "import os\nprint([path for path in ('{state}/state.db', '{state}/audit', '{state}/objects', '/root/.ssh', '/etc/shadow') if os.path.exists(path) and os.access(path, os.R_OK)])"
    );
    assert_eq!(livy.text(&first, &files).await, "[]");
    livy.text(&first, "open('/home/session/secret', 'w').write('mine'); open('/tmp/secret', 'w').write('mine'); None")
        .await;
    let tina = Livy::log_in(&world, &demo, "tina", "sales").await;
    let second = tina.open(json!({"kind": "pyspark"})).await;
    let seen = "import glob\nprint(glob.glob('/home/*/secret') + glob.glob('/tmp/secret'))";
    assert_eq!(tina.text(&second, seen).await, "[]");

    // The other one's token opens nothing here.
    let token = livy
        .text(
            &first,
            "print(open('/home/session/.lakeward-token').read())",
        )
        .await;
    let steal = format!(
        "import urllib.request, os\nrequest = urllib.request.Request(os.environ['AWS_CONTAINER_CREDENTIALS_FULL_URI'], headers={{'Authorization': '{token}'}})\ntry:\n    print(urllib.request.urlopen(request).status)\nexcept urllib.error.HTTPError as error:\n    print(error.code)"
    );
    assert_eq!(tina.text(&second, &steal).await, "401");

    // It is written down.
    eventually("the records", async || {
        let services = recorded(&world.folder, "RefuseService");
        let keys = recorded(&world.folder, "RefuseCredentials");
        !keys.is_empty()
            && services
                .iter()
                .any(|one| one["requestParameters"]["what"] == json!(["iam"]))
    })
    .await;
    world.daemon.shutdown().await;
}

/// The memory pools of the engines in the session's enclosure.
const POOLS: &str = r"
import glob
def words(path):
    return open(path, 'rb').read().decode().split('\0')
engines = [path[:-8] for path in glob.glob('/proc/[0-9]*/cmdline') if 'lakeward_session.server' in words(path)]
name = 'SAIL_RUNTIME__MEMORY_POOL__GREEDY__MAX_SIZE='
print([word.removeprefix(name) for path in engines for word in words(f'{path}/environ') if word.startswith(name)])";

#[tokio::test(flavor = "multi_thread")]
async fn an_interpreter_that_waited_gets_the_engine_that_its_session_asks_for() {
    let (world, demo, _) = World::working_demo().await;
    let livy = Livy::log_in(&world, &demo, "david", "marketing").await;
    eventually("a warm interpreter", async || warm(&world).await > 0).await;
    let session = livy
        .open(json!({"kind": "pyspark", "driverMemory": "1g"}))
        .await;
    let log = livy.log(&session).await;
    assert!(log.contains(r#""warm":true"#), "{log}");
    // With 1g beside it, less 768m that are not the engine's.
    let pool = (1_u64 << 30) + (256 << 20);
    assert_eq!(livy.text(&session, POOLS).await, format!("['{pool}']"));
    assert_eq!(livy.text(&session, "spark.range(5).count()").await, "5");
    world.daemon.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_control_groups_sessions_still_live_in_namespaces_of_their_own() {
    let world = World::with_sessions_in(Mode::Namespaces).await;
    let (world, demo, _) = world.with_demo().await;
    let livy = Livy::log_in(&world, &demo, "david", "marketing").await;
    let session = livy.open(json!({"kind": "pyspark"})).await;
    let log = livy.log(&session).await;
    assert!(log.contains(r#""sandbox":"namespaces""#), "{log}");
    let count = "spark.sql('select * from tpc.dl_tpc_customer limit 3').count()";
    assert_eq!(livy.text(&session, count).await, "3");

    let addresses = world.daemon.addresses();
    let targets = format!(
        "TARGETS = [('{}', 8998), ('127.0.0.1', {}), ('1.1.1.1', 443)]",
        demo.cluster_address,
        addresses.proxy.port(),
    );
    let reached = livy.text(&session, &format!("{targets}{REACH}")).await;
    assert_eq!(reached, "");
    let state = world.folder.root().join("state.db");
    let seen = format!(
        "import os\nos.path.exists({:?})",
        state.display().to_string()
    );
    assert_eq!(livy.text(&session, &seen).await, "False");
    world.daemon.shutdown().await;
}

/// The logs of the cluster's sessions, as an administrator sees them.
async fn logs(admin: &Client, cluster: &str) -> Vec<String> {
    let ask = async |operation: &str, input: Value| {
        let target = format!("Lakeward.{operation}");
        admin.json("lakeward", &target, input).await.unwrap()
    };
    let listed = ask("ListSessions", json!({"ClusterId": cluster})).await;
    let mut logs = Vec::new();
    for session in listed["Sessions"].as_array().unwrap() {
        let input = json!({"ClusterId": cluster, "SessionId": session["Id"]});
        logs.push(ask("GetSessionLog", input).await["Lines"].to_string());
    }
    logs
}

#[tokio::test(flavor = "multi_thread")]
async fn who_started_one_kernel_finds_the_next_one_waiting() {
    let (world, demo, admin) = World::working_demo().await;
    let gateway = Livy::log_in(&world, &demo, "david", "marketing").await;
    let gateway = gateway.at(18888);
    eventually("a warm interpreter", async || warm(&world).await == 1).await;
    for was_warm in [false, true] {
        let (status, kernel) = gateway
            .post("/api/kernels", json!({"name": "python3"}))
            .await;
        assert_eq!(status, 201, "{kernel}");
        let logs = logs(&admin, &demo.cluster_id).await;
        let wanted = format!(r#"\"warm\":{was_warm}"#);
        assert!(logs.iter().any(|log| log.contains(&wanted)), "{logs:?}");
        eventually("a warm kernel", async || warm(&world).await == 2).await;
    }
    world.daemon.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_and_a_session_that_dies_dies_alone() {
    let (world, demo, _) = World::working_demo().await;
    let livy = Livy::log_in(&world, &demo, "david", "marketing").await;
    let (status, refused) = livy
        .post(
            "/sessions",
            json!({"kind": "pyspark", "driverMemory": "64g"}),
        )
        .await;
    let text = refused["msg"].as_str().unwrap_or_default();
    assert!(status == 400 && text.contains("at most 4g"), "{refused}");

    let body = json!({"kind": "pyspark", "driverMemory": "512m"});
    let bystander = livy.open(json!({"kind": "python"})).await;
    let victim = livy.open(body).await;
    let path = format!("{victim}/statements");
    let bomb = "held = []\nwhile True: held.append(bytearray(b'x') * (64 << 20))";
    livy.post(&path, json!({"code": bomb})).await;
    eventually("the end of the session", async || {
        livy.get(&victim).await["state"] == "dead"
    })
    .await;
    let log = livy.log(&victim).await;
    assert!(
        log.contains("memory limit of") && log.contains("driverMemory"),
        "{log}"
    );

    let crashing = livy.open(json!({"kind": "python"})).await;
    let path = format!("{crashing}/statements");
    livy.post(&path, json!({"code": "import os\nos.abort()"}))
        .await;
    eventually("the end of the session", async || {
        livy.get(&crashing).await["state"] == "dead"
    })
    .await;
    assert_eq!(livy.text(&bystander, "1 + 1").await, "2");
    eventually("the record", async || {
        !recorded(&world.folder, "EndOverMemory").is_empty()
    })
    .await;
    let marker = world.folder.packages();
    world.daemon.shutdown().await;
    eventually("the end of all processes", async || {
        interpreters(&marker) == 0
    })
    .await;
}
