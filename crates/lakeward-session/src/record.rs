//! What is kept of a session outside this process, so that its owner is told what became of it
//! when the service was restarted.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use lakeward_wire::AwsError;

use super::authority::Login;
use super::batch::Script;
use super::counters::Counters;
use super::registry::{SessionRegistry, secrets};
use super::session::{Session, SessionRequest, SessionState};

/// The last line of the log of a session that a restart has ended.
const RESTARTED: &str = "Lakeward was restarted while this ran, and its process ended with it; nothing of it is left. Start it again.";

/// A session or batch that was opened and isn't forgotten yet.
#[derive(Debug, Clone)]
pub struct SessionRecord {
    /// Its number.
    pub id: u32,
    /// Whose it is.
    pub owner: Login,
    /// Its name, when it has one.
    pub name: Option<String>,
    /// Its kind, in Livy's word.
    pub kind: String,
    /// Whether it is a batch.
    pub is_batch: bool,
    /// When it was opened.
    pub created_at: Timestamp,
}

/// Where the records of sessions are kept: durable, and shared by nothing but this.
#[async_trait]
pub trait SessionRecords: Send + Sync + 'static {
    /// Keeps a record. The session is answered to its owner after this.
    ///
    /// # Errors
    /// It can't be written.
    async fn keep(&self, record: SessionRecord) -> Result<(), AwsError>;

    /// The records of a cluster.
    fn kept(&self, cluster_id: &str) -> Vec<SessionRecord>;

    /// Removes the records of these numbers.
    ///
    /// # Errors
    /// They can't be removed.
    async fn forget(&self, cluster_id: &str, ids: Vec<u32>) -> Result<(), AwsError>;
}

impl Session {
    /// What is kept of it.
    #[must_use]
    pub fn record(&self) -> SessionRecord {
        SessionRecord {
            id: self.id,
            owner: self.owner.clone(),
            name: self.request.name.clone(),
            kind: self.request.kind.clone(),
            is_batch: self.is_batch(),
            created_at: self.created_at,
        }
    }
}

impl SessionRegistry {
    /// Shows again, as dead, what an earlier process ran. It is forgotten in the usual time. Does
    /// nothing where the number is taken.
    pub fn restore(&self, record: SessionRecord) {
        let request = SessionRequest {
            name: record.name,
            kind: record.kind,
            script: record.is_batch.then(Script::default),
            ..SessionRequest::default()
        };
        let (key, token) = secrets();
        let mut session = Session::new(
            record.id,
            key,
            token,
            record.owner,
            request,
            self.limits(),
            Counters::default(),
        );
        session.created_at = record.created_at;
        session.end(SessionState::Dead, "SessionEnded", RESTARTED);
        self.insert_ended(Arc::new(session));
    }
}
