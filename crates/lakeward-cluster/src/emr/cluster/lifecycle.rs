//! A cluster's life: STARTING, BOOTSTRAPPING while its endpoints are bound, WAITING (RUNNING while
//! steps run), TERMINATING while they are closed, TERMINATED. Each step is durable before the next begins, so that a killed daemon goes on from
//! where it was.

use std::{
    collections::HashMap,
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

use lakeward_store::{Change, StoreError};
use thiserror::Error;

use crate::emr::{
    CertificateError, Emr,
    cluster::{
        Cluster, ClusterState,
        state::{ReasonCode, StateReason},
    },
    credential, step,
};

/// Starting and stopping one cluster take turns, so that a stop which is asked for during the start
/// finds something to stop.
#[derive(Default)]
pub(crate) struct Turns {
    clusters: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Turns {
    fn of(&self, cluster_id: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(clusters.entry(cluster_id.to_owned()).or_default())
    }

    /// Whether a start or stop is under way.
    fn is_taken(&self, cluster_id: &str) -> bool {
        let clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = clusters.get(cluster_id);
        turn.is_some_and(|turn| turn.try_lock().is_err())
    }

    fn forget(&self, cluster_id: &str) {
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        clusters.remove(cluster_id);
    }
}

/// Clusters that could not be brought up again when the daemon started.
#[derive(Debug, Error)]
#[error("{}", .clusters.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct ResumeError {
    /// One for each cluster.
    pub clusters: Vec<NotResumed>,
}

/// A cluster that could not be brought up again. It stays BOOTSTRAPPING.
#[derive(Debug, Error)]
pub enum NotResumed {
    /// Its endpoints could not be bound.
    #[error(
        "cluster {id} can't be started at its address {address}: {source}; free the address, or \
         stop the process that holds its ports"
    )]
    Address {
        /// The cluster.
        id: String,
        /// Its address.
        address: Ipv4Addr,
        /// What the system said.
        source: io::Error,
    },
    /// It can't have its certificate.
    #[error("cluster {id} can't be started: {source}")]
    Certificate {
        /// The cluster.
        id: String,
        /// What to change.
        source: CertificateError,
    },
    /// The durable state failed.
    #[error("cluster {id} can't be started: {source}")]
    Store {
        /// The cluster.
        id: String,
        /// What the store said.
        source: StoreError,
    },
}

impl Emr {
    /// Brings a new cluster up in the background.
    pub(crate) fn begin(self: &Arc<Self>, cluster: Arc<Cluster>) {
        let emr = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = emr.bring_up(&cluster).await {
                tracing::error!(cluster = %cluster.id, %error, "cluster not started");
                emr.fail(&cluster, &error).await;
            }
        });
    }

    /// Marks live clusters as ending and takes this node's down in the background; other nodes find
    /// theirs in [`Emr::settle`]. Clusters that end or have ended already are left alone.
    pub(crate) async fn end(
        self: &Arc<Self>,
        keys: Vec<String>,
        reason: StateReason,
        refuse: impl FnOnce(&Change<'_>) -> Result<(), crate::emr::EmrError> + Send,
    ) -> Result<(), crate::emr::EmrError> {
        let now = self.now();
        let ending = self
            .store
            .change(|change| {
                refuse(change)?;
                let live: Vec<_> = keys
                    .iter()
                    .filter_map(|key| change.get::<Cluster>(key))
                    .filter(|cluster| cluster.state.is_live())
                    .collect();
                for cluster in &live {
                    let mut ending = (**cluster).clone();
                    ending.state = ClusterState::Terminating;
                    ending.reason = Some(reason.clone());
                    credential::withdraw_all(change, &cluster.id);
                    step::record::abandon(change, &cluster.id, now);
                    change.put(ending);
                }
                Ok::<_, crate::emr::EmrError>(live)
            })
            .await?;
        for cluster in ending {
            if self.runs_here(&cluster) {
                self.take_down(cluster);
            }
        }
        Ok(())
    }

    /// Takes down those of this node's clusters that another node marked as ending, or whose end
    /// could not be recorded.
    pub(crate) fn settle(self: &Arc<Self>) {
        self.work_on_all();
        for cluster in self.own_clusters() {
            let is_ending = cluster.state == ClusterState::Terminating;
            if is_ending && !self.turns.is_taken(&cluster.id) {
                self.take_down(cluster);
            }
        }
    }

    fn take_down(self: &Arc<Self>, cluster: Arc<Cluster>) {
        let emr = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = emr.bring_down(&cluster).await {
                tracing::error!(cluster = %cluster.id, %error, "cluster not recorded as ended");
            }
        });
    }

    async fn bring_up(self: &Arc<Self>, cluster: &Arc<Cluster>) -> Result<(), NotResumed> {
        let turn = self.turns.of(&cluster.id);
        let _turn = turn.lock().await;
        let key = Cluster::key_of(&cluster.account, &cluster.id);
        let wanted = self.store.snapshot().get::<Cluster>(&key);
        if !wanted.is_some_and(|cluster| cluster.state.is_live()) {
            return Ok(());
        }
        let unrecorded = |source| NotResumed::Store {
            id: cluster.id.clone(),
            source,
        };
        self.transition(&key, |cluster| {
            if cluster.state == ClusterState::Starting {
                cluster.state = ClusterState::Bootstrapping;
                cluster.reason = Some(StateReason::message("Bringing up the cluster's endpoints"));
            }
        })
        .await
        .map_err(unrecorded)?;
        let certificate =
            self.certificate(cluster)
                .await
                .map_err(|source| NotResumed::Certificate {
                    id: cluster.id.clone(),
                    source,
                })?;
        self.runtime
            .start(cluster, certificate.as_ref())
            .await
            .map_err(|source| NotResumed::Address {
                id: cluster.id.clone(),
                address: cluster.address,
                source,
            })?;
        let unrecorded = |source| NotResumed::Store {
            id: cluster.id.clone(),
            source,
        };
        self.lose_steps(cluster).await.map_err(unrecorded)?;
        let now = self.now();
        self.activity.touch(&cluster.id, now);
        self.transition(&key, |cluster| {
            if cluster.state.is_live() {
                cluster.state = ClusterState::Waiting;
                cluster.reason = Some(StateReason::ready());
                cluster.ready_at = cluster.ready_at.or(Some(now));
            }
        })
        .await
        .map_err(unrecorded)?;
        self.work_on(key);
        Ok(())
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

    /// Records that a new cluster never came up.
    async fn fail(&self, cluster: &Cluster, error: &NotResumed) {
        self.turns.forget(&cluster.id);
        let now = self.now();
        let reason = StateReason::coded(error.code(), error.to_string());
        let key = Cluster::key_of(&cluster.account, &cluster.id);
        let recorded = self
            .transition(&key, |cluster| {
                if cluster.state.is_coming_up() {
                    cluster.state = ClusterState::TerminatedWithErrors;
                    cluster.reason = Some(reason);
                    cluster.ended_at = Some(now);
                }
            })
            .await;
        if let Err(error) = recorded {
            tracing::error!(cluster = %cluster.id, %error, "failed start not recorded");
        }
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
    /// has taken yet becomes this node's. To be called once, before requests are served.
    ///
    /// # Errors
    /// Some clusters could not be started. They are BOOTSTRAPPING and will be tried again by the next
    /// `resume`; the others are up.
    pub async fn resume(self: &Arc<Self>) -> Result<(), ResumeError> {
        let mut clusters = Vec::new();
        for cluster in self.store.snapshot().scan::<Cluster>("") {
            if let Err(error) = self.resume_one(&cluster).await {
                clusters.push(error);
            }
        }
        if clusters.is_empty() {
            Ok(())
        } else {
            Err(ResumeError { clusters })
        }
    }

    async fn resume_one(self: &Arc<Self>, cluster: &Arc<Cluster>) -> Result<(), NotResumed> {
        if cluster.state.is_over() {
            return Ok(());
        }
        let unrecorded = |source| NotResumed::Store {
            id: cluster.id.clone(),
            source,
        };
        let key = Cluster::key_of(&cluster.account, &cluster.id);
        let Some(cluster) = self.take(&key).await.map_err(unrecorded)? else {
            return Ok(());
        };
        match cluster.state {
            ClusterState::Terminating => self.bring_down(&cluster).await.map_err(unrecorded),
            _ => match self.bring_up(&cluster).await {
                // Nothing to try again: only a new cluster reads other rules.
                Err(error @ NotResumed::Certificate { .. }) => {
                    tracing::error!(cluster = %cluster.id, %error, "cluster ends");
                    self.fail(&cluster, &error).await;
                    Ok(())
                }
                other => other,
            },
        }
    }
}

impl NotResumed {
    fn code(&self) -> ReasonCode {
        match self {
            Self::Certificate { source, .. } if source.is_unfit() => ReasonCode::ValidationError,
            _ => ReasonCode::BootstrapFailure,
        }
    }
}
