//! What steps do to their cluster's state: RUNNING while one runs, WAITING after the last, and the
//! end of a cluster that isn't to stay without steps or that a failed step takes with it.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_store::{Change, Snapshot};

use crate::emr::{
    Emr,
    cluster::{
        Cluster, ClusterState,
        lifecycle::mark_ending,
        state::{ReasonCode, StateReason},
    },
    error::EmrError,
    step::{Step, StepState, schedule::has_work},
};

/// A step begins to run: WAITING becomes RUNNING.
pub(crate) fn work_begins(change: &mut Change<'_>, key: &str) {
    let waits = |cluster: &Arc<Cluster>| cluster.state == ClusterState::Waiting;
    if let Some(cluster) = change.get::<Cluster>(key).filter(waits) {
        let mut next = (*cluster).clone();
        next.state = ClusterState::Running;
        next.reason = Some(StateReason::message("Running step"));
        change.put(next);
    }
}

/// A step failed whose `ActionOnFailure` is to end the cluster; gives the cluster if it ends. A
/// protected cluster stays, as in AWS.
pub(crate) fn work_failed(
    change: &mut Change<'_>,
    key: &str,
    step_id: &str,
    now: Timestamp,
) -> Option<Arc<Cluster>> {
    if change.get::<Cluster>(key)?.termination_protected {
        return None;
    }
    let message = format!("Shut down as step {step_id} failed");
    let reason = StateReason::coded(ReasonCode::StepFailure, message);
    mark_ending(change, key, reason, now)
}

impl Emr {
    /// When no step runs or waits any more, RUNNING becomes WAITING, and a cluster that isn't to stay
    /// without steps ends.
    ///
    /// # Errors
    /// The durable state failed.
    pub(crate) async fn work_ends(self: &Arc<Self>, key: &str) -> Result<(), EmrError> {
        let now = self.now();
        let ending = self
            .store
            .change(|change| Ok::<_, EmrError>(rest(change, key, now)))
            .await?;
        if let Some(cluster) = ending {
            self.see_off(cluster);
        } else if let Some(cluster) = self.store.snapshot().get::<Cluster>(key) {
            self.activity.touch(&cluster.id);
        }
        Ok(())
    }
}

/// Gives the cluster if it ends. Termination protection doesn't keep it: "The cluster still
/// terminates upon successful completion of the job flow" (`SetTerminationProtection`).
fn rest(change: &mut Change<'_>, key: &str, now: Timestamp) -> Option<Arc<Cluster>> {
    let ready = |cluster: &Arc<Cluster>| cluster.state.is_ready();
    let cluster = change.get::<Cluster>(key).filter(ready)?;
    let steps = Step::of_cluster(change, &cluster.id);
    if has_work(&steps) {
        return None;
    }
    if !cluster.keep_alive {
        return mark_ending(change, key, completed(change, &cluster.id), now);
    }
    if cluster.state == ClusterState::Running {
        let mut next = (*cluster).clone();
        next.state = ClusterState::Waiting;
        next.reason = Some(StateReason::ready());
        change.put(next);
    }
    None
}

fn completed(snapshot: &Snapshot, cluster_id: &str) -> StateReason {
    let steps = Step::of_cluster(snapshot, cluster_id);
    let failed = steps.iter().any(|step| step.state == StepState::Failed);
    let message = match failed {
        true => "Steps completed with errors",
        false => "Steps completed",
    };
    StateReason::coded(ReasonCode::AllStepsCompleted, message)
}
