//! How long a cluster has been idle: the time since a session lived on it or credentials for it
//! were issued or used. Kept in memory: after a start of the daemon the count begins anew. Nobody can
//! set this time: a clock that is put right ends no cluster.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock},
    time::{Duration, Instant},
};

/// When each cluster was last seen at work.
pub(crate) struct Activity {
    clock: fn() -> Duration,
    last: Mutex<HashMap<String, Duration>>,
}

impl Activity {
    pub(crate) fn new(clock: fn() -> Duration) -> Self {
        Self {
            clock,
            last: Mutex::default(),
        }
    }

    /// Notes that the cluster is used.
    pub(crate) fn touch(&self, cluster_id: &str) {
        let now = (self.clock)();
        self.with(|last| {
            last.insert(cluster_id.to_owned(), now);
        });
    }

    /// Seconds since the cluster was used; 0 when it is seen for the first time.
    pub(crate) fn idle_seconds(&self, cluster_id: &str) -> i64 {
        let now = (self.clock)();
        let idle = self.with(|last| {
            let since = *last.entry(cluster_id.to_owned()).or_insert(now);
            now.saturating_sub(since)
        });
        i64::try_from(idle.as_secs()).unwrap_or(i64::MAX)
    }

    /// Forgets a cluster that is gone.
    pub(crate) fn forget(&self, cluster_id: &str) {
        self.with(|last| {
            last.remove(cluster_id);
        });
    }

    fn with<T>(&self, f: impl FnOnce(&mut HashMap<String, Duration>) -> T) -> T {
        // A panic elsewhere can't leave a map of times half-changed.
        let mut last = self
            .last
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        f(&mut last)
    }
}

/// The time since this was first asked.
pub(crate) fn steady() -> Duration {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed()
}
