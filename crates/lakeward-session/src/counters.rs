//! What sessions are counted by. Nothing here tells one person or role from another.

use std::time::Duration;

use prometheus_client::metrics::{
    counter::Counter, family::Family, gauge::Gauge, histogram::Histogram,
};

/// Seconds that a start takes: from a warm interpreter's to the patience with a cold one.
const START: [f64; 11] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0];
/// Seconds that a statement takes.
const STATEMENT: [f64; 12] = [
    0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0,
];

/// Counters that differ in one label, whose values are a few of our own words.
pub type Counted = Family<[(&'static str, &'static str); 1], Counter>;

/// Counts of a daemon's sessions, over its life. Clones share them.
#[derive(Debug, Clone)]
pub struct Counters {
    /// Sessions that were opened.
    pub opened: Counter,
    /// Sessions that ended, by `reason` (an [`EndReason`]).
    pub ended: Counted,
    /// From the opening of a session until it took statements, in seconds.
    pub start_seconds: Histogram,
    /// Statements that ran to an end, by `outcome`: `ok`, `failed`, `cancelled`.
    pub statements: Counted,
    /// How long statements ran, in seconds.
    pub statement_seconds: Histogram,
    /// Times that sessions asked for their role's keys, by `outcome`: `issued`, `refused`.
    pub keys: Counted,
    /// Interpreters that wait for a session.
    pub warm: Gauge,
    /// What the enclosures of sessions refused, by `kind`.
    pub refusals: Counted,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            opened: Counter::default(),
            ended: Counted::default(),
            start_seconds: Histogram::new(START),
            statements: Counted::default(),
            statement_seconds: Histogram::new(STATEMENT),
            keys: Counted::default(),
            warm: Gauge::default(),
            refusals: Counted::default(),
        }
    }
}

impl Counters {
    pub(super) fn ended(&self, reason: EndReason) {
        count(&self.ended, "reason", reason.name());
    }

    pub(super) fn started(&self, took: Duration) {
        self.start_seconds.observe(took.as_secs_f64());
    }

    /// A statement has come to its end after so many milliseconds.
    pub(super) fn finished(&self, outcome: &'static str, milliseconds: i64) {
        count(&self.statements, "outcome", outcome);
        let took = Duration::from_millis(milliseconds.max(0).unsigned_abs());
        self.statement_seconds.observe(took.as_secs_f64());
    }

    pub(super) fn keys(&self, issued: bool) {
        count(
            &self.keys,
            "outcome",
            if issued { "issued" } else { "refused" },
        );
    }

    /// An enclosure refused something. `kind` is one of our own few words, never a session's.
    pub fn refused(&self, kind: &'static str) {
        count(&self.refusals, "kind", kind);
    }
}

fn count(counters: &Counted, label: &'static str, value: &'static str) {
    counters.get_or_create(&[(label, value)]).inc();
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Its owner ended it.
    Owner,
    /// Someone who may end the sessions of its cluster did.
    Administrator,
    /// Its client was not heard of any more.
    Heartbeat,
    /// It did nothing for too long.
    Idle,
    /// The login that opened it has expired.
    Expired,
    /// Its cluster stopped.
    Cluster,
    /// Lakeward stopped.
    Shutdown,
    /// It could not be started.
    NotStarted,
    /// Its interpreter ended by itself.
    Died,
    /// Its script came to its end.
    Finished,
}

impl EndReason {
    /// One word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Administrator => "administrator",
            Self::Heartbeat => "heartbeat",
            Self::Idle => "idle",
            Self::Expired => "expired",
            Self::Cluster => "cluster",
            Self::Shutdown => "shutdown",
            Self::NotStarted => "not_started",
            Self::Died => "died",
            Self::Finished => "finished",
        }
    }

    /// For the session's owner, who finds it in the log.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Owner => "its owner ended it",
            Self::Administrator => "an administrator ended it",
            Self::Heartbeat => "its client was not heard of any more",
            Self::Idle => "it was idle for too long",
            Self::Expired => "its login has expired",
            Self::Cluster => "its cluster stopped",
            Self::Shutdown => "the service was shut down",
            Self::NotStarted => "it could not be started",
            Self::Died => "its interpreter ended",
            Self::Finished => "its script came to its end",
        }
    }
}
