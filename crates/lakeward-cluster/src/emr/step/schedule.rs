//! Which step runs next. The node that a cluster runs on decides; others only write records.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use lakeward_store::{Change, StoreError};

use crate::emr::{
    Emr,
    cluster::{Cluster, ClusterState},
    error::EmrError,
    step::{Failure, Step, StepRun, StepState},
};

/// What runs on this node.
#[derive(Default)]
pub(crate) struct StepWork {
    /// One decision at a time, so that a cluster's state follows its steps.
    deciding: tokio::sync::Mutex<()>,
    running: Mutex<HashMap<String, Arc<dyn StepRun>>>,
}

impl StepWork {
    pub(super) fn enter(&self, step_id: &str, run: &Arc<dyn StepRun>) {
        self.with(|running| running.insert(step_id.to_owned(), Arc::clone(run)));
    }

    pub(super) fn leave(&self, step_id: &str) {
        self.with(|running| running.remove(step_id));
    }

    fn cancel(&self, step_id: &str) {
        if let Some(run) = self.with(|running| running.get(step_id).cloned()) {
            run.cancel();
        }
    }

    fn with<T>(&self, f: impl FnOnce(&mut HashMap<String, Arc<dyn StepRun>>) -> T) -> T {
        f(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

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

    /// Looks at the steps of this node's clusters: other nodes may have added or cancelled some.
    pub(crate) fn work_on_all(self: &Arc<Self>) {
        for cluster in self.own_clusters() {
            let steps = || Step::of_cluster(&self.store.snapshot(), &cluster.id);
            if cluster.state.is_ready() && steps().iter().any(|step| step.state.is_active()) {
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
            .change(|change| Ok::<_, StoreError>(start_next(change, key, now)))
            .await?;
        let steps = Step::of_cluster(&self.store.snapshot(), &cluster.id);
        for step in &steps {
            if step.state == StepState::CancelPending {
                self.steps.cancel(&step.id);
            }
        }
        if !started.is_empty() {
            self.work_begins(&cluster).await?;
        } else if !steps.iter().any(|step| step.state.is_active()) {
            self.rest(&cluster).await?;
        }
        for step in started {
            tokio::spawn(Arc::clone(self).run_step(Arc::clone(&cluster), step));
        }
        Ok(())
    }

    async fn rest(self: &Arc<Self>, cluster: &Arc<Cluster>) -> Result<(), EmrError> {
        if cluster.state == ClusterState::Running || !cluster.keep_alive {
            self.work_ends(cluster).await?;
        }
        Ok(())
    }

    /// Marks what an earlier run of the daemon left running: its programs ended with it. Steps that
    /// wait go on waiting.
    pub(crate) async fn lose_steps(&self, cluster: &Cluster) -> Result<(), StoreError> {
        let now = self.now();
        self.store
            .change(|change| {
                for step in Step::of_cluster(change, &cluster.id) {
                    match step.state {
                        StepState::Running => change.put(lost(&step, now)),
                        StepState::CancelPending => {
                            change.put(step.ended(StepState::Cancelled, LOST, now));
                        }
                        _ => {}
                    }
                }
                Ok(())
            })
            .await
    }
}

const LOST: &str = "Lakeward was stopped while the step ran.";

/// FAILED, not INTERRUPTED: AWS's own waiters take only the first for an end.
fn lost(step: &Step, now: Timestamp) -> Step {
    let mut next = step.in_state(StepState::Failed, now);
    next.failure = Some(Failure {
        reason: "The step was interrupted.".to_owned(),
        message: Some(format!("{LOST} Submit it again.")),
        log_file: None,
    });
    next
}

/// Marks as many pending steps as may run now as running.
fn start_next(change: &mut Change<'_>, key: &str, now: Timestamp) -> Vec<Step> {
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
        .map(|step| step.in_state(StepState::Running, now))
        .collect();
    for step in &next {
        change.put(step.clone());
    }
    next
}
