//! What happens without anyone asking: idle clusters end, expired credentials and old clusters
//! leave the record.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::time::{MissedTickBehavior, interval};

use crate::emr::{
    Emr,
    cluster::{
        Cluster, ClusterState,
        state::{ReasonCode, StateReason},
    },
    credential::{self, SessionCredential},
    error::EmrError,
    session_record, step,
};

const EVERY: Duration = Duration::from_secs(10);
/// How soon this node does what was asked of another.
const SETTLE_EVERY: Duration = Duration::from_secs(1);
/// AWS keeps a cluster's metadata for two months.
const KEPT_AFTER_END: SignedDuration = SignedDuration::from_hours(24 * 60);

impl Emr {
    /// Keeps house until the daemon ends. To be spawned once.
    pub async fn keep_house(self: Arc<Self>) {
        let (mut tidying, mut settling) = (interval(EVERY), interval(SETTLE_EVERY));
        tidying.set_missed_tick_behavior(MissedTickBehavior::Delay);
        settling.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = settling.tick() => self.settle(),
                _ = tidying.tick() => {
                    if let Err(error) = self.tidy().await {
                        tracing::error!(%error, "housekeeping failed");
                    }
                }
            }
        }
    }

    /// One round of housekeeping.
    ///
    /// # Errors
    /// The durable state failed.
    pub async fn tidy(self: &Arc<Self>) -> Result<(), EmrError> {
        let now = self.now();
        self.end_idle_clusters(now).await?;
        self.prune(now).await
    }

    /// Ends this node's clusters whose auto-termination policy says so. Termination protection goes first: a
    /// protected cluster stays, however idle.
    async fn end_idle_clusters(self: &Arc<Self>, now: Timestamp) -> Result<(), EmrError> {
        for cluster in self.own_clusters() {
            if !cluster.state.is_ready() || cluster.idle_timeout.is_none() {
                continue;
            }
            let works = cluster.state == ClusterState::Running;
            if works || self.runtime.busy(&cluster.id) {
                self.activity.touch(&cluster.id);
            } else if let Some(timeout) = self.idle_for_too_long(&cluster, now) {
                self.end_idle(&cluster, timeout, now).await?;
            }
        }
        Ok(())
    }

    /// The timeout that is over, when the cluster's policy says that it ends.
    fn idle_for_too_long(&self, cluster: &Cluster, now: Timestamp) -> Option<u32> {
        let may_end = cluster.state == ClusterState::Waiting && !cluster.termination_protected;
        let timeout = cluster.idle_timeout.filter(|_| may_end)?;
        let idle = !self.runtime.busy(&cluster.id)
            && self.idle_seconds(cluster, now) >= i64::from(timeout);
        idle.then_some(timeout)
    }

    /// How long nobody used the cluster, nor set its policy. Credentials that other nodes issued are
    /// known from their records.
    pub(crate) fn idle_seconds(&self, cluster: &Cluster, now: Timestamp) -> i64 {
        let unused = self.activity.idle_seconds(&cluster.id);
        let lifetime = self.config.credential_lifetime;
        let pairs = credential::of_cluster(&self.store.snapshot(), &cluster.id);
        let ages = pairs
            .iter()
            .map(|pair| (lifetime - now.duration_until(pair.expires_at)).as_secs());
        let policy = cluster.idle_timeout_set_at;
        let policy = policy.map(|at| now.duration_since(at).as_secs());
        ages.chain(policy).fold(unused, i64::min)
    }

    pub(super) async fn end_idle(
        self: &Arc<Self>,
        cluster: &Cluster,
        timeout: u32,
        now: Timestamp,
    ) -> Result<(), EmrError> {
        tracing::info!(cluster = %cluster.id, timeout, "idle cluster ends");
        let message =
            format!("Terminated by the auto-termination policy after {timeout} idle seconds");
        let reason = StateReason::coded(ReasonCode::UserRequest, message);
        let key = Cluster::key_of(&cluster.account, &cluster.id);
        self.end(reason, |change| {
            // It may have been protected or used since it was looked at.
            let current = change.get::<Cluster>(&key);
            let idle = current.is_some_and(|one| self.idle_for_too_long(&one, now).is_some());
            Ok(idle.then_some(key).into_iter().collect())
        })
        .await
    }

    async fn prune(&self, now: Timestamp) -> Result<(), EmrError> {
        let snapshot = self.store.snapshot();
        let expired = snapshot
            .scan::<SessionCredential>("")
            .iter()
            .any(|pair| pair.is_over(now));
        let forgotten: Vec<String> = snapshot
            .scan::<Cluster>("")
            .iter()
            .filter(|cluster| is_forgotten(cluster, now))
            .map(|cluster| Cluster::key_of(&cluster.account, &cluster.id))
            .collect();
        let orphans = session_record::orphans(&snapshot);
        if !expired && forgotten.is_empty() && orphans.is_empty() {
            return Ok(());
        }
        self.store
            .change(|change| {
                credential::prune(change, "", now);
                session_record::remove(change, &orphans);
                for key in &forgotten {
                    if let Some(cluster) = change.get::<Cluster>(key) {
                        step::record::forget(change, &cluster.id);
                    }
                    change.delete::<Cluster>(key);
                }
                Ok(())
            })
            .await
    }
}

fn is_forgotten(cluster: &Cluster, now: Timestamp) -> bool {
    cluster
        .ended_at
        .is_some_and(|ended| now.duration_since(ended) > KEPT_AFTER_END)
}
