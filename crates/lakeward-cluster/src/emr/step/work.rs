//! What this node does for steps, in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::emr::step::StepRun;

/// How long a step for which there was no room waits before it is tried again: each try is two
/// changes of the state and a role's keys.
const PAUSE: Duration = Duration::from_secs(5);

/// What runs on this node.
#[derive(Default)]
pub(crate) struct StepWork {
    /// One decision at a time, so that a cluster's state follows its steps.
    pub(super) deciding: tokio::sync::Mutex<()>,
    /// The steps that a task sees to their end; with their programs, once those were started.
    under_way: Mutex<HashMap<String, Option<Arc<dyn StepRun>>>>,
    /// The steps that wait for room.
    waiting: Mutex<HashMap<String, Instant>>,
}

impl StepWork {
    /// A task takes the step on.
    pub(super) fn begin(&self, step_id: &str) {
        lock(&self.waiting).remove(step_id);
        lock(&self.under_way).insert(step_id.to_owned(), None);
    }

    /// Its program was started.
    pub(super) fn enter(&self, step_id: &str, run: &Arc<dyn StepRun>) {
        lock(&self.under_way).insert(step_id.to_owned(), Some(Arc::clone(run)));
    }

    /// What became of it is on record.
    pub(super) fn leave(&self, step_id: &str) {
        lock(&self.under_way).remove(step_id);
    }

    /// Whether a task sees the step to its end.
    pub(super) fn has(&self, step_id: &str) -> bool {
        lock(&self.under_way).contains_key(step_id)
    }

    pub(super) fn cancel(&self, step_id: &str) {
        let run = lock(&self.under_way).get(step_id).cloned().flatten();
        if let Some(run) = run {
            run.cancel();
        }
    }

    /// There is no room for the step now.
    pub(super) fn put_off(&self, step_id: &str) {
        let now = Instant::now();
        let mut waiting = lock(&self.waiting);
        waiting.retain(|_, until| *until > now);
        waiting.insert(step_id.to_owned(), now + PAUSE);
    }

    /// Whether the step was put off a moment ago.
    pub(super) fn is_put_off(&self, step_id: &str) -> bool {
        let waiting = lock(&self.waiting);
        waiting
            .get(step_id)
            .is_some_and(|until| Instant::now() < *until)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
