//! `lakeward session`: who works on the clusters, what a session wrote, and its end.

mod list;
mod log;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use lakeward_client::{Client, ClientError};
use serde_json::{Value, json};

use super::{
    Output,
    cluster::{listed, text},
    paint::tame,
    signer::Signer,
};

#[derive(Subcommand)]
pub(super) enum Session {
    /// List the sessions on the clusters, the oldest first.
    Ls(list::List),
    /// Print what a session's interpreter wrote to its log.
    Logs(log::Logs),
    /// End a session. Its owner sees that, and why.
    End(End),
}

#[derive(Args)]
#[command(after_help = "Examples:
  lakeward session end 1804289383
  lakeward session end etl --cluster j-2AXXXXXXGAPLF

A statement that runs is cut off. Needs lakeward:EndSession on the cluster's ARN.")]
pub(super) struct End {
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    chosen: Chosen,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Which session is meant.
#[derive(Args)]
struct Chosen {
    /// The session's number, or its name.
    #[arg(value_name = "ID|NAME")]
    session: String,
    /// The cluster it is on; all are looked through when not given.
    #[arg(long, value_name = "ID")]
    cluster: Option<String>,
}

impl Session {
    pub(super) async fn run(self) -> Result<ExitCode> {
        match self {
            Self::Ls(list) => list.run().await,
            Self::Logs(logs) => logs.run().await,
            Self::End(end) => end.run().await,
        }
    }
}

impl End {
    async fn run(self) -> Result<ExitCode> {
        let client = self.signer.client().await?;
        let (cluster, id) = self.chosen.find(&client).await?;
        let input = json!({"ClusterId": cluster, "SessionId": id});
        ask(&client, "EndSession", input.clone()).await?;
        match self.output {
            Output::Json => say!("{input}"),
            Output::Text => say!("Session {id} on cluster {} is ending.", tame(&cluster)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Chosen {
    /// The cluster and the number of the one session that is meant.
    async fn find(&self, client: &Client) -> Result<(String, u64)> {
        let number = self.session.parse().ok();
        if let (Some(cluster), Some(number)) = (&self.cluster, number) {
            return Ok((cluster.clone(), number));
        }
        let known = Known::gather(client, self.cluster.as_deref()).await?;
        let is_meant = |session: &&Value| match number {
            Some(number) => session.get("Id").and_then(Value::as_u64) == Some(number),
            None => session.get("Name").and_then(Value::as_str) == Some(&self.session),
        };
        let found: Vec<&Value> = known.sessions.iter().filter(is_meant).collect();
        match found.as_slice() {
            [one] => {
                let id = one.get("Id").and_then(Value::as_u64).unwrap_or_default();
                Ok((text(one, "/ClusterId"), id))
            }
            [] => anyhow::bail!(
                "there is no session {} here; `lakeward session ls` names those there are{}",
                self.session,
                known.caveat()
            ),
            several => {
                let ids: Vec<String> = several
                    .iter()
                    .map(|one| format!("{} on {}", text(one, "/Id"), text(one, "/ClusterId")))
                    .collect();
                anyhow::bail!(
                    "several sessions are called {}: {}; say which by its number and --cluster",
                    self.session,
                    ids.join(", ")
                )
            }
        }
    }
}

/// The sessions that the asked node knows of and the caller may see.
struct Known {
    /// Each with its `ClusterId`.
    sessions: Vec<Value>,
    /// Clusters and the nodes they run on, where that isn't the one that was asked.
    elsewhere: Vec<(String, String)>,
    /// Clusters whose sessions the caller may not list.
    denied: Vec<String>,
}

impl Known {
    /// Of one cluster, or of all that aren't over.
    async fn gather(client: &Client, cluster: Option<&str>) -> Result<Self> {
        let mut known = Self {
            sessions: Vec::new(),
            elsewhere: Vec::new(),
            denied: Vec::new(),
        };
        if let Some(cluster) = cluster {
            let input = json!({"ClusterId": cluster});
            known.add(cluster, &ask(client, "ListSessions", input).await?);
            return Ok(known);
        }
        for summary in listed(client, false).await? {
            let id = text(&summary, "/Id");
            match of_cluster(client, &id).await? {
                Some(answer) => known.add(&id, &answer),
                None => known.denied.push(id),
            }
        }
        Ok(known)
    }

    fn add(&mut self, cluster: &str, answer: &Value) {
        if answer.get("IsHere") == Some(&Value::Bool(false)) {
            let node = text(answer, "/Node");
            self.elsewhere.push((cluster.to_owned(), node));
        }
        for session in of(answer) {
            let mut session = session.clone();
            if let Some(members) = session.as_object_mut() {
                members.insert("ClusterId".to_owned(), json!(cluster));
            }
            self.sessions.push(session);
        }
    }

    /// What may be missing.
    fn caveat(&self) -> String {
        let mut caveat = String::new();
        for (cluster, node) in &self.elsewhere {
            caveat.push_str(&format!(
                "\ncluster {} runs on the node {}: its sessions are listed there only",
                tame(cluster),
                tame(node)
            ));
        }
        if !self.denied.is_empty() {
            caveat.push_str(&format!(
                "\nwithout lakeward:ListSessions on {}, what is there isn't shown",
                tame(&self.denied.join(", "))
            ));
        }
        caveat
    }
}

/// The sessions in an answer of `ListSessions`.
pub(super) fn of(answer: &Value) -> impl Iterator<Item = &Value> {
    let sessions = answer.get("Sessions").and_then(Value::as_array);
    sessions.into_iter().flatten()
}

/// What `ListSessions` answers for a cluster; none if the caller may not ask.
pub(super) async fn of_cluster(client: &Client, cluster: &str) -> Result<Option<Value>> {
    let input = json!({"ClusterId": cluster});
    match call(client, "ListSessions", input).await {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.code() == Some("AccessDeniedException") => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn ask(client: &Client, operation: &str, input: Value) -> Result<Value> {
    let answer = call(client, operation, input).await;
    answer.map_err(|error| match error {
        ClientError::Refused { code, message, .. } => anyhow::anyhow!("{code}: {}", tame(&message)),
        other => anyhow::Error::from(other).context("the instance gave no answer; is it running?"),
    })
}

async fn call(client: &Client, operation: &str, input: Value) -> Result<Value, ClientError> {
    let target = format!("Lakeward.{operation}");
    client.json("lakeward", &target, input).await
}
