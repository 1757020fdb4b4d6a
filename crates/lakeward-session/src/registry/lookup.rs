//! Finding sessions: an owner's, and everyone's for those who look after a cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::SessionRegistry;
use crate::authority::Login;
use crate::batch::Batch;
use crate::kernel::Kernel;
use crate::session::{Session, SessionState, SessionSummary};

impl SessionRegistry {
    /// Whether a session of that number is known, whoever owns it.
    #[must_use]
    pub fn knows(&self, cluster_id: &str, id: u32) -> bool {
        let id = (cluster_id.to_owned(), id);
        self.state.lock().by_id.contains_key(&id)
    }

    /// The login's own session of that number.
    #[must_use]
    pub fn find(&self, login: &Login, id: u32) -> Option<Arc<Session>> {
        let state = self.state.lock();
        let session = state.by_id.get(&(login.cluster_id.clone(), id))?;
        let is_own = session.takes_statements() && session.owner.is_same_binding(login);
        is_own.then(|| Arc::clone(session))
    }

    /// The login's own kernel of that id.
    #[must_use]
    pub fn find_kernel(&self, login: &Login, id: Uuid) -> Option<Arc<Kernel>> {
        let state = self.state.lock();
        let kernel = state.kernels.get(&id)?;
        (kernel.session().owner.is_same_binding(login)).then(|| Arc::clone(kernel))
    }

    /// The login's own kernels, oldest first.
    #[must_use]
    pub fn kernels_owned_by(&self, login: &Login) -> Vec<Arc<Kernel>> {
        let state = self.state.lock();
        let mut own: Vec<_> = state
            .kernels
            .values()
            .filter(|kernel| kernel.session().owner.is_same_binding(login))
            .cloned()
            .collect();
        own.sort_by_key(|kernel| kernel.session().created_at);
        own
    }

    /// The login's own sessions, oldest first.
    #[must_use]
    pub fn owned_by(&self, login: &Login) -> Vec<Arc<Session>> {
        let state = self.state.lock();
        let mut own: Vec<_> = state
            .of_cluster(&login.cluster_id)
            .filter(|session| session.takes_statements() && session.owner.is_same_binding(login))
            .cloned()
            .collect();
        own.sort_by_key(|session| session.created_at);
        own
    }

    /// The login's own batches, oldest first.
    #[must_use]
    pub fn batches_of(&self, login: &Login) -> Vec<Batch> {
        let state = self.state.lock();
        let mut own: Vec<_> = state
            .of_cluster(&login.cluster_id)
            .filter(|session| session.is_batch() && session.owner.is_same_binding(login))
            .map(|session| Batch::of(Arc::clone(session)))
            .collect();
        own.sort_by_key(Batch::created_at);
        own
    }

    /// All sessions of a cluster, oldest first.
    #[must_use]
    pub fn summaries(&self, cluster_id: &str) -> Vec<SessionSummary> {
        let state = self.state.lock();
        let mut all: Vec<_> = state
            .of_cluster(cluster_id)
            .map(|session| session.summary())
            .collect();
        all.sort_by_key(|summary| summary.created_at);
        all
    }

    /// A cluster's session of that number, whoever owns it. For those who may look after the cluster.
    #[must_use]
    pub fn find_on(&self, cluster_id: &str, id: u32) -> Option<Arc<Session>> {
        let key = (cluster_id.to_owned(), id);
        self.state.lock().by_id.get(&key).cloned()
    }

    /// How many sessions each cluster has in each state.
    #[must_use]
    pub fn census(&self) -> BTreeMap<(String, SessionState), usize> {
        let state = self.state.lock();
        let mut counts = BTreeMap::new();
        for ((cluster, _), session) in &state.by_id {
            let place = (cluster.clone(), session.state());
            *counts.entry(place).or_default() += 1;
        }
        counts
    }

    /// The live session whose credentials this token opens.
    pub(crate) fn with_token(&self, key: &str, token: &str) -> Option<Arc<Session>> {
        // A key is random and long, and says no more than that there is such a session.
        let session = self.state.lock().by_key.get(key).cloned();
        session.filter(|session| session.is_opened_by(token))
    }
}
