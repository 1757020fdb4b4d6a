//! Where a cluster is in its life, and why.

use serde::{Deserialize, Serialize};

/// Why a cluster is in its state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StateReason {
    /// One of AWS's codes, when there is one for it.
    pub code: Option<ReasonCode>,
    /// For people.
    pub message: String,
}

/// AWS's `ClusterStateChangeReasonCode`, as far as it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReasonCode {
    /// The endpoints could not be brought up.
    BootstrapFailure,
    /// What it was configured with can't be used.
    ValidationError,
    /// A step failed that was to end the cluster with it.
    StepFailure,
    /// Someone asked for it, now or by a policy.
    UserRequest,
    /// It was to end when no step was left.
    AllStepsCompleted,
}

impl ReasonCode {
    /// The wire name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BootstrapFailure => "BOOTSTRAP_FAILURE",
            Self::ValidationError => "VALIDATION_ERROR",
            Self::StepFailure => "STEP_FAILURE",
            Self::UserRequest => "USER_REQUEST",
            Self::AllStepsCompleted => "ALL_STEPS_COMPLETED",
        }
    }

    /// Whether a cluster that ends for this reason ends with errors.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Self::BootstrapFailure | Self::ValidationError | Self::StepFailure
        )
    }
}

/// AWS's `ClusterState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClusterState {
    /// Recorded; nothing has been done for it yet.
    Starting,
    /// Its endpoints are being brought up.
    Bootstrapping,
    /// Steps run.
    Running,
    /// Ready.
    Waiting,
    /// Its endpoints go away.
    Terminating,
    /// Gone as asked.
    Terminated,
    /// Gone because something failed.
    TerminatedWithErrors,
}

impl ClusterState {
    /// Whether sessions can be opened.
    #[must_use]
    pub fn is_ready(self) -> bool {
        matches!(self, Self::Running | Self::Waiting)
    }

    /// Whether its endpoints aren't there yet.
    #[must_use]
    pub fn is_coming_up(self) -> bool {
        matches!(self, Self::Starting | Self::Bootstrapping)
    }

    /// Whether it is gone for good.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Terminated | Self::TerminatedWithErrors)
    }

    /// Whether it can still be modified.
    #[must_use]
    pub fn is_live(self) -> bool {
        !self.is_over() && self != Self::Terminating
    }

    /// The wire name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "STARTING",
            Self::Bootstrapping => "BOOTSTRAPPING",
            Self::Running => "RUNNING",
            Self::Waiting => "WAITING",
            Self::Terminating => "TERMINATING",
            Self::Terminated => "TERMINATED",
            Self::TerminatedWithErrors => "TERMINATED_WITH_ERRORS",
        }
    }
}

impl StateReason {
    /// A reason for which AWS has no code.
    pub(crate) fn message(message: &str) -> Self {
        Self {
            code: None,
            message: message.to_owned(),
        }
    }

    /// Why a cluster is WAITING.
    pub(crate) fn ready() -> Self {
        Self::message("Cluster ready to run steps.")
    }

    /// A reason that AWS has a code for.
    pub(crate) fn coded(code: ReasonCode, message: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            message: message.into(),
        }
    }
}
