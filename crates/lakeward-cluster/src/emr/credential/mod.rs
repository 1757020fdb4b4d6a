//! `GetClusterSessionCredentials`, and the logins it gives out.
//!
//! A pair is good as long as its caller could still ask for it: each use asks the policies again.

mod issue;
mod requirements;
mod runtime_roles;

pub(crate) use issue::issue;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lakeward_identity::KeptCaller;
use lakeward_session::Login;
use lakeward_store::{Change, Record, Snapshot};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Work that a pair began may outlive it, and needs its record to get keys: so long at most.
const KEPT_AFTER_EXPIRY: SignedDuration = SignedDuration::from_hours(24);

/// How many pairs may be good at a time. A caller that reconnects leaves one behind each time.
#[derive(Clone, Copy, Debug)]
pub struct CredentialLimits {
    /// Of one role or user, whatever its sessions and federated users are called, on one cluster.
    pub for_one_principal: usize,
    /// On one cluster.
    pub for_one_cluster: usize,
}

impl Default for CredentialLimits {
    /// 5,000 and 20,000.
    fn default() -> Self {
        Self {
            for_one_principal: 5_000,
            for_one_cluster: 20_000,
        }
    }
}

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
    /// The unique id of that role: one made again under the same name is another. Empty in records
    /// of versions that didn't keep it, which open nothing.
    #[serde(default)]
    pub role_id: String,
    /// Who asked.
    pub caller_arn: String,
    /// The role or user behind the one who asked.
    #[serde(default)]
    pub principal_arn: String,
    /// Its unique id; of an account's root the account.
    #[serde(default)]
    pub principal_id: String,
    /// The one who asked, to be asked for again at each use.
    #[serde(default)]
    pub caller: Option<KeptCaller>,
    /// The source identity of the one who asked.
    pub source_identity: Option<String>,
    /// When it stops being accepted.
    pub expires_at: Timestamp,
}

impl SessionCredential {
    fn key_of(cluster_id: &str, username: &str) -> String {
        format!("{cluster_id}/{username}")
    }

    /// What it opens.
    fn login(&self) -> Login {
        Login {
            username: self.username.clone(),
            cluster_id: self.cluster_id.clone(),
            role_arn: self.role_arn.clone(),
            caller_arn: self.caller_arn.clone(),
            source_identity: self.source_identity.clone(),
            expires_at: self.expires_at,
        }
    }

    fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// Whether nothing can rest on it any more.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.expires_at) >= KEPT_AFTER_EXPIRY
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

/// Removes what is over among the keys that begin with `prefix`.
pub(crate) fn prune(change: &mut Change<'_>, prefix: &str, now: Timestamp) {
    for pair in change.scan::<SessionCredential>(prefix) {
        if pair.is_over(now) {
            change.delete::<SessionCredential>(&pair.key());
        }
    }
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
