//! How states look on the wire.

use jiff::Timestamp;
use lakeward_wire::epoch;
use serde::Serialize;

use crate::emr::cluster::{Cluster, ClusterState, InstanceGroup, state::StateReason};

/// `ClusterStatus`, and with other states `InstanceStatus` and `InstanceGroupStatus`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Status {
    state: &'static str,
    state_change_reason: Reason,
    timeline: Timeline,
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
        }
    }

    pub(crate) fn of_instance(cluster: &Cluster) -> Self {
        Self {
            state: instance_state(cluster.state),
            state_change_reason: Reason::of_part(cluster.state),
            timeline: Timeline::of(cluster),
        }
    }

    /// A group of which nothing runs is suspended, which is AWS's word for a group whose instances
    /// could not be provided.
    pub(crate) fn of_group(cluster: &Cluster, group: &InstanceGroup) -> Self {
        let missing = group.instances.is_empty() && group.requested > 0 && cluster.state.is_live();
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
        }
    }
}

/// The `InstanceState` that goes with the cluster's state.
pub(crate) fn instance_state(cluster: ClusterState) -> &'static str {
    match cluster {
        ClusterState::Starting => "PROVISIONING",
        ClusterState::Running | ClusterState::Waiting | ClusterState::Terminating => "RUNNING",
        ClusterState::Terminated | ClusterState::TerminatedWithErrors => "TERMINATED",
    }
}

fn group_state(cluster: ClusterState) -> &'static str {
    match cluster {
        ClusterState::Starting => "PROVISIONING",
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
