//! Livy over real TLS, as its clients meet it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lakeward_wire::authority::CertificateAuthority;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::LivyServers;
use lakeward_session::fixture::{Authority, CLUSTER, eventually, limits, runtime};
use lakeward_session::{RuntimeRoles, SessionLimits};
use lakeward_wire::listener::serve_plain;

mod batches;
mod kinds;
mod pages;
mod records;
mod recovery;

struct Bench {
    _state: TempDir,
    authority: Arc<Authority>,
    servers: LivyServers,
    client: Client,
    address: SocketAddr,
    credentials: SocketAddr,
    _stop: watch::Sender<bool>,
}

impl Bench {
    async fn new() -> Self {
        Self::with(limits()).await
    }

    async fn with(limits: SessionLimits) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let state = tempfile::tempdir().unwrap();
        let ca = CertificateAuthority::open(state.path()).unwrap();
        let tls = ca.server_config(&["127.0.0.1".to_owned()]).unwrap();
        let root = reqwest::Certificate::from_pem(ca.certificate_pem().as_bytes()).unwrap();
        let client = Client::builder()
            .add_root_certificate(root)
            .build()
            .unwrap();

        let endpoint = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let credentials = endpoint.local_addr().unwrap();
        let mut runtime = runtime(state.path());
        runtime.credentials_url = format!("http://{credentials}");
        let authority = Arc::new(Authority::with(&["david", "tina"]));
        let roles: Arc<dyn RuntimeRoles> = authority.clone();
        let servers = LivyServers::new(roles, runtime, limits).unwrap();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(serve_plain(endpoint, servers.credentials_router(), stopped));

        servers
            .start(CLUSTER, "127.0.0.1:0".parse().unwrap(), tls)
            .unwrap();
        let address = servers.address(CLUSTER).unwrap();
        Self {
            _state: state,
            authority,
            servers,
            client,
            address,
            credentials,
            _stop: stop,
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("https://{}{path}", self.address);
        self.client.request(method, url)
    }

    async fn call(&self, user: &str, method: Method, path: &str, body: Option<Value>) -> Response {
        let password = format!("{user}-password");
        let request = self.request(method, path).basic_auth(user, Some(password));
        match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        }
        .send()
        .await
        .unwrap()
    }

    async fn get(&self, user: &str, path: &str) -> Response {
        self.call(user, Method::GET, path, None).await
    }

    async fn post(&self, user: &str, path: &str, body: Value) -> Response {
        self.call(user, Method::POST, path, Some(body)).await
    }

    async fn delete(&self, user: &str, path: &str) -> Response {
        self.call(user, Method::DELETE, path, None).await
    }

    /// Opens a session as sparkmagic does and answers its address once it is idle.
    async fn idle(&self, user: &str) -> String {
        let opened = self.post(user, "/sessions", sparkmagic()).await;
        assert_eq!(opened.status(), StatusCode::CREATED);
        let place = format!("/sessions/{}", json_of(opened).await["id"]);
        self.reaches(user, &place, "idle").await;
        place
    }

    async fn reaches(&self, user: &str, place: &str, state: &str) -> Value {
        eventually(state, async || {
            let object = json_of(self.get(user, place).await).await;
            (object["state"] == state).then_some(object)
        })
        .await
    }

    async fn run(&self, user: &str, place: &str, code: &str) -> Value {
        let path = format!("{place}/statements");
        let statement = self.post(user, &path, json!({ "code": code })).await;
        assert_eq!(statement.status(), StatusCode::CREATED);
        let path = format!("{path}/{}", json_of(statement).await["id"]);
        self.reaches(user, &path, "available").await
    }
}

fn sparkmagic() -> Value {
    json!({ "name": "studio", "kind": "pyspark", "heartbeatTimeoutInSecond": 60 })
}

/// The token of the session whose environment this is.
fn token_of(variables: &Value) -> String {
    let file = variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"].as_str();
    std::fs::read_to_string(file.unwrap()).unwrap()
}

async fn json_of(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_session_runs_as_sparkmagic_expects() {
    let bench = Bench::new().await;
    let opened = bench.post("david", "/sessions", sparkmagic()).await;
    assert_eq!(opened.status(), StatusCode::CREATED);
    let place = opened.headers()["location"].to_str().unwrap().to_owned();
    let object = json_of(opened).await;
    assert_eq!(object["state"], "starting");
    assert_eq!(object["kind"], "pyspark");
    assert_eq!(object["owner"], "david");
    assert_eq!(object["proxyUser"], "david-role");
    assert_eq!(object["heartbeatTimeoutInSecond"], 60);
    assert!(object["log"].is_array());
    assert!(
        object["appInfo"]
            .as_object()
            .unwrap()
            .contains_key("sparkUiUrl")
    );
    assert!(
        object["appId"]
            .as_str()
            .unwrap()
            .starts_with("application_")
    );

    let object = bench.reaches("david", &place, "idle").await;
    assert_eq!(place, format!("/sessions/{}", object["id"]));
    let statement = bench.run("david", &place, "ECHO hello").await;
    assert_eq!(
        statement["output"],
        json!({ "status": "ok", "execution_count": 0, "data": { "text/plain": "hello" } })
    );
    assert_eq!(statement["progress"], 1.0);
    let failed = bench.run("david", &place, "RAISE bad").await;
    assert_eq!(failed["output"]["status"], "error");
    assert_eq!(failed["output"]["evalue"], "bad");
    assert_eq!(failed["output"]["traceback"], json!(["Traceback\n"]));
    let state = json_of(bench.get("david", &format!("{place}/state")).await).await;
    assert_eq!(state["state"], "idle");

    let path = format!("{place}/statements?order=desc&size=1");
    let all = json_of(bench.get("david", &path).await).await;
    assert_eq!(all["total_statements"], 2);
    assert_eq!(all["statements"][0]["id"], 1);
    let log = json_of(bench.get("david", &format!("{place}/log?from=0")).await).await;
    assert_eq!(log["from"], 0);
    assert!(log["log"].is_array());

    let deleted = bench.delete("david", &place).await;
    assert_eq!(deleted.status(), StatusCode::OK);
    assert_eq!(json_of(deleted).await, json!({ "msg": "deleted" }));
    for _ in 0..2 {
        assert_eq!(
            bench.get("david", &place).await.status(),
            StatusCode::NOT_FOUND
        );
        assert_eq!(
            bench.delete("david", &place).await.status(),
            StatusCode::NOT_FOUND
        );
    }
}

/// Every address with the methods it has, and some that are not there.
fn calls(place: &str) -> Vec<(Method, String)> {
    let mut calls = vec![
        (Method::GET, "/".to_owned()),
        (Method::GET, "/version".to_owned()),
        (Method::GET, "/sessions".to_owned()),
        (Method::POST, "/sessions".to_owned()),
        (Method::GET, "/batches".to_owned()),
        (Method::POST, "/batches".to_owned()),
        (Method::GET, "/batches/5".to_owned()),
        (Method::GET, "/batches/5/state".to_owned()),
        (Method::GET, "/batches/5/log".to_owned()),
        (Method::DELETE, "/batches/5".to_owned()),
        (Method::GET, "/nowhere".to_owned()),
    ];
    calls.extend(below_session(place));
    calls
}

fn below_session(place: &str) -> Vec<(Method, String)> {
    [
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::GET, "/state"),
        (Method::GET, "/log"),
        (Method::GET, "/statements"),
        (Method::POST, "/statements"),
        (Method::GET, "/statements/0"),
        (Method::POST, "/statements/0/cancel"),
        (Method::POST, "/connect"),
        (Method::POST, "/interrupt"),
        (Method::POST, "/stop"),
        (Method::POST, "/completion"),
        (Method::POST, "/submit-job"),
        (Method::GET, "/jobs/1"),
    ]
    .into_iter()
    .map(|(method, rest)| (method, format!("{place}{rest}")))
    .collect()
}

#[tokio::test]
async fn every_call_asks_for_a_good_pair() {
    let bench = Bench::new().await;
    let place = bench.idle("david").await;
    bench
        .authority
        .logins
        .lock()
        .get_mut("tina")
        .unwrap()
        .expires_at = Timestamp::now() - SignedDuration::from_secs(1);
    for (method, path) in calls(&place) {
        let bare = bench.request(method.clone(), &path);
        let wrong = bare.try_clone().unwrap().basic_auth("david", Some("guess"));
        let unknown = bare
            .try_clone()
            .unwrap()
            .basic_auth("eve", Some("eve-password"));
        let expired = bare
            .try_clone()
            .unwrap()
            .basic_auth("tina", Some("tina-password"));
        let bearer = bare.try_clone().unwrap().bearer_auth("x");
        for request in [bare, wrong, unknown, expired, bearer] {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
            let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
            assert!(challenge.starts_with("Basic"));
        }
    }
    bench.reaches("david", &place, "idle").await;
}

#[tokio::test]
async fn a_foreign_session_looks_like_none_and_stays_untouched() {
    let bench = Bench::new().await;
    let place = bench.idle("david").await;
    bench.run("david", &place, "ECHO private").await;
    let own = bench.idle("tina").await;
    assert_ne!(own, place);
    let missing = "/sessions/5";
    for ((method, foreign), (_, absent)) in below_session(&place)
        .into_iter()
        .zip(below_session(missing))
    {
        let body = Some(json!({ "code": "ECHO x" }));
        let foreign = bench
            .call("tina", method.clone(), &foreign, body.clone())
            .await;
        let absent = bench.call("tina", method.clone(), &absent, body).await;
        assert_eq!(foreign.status(), StatusCode::NOT_FOUND, "{method}");
        assert_eq!(absent.status(), StatusCode::NOT_FOUND);
        let id = place.trim_start_matches("/sessions/");
        let foreign = foreign.text().await.unwrap().replace(id, "5");
        assert_eq!(foreign, absent.text().await.unwrap());
    }
    let list = json_of(bench.get("tina", "/sessions").await).await;
    assert_eq!(list["total"], 1);
    assert_eq!(format!("/sessions/{}", list["sessions"][0]["id"]), own);
    // Her own session has the same name as his.
    let by_name = json_of(bench.get("tina", "/sessions/studio").await).await;
    assert_eq!(format!("/sessions/{}", by_name["id"]), own);
    let all = json_of(bench.get("david", &format!("{place}/statements")).await).await;
    assert_eq!(all["total_statements"], 1);
}

#[tokio::test]
async fn cancel_brings_the_session_back_to_idle() {
    let bench = Bench::new().await;
    let place = bench.idle("david").await;
    let path = format!("{place}/statements");
    bench.post("david", &path, json!({ "code": "SLEEP" })).await;
    bench
        .reaches("david", &format!("{path}/0"), "running")
        .await;
    bench.reaches("david", &place, "busy").await;
    let cancelled = bench
        .post("david", &format!("{path}/0/cancel"), json!({}))
        .await;
    assert_eq!(cancelled.status(), StatusCode::OK);
    assert_eq!(json_of(cancelled).await, json!({ "msg": "canceled" }));
    bench
        .reaches("david", &format!("{path}/0"), "cancelled")
        .await;
    bench.reaches("david", &place, "idle").await;
    let unknown = bench
        .post("david", &format!("{path}/7/cancel"), json!({}))
        .await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert_eq!(json_of(unknown).await, json!("Statement not found"));

    bench.post("david", &path, json!({ "code": "SLEEP" })).await;
    let interrupted = bench
        .post("david", &format!("{place}/interrupt"), json!({}))
        .await;
    assert_eq!(json_of(interrupted).await, json!({ "msg": "interrupted" }));
    bench.reaches("david", &place, "idle").await;
}

#[tokio::test]
async fn a_client_that_goes_away_loses_its_session() {
    let bench = Bench::new().await;
    let body = json!({ "kind": "pyspark", "heartbeatTimeoutInSecond": 3600 });
    let opened = json_of(bench.post("david", "/sessions", body).await).await;
    let place = format!("/sessions/{}", opened["id"]);
    let id = u32::try_from(opened["id"].as_u64().unwrap()).unwrap();
    let login = bench.authority.logins.lock()["david"].clone();
    let session = bench.servers.registry().find(&login, id).unwrap();
    // Asking keeps it alive for longer than the timeout.
    for _ in 0..3 {
        session.grow_old(Duration::from_secs(2400));
        assert_eq!(bench.get("david", &place).await.status(), StatusCode::OK);
    }
    // Lists are no heartbeat.
    session.grow_old(Duration::from_secs(2400));
    bench.get("david", "/sessions").await;
    session.grow_old(Duration::from_secs(2400));
    eventually("an empty list", async || {
        let list = json_of(bench.get("david", "/sessions").await).await;
        (list["total"] == 0).then_some(())
    })
    .await;
    assert_eq!(
        bench.get("david", &place).await.status(),
        StatusCode::NOT_FOUND
    );
    assert!(bench.servers.sessions(CLUSTER).is_empty());
}

#[tokio::test]
async fn an_expired_pair_may_still_end_what_it_opened() {
    let bench = Bench::new().await;
    let place = bench.idle("david").await;
    bench.authority.logins.lock().clear();
    assert_eq!(
        bench.get("david", &place).await.status(),
        StatusCode::UNAUTHORIZED
    );
    let guess = bench
        .request(Method::DELETE, &place)
        .basic_auth("david", Some("guess"));
    assert_eq!(
        guess.send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    let statement = format!("{place}/statements/0");
    assert_eq!(
        bench.delete("david", &statement).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(bench.delete("david", &place).await.status(), StatusCode::OK);
    assert_eq!(
        bench.delete("david", &place).await.status(),
        StatusCode::NOT_FOUND
    );
    assert!(bench.servers.sessions(CLUSTER).is_empty());
}

#[tokio::test]
async fn mistakes_are_4xx_with_a_reason() {
    let bench = Bench::new().await;
    let place = bench.idle("david").await;
    let statements = format!("{place}/statements");
    let large = "x".repeat(limits().request_bytes + 1);
    for (path, body, status, reason) in [
        ("/sessions", json!({ "colour": "red" }), 400, "colour"),
        ("/sessions", json!({ "kind": "sparkr" }), 400, "sparkr"),
        ("/sessions", json!({ "kind": "spark" }), 400, "no JVM"),
        ("/sessions", json!({ "kind": "cobol" }), 400, "Invalid kind"),
        ("/sessions", json!({ "kind": 7 }), 400, "string"),
        (
            "/sessions",
            json!({ "queue": "x".repeat(300) }),
            400,
            "at most 256 bytes",
        ),
        (
            "/sessions",
            json!({ "name": "studio" }),
            400,
            "duplicate session name",
        ),
        (
            "/sessions",
            json!({ "proxyUser": "root" }),
            403,
            "impersonate",
        ),
        ("/sessions?doAs=root", json!({}), 403, "impersonate"),
        (
            "/batches",
            json!({ "file": "local:/x.py" }),
            400,
            "only files in S3",
        ),
        ("/batches", json!({}), 400, "file is required"),
        ("/batches", json!({ "file": "s3://b/x.jar" }), 400, "no JVM"),
        ("/batches", json!({ "kind": "pyspark" }), 400, "kind"),
        (
            "/batches",
            json!({ "file": "s3://b/x.py", "proxyUser": "root" }),
            403,
            "impersonate",
        ),
        (
            &format!("{place}/completion"),
            json!({ "code": "sp", "cursor": -1 }),
            400,
            "cursor",
        ),
        (
            &format!("{place}/submit-job"),
            json!({}),
            400,
            "not implemented",
        ),
        (&statements, json!({}), 400, "code"),
        (
            &statements,
            json!({ "code": "x", "kind": "spark" }),
            400,
            "kind spark",
        ),
        (&statements, json!({ "code": large }), 413, "larger"),
        ("/nowhere", json!({}), 404, "no such resource"),
        ("/version", json!({}), 405, "method"),
    ] {
        let answer = bench.post("david", path, body).await;
        let seen = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        assert_eq!(seen, status, "{path}: {text}");
        assert!(text.contains(reason), "{path}: {text}");
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
    }
    let absent = bench.get("david", &format!("{statements}/9")).await;
    assert_eq!(absent.status(), StatusCode::NOT_FOUND);
    assert_eq!(json_of(absent).await, json!("Statement not found"));
    let absent = bench.get("david", "/sessions/7").await;
    assert_eq!(
        json_of(absent).await,
        json!({ "msg": "Session '7' not found." })
    );
    let paged = bench.get("david", "/sessions?from=abc").await;
    assert_eq!(paged.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_dead_session_answers_a_statement_with_400() {
    let bench = Bench::new().await;
    let place = bench.idle("david").await;
    let crashed = bench.run("david", &place, "CRASH").await;
    assert_eq!(crashed["output"]["ename"], "InterpreterDied");
    let object = bench.reaches("david", &place, "dead").await;
    assert!(object["log"].to_string().contains("exit status: 3"));
    let path = format!("{place}/statements");
    let refused = bench.post("david", &path, json!({ "code": "x" })).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(refused.text().await.unwrap().contains("state dead"));
}

#[tokio::test]
async fn the_listener_outlives_clients_that_speak_no_tls() {
    let bench = Bench::new().await;
    for noise in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\xff\xff", b""] {
        let mut stream = TcpStream::connect(bench.address).await.unwrap();
        stream.write_all(noise).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
    }
    assert_eq!(
        bench.get("david", "/sessions").await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_session_gets_its_own_roles_keys_until_the_role_is_revoked() {
    let bench = Bench::new().await;
    let place = bench.idle("david").await;
    let variables = bench.run("david", &place, "ENV").await;
    let variables = &variables["output"]["data"]["application/json"];
    let url = variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        .as_str()
        .unwrap();
    let token = &token_of(variables);
    let fetch = async |url: &str, token: &str| {
        let request = bench.client.get(url).header("authorization", token);
        request.send().await.unwrap()
    };
    let keys = fetch(url, token).await;
    assert_eq!(keys.status(), StatusCode::OK);
    assert_eq!(
        json_of(keys).await,
        json!({
            "RoleArn": "arn:aws:iam::123456789012:role/david-role",
            "AccessKeyId": "ASIA-david",
            "SecretAccessKey": "secret",
            "Token": "token",
            "Expiration": "2030-01-02T03:04:05Z",
        })
    );
    // Another session's token, a wrong one, or an unknown session: all the same.
    let other = bench.idle("tina").await;
    let others = bench.run("tina", &other, "ENV").await;
    let others = token_of(&others["output"]["data"]["application/json"]);
    let unknown = format!(
        "http://{}/session-credentials/{}",
        bench.credentials,
        "0".repeat(32)
    );
    let mut refusals = Vec::new();
    for (url, token) in [(url, others.as_str()), (url, ""), (&unknown, token)] {
        let refused = fetch(url, token).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        refusals.push(refused.text().await.unwrap());
    }
    assert!(refusals.iter().all(|text| *text == refusals[0]));

    *bench.authority.is_revoked.lock() = true;
    let refused = fetch(url, token).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(json_of(refused).await["Code"], "AccessDeniedException");
    *bench.authority.is_revoked.lock() = false;
    bench.delete("david", &place).await;
    assert_eq!(fetch(url, token).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn stopping_a_cluster_ends_its_sessions_and_frees_its_address() {
    let bench = Bench::new().await;
    bench.idle("david").await;
    assert_eq!(bench.servers.sessions(CLUSTER).len(), 1);
    assert!(bench.servers.sessions("j-OTHER").is_empty());
    let ca = CertificateAuthority::open(bench._state.path()).unwrap();
    let tls = ca.server_config(&["127.0.0.1".to_owned()]).unwrap();
    let start = || bench.servers.start("j-OTHER", bench.address, tls.clone());
    let taken = start().unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    assert!(taken.to_string().contains(&bench.address.to_string()));
    bench.servers.stop(CLUSTER).await;
    assert!(bench.servers.sessions(CLUSTER).is_empty());
    assert!(bench.servers.address(CLUSTER).is_none());
    start().unwrap();
    // The same pair is good for one cluster only.
    assert_eq!(
        bench.get("david", "/sessions").await.status(),
        StatusCode::UNAUTHORIZED
    );
    bench.servers.shutdown().await;
    assert!(TcpStream::connect(bench.address).await.is_err());
}

#[tokio::test]
async fn changes_and_refusals_leave_records_and_polls_do_not() {
    let bench = Bench::new().await;
    bench.get("david", "/sessions").await;
    bench
        .post("david", "/sessions/7/interrupt", json!({}))
        .await;
    bench.get("mallory", "/sessions").await;
    let record = |user: Option<&str>, operation: &str, status| {
        (user.map(str::to_owned), operation.to_owned(), status)
    };
    let expected = [
        record(Some("david"), "InterruptSession", 404),
        record(None, "ListSessions", 401),
    ];
    assert_eq!(*bench.authority.records.lock(), expected);
}

#[tokio::test]
async fn nothing_is_done_while_no_record_can_be_left() {
    let bench = Bench::new().await;
    *bench.authority.is_full.lock() = true;
    let refused = bench.post("david", "/sessions", sparkmagic()).await;
    assert_eq!(refused.status(), StatusCode::INSUFFICIENT_STORAGE);
    assert!(bench.servers.sessions(CLUSTER).is_empty());
}
