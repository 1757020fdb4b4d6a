//! A cluster's life: STARTING, BOOTSTRAPPING while its endpoints are bound, WAITING (RUNNING while
//! steps run), TERMINATING while they are closed, TERMINATED. Each step is durable before the next begins, so that a killed daemon goes on from
//! where it was.

use std::{io, net::Ipv4Addr, sync::Arc};

use jiff::Timestamp;
use lakeward_store::{Change, StoreError};
use thiserror::Error;

use crate::emr::{
    CertificateError, Emr, EmrError,
    cluster::{
        Cluster, ClusterState,
        state::{ReasonCode, StateReason},
    },
    credential, step,
};

/// Why a cluster could not be brought up.
#[derive(Debug, Error)]
pub(crate) enum NotUp {
    /// Its endpoints could not be bound.
    #[error(
        "cluster {id} can't be started at its address {address}: {source}; free the address, or \
         stop the process that holds its ports"
    )]
    Address {
        id: String,
        address: Ipv4Addr,
        source: io::Error,
    },
    /// It can't have its certificate.
    #[error("cluster {id} can't be started: {source}")]
    Certificate {
        id: String,
        source: CertificateError,
    },
    /// The durable state failed.
    #[error("cluster {id} can't be started: {source}")]
    Store { id: String, source: StoreError },
}

impl Emr {
    /// Brings a cluster up in the background.
    pub(crate) fn begin(self: &Arc<Self>, cluster: Arc<Cluster>) {
        let emr = Arc::clone(self);
        tokio::spawn(async move { emr.bring_up(&cluster).await });
    }

    /// Marks the live ones among the clusters that `choose` names as ending, and takes this node's
    /// down in the background; other nodes find theirs in [`Emr::settle`]. What `choose` sees is what
    /// is changed.
    pub(crate) async fn end(
        self: &Arc<Self>,
        reason: StateReason,
        choose: impl FnOnce(&Change<'_>) -> Result<Vec<String>, EmrError> + Send,
    ) -> Result<(), EmrError> {
        let now = self.now();
        let ending = self
            .store
            .change(|change| {
                let keys = choose(change)?;
                let ending = keys
                    .iter()
                    .filter_map(|key| mark_ending(change, key, reason.clone(), now));
                Ok::<_, EmrError>(ending.collect::<Vec<_>>())
            })
            .await?;
        for cluster in ending {
            self.see_off(cluster);
        }
        Ok(())
    }

    /// Takes a cluster that was marked as ending down, if it is this node's.
    pub(crate) fn see_off(self: &Arc<Self>, cluster: Arc<Cluster>) {
        if self.runs_here(&cluster) {
            self.take_down(cluster);
        }
    }

    /// Does what is left to do for this node's clusters: takes down those that another node marked
    /// as ending, or whose end could not be recorded, and brings up those that are to come up and
    /// didn't yet.
    pub(crate) fn settle(self: &Arc<Self>) {
        self.work_on_all();
        for cluster in self.own_clusters() {
            if cluster.state == ClusterState::Terminating && !self.turns.is_taken(&cluster.id) {
                self.take_down(cluster);
            } else if self.is_to_come_up(&cluster) && self.turns.is_due(&cluster.id) {
                self.begin(cluster);
            }
        }
    }

    /// This node's clusters that could not be brought up and are tried again.
    #[must_use]
    pub fn held_up(&self) -> Vec<String> {
        self.turns.held_up()
    }

    fn take_down(self: &Arc<Self>, cluster: Arc<Cluster>) {
        let emr = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = emr.bring_down(&cluster).await {
                tracing::error!(cluster = %cluster.id, %error, "cluster not recorded as ended");
            }
        });
    }

    /// Brings a cluster up that is to come up. One that can't be brought up leaves nothing behind:
    /// if it is new, it ends; if it was up before, it is tried again, and so is one whose record
    /// could not be written.
    async fn bring_up(self: &Arc<Self>, cluster: &Cluster) {
        let turn = self.turns.of(&cluster.id);
        let _turn = turn.lock().await;
        let key = Cluster::key_of(&cluster.account, &cluster.id);
        let current = self.store.snapshot().get::<Cluster>(&key);
        let Some(cluster) = current.filter(|cluster| self.is_to_come_up(cluster)) else {
            return;
        };
        let Err(error) = self.try_to_bring_up(&key, &cluster).await else {
            self.turns.succeed(&cluster.id);
            self.work_on(key);
            return;
        };
        tracing::error!(cluster = %cluster.id, %error, "cluster not started");
        self.runtime.stop(&cluster.id).await;
        self.not_up(&key, &cluster, &error).await;
    }

    /// One that is held up isn't up, even if its record says so: the answer to the last change of it may
    /// have been lost.
    fn is_to_come_up(&self, cluster: &Cluster) -> bool {
        let held_up = cluster.state.is_live() && self.turns.is_held_up(&cluster.id);
        held_up || cluster.state.is_coming_up()
    }

    async fn try_to_bring_up(&self, key: &str, cluster: &Cluster) -> Result<(), NotUp> {
        let id = || cluster.id.clone();
        let unrecorded = |source| NotUp::Store { id: id(), source };
        self.bootstrap(key).await.map_err(unrecorded)?;
        let certificate = self.certificate(cluster).await;
        let certificate = certificate.map_err(|source| NotUp::Certificate { id: id(), source })?;
        let started = self.runtime.start(cluster, certificate.as_ref()).await;
        started.map_err(|source| NotUp::Address {
            id: id(),
            address: cluster.address,
            source,
        })?;
        let now = self.now();
        self.activity.touch(&cluster.id);
        self.transition(key, |cluster| {
            if cluster.state.is_live() {
                cluster.state = ClusterState::Waiting;
                cluster.reason = Some(StateReason::ready());
                cluster.ready_at = cluster.ready_at.or(Some(now));
            }
        })
        .await
        .map_err(unrecorded)
    }

    /// The cluster becomes BOOTSTRAPPING. What ran when an earlier run of the daemon ended is lost.
    async fn bootstrap(&self, key: &str) -> Result<(), StoreError> {
        let now = self.now();
        self.store
            .change(|change| {
                let current = change.get::<Cluster>(key);
                let begins = |one: &Arc<Cluster>| {
                    one.state.is_live() && one.state != ClusterState::Bootstrapping
                };
                if let Some(cluster) = current.filter(begins) {
                    let mut next = (*cluster).clone();
                    next.state = ClusterState::Bootstrapping;
                    next.reason = Some(StateReason::message("Bringing up the cluster's endpoints"));
                    step::schedule::lose_all(change, &cluster.id, now);
                    change.put(next);
                }
                Ok(())
            })
            .await
    }

    /// Records that a cluster didn't come up.
    async fn not_up(&self, key: &str, cluster: &Cluster, error: &NotUp) {
        let is_new = cluster.ready_at.is_none();
        let ends = is_new && !matches!(error, NotUp::Store { .. });
        let recorded = match ends {
            true => self.fail(key, error).await,
            false => self.wait_on(key, error).await,
        };
        match recorded {
            Ok(()) if ends => self.turns.forget(&cluster.id),
            Ok(()) => self.turns.put_off(&cluster.id),
            Err(error) => {
                tracing::error!(cluster = %cluster.id, %error, "failed start not recorded");
                self.turns.put_off(&cluster.id);
            }
        }
    }

    /// The end of a new cluster that can't come up, and of its steps.
    async fn fail(&self, key: &str, error: &NotUp) -> Result<(), StoreError> {
        let now = self.now();
        let reason = StateReason::coded(error.code(), error.to_string());
        self.store
            .change(|change| {
                if mark_ending(change, key, reason, now).is_some()
                    && let Some(ending) = change.get::<Cluster>(key)
                {
                    let mut next = (*ending).clone();
                    next.state = ClusterState::TerminatedWithErrors;
                    next.ended_at = Some(now);
                    change.put(next);
                }
                Ok(())
            })
            .await
    }

    /// Lets a cluster wait for its next try, and says for what.
    async fn wait_on(&self, key: &str, error: &NotUp) -> Result<(), StoreError> {
        self.transition(key, |cluster| {
            if cluster.state.is_live() {
                cluster.state = ClusterState::Bootstrapping;
                let why = format!("Tried again until it is up: {error}");
                cluster.reason = Some(StateReason::message(&why));
            }
        })
        .await
    }

    async fn bring_down(&self, cluster: &Cluster) -> Result<(), StoreError> {
        let turn = self.turns.of(&cluster.id);
        let _turn = turn.lock().await;
        self.runtime.stop(&cluster.id).await;
        self.activity.forget(&cluster.id);
        let now = self.now();
        let key = Cluster::key_of(&cluster.account, &cluster.id);
        self.transition(&key, |cluster| {
            if cluster.state == ClusterState::Terminating {
                cluster.state = cluster.last_state();
                cluster.ended_at = Some(now);
            }
        })
        .await?;
        self.turns.forget(&cluster.id);
        Ok(())
    }

    pub(crate) async fn transition(
        &self,
        key: &str,
        f: impl FnOnce(&mut Cluster) + Send,
    ) -> Result<(), StoreError> {
        self.store
            .change(|change| {
                if let Some(current) = change.get::<Cluster>(key) {
                    let mut next = (*current).clone();
                    f(&mut next);
                    change.put(next);
                }
                Ok(())
            })
            .await
    }

    /// Takes up where an earlier run of the daemon stopped: every live cluster of this node is
    /// started again at its address, and one that was ending is taken down. A cluster that no node
    /// has taken yet becomes this node's. One that can't come up now is BOOTSTRAPPING and is tried
    /// again by [`Emr::keep_house`]; [`Emr::held_up`] names it. To be called once, before requests
    /// are served.
    ///
    /// # Errors
    /// The durable state failed.
    pub async fn resume(self: &Arc<Self>) -> Result<(), StoreError> {
        for cluster in self.store.snapshot().scan::<Cluster>("") {
            if cluster.state.is_over() {
                continue;
            }
            let key = Cluster::key_of(&cluster.account, &cluster.id);
            match self.take(&key).await? {
                Some(ending) if ending.state == ClusterState::Terminating => {
                    self.bring_down(&ending).await?;
                }
                Some(cluster) => self.bring_up(&cluster).await,
                None => {}
            }
        }
        Ok(())
    }
}

/// Marks a live cluster as ending, and ends its steps and credentials. None when it isn't live.
pub(crate) fn mark_ending(
    change: &mut Change<'_>,
    key: &str,
    reason: StateReason,
    now: Timestamp,
) -> Option<Arc<Cluster>> {
    let cluster = change.get::<Cluster>(key)?;
    if !cluster.state.is_live() {
        return None;
    }
    let mut ending = (*cluster).clone();
    ending.state = ClusterState::Terminating;
    ending.reason = Some(reason);
    credential::withdraw_all(change, &cluster.id);
    step::record::abandon(change, &cluster.id, now);
    change.put(ending);
    Some(cluster)
}

impl NotUp {
    fn code(&self) -> ReasonCode {
        match self {
            Self::Certificate { source, .. } if source.is_unfit() => ReasonCode::ValidationError,
            _ => ReasonCode::BootstrapFailure,
        }
    }
}
