//! From `connect` to the first row: the calls that the open notebook client makes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use lakeward_client::Client;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::instance::Instance;

/// AWS's connect extension sleeps this long by itself between its credentials and its session.
pub const OWN_SLEEP: Duration = Duration::from_secs(3);

/// sparkmagic's pauses between two looks at a session or a statement, in milliseconds; the last
/// one repeats.
const CLIENT_PAUSES: [u64; 6] = [200, 500, 500, 1000, 1000, 2000];
const TIGHT_PAUSE: Duration = Duration::from_millis(5);
const QUERY: &str = r#"sqlContext.sql("select * from tpc.dl_tpc_customer limit 10").show()"#;

/// How often a client looks whether something is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Polling {
    /// As sparkmagic does.
    Client,
    /// As often as makes sense, to see what the server itself takes.
    Tight,
}

impl Polling {
    fn pause(self, looks: usize) -> Duration {
        match self {
            Self::Tight => TIGHT_PAUSE,
            Self::Client => {
                let last = CLIENT_PAUSES.len() - 1;
                Duration::from_millis(CLIENT_PAUSES.get(looks.min(last)).map_or(0, |ms| *ms))
            }
        }
    }
}

/// An idle session, and how long it took.
pub struct Session {
    livy: Livy,
    path: String,
    /// From the request for credentials to `idle`.
    pub idle: Duration,
    /// From the request for credentials to the printed rows.
    pub first_row: Duration,
}

impl Session {
    /// David connects as marketing and shows ten customers.
    pub async fn connect(instance: &Instance, polling: Polling) -> Result<Self> {
        let (client, http) = (instance.client("david").await?, instance.http()?);
        let begun = Instant::now();
        let livy = Livy::log_in(instance, &client, http, polling).await?;
        let path = livy.create_session().await?;
        livy.wait(&path, "idle").await?;
        let idle = begun.elapsed();
        let output = livy.run(&path, QUERY).await?;
        let first_row = begun.elapsed();
        let shown = output
            .pointer("/data/text~1plain")
            .and_then(Value::as_str)
            .with_context(|| format!("the query answered {output}"))?;
        anyhow::ensure!(shown.contains("c_customer_sk"), "no customers in {shown}");
        Ok(Self {
            livy,
            path,
            idle,
            first_row,
        })
    }

    /// Ends the session.
    pub async fn end(self) -> Result<()> {
        let request = self.livy.http.delete(self.livy.url(&self.path));
        self.livy.json(request).await.map(drop)
    }
}

/// One login at a cluster's Livy.
struct Livy {
    http: reqwest::Client,
    base: String,
    username: String,
    password: String,
    polling: Polling,
}

impl Livy {
    async fn log_in(
        instance: &Instance,
        client: &Client,
        http: reqwest::Client,
        polling: Polling,
    ) -> Result<Self> {
        let (demo, stack) = (&instance.demo, &instance.demo.stack);
        let target = "ElasticMapReduce.GetClusterSessionCredentials";
        let input = json!({
            "ClusterId": demo.cluster_id,
            "ExecutionRoleArn": stack.role_arn(&stack.runtime_role("marketing")),
        });
        let answer = client.json("elasticmapreduce", target, input).await?;
        let text = |name: &str| {
            let value = answer.pointer(&format!("/Credentials/UsernamePassword/{name}"));
            let value = value.and_then(Value::as_str).map(str::to_owned);
            value.with_context(|| format!("{target} answered no {name}"))
        };
        Ok(Self {
            http,
            base: format!("https://{}:8998", demo.cluster_address),
            username: text("Username")?,
            password: text("Password")?,
            polling,
        })
    }

    /// Answers the session's path.
    async fn create_session(&self) -> Result<String> {
        let session = self.post("/sessions", json!({"kind": "pyspark"})).await?;
        let id = session.get("id").context("the session has no id")?;
        Ok(format!("/sessions/{id}"))
    }

    /// Runs a statement and answers its output.
    async fn run(&self, session: &str, code: &str) -> Result<Value> {
        let path = format!("{session}/statements");
        let statement = self.post(&path, json!({"code": code})).await?;
        let id = statement.get("id").context("the statement has no id")?;
        let done = self.wait(&format!("{path}/{id}"), "available").await?;
        Ok(done.get("output").cloned().unwrap_or_default())
    }

    /// Looks at a session or a statement until it is in a state.
    async fn wait(&self, path: &str, state: &str) -> Result<Value> {
        for looks in 0.. {
            let seen = self.json(self.http.get(self.url(path))).await?;
            match seen.get("state").and_then(Value::as_str) {
                Some(now) if now == state => return Ok(seen),
                Some("dead" | "error" | "cancelled" | "killed") | None => {
                    anyhow::bail!("{path} became {seen}")
                }
                Some(_) => sleep(self.polling.pause(looks)).await,
            }
        }
        anyhow::bail!("{path} never became {state}")
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.json(self.http.post(self.url(path)).json(&body)).await
    }

    async fn json(&self, request: reqwest::RequestBuilder) -> Result<Value> {
        let request = request.basic_auth(&self.username, Some(&self.password));
        let answer = request.send().await?.error_for_status()?;
        Ok(answer.json().await?)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}
