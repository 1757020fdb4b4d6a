//! `GetClusterSessionCredentials`, and the logins it gives out.

mod issue;
mod requirements;
mod runtime_roles;

pub(crate) use issue::issue;

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_store::{Change, Record, Snapshot};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// A user name and password for one cluster, bound to a runtime role and a caller.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionCredential {
    /// The cluster's account.
    pub account: String,
    /// The cluster it opens.
    pub cluster_id: String,
    /// Random.
    pub username: String,
    /// SHA-256 of the password, in hexadecimal. The password is random and long, so that a plain
    /// hash of it tells nothing.
    pub password_sha256: String,
    /// What sessions run under.
    pub role_arn: String,
    /// Who asked.
    pub caller_arn: String,
    /// The source identity of the one who asked.
    pub source_identity: Option<String>,
    /// When it stops being accepted.
    pub expires_at: Timestamp,
}

impl SessionCredential {
    fn key_of(cluster_id: &str, username: &str) -> String {
        format!("{cluster_id}/{username}")
    }

    /// Compares in constant time.
    fn has_password(&self, sha256: &str) -> bool {
        self.password_sha256
            .as_bytes()
            .ct_eq(sha256.as_bytes())
            .into()
    }
}

impl Record for SessionCredential {
    const KIND: &'static str = "emr-session-credential";

    fn key(&self) -> String {
        Self::key_of(&self.cluster_id, &self.username)
    }
}

/// Withdraws every credential of a cluster that ends.
pub(crate) fn withdraw_all(change: &mut Change<'_>, cluster_id: &str) {
    for pair in of_cluster(change, cluster_id) {
        change.delete::<SessionCredential>(&pair.key());
    }
}

/// The credentials of a cluster.
pub(crate) fn of_cluster(snapshot: &Snapshot, cluster_id: &str) -> Vec<Arc<SessionCredential>> {
    snapshot.scan(&SessionCredential::key_of(cluster_id, ""))
}

/// Removes what has expired among the keys that begin with `prefix`.
pub(crate) fn prune(change: &mut Change<'_>, prefix: &str, now: Timestamp) {
    for pair in change.scan::<SessionCredential>(prefix) {
        if pair.expires_at <= now {
            change.delete::<SessionCredential>(&pair.key());
        }
    }
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
