//! Where a session is in its life.

use std::fmt;

use serde::Serialize;

/// Where a session is, in Livy's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// The interpreter is being started.
    Starting,
    /// It waits for statements.
    Idle,
    /// It runs one.
    Busy,
    /// It has been told to end.
    ShuttingDown,
    /// It could not be started.
    Error,
    /// The interpreter ended by itself.
    Dead,
    /// The session was ended.
    Killed,
    /// The script it was opened for ran through.
    Success,
}

impl SessionState {
    /// Whether the session takes statements, now or soon.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Starting | Self::Idle | Self::Busy)
    }

    /// Whether the process is gone.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(
            self,
            Self::Error | Self::Dead | Self::Killed | Self::Success
        )
    }
}

impl fmt::Display for SessionState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::ShuttingDown => "shutting_down",
            Self::Error => "error",
            Self::Dead => "dead",
            Self::Killed => "killed",
            Self::Success => "success",
        })
    }
}
