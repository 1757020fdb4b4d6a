//! Whose turn it is with a cluster, and when one that didn't come up is tried again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The pause after the first attempt; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Starting and stopping one cluster take turns, so that a stop which is asked for during the start
/// finds something to stop.
#[derive(Default)]
pub(crate) struct Turns {
    clusters: Mutex<HashMap<String, Turn>>,
}

#[derive(Default)]
struct Turn {
    lock: Arc<tokio::sync::Mutex<()>>,
    held_up: Option<HeldUp>,
}

/// A cluster that could not be brought up and is to come up all the same.
struct HeldUp {
    pause: Duration,
    until: Instant,
}

impl Turns {
    pub(super) fn of(&self, cluster_id: &str) -> Arc<tokio::sync::Mutex<()>> {
        self.with(|clusters| {
            let turn = clusters.entry(cluster_id.to_owned()).or_default();
            Arc::clone(&turn.lock)
        })
    }

    /// Whether a start or stop is under way.
    pub(super) fn is_taken(&self, cluster_id: &str) -> bool {
        self.with(|clusters| {
            let turn = clusters.get(cluster_id);
            turn.is_some_and(|turn| turn.lock.try_lock().is_err())
        })
    }

    /// Whether a cluster that isn't up is to be tried now.
    pub(super) fn is_due(&self, cluster_id: &str) -> bool {
        let waits = self.with(|clusters| {
            let held_up = clusters.get(cluster_id)?.held_up.as_ref()?;
            Some(Instant::now() < held_up.until)
        });
        !waits.unwrap_or(false) && !self.is_taken(cluster_id)
    }

    /// Whether the cluster could not be brought up and is tried again.
    pub(super) fn is_held_up(&self, cluster_id: &str) -> bool {
        self.with(|clusters| {
            let turn = clusters.get(cluster_id);
            turn.is_some_and(|turn| turn.held_up.is_some())
        })
    }

    /// The cluster didn't come up; it is tried again after a pause.
    pub(super) fn put_off(&self, cluster_id: &str) {
        self.with(|clusters| {
            let turn = clusters.entry(cluster_id.to_owned()).or_default();
            let pause = turn.held_up.as_ref().map_or(FIRST_PAUSE, |held_up| {
                held_up.pause.saturating_mul(2).min(LONGEST_PAUSE)
            });
            turn.held_up = Some(HeldUp {
                pause,
                until: Instant::now() + pause,
            });
        });
    }

    /// The cluster is up.
    pub(super) fn succeed(&self, cluster_id: &str) {
        self.with(|clusters| {
            if let Some(turn) = clusters.get_mut(cluster_id) {
                turn.held_up = None;
            }
        });
    }

    /// Forgets a cluster that is gone.
    pub(super) fn forget(&self, cluster_id: &str) {
        self.with(|clusters| clusters.remove(cluster_id));
    }

    /// The clusters that could not be brought up and are tried again.
    pub(super) fn held_up(&self) -> Vec<String> {
        let mut ids = self.with(|clusters| {
            let held_up = clusters.iter().filter(|(_, turn)| turn.held_up.is_some());
            held_up.map(|(id, _)| id.clone()).collect::<Vec<_>>()
        });
        ids.sort();
        ids
    }

    fn with<T>(&self, f: impl FnOnce(&mut HashMap<String, Turn>) -> T) -> T {
        f(&mut self.clusters.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;

    #[test]
    fn a_cluster_that_was_put_off_waits_and_one_that_came_up_does_not() {
        let turns = Turns::default();
        assert!(turns.is_due("j-1"), "never tried");
        turns.put_off("j-1");
        assert!(!turns.is_due("j-1"));
        assert_eq!(turns.held_up(), ["j-1"]);
        assert!(turns.is_held_up("j-1") && !turns.is_held_up("j-2"));
        turns.succeed("j-1");
        assert!(turns.is_due("j-1") && turns.held_up().is_empty());
        let lock = turns.of("j-1");
        let _turn = lock.try_lock().unwrap();
        assert!(turns.is_taken("j-1") && !turns.is_due("j-1"));
        assert!(!turns.is_taken("j-2"));
    }
}
