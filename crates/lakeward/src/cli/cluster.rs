//! `lakeward cluster`: the clusters of an account, from EMR's own answers, and who works on them.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use lakeward_client::Client;
use serde_json::{Value, json};

use super::{
    Output,
    paint::Paint,
    session,
    signer::Signer,
    table::{Cell, Colour, duration, table},
};

/// States of clusters that aren't over.
const LIVE: [&str; 5] = [
    "STARTING",
    "BOOTSTRAPPING",
    "RUNNING",
    "WAITING",
    "TERMINATING",
];
/// The most pages of clusters that are asked for.
const MOST_PAGES: usize = 200;

#[derive(Subcommand)]
pub(super) enum Cluster {
    /// List the clusters, the youngest first.
    Ls(List),
}

#[derive(Args)]
#[command(after_help = "Examples:
  lakeward cluster ls                       the clusters that aren't over
  lakeward cluster ls --all                 those that ended, too
  lakeward cluster ls --output json | jq '.Clusters[] | select(.IdleSeconds > 3600) | .Id'

Asks EMR (elasticmapreduce:ListClusters, DescribeCluster) and, for the sessions, Lakeward itself
(lakeward:ListSessions on the cluster's ARN); what isn't allowed is shown as a dash. Where several
nodes share a state, each knows the sessions of its own clusters only: ask a cluster's node for them
(column NODE).")]
pub(super) struct List {
    #[command(flatten)]
    signer: Signer,
    /// Also those that have ended.
    #[arg(long)]
    all: bool,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Cluster {
    pub(super) async fn run(self) -> Result<ExitCode> {
        match self {
            Self::Ls(list) => list.run().await,
        }
    }
}

impl List {
    async fn run(self) -> Result<ExitCode> {
        let client = self.signer.client().await?;
        let mut clusters = Vec::new();
        for summary in listed(&client, self.all).await? {
            clusters.push(described(&client, &summary).await?);
        }
        match self.output {
            Output::Json => say!("{}", json!({"Clusters": clusters})),
            Output::Text => say!("{}", of_clusters(&clusters, Paint::for_stdout()).trim_end()),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// EMR's summaries of the account's clusters.
pub(super) async fn listed(client: &Client, all: bool) -> Result<Vec<Value>> {
    let states: &[&str] = if all { &[] } else { &LIVE };
    let mut clusters = Vec::new();
    let mut marker = Value::Null;
    for _ in 0..MOST_PAGES {
        let mut input = json!({"ClusterStates": states});
        if let (Value::String(_), Some(members)) = (&marker, input.as_object_mut()) {
            members.insert("Marker".to_owned(), marker.clone());
        }
        let mut page = emr(client, "ListClusters", input).await?;
        if let Some(Value::Array(more)) = page.get_mut("Clusters").map(Value::take) {
            clusters.extend(more);
        }
        marker = page.get_mut("Marker").map(Value::take).unwrap_or_default();
        if marker.is_null() {
            break;
        }
    }
    Ok(clusters)
}

async fn emr(client: &Client, operation: &str, input: Value) -> Result<Value> {
    let target = format!("ElasticMapReduce.{operation}");
    let answer = client.json("elasticmapreduce", &target, input).await;
    answer.context("the clusters can't be listed; is the instance running?")
}

/// What EMR and Lakeward know of a cluster.
async fn described(client: &Client, summary: &Value) -> Result<Value> {
    let id = text(summary, "/Id");
    let whole = emr(client, "DescribeCluster", json!({"ClusterId": id})).await?;
    let own = session::of_cluster(client, &id).await?.unwrap_or_default();
    let of = |pointer: &str| whole.pointer(pointer).cloned().unwrap_or_default();
    let known = |name: &str| own.get(name).cloned().unwrap_or_default();
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    for session in session::of(&own) {
        *states.entry(text(session, "/State")).or_default() += 1;
    }
    let is_counted = own.get("IsHere") == Some(&Value::Bool(true));
    Ok(json!({
        "Id": id,
        "Name": of("/Cluster/Name"),
        "State": of("/Cluster/Status/State"),
        "StateReason": of("/Cluster/Status/StateChangeReason/Message"),
        "ReleaseLabel": of("/Cluster/ReleaseLabel"),
        "Address": of("/Cluster/MasterPublicDnsName"),
        "TerminationProtected": of("/Cluster/TerminationProtected"),
        "Sessions": is_counted.then_some(states),
        "IdleSeconds": known("IdleSeconds"),
        "IdleTimeout": known("IdleTimeout"),
        "Node": known("Node"),
    }))
}

/// The text at a pointer.
pub(super) fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

fn of_clusters(clusters: &[Value], paint: Paint) -> String {
    if clusters.is_empty() {
        return "No clusters. Start one with EMR's RunJobFlow; --all shows those that ended.\n"
            .to_owned();
    }
    let heads = [
        "ID",
        "NAME",
        "STATE",
        "RELEASE",
        "ADDRESS",
        "SESSIONS",
        "IDLE",
        "ENDS AFTER",
        "NODE",
    ];
    let rows: Vec<Vec<Cell>> = clusters.iter().map(row).collect();
    table(&heads, &rows, paint)
}

fn row(cluster: &Value) -> Vec<Cell> {
    let of = |name: &str| text(cluster, &format!("/{name}"));
    let seconds = |name: &str| cluster.get(name).and_then(Value::as_i64).map(duration);
    let state = of("State");
    let colour = match &*state {
        "RUNNING" | "WAITING" => Colour::Good,
        "TERMINATED_WITH_ERRORS" => Colour::Bad,
        "TERMINATED" => Colour::Faint,
        _ => Colour::Plain,
    };
    vec![
        Cell::new(of("Id")),
        Cell::new(of("Name")),
        Cell::painted(state, colour),
        Cell::new(of("ReleaseLabel")),
        Cell::new(of("Address")),
        Cell::new(sessions(cluster.get("Sessions"))),
        Cell::new(seconds("IdleSeconds").unwrap_or_default()),
        Cell::new(seconds("IdleTimeout").unwrap_or_default()),
        Cell::new(of("Node").chars().take(8).collect::<String>()),
    ]
}

/// `2 idle, 1 busy`; nothing when it isn't known.
fn sessions(states: Option<&Value>) -> String {
    let Some(states) = states.and_then(Value::as_object) else {
        return String::new();
    };
    if states.is_empty() {
        return "none".to_owned();
    }
    let each: Vec<String> = states
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    each.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_a_row() {
        let cluster = json!({
            "Id": "j-1", "Name": "shared\x1b[2J", "State": "WAITING", "ReleaseLabel": "emr-6.10.0",
            "Address": "127.87.0.1", "Sessions": {"busy": 1, "idle": 2}, "IdleSeconds": 0,
            "IdleTimeout": 3600, "Node": null,
        });
        let text = of_clusters(&[cluster], Paint::none());
        let expected = "\
ID   NAME        STATE    RELEASE     ADDRESS     SESSIONS        IDLE  ENDS AFTER  NODE
j-1  shared\u{fffd}[2J  WAITING  emr-6.10.0  127.87.0.1  1 busy, 2 idle  0s    1h00m       -
";
        assert_eq!(text, expected);
        assert!(of_clusters(&[], Paint::none()).contains("No clusters"));
        assert_eq!(sessions(None), "");
        assert_eq!(sessions(Some(&json!({}))), "none");
    }
}
