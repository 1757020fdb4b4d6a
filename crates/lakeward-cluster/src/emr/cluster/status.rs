//! How states look on the wire.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lakeward_wire::epoch;
use serde::Serialize;

use crate::emr::cluster::{Cluster, ClusterState, application, state::StateReason};

/// `ClusterStatus`, and with other states `InstanceStatus` and `InstanceGroupStatus`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Status {
    state: &'static str,
    state_change_reason: Reason,
    timeline: Timeline,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    error_details: Vec<ErrorDetail>,
}

/// `ErrorDetail`
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ErrorDetail {
    pub error_code: &'static str,
    pub error_data: Vec<BTreeMap<String, String>>,
    pub error_message: String,
}

/// Empty when there is nothing to say, but never absent: clients read into it.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Reason {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Timeline {
    creation_date_time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready_date_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date_time: Option<f64>,
}

impl Status {
    pub(crate) fn of_cluster(cluster: &Cluster) -> Self {
        Self {
            state: cluster.state.name(),
            state_change_reason: cluster
                .reason
                .as_ref()
                .map(Reason::from)
                .unwrap_or_default(),
            timeline: Timeline::of(cluster),
            error_details: error_details(cluster),
        }
    }

    pub(crate) fn of_instance(cluster: &Cluster) -> Self {
        Self {
            state: instance_state(cluster.state),
            state_change_reason: Reason::of_part(cluster.state),
            timeline: Timeline::of(cluster),
            error_details: Vec::new(),
        }
    }

    /// The state of a group or fleet. One of which nothing runs is suspended, which is AWS's word for
    /// one whose instances could not be provided.
    pub(crate) fn of_collection(cluster: &Cluster, requested: u32, instances: usize) -> Self {
        let missing = instances == 0 && requested > 0 && cluster.state.is_live();
        let (state, reason) = if missing {
            let message = "A cluster is one machine in this release of Lakeward: its primary \
                           instance runs all sessions.";
            ("SUSPENDED", Reason::message(message))
        } else {
            (group_state(cluster.state), Reason::of_part(cluster.state))
        };
        Self {
            state,
            state_change_reason: reason,
            timeline: Timeline::of(cluster),
            error_details: Vec::new(),
        }
    }
}

/// The failure that ended the cluster, and what it was asked for and doesn't serve.
fn error_details(cluster: &Cluster) -> Vec<ErrorDetail> {
    let failed = cluster
        .reason
        .iter()
        .filter_map(|reason| Some((reason.code?, reason)))
        .filter(|(code, _)| code.is_failure())
        .map(|(code, reason)| ErrorDetail {
            error_code: code.name(),
            error_data: Vec::new(),
            error_message: reason.message.clone(),
        });
    failed
        .chain(application::missing(&cluster.applications))
        .collect()
}

/// The `InstanceState` that goes with the cluster's state.
pub(crate) fn instance_state(cluster: ClusterState) -> &'static str {
    match cluster {
        ClusterState::Starting => "PROVISIONING",
        ClusterState::Bootstrapping => "BOOTSTRAPPING",
        ClusterState::Running | ClusterState::Waiting | ClusterState::Terminating => "RUNNING",
        ClusterState::Terminated | ClusterState::TerminatedWithErrors => "TERMINATED",
    }
}

fn group_state(cluster: ClusterState) -> &'static str {
    match cluster {
        ClusterState::Starting => "PROVISIONING",
        ClusterState::Bootstrapping => "BOOTSTRAPPING",
        ClusterState::Running | ClusterState::Waiting => "RUNNING",
        ClusterState::Terminating => "TERMINATING",
        ClusterState::Terminated | ClusterState::TerminatedWithErrors => "TERMINATED",
    }
}

impl Reason {
    fn message(message: &str) -> Self {
        Self {
            code: None,
            message: Some(message.to_owned()),
        }
    }

    /// The reason shown for a part of the cluster.
    fn of_part(cluster: ClusterState) -> Self {
        if cluster.is_over() {
            Self {
                code: Some("CLUSTER_TERMINATED"),
                message: Some("Job flow terminated".to_owned()),
            }
        } else {
            Self::default()
        }
    }
}

impl From<&StateReason> for Reason {
    fn from(reason: &StateReason) -> Self {
        Self {
            code: reason.code.map(|code| code.name()),
            message: Some(reason.message.clone()),
        }
    }
}

impl Timeline {
    fn of(cluster: &Cluster) -> Self {
        let seconds = |at: Option<Timestamp>| at.map(epoch);
        Self {
            creation_date_time: epoch(cluster.created_at),
            ready_date_time: seconds(cluster.ready_at),
            end_date_time: seconds(cluster.ended_at),
        }
    }
}
