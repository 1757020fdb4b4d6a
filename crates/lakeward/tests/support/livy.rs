//! A client of a cluster's Livy, as a notebook is one.

use std::time::Duration;

use lakeward::{demo::Demo, profile::Profiles};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{World, emr};

/// Looks before something that never happens is given up: two minutes' worth.
const LOOKS: usize = 2400;
const PAUSE: Duration = Duration::from_millis(50);

/// One login at the Livy of the example's cluster.
pub struct Livy {
    http: reqwest::Client,
    base: String,
    username: String,
    password: String,
}

impl Livy {
    /// Logs a person in under the runtime role of that purpose.
    pub async fn log_in(world: &World, demo: &Demo, person: &str, purpose: &str) -> Self {
        let profiles = Profiles::read(&world.folder).unwrap();
        let keys = profiles.get(person).unwrap();
        let keys = keys.credentials(&world.instance).await.unwrap();
        let client = world.instance.client(keys).unwrap();
        let role = demo.stack.role_arn(&demo.stack.runtime_role(purpose));
        let input = json!({"ClusterId": demo.cluster_id, "ExecutionRoleArn": role});
        let answer = emr(&client, "GetClusterSessionCredentials", input).await;
        let pair = &answer["Credentials"]["UsernamePassword"];
        let ca = reqwest::Certificate::from_pem(world.daemon.ca_pem().as_bytes()).unwrap();
        let http = reqwest::Client::builder()
            .add_root_certificate(ca)
            .no_proxy()
            .build();
        Self {
            http: http.unwrap(),
            base: format!("https://{}:8998", demo.cluster_address),
            username: pair["Username"].as_str().unwrap().to_owned(),
            password: pair["Password"].as_str().unwrap().to_owned(),
        }
    }

    /// The same login at another of the cluster's ports.
    pub fn at(mut self, port: u16) -> Self {
        self.base = self.base.replace(":8998", &format!(":{port}"));
        self
    }

    /// The answer to a request, with its status.
    pub async fn ask(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let request = request.basic_auth(&self.username, Some(&self.password));
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap())
    }

    pub async fn get(&self, path: &str) -> Value {
        self.ask(self.http.get(format!("{}{path}", self.base)))
            .await
            .1
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}{path}", self.base);
        self.ask(self.http.post(url).json(&body)).await
    }

    /// Opens a session and waits until it takes statements; answers its path.
    pub async fn open(&self, body: Value) -> String {
        let (status, session) = self.post("/sessions", body).await;
        assert_eq!(status, 201, "{session}");
        let path = format!("/sessions/{}", session["id"]);
        self.reaches(&path, "idle").await;
        path
    }

    /// Waits until a session or statement is in a state.
    pub async fn reaches(&self, path: &str, state: &str) -> Value {
        for _ in 0..LOOKS {
            let seen = self.get(path).await;
            let now = seen["state"].as_str().unwrap_or_default();
            if now == state {
                return seen;
            }
            let log = self.get(&format!("{path}/log")).await;
            assert!(!["error", "dead", "killed"].contains(&now), "{seen} {log}");
            sleep(PAUSE).await;
        }
        panic!("{path} never was {state}");
    }

    /// Runs a statement and answers its output.
    pub async fn output(&self, session: &str, code: &str) -> Value {
        let path = format!("{session}/statements");
        let (_, statement) = self.post(&path, json!({"code": code})).await;
        let id = statement["id"].as_u64().unwrap();
        let done = self.reaches(&format!("{path}/{id}"), "available").await;
        done["output"].clone()
    }

    /// Runs a statement that prints, and answers what it printed.
    pub async fn text(&self, session: &str, code: &str) -> String {
        let output = self.output(session, code).await;
        let text = output["data"]["text/plain"].as_str();
        text.unwrap_or_else(|| panic!("{output}")).to_owned()
    }

    /// All lines of a session's log.
    pub async fn log(&self, session: &str) -> String {
        let log = self.get(&format!("{session}/log?from=0&size=-1")).await;
        let lines = log["log"].as_array().unwrap();
        let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
        lines.join("\n")
    }
}
