//! Why a session or a statement was refused.

use std::io;
use std::path::PathBuf;

use super::session::SessionState;
use super::settings::SettingsError;

/// Why a session or a statement was refused.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The cluster runs as many sessions as it may.
    #[error("the cluster already has {limit} sessions; end one first")]
    TooManySessions {
        /// The bound that was reached.
        limit: usize,
    },
    /// Too many sessions of the cluster are starting (Livy's own words).
    #[error("too many sessions are being created!")]
    TooManyStarting,
    /// The role has as many sessions on the cluster as it may.
    #[error("the role {role} already has {limit} sessions on this cluster; end one first")]
    TooManyOfRole {
        /// The role's name.
        role: String,
        /// The bound that was reached.
        limit: usize,
    },
    /// The session asks for what its cluster does not give.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No enclosure can be had for it.
    #[error("no session can be started here: {0}")]
    Sandbox(String),
    /// The login has as many sessions as it may.
    #[error("this login already has {limit} sessions; end one first")]
    TooManyOfLogin {
        /// The bound that was reached.
        limit: usize,
    },
    /// The owner already has an active session of that name.
    #[error("duplicate session name: {name} for session {id}")]
    DuplicateName {
        /// The name asked for.
        name: String,
        /// The session that has it.
        id: u32,
    },
    /// The session takes no statements in its state.
    #[error("session is in state {0}")]
    NotActive(SessionState),
    /// The session's queue is full.
    #[error("{limit} statements already wait in this session; wait or cancel some")]
    TooManyStatements {
        /// The bound that was reached.
        limit: usize,
    },
    /// All sessions together hold as much as they may.
    #[error(
        "all sessions together hold {limit} bytes of code and outputs, which is all that they may; try again in a while, or send less"
    )]
    Full {
        /// The bound that was reached, in bytes.
        limit: usize,
    },
    /// The script of a batch is not one that can be run here.
    #[error("{0}")]
    Script(String),
    /// The registry has been shut down.
    #[error("the service is shutting down")]
    ShuttingDown,
    /// The kernel has ended, or could not be started.
    #[error("the kernel is not there any more: {reason}")]
    KernelGone {
        /// The last that was heard of it.
        reason: String,
    },
    /// The kernel was told to restart and is not there again.
    #[error("the kernel did not restart within {seconds} seconds")]
    KernelNotRestarted {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The kernel has as many clients as it may.
    #[error("the kernel already has {limit} connections; close one first")]
    TooManyConnections {
        /// The bound that was reached.
        limit: usize,
    },
    /// The session's folder could not be made.
    #[error("cannot prepare the session folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The interpreter could not be started.
    #[error("cannot start the interpreter {}: {source}", python.display())]
    Launch {
        /// The executable.
        python: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
