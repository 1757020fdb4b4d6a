//! Which step runs next. The node that a cluster runs on decides; others only write records.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_store::Change;

use crate::emr::{
    Emr,
    cluster::{Cluster, ClusterState, work::work_begins},
    error::EmrError,
    step::{Step, StepState, StepWork, record::interrupted},
};

impl Emr {
    /// Looks in the background at what the cluster's steps ask for.
    pub(crate) fn work_on(self: &Arc<Self>, key: String) {
        let emr = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = emr.advance(&key).await {
                tracing::error!(cluster = %key, %error, "steps not advanced");
            }
        });
    }

    /// Looks at the steps of this node's clusters: other nodes may have added or cancelled some, and
    /// what followed from the last of them may not be on record.
    pub(crate) fn work_on_all(self: &Arc<Self>) {
        let snapshot = self.store.snapshot();
        for cluster in self.own_clusters() {
            let active = || has_work(&Step::of_cluster(&snapshot, &cluster.id));
            if cluster.state.is_ready() && (!rests(&cluster) || active()) {
                self.work_on(Cluster::key_of(&cluster.account, &cluster.id));
            }
        }
    }

    /// Ends what is to be cancelled and starts what may run; when nothing is left, the cluster
    /// waits or ends.
    pub(crate) async fn advance(self: &Arc<Self>, key: &str) -> Result<(), EmrError> {
        let _turn = self.steps.deciding.lock().await;
        let found = self.store.snapshot().get::<Cluster>(key);
        let here = |cluster: &Arc<Cluster>| cluster.state.is_ready() && self.runs_here(cluster);
        let Some(cluster) = found.filter(here) else {
            return Ok(());
        };
        let now = self.now();
        let started = self
            .store
            .change(|change| {
                lose(change, &cluster.id, LOST_TRACK, now, |step| {
                    !self.steps.has(&step.id)
                });
                let started = start_next(change, key, &self.steps, now);
                if !started.is_empty() {
                    work_begins(change, key);
                }
                Ok::<_, EmrError>(started)
            })
            .await?;
        for step in started {
            self.steps.begin(&step.id);
            tokio::spawn(Arc::clone(self).run_step(Arc::clone(&cluster), step));
        }
        let steps = Step::of_cluster(&self.store.snapshot(), &cluster.id);
        for step in &steps {
            if step.state == StepState::CancelPending {
                self.steps.cancel(&step.id);
            }
        }
        if !rests(&cluster) && !has_work(&steps) {
            self.work_ends(key).await?;
        }
        Ok(())
    }
}

/// Whether nothing follows from the cluster's having no work.
fn rests(cluster: &Cluster) -> bool {
    cluster.state == ClusterState::Waiting && cluster.keep_alive
}

/// Whether a step runs or waits.
pub(crate) fn has_work(steps: &[Arc<Step>]) -> bool {
    steps.iter().any(|step| step.state.is_active())
}

const LOST: &str = "Lakeward was stopped while the step ran.";
const LOST_TRACK: &str = "Lakeward lost track of the step while its state could not be written.";

/// Marks what an earlier run of the daemon left running: its programs ended with it. Steps that
/// wait go on waiting.
pub(crate) fn lose_all(change: &mut Change<'_>, cluster_id: &str, now: Timestamp) {
    lose(change, cluster_id, LOST, now, |_| true);
}

/// Marks the steps on record as running of which no program runs.
fn lose(
    change: &mut Change<'_>,
    cluster_id: &str,
    why: &str,
    now: Timestamp,
    is_lost: impl Fn(&Step) -> bool,
) {
    for step in Step::of_cluster(change, cluster_id) {
        match step.state {
            StepState::Running if is_lost(&step) => {
                let message = format!("{why} Submit it again.");
                change.put(interrupted(&step, message, now));
            }
            StepState::CancelPending if is_lost(&step) => {
                change.put(step.ended(StepState::Cancelled, why, now));
            }
            _ => {}
        }
    }
}

/// Marks as many pending steps as may run now as running. One for which there was no room a moment
/// ago keeps its place.
fn start_next(change: &mut Change<'_>, key: &str, work: &StepWork, now: Timestamp) -> Vec<Step> {
    let current = change.get::<Cluster>(key);
    let Some(cluster) = current.filter(|cluster| cluster.state.is_ready()) else {
        return Vec::new();
    };
    let steps = Step::of_cluster(change, &cluster.id);
    let running = steps.iter().filter(|step| step.state.is_running()).count();
    let at_once = usize::try_from(cluster.step_concurrency).unwrap_or(1);
    let pending = steps.iter().filter(|step| step.state == StepState::Pending);
    let next: Vec<Step> = pending
        .take(at_once.saturating_sub(running))
        .filter(|step| !work.is_put_off(&step.id))
        .map(|step| step.in_state(StepState::Running, now))
        .collect();
    for step in &next {
        change.put(step.clone());
    }
    next
}
