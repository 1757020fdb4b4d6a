//! Warm interpreters: started, with an engine, before anyone asks for a session.
//!
//! A warm interpreter has no owner, no keys and no name, and nothing of any session has ever been in
//! it. It is given away once and never comes back.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::cluster::OpenCluster;
use super::kernel;
use super::protocol::Message;
use super::start::{Started, Starter};

/// What an interpreter that waits is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Livy's statements and batches.
    Statements,
    /// A Jupyter kernel.
    Kernel,
}

impl Purpose {
    /// Of a session that runs that kind of process.
    pub fn of(process_kind: &str) -> Self {
        match process_kind {
            kernel::KIND => Self::Kernel,
            _ => Self::Statements,
        }
    }

    /// Its kind of process, with an engine that has run a query. Statements are most often Spark's.
    pub fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Statements => &["pyspark", "--ahead"],
            Self::Kernel => &[kernel::KIND, "--ahead"],
        }
    }
}

/// What a warm interpreter and its engine take of the machine's memory, about.
const BYTES: u64 = 512 << 20;
/// How often it is looked whether those that wait are alive.
const CHECK: Duration = Duration::from_secs(1);
/// After a start that failed: the first pause, which doubles up to the last.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// The interpreters that wait on one cluster for one purpose.
pub(super) struct Pool {
    /// How many are to wait.
    wanted: usize,
    state: Mutex<PoolState>,
    taken: Notify,
}

#[derive(Default)]
struct PoolState {
    waiting: Vec<Warm>,
    keeper: Option<JoinHandle<()>>,
    is_closed: bool,
}

struct Warm {
    started: Started,
    _place: Place,
}

/// A place among all that wait on this machine; it is counted while it is taken.
struct Place {
    _permit: OwnedSemaphorePermit,
    gauge: Gauge,
}

impl Place {
    fn new(permit: OwnedSemaphorePermit, gauge: &Gauge) -> Self {
        gauge.inc();
        Self {
            _permit: permit,
            gauge: gauge.clone(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

impl Pool {
    pub fn new(wanted: usize) -> Self {
        Self {
            wanted,
            state: Mutex::default(),
            taken: Notify::new(),
        }
    }

    /// One that waits and lives, if there is one. Another is started in its place.
    pub fn take(&self) -> Option<Started> {
        let mut state = self.state.lock();
        state.waiting.retain(|warm| warm.started.is_alive());
        let warm = state.waiting.pop();
        drop(state);
        self.taken.notify_one();
        warm.map(|warm| warm.started)
    }

    /// Ends those that wait, and starts no more.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        if let Some(keeper) = state.keeper.take() {
            keeper.abort();
        }
        let ended = std::mem::take(&mut state.waiting);
        drop(state);
        drop(ended);
    }

    fn put(&self, warm: Warm) {
        let mut state = self.state.lock();
        if !state.is_closed {
            state.waiting.push(warm);
        }
    }

    fn lacks_one(&self) -> bool {
        let mut state = self.state.lock();
        state.waiting.retain(|warm| warm.started.is_alive());
        state.waiting.len() < self.wanted
    }

    async fn wait(&self, longest: Duration) {
        tokio::select! {
            () = self.taken.notified() => {}
            () = tokio::time::sleep(longest) => {}
        }
    }
}

/// Keeps as many interpreters waiting on the cluster as it wants for that purpose, from now until its
/// pool is closed. Does nothing when that is done already. `places` are those of the whole machine,
/// and `gauge` counts those that are taken.
pub(super) fn keep(
    cluster: &Arc<OpenCluster>,
    purpose: Purpose,
    starter: &Arc<Starter>,
    places: &Arc<Semaphore>,
    gauge: &Gauge,
) {
    let pool = cluster.pool(purpose);
    if pool.wanted == 0 || !starter.is_enclosing() {
        return;
    }
    let mut state = pool.state.lock();
    if state.is_closed || state.keeper.is_some() {
        return;
    }
    let keeper = Keeper {
        cluster: Arc::downgrade(cluster),
        purpose,
        starter: Arc::clone(starter),
        places: Arc::clone(places),
        gauge: gauge.clone(),
    };
    state.keeper = Some(tokio::spawn(keeper.keep()));
}

/// The task that keeps one pool filled.
struct Keeper {
    cluster: Weak<OpenCluster>,
    purpose: Purpose,
    starter: Arc<Starter>,
    places: Arc<Semaphore>,
    gauge: Gauge,
}

impl Keeper {
    async fn keep(self) {
        let mut pause = PAUSES.0;
        while let Some(cluster) = self.cluster.upgrade() {
            let pool = cluster.pool(self.purpose);
            if !pool.lacks_one() {
                pause = PAUSES.0;
                pool.wait(CHECK).await;
                continue;
            }
            let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() else {
                pool.wait(CHECK).await;
                continue;
            };
            match warm_up(&cluster, self.purpose, &self.starter).await {
                Ok(started) => {
                    let _place = Place::new(permit, &self.gauge);
                    pool.put(Warm { started, _place });
                }
                Err(reason) => {
                    tracing::warn!(cluster = %cluster.id, %reason, "no warm interpreter");
                    drop(permit);
                    drop(cluster);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }
}

/// Starts one and waits until its engine runs.
async fn warm_up(
    cluster: &OpenCluster,
    purpose: Purpose,
    starter: &Starter,
) -> Result<Started, String> {
    let mut started = starter
        .start_warm(cluster, purpose)
        .await
        .map_err(|error| error.to_string())?;
    let warm = async {
        loop {
            let Some(line) = started.lines.recv().await else {
                return Err("the interpreter ended at once".to_owned());
            };
            match Message::parse(&line) {
                Message::Warm => return Ok(()),
                Message::Fatal(reason) => return Err(reason),
                Message::Noise(line) => started.occupant.note(line),
                _ => {}
            }
        }
    };
    match tokio::time::timeout(cluster.limits.start_timeout, warm).await {
        Ok(outcome) => outcome?,
        Err(_) => return Err("the interpreter was not ready in time".to_owned()),
    }
    tracing::debug!(cluster = %cluster.id, "an interpreter waits");
    Ok(started)
}

/// How many may wait on this machine: a quarter of its memory is theirs, and one always may.
pub(super) fn places() -> Arc<Semaphore> {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    Arc::new(Semaphore::new(places_in(&info)))
}

fn places_in(info: &str) -> usize {
    let total = info.lines().find_map(|line| {
        let rest = line.strip_prefix("MemTotal:")?;
        rest.split_ascii_whitespace().next()?.parse::<u64>().ok()
    });
    let quarter = total.unwrap_or(0).saturating_mul(1024) / 4;
    usize::try_from(quarter / BYTES).unwrap_or(1).clamp(1, 256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_memory_may_wait() {
        assert_eq!(
            places_in("MemTotal:       25165824 kB\nMemFree: 1 kB\n"),
            12
        );
        assert_eq!(places_in("MemTotal: 1024 kB"), 1);
        assert_eq!(places_in("nonsense"), 1);
    }
}
