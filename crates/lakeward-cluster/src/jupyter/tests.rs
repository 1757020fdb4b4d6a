//! The gateway over real TLS and WebSockets, as its clients meet it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use lakeward_session::fixture::{Authority, CLUSTER, eventually, limits, runtime};
use lakeward_session::{RuntimeRoles, SessionLimits, SessionRegistry};
use lakeward_wire::authority::CertificateAuthority;
use reqwest::{Client, Method, Response, StatusCode};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::JupyterServers;

type Socket = WebSocketStream<TlsStream<TcpStream>>;

struct Bench {
    _state: TempDir,
    authority: Arc<Authority>,
    sessions: Arc<SessionRegistry>,
    servers: JupyterServers,
    client: Client,
    connector: TlsConnector,
    address: SocketAddr,
}

impl Bench {
    async fn new() -> Self {
        Self::with(limits(), &[]).await
    }

    async fn with(limits: SessionLimits, variables: &[(&str, &str)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let state = tempfile::tempdir().unwrap();
        let ca = CertificateAuthority::open(state.path()).unwrap();
        let tls = ca.server_config(&["127.0.0.1".to_owned()]).unwrap();
        let pem = ca.certificate_pem();
        let root = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
        let client = Client::builder()
            .add_root_certificate(root)
            .build()
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
            .unwrap();
        let trusting = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();

        let mut runtime = runtime(state.path());
        for (name, value) in variables {
            let variable = ((*name).to_owned(), (*value).to_owned());
            runtime.environment.push(variable);
        }
        let authority = Arc::new(Authority::with(&["david", "tina"]));
        let roles: Arc<dyn RuntimeRoles> = authority.clone();
        let sessions = SessionRegistry::open_folder(runtime, limits, Arc::clone(&roles)).unwrap();
        let servers = JupyterServers::new(roles, Arc::clone(&sessions));
        servers
            .start(CLUSTER, "127.0.0.1:0".parse().unwrap(), tls)
            .unwrap();
        Self {
            _state: state,
            authority,
            sessions,
            address: servers.address(CLUSTER).unwrap(),
            servers,
            client,
            connector: TlsConnector::from(Arc::new(trusting)),
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("https://{}{path}", self.address);
        self.client.request(method, url)
    }

    async fn call(&self, user: &str, method: Method, path: &str, body: Value) -> Response {
        let request = self
            .request(method, path)
            .header("authorization", token(user));
        let request = match body {
            Value::Null => request,
            body => request.body(body.to_string()),
        };
        request.send().await.unwrap()
    }

    async fn get(&self, user: &str, path: &str) -> Response {
        self.call(user, Method::GET, path, Value::Null).await
    }

    async fn post(&self, user: &str, path: &str, body: Value) -> Response {
        self.call(user, Method::POST, path, body).await
    }

    /// Starts a kernel and answers its address.
    async fn start(&self, user: &str) -> String {
        let body = json!({"name": "python3", "env": {"KERNEL_USERNAME": "alice", "PATH": "/evil"}});
        let started = self.post(user, "/api/kernels", body).await;
        assert_eq!(started.status(), StatusCode::CREATED);
        started.headers()["location"].to_str().unwrap().to_owned()
    }

    async fn dial(&self, place: &str, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
        self.dial_as("s", place, headers).await
    }

    async fn dial_as(
        &self,
        session_id: &str,
        place: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Socket, Error> {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let tls = self.connector.connect(name, tcp).await.unwrap();
        let url = format!(
            "wss://{}{place}/channels?session_id={session_id}",
            self.address
        );
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Ok(client_async(request, tls).await?.0)
    }

    async fn join(&self, user: &str, place: &str) -> Socket {
        self.dial(place, &[("authorization", &token(user))])
            .await
            .unwrap()
    }
}

fn token(user: &str) -> String {
    format!("token {user}:{user}-password")
}

async fn json_of(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

fn execute(code: &str) -> String {
    json!({
        "header": {"msg_id": "m1", "msg_type": "execute_request", "session": "s"},
        "parent_header": {}, "metadata": {}, "content": {"code": code}, "channel": "shell", "buffers": [],
    })
    .to_string()
}

async fn run(socket: &mut Socket, code: &str) -> Value {
    socket.send(Message::text(execute(code))).await.unwrap();
    reply(socket).await
}

/// The next reply on the shell channel; fails when the connection ends before.
async fn reply(socket: &mut Socket) -> Value {
    loop {
        let Message::Text(text) = socket.next().await.unwrap().unwrap() else {
            continue;
        };
        let message: Value = serde_json::from_str(&text).unwrap();
        if message["channel"] == "shell" {
            return message;
        }
    }
}

/// How the server closes the connection.
async fn closing(mut socket: Socket) -> CloseFrame {
    let all = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(Some(frame)))) => return frame,
                Some(Ok(_)) => {}
                other => panic!("no closing frame: {other:?}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all)
        .await
        .unwrap()
}

fn status_of(refused: Result<Socket, Error>) -> u16 {
    match refused {
        Err(Error::Http(response)) => response.status().as_u16(),
        other => panic!("not refused: {:?}", other.map(drop)),
    }
}

#[tokio::test]
async fn a_kernel_runs_as_jupyters_gateway_client_expects() {
    let bench = Bench::new().await;
    let specs = json_of(bench.get("david", "/api/kernelspecs?user=alice").await).await;
    let default = specs["default"].as_str().unwrap();
    assert_eq!(specs["kernelspecs"][default]["spec"]["language"], "python");
    assert!(specs["kernelspecs"]["python3"]["resources"].is_object());
    let one = json_of(bench.get("david", "/api/kernelspecs/python3").await).await;
    assert_eq!(one, specs["kernelspecs"]["python3"]);
    let logo = bench
        .get("david", "/kernelspecs/python3/logo-64x64.png")
        .await;
    assert_eq!(logo.status(), StatusCode::NOT_FOUND);
    let version = json_of(bench.get("david", "/api").await).await;
    assert!(version["version"].is_string() && version["gateway_version"].is_string());

    let place = bench.start("david").await;
    let model = json_of(bench.get("david", &place).await).await;
    assert_eq!(
        place,
        format!("/api/kernels/{}", model["id"].as_str().unwrap())
    );
    assert_eq!(model["name"], "python3");
    assert_eq!(model["execution_state"], "idle");
    assert_eq!(model["connections"], 0);
    let activity = model["last_activity"].as_str().unwrap();
    let (_, fraction) = activity.split_once('.').unwrap();
    assert_eq!((fraction.len(), activity.len()), (7, 27), "{activity}");

    let mut socket = bench.join("david", &place).await;
    let answer = run(&mut socket, "ECHO hello").await;
    assert_eq!(answer["content"]["echo"], "hello");
    assert_eq!(answer["parent_header"]["msg_id"], "m1");
    assert_eq!(answer["buffers"], json!([]));
    let variables = run(&mut socket, "ENV").await["content"]["echo"].clone();
    assert_eq!(variables["KERNEL_USERNAME"], "alice");
    assert!(variables.get("PATH").is_none());
    let model = json_of(bench.get("david", &place).await).await;
    assert_eq!(model["connections"], 1);

    let interrupted = bench
        .post("david", &format!("{place}/interrupt"), Value::Null)
        .await;
    assert_eq!(interrupted.status(), StatusCode::NO_CONTENT);
    let restarted = bench
        .post("david", &format!("{place}/restart"), Value::Null)
        .await;
    assert_eq!(restarted.status(), StatusCode::OK);
    assert_eq!(json_of(restarted).await["id"], model["id"]);
    assert_eq!(
        run(&mut socket, "ECHO again").await["content"]["echo"],
        "again"
    );

    let all = json_of(bench.get("david", "/api/kernels").await).await;
    assert_eq!(all.as_array().unwrap().len(), 1);
    let deleted = bench
        .call("david", Method::DELETE, &place, Value::Null)
        .await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_eq!(u16::from(closing(socket).await.code), 1001);
    assert_eq!(
        bench.get("david", &place).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn buffers_travel_in_binary_frames() {
    let bench = Bench::new().await;
    let place = bench.start("david").await;
    let mut socket = bench.join("david", &place).await;
    let text = execute("ECHO buffers");
    let end = u32::try_from(12 + text.len()).unwrap();
    let frame = [
        &2u32.to_be_bytes()[..],
        &12u32.to_be_bytes(),
        &end.to_be_bytes(),
        text.as_bytes(),
        b"\x00\xff",
    ]
    .concat();
    socket.send(Message::binary(frame)).await.unwrap();
    let answer = loop {
        if let Message::Binary(answer) = socket.next().await.unwrap().unwrap() {
            break answer;
        }
    };
    assert_eq!(answer[..8], [0, 0, 0, 2, 0, 0, 0, 12]);
    let end = u32::from_be_bytes(answer[8..12].try_into().unwrap()) as usize;
    let message: Value = serde_json::from_slice(&answer[12..end]).unwrap();
    assert_eq!(message["content"]["echo"], "buffers");
    assert_eq!(answer[end..], *b"\x00\xff");
}

fn calls(place: &str) -> Vec<(Method, String)> {
    [
        (Method::GET, "/"),
        (Method::GET, "/api"),
        (Method::GET, "/api/kernelspecs"),
        (Method::GET, "/api/kernels"),
        (Method::POST, "/api/kernels"),
        (Method::GET, "/api/sessions"),
        (Method::GET, "/nowhere"),
    ]
    .into_iter()
    .map(|(method, path)| (method, path.to_owned()))
    .chain(below_kernel(place))
    .collect()
}

fn below_kernel(place: &str) -> Vec<(Method, String)> {
    [
        (Method::GET, ""),
        (Method::GET, "/channels"),
        (Method::POST, "/interrupt"),
        (Method::POST, "/restart"),
        (Method::DELETE, ""),
    ]
    .into_iter()
    .map(|(method, rest)| (method, format!("{place}{rest}")))
    .collect()
}

#[tokio::test]
async fn every_call_asks_for_a_good_pair() {
    let bench = Bench::new().await;
    let place = bench.start("david").await;
    let past = Timestamp::now() - SignedDuration::from_secs(1);
    bench
        .authority
        .logins
        .lock()
        .get_mut("tina")
        .unwrap()
        .expires_at = past;
    for (method, path) in calls(&place) {
        for authorization in [
            "",
            "token david:guess",
            "token tina:tina-password",
            "Bearer david:david-password",
        ] {
            let request = bench.request(method.clone(), &path);
            let answer = request
                .header("authorization", authorization)
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
            let body = json_of(answer).await;
            assert_eq!(body["reason"], "Unauthorized");
            assert!(body["message"].is_string());
        }
    }
    let ways = [
        bench
            .request(Method::GET, &place)
            .basic_auth("david", Some("david-password")),
        bench.request(Method::GET, &format!("{place}?token=david:david-password")),
    ];
    for request in ways {
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    }
    let wrong = bench
        .dial(&place, &[("authorization", "token david:guess")])
        .await;
    assert_eq!(status_of(wrong), 401);
}

#[tokio::test]
async fn a_foreign_kernel_looks_like_none_and_stays_untouched() {
    let bench = Bench::new().await;
    let place = bench.start("david").await;
    let mut socket = bench.join("david", &place).await;
    let id = place.trim_start_matches("/api/kernels/");
    let missing = "00000000-0000-4000-8000-000000000000";
    let absent = place.replace(id, missing);
    for ((method, foreign), (_, absent)) in
        below_kernel(&place).into_iter().zip(below_kernel(&absent))
    {
        let foreign = bench
            .call("tina", method.clone(), &foreign, Value::Null)
            .await;
        let absent = bench
            .call("tina", method.clone(), &absent, Value::Null)
            .await;
        assert_eq!(foreign.status(), StatusCode::NOT_FOUND, "{method}");
        let foreign = foreign.text().await.unwrap().replace(id, missing);
        assert_eq!(foreign, absent.text().await.unwrap());
    }
    let headers = [("authorization", &*token("tina"))];
    assert_eq!(status_of(bench.dial(&place, &headers).await), 404);
    assert_eq!(
        json_of(bench.get("tina", "/api/kernels").await).await,
        json!([])
    );
    assert_eq!(
        run(&mut socket, "ECHO mine").await["content"]["echo"],
        "mine"
    );
}

#[tokio::test]
async fn pages_of_other_sites_drive_no_kernel() {
    let bench = Bench::new().await;
    let place = bench.start("david").await;
    let authorization = token("david");
    let dial = async |origin: &str| {
        let headers = [("authorization", &*authorization), ("origin", origin)];
        bench.dial(&place, &headers).await
    };
    assert_eq!(status_of(dial("https://evil.example").await), 403);
    assert_eq!(status_of(dial("null").await), 403);
    let own = format!("https://{}", bench.address);
    assert!(dial(&own).await.is_ok());
    let request = bench.request(Method::POST, &format!("{place}/restart"));
    let request = request.header("authorization", &*authorization);
    let refused = request
        .header("origin", "https://evil.example")
        .send()
        .await;
    assert_eq!(refused.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_connection_ends_with_its_login() {
    let bench = Bench::new().await;
    let place = bench.start("david").await;
    let mut talking = bench.join("david", &place).await;
    let silent = bench.join("david", &place).await;
    bench.authority.logins.lock().remove("david");
    // The next message is not passed on; and without any, the login is looked at again.
    let _ = talking.send(Message::text(execute("CRASH"))).await;
    for socket in [talking, silent] {
        let frame = closing(socket).await;
        assert_eq!(u16::from(frame.code), 1008);
        assert!(frame.reason.contains("not good any more"));
    }
    let state = bench.sessions.summaries(CLUSTER)[0].state;
    assert!(!state.has_ended());
}

#[tokio::test]
async fn messages_are_bounded_and_must_be_jupyters() {
    let bench = Bench::new().await;
    let place = bench.start("david").await;
    let large = execute(&"x".repeat(limits().request_bytes));
    let lying: &[u8] = &[0, 0, 0, 9, 0, 0, 0, 1];
    for (frame, code) in [
        (Message::text(large), 1009),
        (Message::text("hello"), 1007),
        (Message::text(r#"{"channel": "iopub", "header": {}}"#), 1007),
        (Message::binary(lying.to_vec()), 1007),
    ] {
        let mut socket = bench.join("david", &place).await;
        socket.send(frame).await.unwrap();
        assert_eq!(u16::from(closing(socket).await.code), code);
    }
    let mut socket = bench.join("david", &place).await;
    assert_eq!(
        run(&mut socket, "ECHO fine").await["content"]["echo"],
        "fine"
    );
}

#[tokio::test]
async fn the_death_of_a_kernel_reaches_its_client() {
    let bench = Bench::new().await;
    let place = bench.start("david").await;
    let mut socket = bench.join("david", &place).await;
    socket.send(Message::text(execute("CRASH"))).await.unwrap();
    let mut states = Vec::new();
    while let Some(Ok(Message::Text(text))) = socket.next().await {
        let message: Value = serde_json::from_str(&text).unwrap();
        states.push(message["content"]["execution_state"].clone());
    }
    assert_eq!(states, ["busy", "dead"]);
    let model = json_of(bench.get("david", &place).await).await;
    assert_eq!(model["execution_state"], "dead");
    let restart = bench
        .post("david", &format!("{place}/restart"), Value::Null)
        .await;
    assert_eq!(restart.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        json_of(restart).await["message"]
            .as_str()
            .unwrap()
            .contains("exit status: 3")
    );
}

#[tokio::test]
async fn mistakes_have_a_reason() {
    let bench = Bench::new().await;
    for (path, body, status, reason) in [
        ("/api/kernels", json!({"name": "scala"}), 404, "scala"),
        (
            "/api/kernels",
            json!({"env": {"KERNEL_X": "$HOME"}}),
            400,
            "KERNEL_X",
        ),
        ("/api/kernels", json!([1]), 400, "invalid type"),
        (
            "/api/kernels/7/restart",
            Value::Null,
            404,
            "does not exist: 7",
        ),
        ("/api/sessions", json!({}), 501, "not implemented"),
        ("/api/terminals", json!({}), 404, "no such"),
        ("/api", json!({}), 405, "method"),
    ] {
        let answer = bench.post("david", path, body).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let body = json_of(answer).await;
        assert!(body["message"].as_str().unwrap().contains(reason), "{body}");
    }
    let place = bench.start("david").await;
    let plain = bench.get("david", &format!("{place}/channels")).await;
    assert_eq!(plain.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_kernel_that_does_not_start_says_why_and_leaves_nothing() {
    let bench = Bench::with(limits(), &[("FAKE_START", "fatal")]).await;
    let failed = bench.post("david", "/api/kernels", json!({})).await;
    assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = json_of(failed).await;
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("no engine found"),
        "{body}"
    );
    assert!(bench.sessions.summaries(CLUSTER).is_empty());
}

#[tokio::test]
async fn a_kernel_that_nobody_waits_for_any_more_ends() {
    let bench = Bench::with(limits(), &[("FAKE_START", "hang")]).await;
    let request = bench
        .request(Method::POST, "/api/kernels")
        .header("authorization", token("david"));
    let waiting = tokio::spawn(request.send());
    eventually("a starting kernel", async || {
        (bench.sessions.summaries(CLUSTER).len() == 1).then_some(())
    })
    .await;
    waiting.abort();
    eventually("its end", async || {
        bench.sessions.summaries(CLUSTER).is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn changes_and_connections_leave_records_and_polls_do_not() {
    let bench = Bench::new().await;
    let place = bench.start("david").await;
    bench.get("david", &place).await;
    drop(bench.join("david", &place).await);
    bench
        .post("david", &format!("{place}/interrupt"), Value::Null)
        .await;
    bench
        .call("tina", Method::DELETE, &place, Value::Null)
        .await;
    bench
        .call("david", Method::DELETE, &place, Value::Null)
        .await;
    bench.get("mallory", "/api/kernels").await;
    let record = |user: Option<&str>, operation: &str, status| {
        (user.map(str::to_owned), operation.to_owned(), status)
    };
    let expected = [
        record(Some("david"), "CreateKernel", 201),
        record(Some("david"), "ConnectKernel", 101),
        record(Some("david"), "InterruptKernel", 204),
        record(Some("tina"), "DeleteKernel", 404),
        record(Some("david"), "DeleteKernel", 204),
        record(None, "ListKernels", 401),
    ];
    assert_eq!(*bench.authority.records.lock(), expected);
    let id = place.rsplit('/').next().unwrap();
    let visits = bench.authority.visits.lock().clone();
    for (visit, operation) in visits.iter().zip(["made", "touched", "touched"]) {
        assert_eq!(visit["service"], "jupyter");
        assert_eq!(visit[operation], json!({"kernelId": id}));
    }
    *bench.authority.is_full.lock() = true;
    let refused = bench.post("david", "/api/kernels", json!({})).await;
    assert_eq!(refused.status(), StatusCode::INSUFFICIENT_STORAGE);
    assert!(bench.sessions.summaries(CLUSTER).is_empty());
}

#[tokio::test]
async fn kernels_end_with_their_cluster() {
    let bench = Bench::new().await;
    let place = bench.start("david").await;
    let socket = bench.join("david", &place).await;
    bench.sessions.end_cluster(CLUSTER, "test");
    bench.servers.stop(CLUSTER).await;
    assert_eq!(u16::from(closing(socket).await.code), 1001);
    eventually("a closed port", async || {
        TcpStream::connect(bench.address)
            .await
            .is_err()
            .then_some(())
    })
    .await;
    bench.servers.shutdown().await;
}

/// Waits until no client is connected.
async fn left(bench: &Bench, place: &str) {
    eventually("the client to be gone", async || {
        let model = json_of(bench.get("david", place).await).await;
        (model["connections"] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_client_that_comes_back_gets_what_it_missed() {
    let bench = Bench::new().await;
    let token = token("david");
    let headers = [("authorization", &*token)];
    for (back, expected) in [("s", "late"), ("t", "new"), ("", "new")] {
        // A kernel of its own: what one client leaves unread waits for it.
        let place = bench.start("david").await;
        let mut socket = bench.join("david", &place).await;
        socket
            .send(Message::text(execute("WAIT late")))
            .await
            .unwrap();
        // It says that it is busy, and then nothing until it is interrupted.
        socket.next().await.unwrap().unwrap();
        drop(socket);
        left(&bench, &place).await;
        let interrupt = format!("{place}/interrupt");
        bench.post("david", &interrupt, Value::Null).await;
        eventually("the end of the cell", async || {
            let model = json_of(bench.get("david", &place).await).await;
            (model["execution_state"] == "idle").then_some(())
        })
        .await;
        let mut socket = bench.dial_as(back, &place, &headers).await.unwrap();
        let text = execute("ECHO new");
        socket.send(Message::text(text)).await.unwrap();
        let answer = reply(&mut socket).await;
        assert_eq!(answer["content"]["echo"], expected, "{back}");
    }
    let place = bench.start("david").await;
    let long = bench.dial_as(&"x".repeat(257), &place, &headers).await;
    assert_eq!(status_of(long), 400);
}
