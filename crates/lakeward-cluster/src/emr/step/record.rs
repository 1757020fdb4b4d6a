//! What is known of a step.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_store::{Change, Record, Snapshot};
use serde::{Deserialize, Serialize};

/// A step of a cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// The cluster.
    pub cluster_id: String,
    /// `s-…`
    pub id: String,
    /// Steps of a cluster run in the order of their numbers.
    pub number: u64,
    /// For people.
    pub name: String,
    /// What becomes of the cluster when it fails.
    pub action_on_failure: ActionOnFailure,
    /// What `command-runner.jar` was given.
    pub args: Vec<String>,
    /// The runtime role; none: it runs as the instance profile's role.
    pub role_arn: Option<String>,
    /// The runtime role's unique id: one made again under the same name is another.
    #[serde(default)]
    pub role_id: Option<String>,
    /// Who submitted it.
    pub caller_arn: String,
    /// The source identity of the one who did.
    pub source_identity: Option<String>,
    /// Where it is in its life.
    pub state: StepState,
    /// Why it is in that state, when there is more to say.
    pub note: Option<String>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The folder of its logs, when the cluster has a place for logs.
    pub log_uri: Option<String>,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it began to run.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

/// AWS's `FailureDetails`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What happened, in a few words.
    pub reason: String,
    /// What the program or the cluster said about it.
    pub message: Option<String>,
    /// Where to read more.
    pub log_file: Option<String>,
}

/// AWS's `StepState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StepState {
    /// It waits for its turn.
    Pending,
    /// It runs and is to be ended.
    CancelPending,
    /// It runs.
    Running,
    /// It succeeded.
    Completed,
    /// It was cancelled.
    Cancelled,
    /// It failed.
    Failed,
    /// It ran when its cluster ended: AWS's word, which nothing sets here any more.
    Interrupted,
}

impl StepState {
    const ALL: [Self; 7] = [
        Self::Pending,
        Self::CancelPending,
        Self::Running,
        Self::Completed,
        Self::Cancelled,
        Self::Failed,
        Self::Interrupted,
    ];

    /// The wire name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::CancelPending => "CANCEL_PENDING",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
            Self::Interrupted => "INTERRUPTED",
        }
    }

    /// The state of a wire name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether a program runs.
    #[must_use]
    pub fn is_running(self) -> bool {
        matches!(self, Self::Running | Self::CancelPending)
    }

    /// Whether it isn't over.
    #[must_use]
    pub fn is_active(self) -> bool {
        self == Self::Pending || self.is_running()
    }
}

/// AWS's `ActionOnFailure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ActionOnFailure {
    /// An older word for the next one.
    TerminateJobFlow,
    /// The cluster ends.
    TerminateCluster,
    /// Pending steps are cancelled.
    CancelAndWait,
    /// The next step runs.
    Continue,
}

impl ActionOnFailure {
    /// Whether the cluster ends.
    #[must_use]
    pub fn terminates(self) -> bool {
        matches!(self, Self::TerminateJobFlow | Self::TerminateCluster)
    }
}

impl Step {
    fn key_of(cluster_id: &str, id: &str) -> String {
        format!("{cluster_id}/{id}")
    }

    /// The step `id` of a cluster.
    pub(crate) fn find(snapshot: &Snapshot, cluster_id: &str, id: &str) -> Option<Arc<Self>> {
        snapshot.get(&Self::key_of(cluster_id, id))
    }

    /// A cluster's steps in their order.
    pub(crate) fn of_cluster(snapshot: &Snapshot, cluster_id: &str) -> Vec<Arc<Self>> {
        let mut steps: Vec<Arc<Self>> = snapshot.scan(&Self::key_of(cluster_id, ""));
        steps.sort_by_key(|step| step.number);
        steps
    }

    /// The same step in another state.
    pub(crate) fn in_state(&self, state: StepState, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.state = state;
        next.note = None;
        if state == StepState::Running {
            next.started_at = Some(now);
        }
        if !state.is_active() {
            next.ended_at = Some(now);
        }
        next
    }

    /// The same step waiting again, and for what.
    pub(crate) fn waiting(&self, why: &str) -> Self {
        let mut next = self.clone();
        next.state = StepState::Pending;
        next.started_at = None;
        next.note = Some(why.to_owned());
        next
    }

    /// The same step in another state, and why.
    pub(crate) fn ended(&self, state: StepState, why: &str, now: Timestamp) -> Self {
        let mut next = self.in_state(state, now);
        next.note = Some(why.to_owned());
        next
    }
}

impl Record for Step {
    const KIND: &'static str = "emr-step";

    fn key(&self) -> String {
        Self::key_of(&self.cluster_id, &self.id)
    }
}

/// Cancels what waits on a cluster.
pub(crate) fn cancel_pending(change: &mut Change<'_>, cluster_id: &str, why: &str, now: Timestamp) {
    for step in Step::of_cluster(change, cluster_id) {
        if step.state == StepState::Pending {
            change.put(step.ended(StepState::Cancelled, why, now));
        }
    }
}

/// Ends what is left of a cluster's steps, since the cluster ends.
pub(crate) fn abandon(change: &mut Change<'_>, cluster_id: &str, now: Timestamp) {
    let why = "The cluster is terminating.";
    cancel_pending(change, cluster_id, why, now);
    for step in Step::of_cluster(change, cluster_id) {
        match step.state {
            StepState::Running => {
                change.put(interrupted(&step, ABANDONED.to_owned(), now));
            }
            StepState::CancelPending => change.put(step.ended(StepState::Cancelled, why, now)),
            _ => {}
        }
    }
}

const ABANDONED: &str = "The cluster was terminated while the step ran.";

/// A step whose program ended with something else. FAILED, not INTERRUPTED: AWS's own waiters take
/// only the first for an end.
pub(super) fn interrupted(step: &Step, message: String, now: Timestamp) -> Step {
    let mut next = step.in_state(StepState::Failed, now);
    next.failure = Some(Failure {
        reason: "The step was interrupted.".to_owned(),
        message: Some(message),
        log_file: None,
    });
    next
}

/// Removes the record of a cluster's steps.
pub(crate) fn forget(change: &mut Change<'_>, cluster_id: &str) {
    for step in Step::of_cluster(change, cluster_id) {
        change.delete::<Step>(&step.key());
    }
}
