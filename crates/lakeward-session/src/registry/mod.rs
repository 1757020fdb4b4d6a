//! All sessions of the daemon: opening, finding, reaping and ending them.

mod admission;
mod lookup;
mod watch;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::authority::{Login, RuntimeRoles, SessionRuntime};
use super::cluster::{OpenCluster, OpenClusters};
use super::counters::{Counters, EndReason};
use super::endpoint::AwsEndpoint;
use super::error::SessionError;
use super::interpreter::drive;
use super::kernel::{self, Kernel, KernelRequest};
use super::launcher::SessionFolder;
use super::limits::SessionLimits;
use super::retention::Retention;
use super::session::{Overdue, Session, SessionRequest};
use super::settings::{ClusterSettings, Grant};
use super::start::Starter;
use super::warm::{self, Purpose};
use admission::Admission;
pub(super) use admission::secrets;

/// What a shutdown waits beyond the grace that each process gets.
const SHUTDOWN_MARGIN: Duration = Duration::from_secs(5);

/// The sessions of all clusters of this daemon. They end with it.
pub struct SessionRegistry {
    limits: Arc<SessionLimits>,
    counters: Counters,
    starter: Arc<Starter>,
    clusters: Mutex<OpenClusters>,
    /// Places for interpreters that wait, on all clusters together.
    places: Arc<Semaphore>,
    /// What all sessions together may hold.
    retention: Arc<Retention>,
    state: Mutex<State>,
    /// The interpreters' tasks, also of sessions that are ending.
    tasks: Mutex<JoinSet<()>>,
}

#[derive(Default)]
struct State {
    by_id: BTreeMap<(String, u32), Arc<Session>>,
    by_key: BTreeMap<String, Arc<Session>>,
    /// The sessions that are kernels, once more.
    kernels: HashMap<Uuid, Arc<Kernel>>,
    /// Sessions that are forgotten, and whose processes may still be there.
    leaving: Vec<Arc<Session>>,
    is_closed: bool,
}

impl SessionRegistry {
    /// An empty registry over `runtime.state_dir`, whose `sessions` folder is its own: leftovers
    /// of an earlier daemon are removed from it. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open_folder(
        runtime: SessionRuntime,
        limits: SessionLimits,
        roles: Arc<dyn RuntimeRoles>,
    ) -> io::Result<Arc<Self>> {
        let folder = runtime.state_dir.join("sessions");
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        remove_leftovers(&folder)?;
        let limits = Arc::new(limits);
        let retention = Arc::new(Retention::new(limits.retained_in_all));
        let registry = Arc::new(Self {
            starter: Arc::new(Starter::new(
                runtime,
                Arc::clone(&limits),
                roles,
                folder.canonicalize()?,
            )),
            limits,
            counters: Counters::default(),
            clusters: Mutex::default(),
            places: warm::places(),
            retention,
            state: Mutex::default(),
            tasks: Mutex::default(),
        });
        tokio::spawn(reap(Arc::downgrade(&registry)));
        Ok(registry)
    }

    /// The bounds in force.
    #[must_use]
    pub fn limits(&self) -> &SessionLimits {
        &self.limits
    }

    /// What sessions are counted by.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Gives every enclosure this endpoint. Interpreters are enclosed from then on; the first one
    /// given stays.
    pub fn serve_endpoint(&self, endpoint: AwsEndpoint) {
        self.starter.serve(endpoint);
    }

    /// Takes sessions for a cluster, as it is set up, and begins to keep interpreters warm for it.
    /// `address` is what its sessions' requests come from. Must be called within a Tokio runtime.
    pub fn open_cluster(&self, cluster_id: &str, address: IpAddr, settings: ClusterSettings) {
        let cluster = OpenCluster::new(cluster_id, address, settings, &self.limits);
        let cluster = Arc::new(cluster);
        self.clusters.lock().insert(Arc::clone(&cluster));
        self.keep_warm(&cluster, Purpose::Statements);
    }

    fn keep_warm(&self, cluster: &Arc<OpenCluster>, purpose: Purpose) {
        let warm = &self.counters.warm;
        warm::keep(cluster, purpose, &self.starter, &self.places, warm);
    }

    fn cluster(&self, id: &str) -> Arc<OpenCluster> {
        let known = self.clusters.lock().get(id);
        known.unwrap_or_else(|| Arc::new(OpenCluster::unknown(id, &self.limits)))
    }

    /// Opens a session for `owner` on its cluster. The interpreter starts in the background.
    ///
    /// # Errors
    /// When a bound is reached, the owner has an active session of that name, or the registry is
    /// shut down.
    pub fn open(
        &self,
        owner: &Login,
        request: SessionRequest,
    ) -> Result<Arc<Session>, SessionError> {
        let admission = self.admit(owner, request)?;
        let session = Arc::clone(&admission.session);
        self.begin(admission, |cluster, grant| {
            drive(
                Arc::clone(&session),
                Arc::clone(&self.starter),
                cluster,
                grant,
            )
        });
        Ok(session)
    }

    /// Starts a Jupyter kernel for `owner` on its cluster. It counts as a session, and starts in
    /// the background.
    ///
    /// # Errors
    /// When a bound is reached, the cluster does not give what is asked for, or the registry is shut
    /// down.
    pub fn open_kernel(
        &self,
        owner: &Login,
        request: KernelRequest,
    ) -> Result<Arc<Kernel>, SessionError> {
        let mut admission = self.admit(owner, request.session())?;
        let (kernel, orders) = Kernel::new(Arc::clone(&admission.session), request);
        let kernels = &mut admission.state.kernels;
        kernels.insert(kernel.id(), Arc::clone(&kernel));
        // Who starts one kernel starts another; before the first, none waits for nobody.
        self.keep_warm(&admission.cluster, Purpose::Kernel);
        self.begin(admission, |cluster, grant| {
            kernel::drive(
                Arc::clone(&kernel),
                orders,
                Arc::clone(&self.starter),
                cluster,
                grant,
            )
        });
        Ok(kernel)
    }

    /// Starts the task of a session that was admitted. Its admission holds the lock until then, so
    /// that a shutdown sees the task of every session it has admitted.
    fn begin<T>(&self, admission: Admission<'_>, task: impl FnOnce(Arc<OpenCluster>, Grant) -> T)
    where
        T: Future<Output = ()> + Send + 'static,
    {
        let task = task(admission.cluster, admission.grant);
        let task = watch::until_it_ends(Arc::clone(&admission.session), task);
        self.tasks.lock().spawn(task);
        drop(admission.state);
        self.counters.opened.inc();
        let session = admission.session;
        tracing::info!(
            cluster = %session.owner.cluster_id,
            session = session.id,
            kernel = session.is_kernel(),
            role = %session.owner.role_arn,
            "session opened"
        );
    }

    /// Puts in a session of an earlier process; not where its number is taken.
    pub(super) fn insert_ended(&self, session: Arc<Session>) {
        let mut state = self.state.lock();
        let id = (session.owner.cluster_id.clone(), session.id);
        if !state.is_closed && !state.by_id.contains_key(&id) {
            state.insert(&session);
        }
    }

    /// Ends a session and forgets it at once; its process is seen to its end in the background.
    pub fn end(&self, session: &Arc<Session>, reason: &str) {
        self.forget(session, EndReason::Owner, reason);
    }

    /// Ends a session and forgets it, for a reason in words.
    fn forget(&self, session: &Arc<Session>, reason: EndReason, words: &str) {
        tracing::info!(session = session.id, reason = words, "ending session");
        let mut state = self.state.lock();
        state.remove(session);
        state.leave(session);
        session.stop(reason);
    }

    /// Ends a session that someone else than its owner wants gone. It stays to be looked at, so that
    /// its owner learns why.
    pub fn revoke(&self, session: &Arc<Session>, reason: EndReason) {
        let words = reason.text();
        tracing::info!(session = session.id, reason = words, "ending session");
        session.note(format!("this session is being ended: {words}"));
        session.stop(reason);
    }

    /// Ends every session of a cluster, and the interpreters that wait there.
    pub fn end_cluster(&self, cluster_id: &str, reason: &str) {
        self.clusters.lock().remove(cluster_id);
        let sessions: Vec<_> = self.state.lock().of_cluster(cluster_id).cloned().collect();
        for session in sessions {
            self.forget(&session, EndReason::Cluster, reason);
        }
    }

    /// Opens no session and begins no statement any more. What runs goes on.
    pub fn drain(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        state.by_id.values().for_each(|session| session.drain());
    }

    /// How many sessions run a statement.
    #[must_use]
    pub fn running(&self) -> usize {
        let state = self.state.lock();
        let running = state.by_id.values().filter(|session| session.is_running());
        running.count()
    }

    /// Kills every session at once.
    pub async fn kill(&self) {
        self.drain();
        self.clusters.lock().clear();
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        // Dropping a task kills its process group.
        tasks.shutdown().await;
    }

    /// Ends every session and waits until their processes are gone.
    pub async fn shutdown(&self) {
        self.clusters.lock().clear();
        let sessions = {
            let mut state = self.state.lock();
            state.is_closed = true;
            std::mem::take(&mut state.by_key);
            std::mem::take(&mut state.kernels);
            std::mem::take(&mut state.by_id)
        };
        sessions
            .values()
            .for_each(|session| session.stop(EndReason::Shutdown));
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        let all = async { while tasks.join_next().await.is_some() {} };
        let patience = self.limits.stop_grace + SHUTDOWN_MARGIN;
        if tokio::time::timeout(patience, all).await.is_err() {
            // Dropping a task kills its process group.
            tracing::warn!(left = tasks.len(), "sessions did not end in time");
            tasks.shutdown().await;
        }
    }

    fn reap_once(&self) {
        let now = Timestamp::now();
        let sessions = self.state.lock().attended();
        for session in sessions {
            let cluster = self.cluster(&session.owner.cluster_id);
            match session.overdue(now, &cluster.limits) {
                Some(Overdue::End(reason)) => self.forget(&session, reason, reason.text()),
                Some(Overdue::Forget) => self.state.lock().remove(&session),
                None => {}
            }
        }
        let mut tasks = self.tasks.lock();
        while let Some(ended) = tasks.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(%error, "the task of a session failed");
            }
        }
        drop(tasks);
        self.retention.fit();
    }

    /// Bytes that all sessions hold: code and outputs of statements, logs, what scripts printed, and
    /// messages that wait for the clients of kernels.
    #[must_use]
    pub fn held(&self) -> usize {
        self.retention.held()
    }
}

impl State {
    fn insert(&mut self, session: &Arc<Session>) {
        let id = (session.owner.cluster_id.clone(), session.id);
        self.by_id.insert(id, Arc::clone(session));
        self.by_key.insert(session.key.clone(), Arc::clone(session));
    }

    fn remove(&mut self, session: &Session) {
        self.by_id
            .remove(&(session.owner.cluster_id.clone(), session.id));
        self.by_key.remove(&session.key);
        if session.is_kernel() {
            self.kernels
                .retain(|_, kernel| kernel.session().key != session.key);
        }
    }

    /// Keeps count of a session whose process is not gone yet.
    fn leave(&mut self, session: &Arc<Session>) {
        self.leaving.retain(|session| !session.state().has_ended());
        let is_new = !self.leaving.iter().any(|other| Arc::ptr_eq(other, session));
        if is_new && !session.state().has_ended() {
            self.leaving.push(Arc::clone(session));
        }
    }

    /// All sessions; a kernel's is not idle while a client is connected to it. Those that are gone
    /// count no more.
    fn attended(&mut self) -> Vec<Arc<Session>> {
        self.leaving.retain(|session| !session.state().has_ended());
        let kernels = self.kernels.values();
        for kernel in kernels.filter(|kernel| kernel.connections() > 0) {
            kernel.session().attend();
        }
        self.by_id.values().cloned().collect()
    }

    fn of_cluster(&self, cluster_id: &str) -> impl Iterator<Item = &Arc<Session>> {
        self.by_id
            .range((cluster_id.to_owned(), 0)..=(cluster_id.to_owned(), u32::MAX))
            .map(|(_, session)| session)
    }
}

async fn reap(registry: Weak<SessionRegistry>) {
    while let Some(strong) = registry.upgrade() {
        strong.reap_once();
        let pause = strong.limits.bounded_reap_interval();
        drop(strong);
        tokio::time::sleep(pause).await;
    }
}

fn remove_leftovers(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            SessionFolder::new(folder, &entry.file_name().to_string_lossy()).remove();
        }
    }
    Ok(())
}
