//! Whether an instance can do its work, and if not, what keeps it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lakeward_identity::Identity;
use lakeward_store::StoreError;
use serde::Serialize;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::super::clusters::Clusters;

/// The database of the state may take so long to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Questions within this time share one look.
const FRESH: Duration = Duration::from_secs(1);

/// What is asked.
pub(in super::super) struct Health {
    identity: Arc<Identity>,
    clusters: Arc<Clusters>,
    are_clusters_up: AtomicBool,
    is_stopping: AtomicBool,
    last: Mutex<Option<(Instant, Report)>>,
}

/// The answer of `/readyz`.
#[derive(Clone, Serialize)]
pub(super) struct Report {
    pub(super) ready: bool,
    checks: BTreeMap<&'static str, Check>,
}

#[derive(Clone, Serialize)]
struct Check {
    ok: bool,
    /// What is wrong, or what was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl From<Result<(), String>> for Check {
    fn from(outcome: Result<(), String>) -> Self {
        Self {
            ok: outcome.is_ok(),
            detail: outcome.err(),
        }
    }
}

impl Health {
    pub(in super::super) fn new(identity: &Arc<Identity>, clusters: &Arc<Clusters>) -> Self {
        Self {
            identity: Arc::clone(identity),
            clusters: Arc::clone(clusters),
            are_clusters_up: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            last: Mutex::default(),
        }
    }

    /// The clusters that were running are up again, but for those that are held up.
    pub(in super::super) fn clusters_are_up(&self) {
        self.are_clusters_up.store(true, Ordering::Relaxed);
    }

    /// The end has begun: not ready from now on.
    pub(in super::super) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    pub(super) async fn report(&self) -> Report {
        let mut report = self.looked().await;
        let running = match self.is_stopping.load(Ordering::Relaxed) {
            true => Err("it is shutting down".to_owned()),
            false => Ok(()),
        };
        report.add("running", running.into());
        report.add("clusters", self.clusters());
        report
    }

    /// The checks that cost something; many who ask at once share one look.
    async fn looked(&self) -> Report {
        let mut last = self.last.lock().await;
        if let Some((at, report)) = &*last
            && at.elapsed() < FRESH
        {
            return report.clone();
        }
        let mut report = Report {
            ready: true,
            checks: BTreeMap::new(),
        };
        report.add("store", self.store().await.into());
        let audit = self.identity.audit().ready();
        report.add("audit", audit.map_err(|error| error.message).into());
        report.add("sessions", self.sessions());
        *last = Some((Instant::now(), report.clone()));
        report
    }

    /// A change that changes nothing goes to the database all the same.
    async fn store(&self) -> Result<(), String> {
        let nothing = self.identity.store().change(|_| Ok::<_, StoreError>(()));
        match timeout(PATIENCE, nothing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the state's database does not answer");
                Err("the state's database does not answer; the log says why".to_owned())
            }
            Err(_) => Err(format!(
                "the state's database took longer than {} s",
                PATIENCE.as_secs()
            )),
        }
    }

    /// One that is held up keeps nobody from the others, so the instance is ready.
    fn clusters(&self) -> Check {
        if !self.are_clusters_up.load(Ordering::Relaxed) {
            return Err("the clusters are being brought up".to_owned()).into();
        }
        let held_up = self.clusters.held_up();
        Check {
            ok: true,
            detail: (held_up > 0).then(|| {
                format!(
                    "{held_up} of them can't be brought up and are tried again; the log says why"
                )
            }),
        }
    }

    fn sessions(&self) -> Check {
        match self.clusters.can_start_sessions() {
            Ok(detail) => Check {
                ok: true,
                detail: Some(detail),
            },
            Err(why) => Err(why).into(),
        }
    }
}

impl Report {
    fn add(&mut self, name: &'static str, check: Check) {
        self.ready &= check.ok;
        self.checks.insert(name, check);
    }
}
