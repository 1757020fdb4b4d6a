//! What those who look after a cluster see of its sessions: operations of Lakeward's own service,
//! which AWS has no counterpart for. Each asks for an action on the cluster's ARN, with the
//! cluster's tags as condition keys.
//!
//! Sessions live on the node that runs their cluster, and are listed there only.

use std::{collections::BTreeMap, sync::Arc};

use lakeward_identity::{Call, Service};
use lakeward_session::{
    EndReason, Session, SessionRegistry, SessionState, SessionSummary,
    usage::{self, Usage},
};
use lakeward_wire::{AwsError, epoch};
use serde::{Deserialize, Serialize};

use crate::emr::{
    Cluster, Emr, EmrError,
    cluster::{arn, find},
};

/// Lines of a log that are answered at once: as many as a session remembers.
const MOST_LINES: usize = 200;
const USUAL_LINES: usize = 100;

struct Administration {
    emr: Arc<Emr>,
    sessions: Arc<SessionRegistry>,
}

/// Adds the operations to the service `lakeward`.
#[must_use]
pub fn operations(service: Service, emr: &Arc<Emr>, sessions: &Arc<SessionRegistry>) -> Service {
    let administration = Arc::new(Administration {
        emr: Arc::clone(emr),
        sessions: Arc::clone(sessions),
    });
    service
        .operation("ListSessions", &administration, list)
        .operation("GetSessionLog", &administration, log)
        .operation("EndSession", &administration, end)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfCluster {
    cluster_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfSession {
    cluster_id: String,
    session_id: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LogInput {
    cluster_id: String,
    session_id: u32,
    from_line: Option<u64>,
    max_lines: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    cluster_id: String,
    /// The node that runs the cluster, where several share the state.
    node: Option<String>,
    /// Whether that is the node which answers. Sessions of other nodes aren't known here.
    is_here: bool,
    /// How long nothing has been done on the cluster.
    idle_seconds: Option<i64>,
    /// The cluster ends after so many idle seconds.
    idle_timeout: Option<u32>,
    sessions: Vec<Shown>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    id: u32,
    name: Option<String>,
    kind: String,
    state: SessionState,
    application_id: String,
    role_arn: String,
    /// Who was given the user name and password that opened it.
    caller_arn: String,
    source_identity: Option<String>,
    created_at: f64,
    active_at: f64,
    memory_bytes: Option<u64>,
    cpu_seconds: Option<f64>,
    processes: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Log {
    state: SessionState,
    /// Whether more lines may come.
    is_open: bool,
    lines: Vec<String>,
    /// What to ask `FromLine` with for the lines after these.
    next_line: u64,
}

async fn list(
    administration: Arc<Administration>,
    call: Call,
    input: OfCluster,
) -> Result<Listing, AwsError> {
    let cluster = administration.cluster(&call, "lakeward:ListSessions", &input.cluster_id)?;
    let summaries = administration.sessions.summaries(&cluster.id);
    let roots: Vec<u32> = summaries.iter().filter_map(|one| one.process).collect();
    let usages = tokio::task::spawn_blocking(move || usage::of_trees(&roots)).await;
    let usages = usages.map_err(AwsError::internal)?;
    Ok(administration.listing(&call, &cluster, summaries, &usages))
}

async fn log(
    administration: Arc<Administration>,
    call: Call,
    input: LogInput,
) -> Result<Log, AwsError> {
    let cluster = administration.cluster(&call, "lakeward:GetSessionLog", &input.cluster_id)?;
    let count = input.max_lines.unwrap_or(USUAL_LINES);
    if !(1..=MOST_LINES).contains(&count) {
        return Err(AwsError::validation(format!(
            "MaxLines must be from 1 to {MOST_LINES}"
        )));
    }
    let session = administration.session(&cluster, input.session_id)?;
    // The state first: lines that come after the last look belong to an open log.
    let state = session.state();
    let from = input
        .from_line
        .unwrap_or_else(|| session.log_end().saturating_sub(count as u64));
    let (lines, next_line) = session.log_since(from, count);
    Ok(Log {
        is_open: !state.has_ended() || next_line < session.log_end(),
        state,
        lines,
        next_line,
    })
}

async fn end(
    administration: Arc<Administration>,
    call: Call,
    input: OfSession,
) -> Result<serde_json::Value, AwsError> {
    let cluster = administration.cluster(&call, "lakeward:EndSession", &input.cluster_id)?;
    let session = administration.session(&cluster, input.session_id)?;
    if !session.state().has_ended() {
        administration
            .sessions
            .revoke(&session, EndReason::Administrator);
    }
    Ok(serde_json::json!({}))
}

impl Administration {
    /// The caller's cluster, once `action` is allowed on it. One that isn't there is asked about like
    /// any other, so that a refusal doesn't tell them apart.
    fn cluster(&self, call: &Call, action: &str, id: &str) -> Result<Arc<Cluster>, AwsError> {
        let (cluster, context) = find(&self.emr, call, id);
        let _permit = call.authorize(action, &arn(call, id), context)?;
        Ok(cluster.ok_or_else(|| EmrError::NoSuchCluster(id.to_owned()))?)
    }

    fn session(&self, cluster: &Cluster, id: u32) -> Result<Arc<Session>, AwsError> {
        let elsewhere = match &cluster.node {
            Some(node) if !self.emr.runs_here(cluster) => {
                format!(" here; the cluster runs on the node {node}, ask that one")
            }
            _ => String::new(),
        };
        self.sessions.find_on(&cluster.id, id).ok_or_else(|| {
            let text = format!(
                "There is no session {id} on cluster {}{elsewhere}",
                cluster.id
            );
            AwsError::new(400, "ResourceNotFoundException", text)
        })
    }

    fn listing(
        &self,
        call: &Call,
        cluster: &Cluster,
        summaries: Vec<SessionSummary>,
        usages: &BTreeMap<u32, Usage>,
    ) -> Listing {
        let is_here = self.emr.runs_here(cluster);
        let is_busy = summaries.iter().any(|session| session.state.is_active());
        let idle = || match is_busy {
            true => 0,
            false => self.emr.idle_seconds(cluster, call.now()),
        };
        let usage = |session: &SessionSummary| usages.get(&session.process?).copied();
        Listing {
            cluster_id: cluster.id.clone(),
            node: cluster.node.clone(),
            is_here,
            idle_seconds: (is_here && cluster.state.is_ready()).then(idle),
            idle_timeout: cluster.idle_timeout,
            sessions: summaries
                .into_iter()
                .map(|session| Shown::of(usage(&session), session))
                .collect(),
        }
    }
}

impl Shown {
    fn of(usage: Option<Usage>, session: SessionSummary) -> Self {
        Self {
            id: session.id,
            name: session.name,
            kind: session.kind,
            state: session.state,
            application_id: session.application_id,
            role_arn: session.owner.role_arn,
            caller_arn: session.owner.caller_arn,
            source_identity: session.owner.source_identity,
            created_at: epoch(session.created_at),
            active_at: epoch(session.active_at),
            memory_bytes: usage.map(|usage| usage.memory_bytes),
            cpu_seconds: usage.map(|usage| usage.cpu_seconds),
            processes: usage.map(|usage| usage.processes),
        }
    }
}
