//! How long a cluster has been idle: the time since a session lived on it or credentials for it
//! were issued or used. Kept in memory: after a start of the daemon the count begins anew.

use std::{collections::HashMap, sync::Mutex};

use jiff::Timestamp;

/// When each cluster was last seen at work.
#[derive(Default)]
pub(crate) struct Activity {
    last: Mutex<HashMap<String, Timestamp>>,
}

impl Activity {
    /// Notes that the cluster was used.
    pub(crate) fn touch(&self, cluster_id: &str, now: Timestamp) {
        self.with(|last| {
            last.insert(cluster_id.to_owned(), now);
        });
    }

    /// Seconds since the cluster was used; 0 when it is seen for the first time.
    pub(crate) fn idle_seconds(&self, cluster_id: &str, now: Timestamp) -> i64 {
        self.with(|last| {
            let since = *last.entry(cluster_id.to_owned()).or_insert(now);
            now.duration_since(since).as_secs()
        })
    }

    /// Forgets a cluster that is gone.
    pub(crate) fn forget(&self, cluster_id: &str) {
        self.with(|last| {
            last.remove(cluster_id);
        });
    }

    fn with<T>(&self, f: impl FnOnce(&mut HashMap<String, Timestamp>) -> T) -> T {
        // A panic elsewhere can't leave a map of timestamps half-changed.
        let mut last = self
            .last
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        f(&mut last)
    }
}
