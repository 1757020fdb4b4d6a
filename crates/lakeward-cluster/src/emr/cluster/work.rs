//! What steps do to their cluster's state: RUNNING while one runs, WAITING after the last, and the
//! end of a cluster that isn't to stay without steps or that a failed step takes with it.

use std::sync::Arc;

use lakeward_store::StoreError;

use crate::emr::{
    Emr,
    cluster::{
        Cluster, ClusterState,
        state::{ReasonCode, StateReason},
    },
};

impl Emr {
    /// A step begins to run: WAITING becomes RUNNING.
    ///
    /// # Errors
    /// The durable state failed.
    pub async fn work_begins(&self, cluster: &Cluster) -> Result<(), StoreError> {
        let key = Cluster::key_of(&cluster.account, &cluster.id);
        self.transition(&key, |cluster| {
            if cluster.state == ClusterState::Waiting {
                cluster.state = ClusterState::Running;
                cluster.reason = Some(StateReason::message("Running step"));
            }
        })
        .await
    }

    /// No step runs or waits any more: RUNNING becomes WAITING, and a cluster that isn't to stay
    /// without steps ends.
    ///
    /// # Errors
    /// The durable state failed.
    pub async fn work_ends(self: &Arc<Self>, cluster: &Cluster) -> Result<(), StoreError> {
        self.activity.touch(&cluster.id, self.now());
        let key = Cluster::key_of(&cluster.account, &cluster.id);
        self.transition(&key, |cluster| {
            if cluster.state == ClusterState::Running {
                cluster.state = ClusterState::Waiting;
                cluster.reason = Some(StateReason::ready());
            }
        })
        .await?;
        // What was asked for while the step ran counts.
        let current = self.store.snapshot().get::<Cluster>(&key);
        if let Some(cluster) = current.filter(|cluster| !cluster.keep_alive) {
            self.end_without_steps(&cluster).await;
        }
        Ok(())
    }

    /// A step failed whose `ActionOnFailure` is to end the cluster. A protected cluster stays, as
    /// in AWS.
    ///
    /// # Errors
    /// The durable state failed.
    pub async fn work_failed(
        self: &Arc<Self>,
        cluster: &Cluster,
        step_id: &str,
    ) -> Result<(), crate::emr::EmrError> {
        let key = Cluster::key_of(&cluster.account, &cluster.id);
        let current = self.store.snapshot().get::<Cluster>(&key);
        if current.is_none_or(|cluster| cluster.termination_protected) {
            return Ok(());
        }
        let message = format!("Shut down as step {step_id} failed");
        let reason = StateReason::coded(ReasonCode::StepFailure, message);
        self.end(vec![key], reason, |_| Ok(())).await
    }

    /// Ends a cluster that isn't to stay without steps. Termination protection doesn't keep it:
    /// "The cluster still terminates upon successful completion of the job flow"
    /// (`SetTerminationProtection`).
    pub(crate) async fn end_without_steps(self: &Arc<Self>, cluster: &Cluster) {
        let reason = StateReason::coded(ReasonCode::AllStepsCompleted, "Steps completed");
        let key = Cluster::key_of(&cluster.account, &cluster.id);
        if let Err(error) = self.end(vec![key], reason, |_| Ok(())).await {
            tracing::error!(cluster = %cluster.id, %error, "cluster not ended");
        }
    }
}
