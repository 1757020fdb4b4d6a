//! Many sessions of three roles at once, one in ten of which is killed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::rig::{
    cluster,
    instance::Instance,
    livy::{Livy, Polling},
    report::Report,
};

const SESSIONS: usize = 100;
/// Statements of one session, and the one at which some are killed.
const STATEMENTS: usize = 6;
const KILLED_AT: usize = 3;
/// Sessions that start at once.
const STARTING: usize = 4;
/// A role's purpose, its table, and one that it may not see.
const ROLES: [(&str, &str, &str, &str); 3] = [
    ("david", "marketing", "dl_tpc_customer", "dl_tpc_item"),
    ("tina", "sales", "dl_tpc_web_sales", "dl_tpc_customer"),
    ("tina", "electronics", "dl_tpc_item", "dl_tpc_web_sales"),
];

/// What became of one session.
#[derive(Default)]
struct Outcome {
    times: Vec<Duration>,
    is_killed: bool,
}

/// Opens them all, then lets them all work at once.
pub async fn measure(instance: &Instance, report: &mut Report) -> Result<()> {
    let count = std::env::var("LAKEWARD_BENCH_SESSIONS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(SESSIONS);
    let many = (count + 8).to_string();
    let settings = json!({
        "warm-sessions": "0", "sessions-per-cluster": many, "sessions-per-role": many,
        "sessions-per-login": many, "memory": "1g", "cpus": "2",
    });
    let cluster = cluster::make(instance, "crowd", settings).await?;
    let mut logins = Vec::new();
    for (profile, purpose, own, hidden) in ROLES {
        let client = instance.client(profile).await?;
        let livy = Livy::log_in(instance, &client, &cluster, purpose, Polling::Steady).await?;
        logins.push((Arc::new(livy), own, hidden));
    }
    report.step(&format!("opening {count} sessions"));
    let begun = Instant::now();
    let sessions = open(&logins, count).await?;
    let opened = begun.elapsed();
    report.step("all of them at work");
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for session in sessions {
        tasks.spawn(session.work());
    }
    let (mut times, mut killed) = (Vec::new(), 0);
    while let Some(done) = tasks.join_next().await {
        let outcome = done??;
        killed += usize::from(outcome.is_killed);
        times.extend(outcome.times);
    }
    let took = begun.elapsed();
    times.sort_unstable();
    let quantile = |q: usize| times.get(times.len().saturating_sub(1) * q / 100).copied();
    report.number(
        &format!("{count} sessions opened in"),
        opened.as_secs_f64(),
        "s",
    );
    report.number(
        "statements answered, each its own session's answer",
        times.len() as f64,
        "",
    );
    report.number("sessions killed among them", killed as f64, "");
    report.number(
        "statements a second",
        times.len() as f64 / took.as_secs_f64(),
        "/s",
    );
    for (name, q) in [("median", 50), ("99th of 100", 99)] {
        let time = quantile(q).unwrap_or_default();
        report.number(
            &format!("a statement's time, {name}"),
            time.as_secs_f64() * 1e3,
            "ms",
        );
    }
    cluster::end(instance, &cluster).await
}

/// A session, and what it will be asked.
struct Member {
    livy: Arc<Livy>,
    path: String,
    number: usize,
    own: &'static str,
    hidden: &'static str,
}

async fn open(
    logins: &[(Arc<Livy>, &'static str, &'static str)],
    count: usize,
) -> Result<Vec<Member>> {
    let places = Arc::new(Semaphore::new(STARTING));
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let (livy, own, hidden) = logins
            .get(number % logins.len())
            .cloned()
            .context("no login")?;
        let places = Arc::clone(&places);
        tasks.spawn(async move {
            let _place = places.acquire().await?;
            let path = livy.create_session().await?;
            livy.wait(&path, "idle").await?;
            livy.run(&path, &format!("me = {number}")).await?;
            Ok::<_, anyhow::Error>(Member {
                livy,
                path,
                number,
                own,
                hidden,
            })
        });
    }
    let mut members = Vec::new();
    while let Some(member) = tasks.join_next().await {
        members.push(member??);
    }
    Ok(members)
}

impl Member {
    async fn work(self) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        for turn in 0..STATEMENTS {
            if turn == KILLED_AT && self.number % 10 == 7 {
                self.kill().await?;
                outcome.is_killed = true;
                return Ok(outcome);
            }
            let begun = Instant::now();
            self.ask().await?;
            outcome.times.push(begun.elapsed());
        }
        self.ask_for_what_is_hidden().await?;
        Ok(outcome)
    }

    /// The answer must be this session's, of this role's table.
    async fn ask(&self) -> Result<()> {
        let code = format!(
            "print(me, spark.sql('select count(*) from tpc.{}').collect()[0][0])",
            self.own
        );
        let output = self.livy.run(&self.path, &code).await?;
        let text = output
            .pointer("/data/text~1plain")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let (me, rows) = text
            .split_once(' ')
            .with_context(|| format!("{} answered {output}", self.path))?;
        anyhow::ensure!(
            me == self.number.to_string(),
            "session {} answered for {me}",
            self.number
        );
        anyhow::ensure!(
            rows.parse::<u64>().is_ok_and(|rows| rows > 0),
            "{rows} rows"
        );
        Ok(())
    }

    async fn ask_for_what_is_hidden(&self) -> Result<()> {
        let code = format!(
            "spark.sql('select count(*) from tpc.{}').collect()",
            self.hidden
        );
        let output = self.livy.run(&self.path, &code).await?;
        let status = output.get("status").and_then(Value::as_str);
        anyhow::ensure!(status == Some("error"), "a hidden table was read: {output}");
        Ok(())
    }

    async fn kill(&self) -> Result<()> {
        let code = "import os; os.kill(os.getpid(), 9)";
        let output = self.livy.run(&self.path, code).await?;
        let status = output.get("status").and_then(Value::as_str);
        anyhow::ensure!(
            status == Some("error"),
            "a killed session answered {output}"
        );
        self.livy.wait(&self.path, "dead").await.map(drop)
    }
}
