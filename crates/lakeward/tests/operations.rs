//! What those who run an instance have: metrics, health, an end in order, and commands that show and
//! end sessions.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use lakeward::{
    daemon::StateFolder,
    demo::Stack,
    profile::{Instance, Profiles},
};
use serde_json::{Value, json};
use support::{
    ACCOUNT, REGION, emr, eventually,
    program::{Ended, FREE, Program, run},
    user,
};

/// A Python whose sessions are the stand-in that obeys the first word of a statement.
fn stand_in(room: &Path) -> PathBuf {
    let found = std::process::Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .unwrap();
    let python = String::from_utf8(found.stdout).unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lakeward-session/src/fixture");
    let script = format!(
        "#!/bin/sh\nPYTHONPATH='{}' exec '{}' \"$@\"\n",
        fixture.display(),
        python.trim()
    );
    let path = room.join("python");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

/// The example with stand-ins for sessions, and David's way to its cluster's Livy.
struct Site {
    program: Program,
    state: PathBuf,
    instance: Instance,
    cluster: String,
    livy: String,
    login: (String, String),
    http: reqwest::Client,
    room: tempfile::TempDir,
}

impl Site {
    async fn open(more: &[&str]) -> Self {
        let room = support::room();
        let state = room.path().join("state");
        // The stand-in is a script with parts that no enclosure has.
        let mut arguments = vec!["--scale", "0.01", "--sandbox", "none"];
        arguments.extend(more);
        let python = stand_in(room.path());
        let mut program = Program::with_python("demo", &state, &python, &arguments);
        program.says("Lakeward is up").await;
        let instance = program.instance();
        let profiles = Profiles::read(&StateFolder::open(&state).unwrap()).unwrap();
        let client = async |name: &str| {
            let profile = profiles.get(name).unwrap();
            let keys = profile.credentials(&instance).await.unwrap();
            instance.client(keys).unwrap()
        };
        let admin = client("admin").await;
        let clusters = emr(&admin, "ListClusters", json!({})).await;
        let cluster = clusters["Clusters"][0]["Id"].as_str().unwrap().to_owned();
        let described = emr(&admin, "DescribeCluster", json!({"ClusterId": cluster})).await;
        let stack = Stack {
            name: "lakeward".to_owned(),
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
        };
        let role = stack.role_arn(&stack.runtime_role("marketing"));
        let ask = json!({"ClusterId": cluster, "ExecutionRoleArn": role});
        let david = client("david").await;
        let pair = emr(&david, "GetClusterSessionCredentials", ask).await;
        let pair = &pair["Credentials"]["UsernamePassword"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            program,
            state,
            cluster,
            livy: format!(
                "https://{}:8998",
                text(&described["Cluster"]["MasterPublicDnsName"])
            ),
            login: (text(&pair["Username"]), text(&pair["Password"])),
            http: http(),
            instance,
            room,
        }
    }

    /// Livy's answer, as the owner of the login gets it.
    async fn livy(&self, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}{path}", self.livy);
        let request = match body {
            Some(body) => self.http.post(url).body(body.to_string()),
            None => self.http.get(url),
        };
        let (name, password) = &self.login;
        let answer = request
            .basic_auth(name, Some(password))
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    /// Opens a session and waits until it is idle; its number.
    async fn session(&self, name: &str) -> u64 {
        let body = json!({"kind": "pyspark", "name": name});
        let (status, session) = self.livy("/sessions", Some(body)).await;
        assert_eq!(status, 201, "{session}");
        let id = session["id"].as_u64().unwrap();
        self.until(&format!("/sessions/{id}"), "/state", "idle")
            .await;
        id
    }

    /// Begins a statement and waits until it is in that state.
    async fn statement(&self, session: u64, code: &str, state: &str) {
        let path = format!("/sessions/{session}/statements");
        let (status, statement) = self.livy(&path, Some(json!({"code": code}))).await;
        assert_eq!(status, 201, "{statement}");
        let one = format!("{path}/{}", statement["id"]);
        self.until(&one, "/state", state).await;
    }

    async fn until(&self, path: &str, pointer: &str, value: &str) -> Value {
        let mut found = Value::Null;
        eventually(&format!("{path} has {pointer} {value}"), async || {
            found = self.livy(path, None).await.1;
            found.pointer(pointer) == Some(&json!(value))
        })
        .await;
        found
    }

    /// Waits until it takes no new work.
    async fn is_unready(&self) {
        eventually("an instance that is not ready", async || {
            get(&self.instance, "/readyz").await.0 == 503
        })
        .await;
    }

    /// Runs a command against the instance.
    async fn command(&self, arguments: &[&str]) -> Ended {
        let mut whole = arguments.to_vec();
        whole.extend(["--state-dir", self.state.to_str().unwrap()]);
        run(&whole).await
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let mut whole = arguments.to_vec();
        whole.extend(["--output", "json"]);
        let ended = self.command(&whole).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str(&ended.out).unwrap()
    }

    async fn metrics(&self) -> String {
        let (status, text) = get(&self.instance, "/metrics").await;
        assert_eq!(status, 200);
        text
    }
}

/// A client that has no opinion on certificates: other tests do.
fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .danger_accept_invalid_certs(true)
        .build()
        .unwrap()
}

/// What the plain listener answers.
async fn get(instance: &Instance, path: &str) -> (u16, String) {
    let url = format!("{}{path}", instance.addresses.metrics_url().unwrap());
    let answer = http().get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The value of a series.
fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series));
    let line = line.unwrap_or_else(|| panic!("no {series} in {metrics}"));
    line.trim().parse().unwrap()
}

#[tokio::test]
async fn metrics_and_health_tell_how_an_instance_is() {
    let room = support::room();
    let state = room.path().join("state");
    let init = run(&["init", "--state-dir", state.to_str().unwrap()]).await;
    assert_eq!(init.code, Some(0), "{init:?}");
    let mut program = Program::start("serve", &state, &[]);
    program.says("Metrics").await;
    program.says("Ready").await;
    let instance = program.instance();
    assert_eq!(get(&instance, "/healthz").await, (200, "ok\n".to_owned()));
    let (status, ready) = get(&instance, "/readyz").await;
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!((status, &ready["ready"]), (200, &json!(true)), "{ready}");
    for check in ["audit", "clusters", "running", "sessions", "store"] {
        assert_eq!(ready["checks"][check]["ok"], true, "{ready}");
    }
    assert_eq!(get(&instance, "/").await.0, 404);

    let profiles = Profiles::read(&StateFolder::open(&state).unwrap()).unwrap();
    let root = instance
        .client(profiles.get("root").unwrap().key())
        .unwrap();
    let nobody = root.with_credentials(user(&root, "nobody", None).await);
    for client in [&root, &nobody] {
        let _ = client
            .query("iam", "2010-05-08", &[("Action", "ListUsers")])
            .await;
    }
    let _ = root
        .query("iam", "2010-05-08", &[("Action", "BrewCoffee")])
        .await;
    let (_, metrics) = get(&instance, "/metrics").await;
    let requests = |operation: &str, outcome: &str| {
        let labels = format!("service=\"iam\",operation=\"{operation}\",outcome=\"{outcome}\"");
        value(&metrics, &format!("lakeward_requests_total{{{labels}}}"))
    };
    assert_eq!(requests("ListUsers", "ok"), 1.0);
    assert_eq!(requests("ListUsers", "denied"), 1.0);
    assert_eq!(requests("other", "refused"), 1.0);
    assert!(!metrics.contains("BrewCoffee") && !metrics.contains("nobody"));
    let records = std::fs::read_to_string(state.join("audit/audit.jsonl")).unwrap();
    assert_eq!(
        value(&metrics, "lakeward_audit_records_total"),
        records.lines().count() as f64,
        "as many as this instance wrote: `init` wrote none"
    );
    assert_eq!(value(&metrics, "lakeward_audit_writable"), 1.0);
    assert!(value(&metrics, "process_resident_memory_bytes") > 1e6);
    assert!(value(&metrics, "process_open_fds") > 3.0);
    let version = format!(
        "lakeward_build_info{{version=\"{}\"}}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(value(&metrics, &version), 1.0);
    assert!(metrics.ends_with("# EOF\n"));
    assert!(program.stop().await.success());
}

#[tokio::test]
async fn metrics_can_be_turned_off_and_an_address_is_checked() {
    let room = support::room();
    let state = room.path().join("state");
    for wrong in [&["--metrics", "nowhere"][..], &["--shutdown-grace", "x"]] {
        let mut arguments = vec!["serve", "--state-dir", state.to_str().unwrap()];
        arguments.extend(wrong);
        let ended = run(&arguments).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
    }
    let network = support::cluster_network().to_string();
    let mut arguments = vec!["serve", "--state-dir", state.to_str().unwrap()];
    arguments.extend(&FREE[..6]);
    arguments.extend(["--metrics", "none", "--cluster-network", &network]);
    arguments.extend(["--session-python", "/bin/true"]);
    let mut daemon = support::program::lakeward(&arguments).spawn().unwrap();
    let folder = StateFolder::open(&state).unwrap();
    let written = async || Instance::read(&folder).is_ok();
    eventually("the instance's addresses", written).await;
    let instance = Instance::read(&folder).unwrap();
    assert!(instance.addresses.metrics.is_none());
    daemon.kill().await.unwrap();
}

#[tokio::test]
async fn sessions_are_listed_read_and_ended() {
    let site = Site::open(&[]).await;
    let empty = site.command(&["session", "ls"]).await;
    assert_eq!((empty.code, &*empty.out), (Some(0), "No sessions.\n"));
    let id = site.session("etl").await;
    site.statement(id, "STDERR 3", "available").await;
    site.statement(id, "ECHO seen", "available").await;
    let number = id.to_string();

    let shown = site.json(&["session", "ls"]).await;
    let session = &shown["Sessions"][0];
    assert_eq!(shown["Sessions"].as_array().unwrap().len(), 1, "{shown}");
    for (member, expected) in [
        ("Id", json!(id)),
        ("ClusterId", json!(site.cluster)),
        ("Name", json!("etl")),
        ("Kind", json!("pyspark")),
        ("State", json!("idle")),
    ] {
        assert_eq!(session[member], expected, "{session}");
    }
    assert!(session["RoleArn"].as_str().unwrap().contains("marketing"));
    assert!(
        session["MemoryBytes"].as_u64().unwrap() > 1 << 20,
        "{session}"
    );
    assert!(session["CpuSeconds"].is_number() && session["Processes"].is_number());
    // Half of what opens a session is its user name.
    assert!(!shown.to_string().contains(&site.login.0), "{shown}");
    let table = site
        .command(&["session", "ls", "--cluster", &site.cluster])
        .await;
    for word in ["ID", "WHO", &number, "etl", "idle", "MiB"] {
        assert!(table.out.contains(word), "{word}: {table:?}");
    }
    assert!(!table.out.contains('\x1b'), "{table:?}");

    let clusters = site.json(&["cluster", "ls"]).await;
    let cluster = &clusters["Clusters"][0];
    assert_eq!(cluster["Sessions"], json!({"idle": 1}), "{cluster}");
    assert_eq!(cluster["State"], "WAITING");
    assert_eq!(
        cluster["IdleSeconds"], 0,
        "a session lives on it: {cluster}"
    );
    let table = site.command(&["cluster", "ls"]).await;
    for word in ["RELEASE", "1 idle", &site.cluster, "WAITING"] {
        assert!(table.out.contains(word), "{word}: {table:?}");
    }

    let log = site
        .command(&["session", "logs", "etl", "--lines", "2"])
        .await;
    assert_eq!(
        (log.code, &*log.out),
        (Some(0), "line 1\nline 2\n"),
        "{log:?}"
    );
    let follow = ["session", "logs", &number, "--follow"];
    let follow = site.command(&follow);
    let end = async {
        // After the follower has begun, or before: it sees the end all the same.
        let ended = site.command(&["session", "end", &number]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.out.contains("is ending"), "{ended:?}");
    };
    let (followed, ()) = tokio::join!(follow, end);
    assert_eq!(followed.code, Some(0), "{followed:?}");
    assert!(
        followed.out.contains("line 0\nline 1\nline 2\n"),
        "{followed:?}"
    );
    assert!(
        followed.out.contains("an administrator ended it"),
        "{followed:?}"
    );
    // The owner sees that it is gone, and why.
    let path = format!("/sessions/{id}");
    site.until(&path, "/state", "killed").await;
    let (_, log) = site.livy(&format!("{path}/log"), None).await;
    assert!(
        log.to_string().contains("an administrator ended it"),
        "{log}"
    );

    let metrics = site.metrics().await;
    assert_eq!(value(&metrics, "lakeward_sessions_opened_total"), 1.0);
    let ended = "lakeward_sessions_ended_total{reason=\"administrator\"}";
    assert_eq!(value(&metrics, ended), 1.0);
    assert_eq!(
        value(&metrics, "lakeward_statements_total{outcome=\"ok\"}"),
        2.0
    );
    assert_eq!(value(&metrics, "lakeward_session_start_seconds_count"), 1.0);
    assert_eq!(value(&metrics, "lakeward_statement_seconds_count"), 2.0);
    let gauge = format!(
        "lakeward_sessions{{cluster=\"{}\",state=\"killed\"}}",
        site.cluster
    );
    assert_eq!(value(&metrics, &gauge), 1.0);
    assert!(!metrics.contains("marketing") && !metrics.contains("david"));
    assert!(site.program.stop().await.success());
    drop(site.room);
}

#[tokio::test]
async fn who_may_not_look_learns_nothing() {
    let site = Site::open(&[]).await;
    let id = site.session("secret-plan").await.to_string();
    for arguments in [
        &["session", "logs", &id, "--cluster", &site.cluster][..],
        &["session", "end", &id, "--cluster", &site.cluster],
        &["session", "ls", "--cluster", &site.cluster],
        &["session", "logs", "1", "--cluster", "j-0000000000000"],
    ] {
        let mut whole = arguments.to_vec();
        whole.extend(["--profile", "david"]);
        let ended = site.command(&whole).await;
        ended.failed_saying(&["AccessDeniedException", "lakeward:"]);
        assert!(!ended.err.contains("secret-plan"), "{ended:?}");
    }
    // It lives on.
    site.until(&format!("/sessions/{id}"), "/state", "idle")
        .await;
    for (arguments, said) in [
        (
            &["session", "end", "1", "--cluster", &site.cluster][..],
            "There is no session 1",
        ),
        (
            &["session", "end", "1", "--cluster", "j-0000000000000"],
            "j-0000000000000",
        ),
        (&["session", "logs", "nonsense"], "lakeward session ls"),
    ] {
        site.command(arguments).await.failed_saying(&[said]);
    }
    for wrong in [
        &["session", "logs"][..],
        &["session", "logs", &id, "--lines", "0"],
        &["session", "brew"],
        &["cluster"],
    ] {
        assert_eq!(site.command(wrong).await.code, Some(2), "{wrong:?}");
    }
    assert!(site.program.stop().await.success());
    drop(site.room);
}

#[tokio::test]
async fn running_statements_are_let_finish_and_nothing_new_begins() {
    let site = Site::open(&["--shutdown-grace", "50"]).await;
    let id = site.session("last").await;
    // It goes on until it is interrupted once.
    site.statement(id, "STUBBORN 1", "running").await;
    site.program.terminate();
    site.is_unready().await;
    let (_, report) = get(&site.instance, "/readyz").await;
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["checks"]["running"]["ok"], false, "{report}");
    assert_eq!(get(&site.instance, "/healthz").await.0, 200);

    let (status, refused) = site
        .livy("/sessions", Some(json!({"kind": "pyspark"})))
        .await;
    assert_eq!(status, 400, "{refused}");
    assert!(refused.to_string().contains("shutting down"), "{refused}");
    let statements = format!("/sessions/{id}/statements");
    let (status, refused) = site
        .livy(&statements, Some(json!({"code": "ECHO 1"})))
        .await;
    assert_eq!(status, 400, "{refused}");
    assert!(refused.to_string().contains("shutting down"), "{refused}");

    let (status, _) = site
        .livy(&format!("{statements}/0/cancel"), Some(json!({})))
        .await;
    assert_eq!(status, 200);
    let done = site
        .until(&format!("{statements}/0"), "/state", "cancelled")
        .await;
    assert!(done.to_string().contains("at last"), "{done}");
    assert!(site.program.ended().await.success());
    drop(site.room);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let site = Site::open(&["--shutdown-grace", "3600"]).await;
    let id = site.session("endless").await;
    site.statement(id, "STUBBORN 1000", "running").await;
    site.program.terminate();
    site.is_unready().await;
    site.program.terminate();
    // Within the patience for any program; the grace would be an hour.
    assert!(site.program.ended().await.success());
    drop(site.room);
}
