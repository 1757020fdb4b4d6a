//! The engine that a session's interpreter starts: a seam with one implementation.
//!
//! The engine is a process of the session, in the session's enclosure. Here is said how it is chosen
//! and how much of the session it may take; `lakeward_session/engine.py` starts it and joins the
//! Spark client to it.

use std::collections::BTreeMap;

use lakeward_sandbox::Limits;

/// Memory of a session that is not the engine's to fill: the interpreter, its libraries, and the
/// engine's own program.
const BESIDE_THE_POOL: u64 = 768 << 20;
/// An engine with less can't run a query.
const LEAST_POOL: u64 = 128 << 20;

/// An engine, chosen by the cluster's property `engine`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Engine {
    /// Sail: one process, local mode.
    #[default]
    Sail,
}

impl Engine {
    /// The engines there are.
    const ALL: [Self; 1] = [Self::Sail];

    /// The engine of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// Its name, also as the interpreter's argument `--engine`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sail => "sail",
        }
    }

    /// Variables that fit it to what the session gets.
    pub(super) fn environment(self, limits: &Limits) -> BTreeMap<&'static str, String> {
        match self {
            Self::Sail => sail_environment(limits),
        }
    }
}

/// Threads and partitions as there are processors; a memory pool that refuses a query before the
/// kernel would kill the session.
fn sail_environment(limits: &Limits) -> BTreeMap<&'static str, String> {
    let threads = threads(limits.cpus).to_string();
    let pool = limits.memory.saturating_sub(BESIDE_THE_POOL);
    BTreeMap::from([
        ("TOKIO_WORKER_THREADS", threads.clone()),
        ("SAIL_EXECUTION__DEFAULT_PARALLELISM", threads),
        ("SAIL_RUNTIME__MEMORY_POOL__TYPE", "greedy".to_owned()),
        (
            "SAIL_RUNTIME__MEMORY_POOL__GREEDY__MAX_SIZE",
            pool.max(LEAST_POOL).to_string(),
        ),
        (
            "SAIL_RUNTIME__TEMPORARY_FILES__MAX_SIZE",
            (limits.disk / 2).to_string(),
        ),
    ])
}

/// Processors' worth of time in whole threads: one at least.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a small positive number"
)]
fn threads(cpus: f64) -> u32 {
    cpus.ceil().clamp(1.0, 256.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_found_by_name() {
        for engine in Engine::ALL {
            assert_eq!(Engine::named(engine.name()), Some(engine));
        }
        assert_eq!(Engine::named("spark"), None);
    }

    #[test]
    fn the_engine_gets_what_the_session_gets() {
        let limits = Limits {
            memory: 4 << 30,
            cpus: 1.5,
            processes: 100,
            disk: 1 << 30,
            open_files: 100,
        };
        let variable = |limits: &Limits, name: &str| Engine::Sail.environment(limits)[name].clone();
        assert_eq!(variable(&limits, "TOKIO_WORKER_THREADS"), "2");
        let pool = "SAIL_RUNTIME__MEMORY_POOL__GREEDY__MAX_SIZE";
        let expected = (4_u64 << 30) - BESIDE_THE_POOL;
        assert_eq!(variable(&limits, pool), expected.to_string());
        let small = Limits {
            memory: 512 << 20,
            cpus: 0.1,
            ..limits
        };
        assert_eq!(variable(&small, pool), LEAST_POOL.to_string());
        assert_eq!(variable(&small, "TOKIO_WORKER_THREADS"), "1");
    }
}
