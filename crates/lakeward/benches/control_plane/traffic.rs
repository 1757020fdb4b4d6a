//! Signed requests, and how long they took.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::Result;
use lakeward_client::Client;
use tokio::task::JoinSet;

/// How long one measurement lasts.
const SPAN: Duration = Duration::from_secs(5);
/// What is not counted at its beginning: connections are made, caches filled.
const WARM_UP: Duration = Duration::from_secs(1);
const VERSION: &str = "2010-05-08";
const USER: &str = "measured";
const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/*"}}"#;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    /// `GetUser`.
    Read,
    /// `PutUserPolicy`, which is durable before it is answered.
    Write,
}

/// Makes the user that everything is about.
pub async fn prepare(client: &Client) -> Result<()> {
    let create = [("Action", "CreateUser"), ("UserName", USER)];
    client.query("iam", VERSION, &create).await?;
    Ok(())
}

impl Operation {
    async fn ask(self, client: &Client) -> Result<()> {
        let action = match self {
            Self::Read => "GetUser",
            Self::Write => "PutUserPolicy",
        };
        let policy = [("PolicyName", "own"), ("PolicyDocument", POLICY)];
        let mut parameters = vec![("Action", action), ("UserName", USER)];
        if matches!(self, Self::Write) {
            parameters.extend(policy);
        }
        let answer = client.query("iam", VERSION, &parameters).await?;
        anyhow::ensure!(answer.contains("RequestId"), "an odd answer: {answer}");
        Ok(())
    }
}

/// The times of many requests.
pub struct Measure {
    sorted: Vec<Duration>,
}

impl Measure {
    /// Asks with so many clients at a time, each on a connection of its own, one request after
    /// the other.
    pub async fn of(client: &Client, operation: Operation, clients: usize) -> Result<Self> {
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            let client = client.clone();
            tasks.spawn(async move {
                let mut times = Vec::new();
                while begun.elapsed() < WARM_UP + SPAN {
                    let asked = Instant::now();
                    operation.ask(&client).await?;
                    if begun.elapsed() >= WARM_UP {
                        times.push(asked.elapsed());
                    }
                }
                anyhow::Ok(times)
            });
        }
        let mut sorted = Vec::new();
        while let Some(times) = tasks.join_next().await {
            sorted.extend(times??);
        }
        sorted.sort_unstable();
        Ok(Self { sorted })
    }

    /// Answers a second.
    pub fn per_second(&self) -> f64 {
        self.sorted.len() as f64 / SPAN.as_secs_f64()
    }

    fn percentile(&self, percent: usize) -> f64 {
        let at = self.sorted.len() * percent / 100;
        let time = self.sorted.get(at.min(self.sorted.len().saturating_sub(1)));
        time.map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>7.0}/s, p50 {:>6.2} ms, p99 {:>6.2} ms",
            self.per_second(),
            self.percentile(50),
            self.percentile(99)
        )
    }
}
