//! The records of sessions: what a restart of the service leaves of them.

use async_trait::async_trait;
use jiff::Timestamp;
use lakeward_session::{Login, SessionRecord, SessionRecords};
use lakeward_store::{Change, Record, Snapshot};
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use crate::emr::{Emr, cluster::Cluster, error::EmrError};

/// A session or batch of a cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptSession {
    /// Its cluster.
    pub cluster_id: String,
    /// Its number on the cluster.
    pub id: u32,
    /// The user name of the pair that opened it.
    pub username: String,
    /// What it ran under.
    pub role_arn: String,
    /// Who asked for the pair.
    pub caller_arn: String,
    /// The source identity of the one who asked.
    pub source_identity: Option<String>,
    /// When the pair stops being accepted.
    pub expires_at: Timestamp,
    /// Its name, when it has one.
    pub name: Option<String>,
    /// Its kind, in Livy's word.
    pub kind: String,
    /// Whether it is a batch.
    pub is_batch: bool,
    /// When it was opened.
    pub created_at: Timestamp,
}

impl KeptSession {
    fn key_of(cluster_id: &str, id: u32) -> String {
        format!("{cluster_id}/{id}")
    }
}

impl Record for KeptSession {
    const KIND: &'static str = "emr-session";

    fn key(&self) -> String {
        Self::key_of(&self.cluster_id, self.id)
    }
}

impl From<SessionRecord> for KeptSession {
    fn from(record: SessionRecord) -> Self {
        Self {
            cluster_id: record.owner.cluster_id,
            id: record.id,
            username: record.owner.username,
            role_arn: record.owner.role_arn,
            caller_arn: record.owner.caller_arn,
            source_identity: record.owner.source_identity,
            expires_at: record.owner.expires_at,
            name: record.name,
            kind: record.kind,
            is_batch: record.is_batch,
            created_at: record.created_at,
        }
    }
}

impl From<KeptSession> for SessionRecord {
    fn from(kept: KeptSession) -> Self {
        Self {
            id: kept.id,
            owner: Login {
                username: kept.username,
                cluster_id: kept.cluster_id,
                role_arn: kept.role_arn,
                caller_arn: kept.caller_arn,
                source_identity: kept.source_identity,
                expires_at: kept.expires_at,
            },
            name: kept.name,
            kind: kept.kind,
            is_batch: kept.is_batch,
            created_at: kept.created_at,
        }
    }
}

/// The keys of records whose cluster is over or gone.
pub(crate) fn orphans(snapshot: &Snapshot) -> Vec<String> {
    let clusters = snapshot.scan::<Cluster>("");
    let has_cluster = |kept: &KeptSession| {
        let mut clusters = clusters.iter();
        clusters.any(|cluster| cluster.id == kept.cluster_id && !cluster.state.is_over())
    };
    let mut kept = snapshot.scan::<KeptSession>("");
    kept.retain(|kept| !has_cluster(kept));
    kept.iter().map(|kept| kept.key()).collect()
}

/// Removes the records of these keys.
pub(crate) fn remove(change: &mut Change<'_>, keys: &[String]) {
    for key in keys {
        change.delete::<KeptSession>(key);
    }
}

#[async_trait]
impl SessionRecords for Emr {
    async fn keep(&self, record: SessionRecord) -> Result<(), AwsError> {
        let kept = KeptSession::from(record);
        let kept = self.store.change(|change| {
            change.put(kept);
            Ok::<_, EmrError>(())
        });
        Ok(kept.await?)
    }

    fn kept(&self, cluster_id: &str) -> Vec<SessionRecord> {
        let kept = self
            .store
            .snapshot()
            .scan::<KeptSession>(&format!("{cluster_id}/"));
        kept.iter().map(|kept| (**kept).clone().into()).collect()
    }

    async fn forget(&self, cluster_id: &str, ids: Vec<u32>) -> Result<(), AwsError> {
        let keys: Vec<String> = ids
            .iter()
            .map(|id| KeptSession::key_of(cluster_id, *id))
            .collect();
        let forgotten = self.store.change(|change| {
            remove(change, &keys);
            Ok::<_, EmrError>(())
        });
        Ok(forgotten.await?)
    }
}
