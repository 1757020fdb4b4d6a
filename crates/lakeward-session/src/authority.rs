//! What sessions ask of the rest of the daemon: who a login is, and its role's keys.

use std::{net::IpAddr, path::PathBuf, sync::Arc};

use ipnet::IpNet;
use jiff::Timestamp;
use lakeward_wire::{AwsError, Secret};
use serde_json::{Map, Value};

use super::incident::Incident;
use super::isolation::Isolation;
use super::record::SessionRecords;

/// A user name that `GetClusterSessionCredentials` gave out, and what it is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name of the pair; it is what owns a session.
    pub username: String,
    /// The cluster the pair is good for.
    pub cluster_id: String,
    /// The runtime role that work runs under.
    pub role_arn: String,
    /// Who asked for the pair.
    pub caller_arn: String,
    /// The source identity of the one who asked, when there was one.
    pub source_identity: Option<String>,
    /// When the pair stops being accepted.
    pub expires_at: Timestamp,
}

impl Login {
    /// Whether both stand for the same pair. The user name decides, and the rest must agree.
    ///
    /// The caller's ARN alone would not do: everyone who shares a Studio execution role has it.
    #[must_use]
    pub fn is_same_binding(&self, other: &Login) -> bool {
        self.username == other.username
            && self.cluster_id == other.cluster_id
            && self.role_arn == other.role_arn
            && self.caller_arn == other.caller_arn
            && self.source_identity == other.source_identity
    }

    /// The role's name, as shown to people: the last part of its ARN.
    #[must_use]
    pub fn role_name(&self) -> &str {
        self.role_arn
            .rsplit('/')
            .next()
            .unwrap_or(self.role_arn.as_str())
    }
}

/// Why a user name and password open nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoLogin {
    /// Nobody has them on that cluster.
    Unknown,
    /// They are right, and not good any more.
    Lapsed {
        /// What they opened.
        login: Box<Login>,
        /// Why they don't, for the audit trail only.
        reason: String,
    },
}

impl NoLogin {
    /// Of a pair that is right and not good any more.
    pub fn lapsed(login: Login, reason: impl Into<String>) -> Self {
        let (login, reason) = (Box::new(login), reason.into());
        Self::Lapsed { login, reason }
    }

    /// Of one that is past its end.
    #[must_use]
    pub fn expired(login: Login) -> Self {
        let reason = format!("They expired at {}.", login.expires_at);
        Self::lapsed(login, reason)
    }
}

/// Temporary keys of a runtime role.
#[derive(Debug, Clone)]
pub struct RoleCredentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret key that signs.
    pub secret_access_key: Secret,
    /// The session token that goes with them.
    pub session_token: Secret,
    /// When they stop working; clients fetch new ones before that.
    pub expires_at: Timestamp,
    /// The role they are of.
    pub role_arn: String,
}

/// A request on a cluster's address, for the audit trail.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// Which of the cluster's services was asked: `livy` or `jupyter`.
    pub service: &'a str,
    /// The cluster.
    pub cluster_id: &'a str,
    /// Who came; none when nobody has that user name and password.
    pub login: Option<&'a Login>,
    /// What was asked for, such as `CreateSession`.
    pub operation: &'a str,
    /// The numbers and names of what it was asked of, such as `sessionId`.
    pub touched: &'a Map<String, Value>,
    /// The same of what was made.
    pub made: Option<&'a Map<String, Value>>,
    /// The peer's address.
    pub source_ip: IpAddr,
    /// The `User-Agent` header.
    pub user_agent: Option<&'a str>,
    /// The answer's HTTP status.
    pub status: u16,
    /// Why the user name and password are not good any more.
    pub lapse: Option<&'a str>,
}

/// The authority over logins and role keys, and what is durable of sessions.
pub trait RuntimeRoles: SessionRecords {
    /// The login that this pair opens on this cluster. Called for every request, from async code:
    /// it must not block.
    ///
    /// # Errors
    /// It opens none: unknown, wrong, expired or revoked.
    fn login(&self, cluster_id: &str, username: &str, password: &str) -> Result<Login, NoLogin>;

    /// Fresh keys of the login's role. Runs the whole role chain again, so that a revoked trust
    /// is felt at the next renewal. May block: it is called on a blocking thread.
    ///
    /// # Errors
    /// The wire error of the link that refused.
    fn credentials(&self, login: &Login) -> Result<RoleCredentials, AwsError>;

    /// Whether a record can be left. Asked before a request does anything.
    ///
    /// # Errors
    /// An earlier record still can't be written.
    fn can_record(&self) -> Result<(), AwsError>;

    /// Leaves an audit record of what a session of the login was kept from. May block: it is called
    /// on a blocking thread.
    ///
    /// # Errors
    /// The record can't be written.
    fn report(&self, login: &Login, incident: &Incident) -> Result<(), AwsError>;

    /// Leaves the audit record of a request. When this fails the answer must not leave.
    ///
    /// # Errors
    /// The record can't be written.
    fn record(&self, visit: Visit<'_>) -> Result<(), AwsError>;
}

/// How the interpreter of a session is started.
#[derive(Debug, Clone)]
pub struct SessionRuntime {
    /// The Python executable.
    pub python: PathBuf,
    /// The folder that holds the `lakeward_session` package (`PYTHONPATH`).
    pub module_path: PathBuf,
    /// Files and folders that Python and its packages are in, and the CA certificate; an enclosed
    /// session finds them, and nothing else beside the system's own.
    pub readable: Vec<PathBuf>,
    /// Where sessions without an enclosure get their working directories.
    pub state_dir: PathBuf,
    /// Variables every session gets: endpoints, region, CA bundle. Never a secret.
    pub environment: Vec<(String, String)>,
    /// Base URL of the credentials endpoint of sessions without an enclosure, without a trailing
    /// path: `http://127.0.0.1:PORT`.
    pub credentials_url: String,
    /// What keeps sessions from the host and from each other.
    pub isolation: Isolation,
    /// Networks that no session is led to, whatever hosts its cluster allows.
    pub closed_networks: Arc<[IpNet]>,
}
