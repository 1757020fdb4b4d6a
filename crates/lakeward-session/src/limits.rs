//! The bounds on what sessions may take, and for how long.

use std::time::Duration;

/// Bounds on sessions; the defaults fit one machine.
#[derive(Debug, Clone)]
pub struct SessionLimits {
    /// Active sessions on one cluster.
    pub sessions_per_cluster: usize,
    /// Sessions of one cluster that may be starting at once.
    pub starting_per_cluster: usize,
    /// Active sessions on one cluster under one runtime role.
    pub sessions_per_role: usize,
    /// Active sessions of one login.
    pub sessions_per_login: usize,
    /// Statements of one session that may wait their turn.
    pub waiting_statements: usize,
    /// Statements of one session that are remembered (Livy keeps 100).
    pub retained_statements: usize,
    /// Bytes of code and output that one session's remembered statements may hold.
    pub retained_bytes: usize,
    /// Bytes that all sessions together may hold back: code and outputs of statements, logs, what
    /// scripts printed, messages that wait for the clients of kernels.
    pub retained_in_all: usize,
    /// Bytes of code and output that are kept of a session that has ended.
    pub ended_bytes: usize,
    /// Ended sessions of one login that can still be looked at; the oldest are forgotten.
    pub ended_per_login: usize,
    /// Ended sessions on one cluster that can still be looked at.
    pub ended_per_cluster: usize,
    /// Bytes of one reply of the interpreter; a larger output becomes an error.
    pub reply_bytes: usize,
    /// Bytes of one request body, and so of one statement's code.
    pub request_bytes: usize,
    /// From the start of the process until it must say that it is ready.
    pub start_timeout: Duration,
    /// From the closing of its input until the process is killed.
    pub stop_grace: Duration,
    /// From a cancel until the interrupt is repeated. Each pause after it is twice as long, up to
    /// half a minute.
    pub interrupt_again: Duration,
    /// How long a session may do nothing, unless its request says otherwise.
    pub idle_timeout: Duration,
    /// How long an ended session can still be looked at.
    pub retain_ended: Duration,
    /// How often the reaper looks.
    pub reap_interval: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            sessions_per_cluster: 64,
            starting_per_cluster: 16,
            sessions_per_role: 32,
            sessions_per_login: 8,
            waiting_statements: 100,
            retained_statements: 100,
            retained_bytes: 64 << 20,
            retained_in_all: 1 << 30,
            ended_bytes: 1 << 20,
            ended_per_login: 20,
            ended_per_cluster: 200,
            reply_bytes: 16 << 20,
            request_bytes: 16 << 20,
            start_timeout: Duration::from_secs(120),
            stop_grace: Duration::from_secs(3),
            interrupt_again: Duration::from_secs(2),
            idle_timeout: Duration::from_secs(3600),
            retain_ended: Duration::from_secs(600),
            reap_interval: Duration::from_secs(5),
        }
    }
}

impl SessionLimits {
    /// The reaper's interval, kept within reason: it must neither spin nor sleep for ever.
    #[must_use]
    pub fn bounded_reap_interval(&self) -> Duration {
        self.reap_interval
            .clamp(Duration::from_millis(20), Duration::from_secs(60))
    }
}
