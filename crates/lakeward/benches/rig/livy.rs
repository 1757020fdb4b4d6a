//! A client of a cluster's Livy.

use std::time::Duration;

use anyhow::{Context, Result};
use lakeward_client::Client;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::instance::{Cluster, Instance};

/// sparkmagic's pauses between two looks at a session or a statement, in milliseconds; the last
/// one repeats.
const CLIENT_PAUSES: [u64; 6] = [200, 500, 500, 1000, 1000, 2000];
const TIGHT_PAUSE: Duration = Duration::from_millis(5);
const STEADY_PAUSE: Duration = Duration::from_millis(50);

/// How often a client looks whether something is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Polling {
    /// As sparkmagic does.
    Client,
    /// As often as makes sense, to see what the server itself takes.
    Tight,
    /// Often, but so that many clients at once don't keep the server busy with looks.
    Steady,
}

impl Polling {
    fn pause(self, looks: usize) -> Duration {
        match self {
            Self::Tight => TIGHT_PAUSE,
            Self::Steady => STEADY_PAUSE,
            Self::Client => {
                let last = CLIENT_PAUSES.len() - 1;
                Duration::from_millis(CLIENT_PAUSES.get(looks.min(last)).map_or(0, |ms| *ms))
            }
        }
    }
}

/// One login at a cluster's Livy.
pub struct Livy {
    http: reqwest::Client,
    base: String,
    username: String,
    password: String,
    polling: Polling,
}

impl Livy {
    /// Logs `client` in at a cluster, under the runtime role of that purpose.
    pub async fn log_in(
        instance: &Instance,
        client: &Client,
        cluster: &Cluster,
        purpose: &str,
        polling: Polling,
    ) -> Result<Self> {
        let stack = &instance.demo.stack;
        let target = "ElasticMapReduce.GetClusterSessionCredentials";
        let input = json!({
            "ClusterId": cluster.id,
            "ExecutionRoleArn": stack.role_arn(&stack.runtime_role(purpose)),
        });
        let answer = client.json("elasticmapreduce", target, input).await?;
        let text = |name: &str| {
            let value = answer.pointer(&format!("/Credentials/UsernamePassword/{name}"));
            let value = value.and_then(Value::as_str).map(str::to_owned);
            value.with_context(|| format!("{target} answered no {name}"))
        };
        Ok(Self {
            http: instance.http()?,
            base: format!("https://{}:8998", cluster.address),
            username: text("Username")?,
            password: text("Password")?,
            polling,
        })
    }

    /// Opens a session and answers its path; it may still be starting.
    pub async fn create_session(&self) -> Result<String> {
        let session = self.post("/sessions", json!({"kind": "pyspark"})).await?;
        let id = session.get("id").context("the session has no id")?;
        Ok(format!("/sessions/{id}"))
    }

    /// Runs a statement and answers its output.
    pub async fn run(&self, session: &str, code: &str) -> Result<Value> {
        let path = format!("{session}/statements");
        let statement = self.post(&path, json!({"code": code})).await?;
        let id = statement.get("id").context("the statement has no id")?;
        let done = self.wait(&format!("{path}/{id}"), "available").await?;
        Ok(done.get("output").cloned().unwrap_or_default())
    }

    /// Looks at a session or a statement until it is in a state.
    pub async fn wait(&self, path: &str, state: &str) -> Result<Value> {
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

    /// Ends a session.
    pub async fn end(&self, session: &str) -> Result<()> {
        self.json(self.http.delete(self.url(session)))
            .await
            .map(drop)
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
