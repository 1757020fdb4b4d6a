//! `GetClusterSessionCredentials`, and the logins it gives out.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_identity::{Call, Event, Origin, audit::Guest};
use lakeward_policy::Arn;
use lakeward_store::{Change, Record, Snapshot};
use lakeward_wire::{AwsError, Secret, epoch};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::emr::{
    Emr,
    chain::RoleChain,
    cluster::{Cluster, arn, find},
    error::EmrError,
    identifier,
    release::Release,
    security_configuration::SecurityDocument,
};
use lakeward_session::{Login, RoleCredentials, RuntimeRoles, Visit};

const USERNAME_LENGTH: usize = 24;
const PASSWORD_LENGTH: usize = 40;
const MOST_FOR_ONE_CALLER: usize = 1_000;

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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct IssueInput {
    cluster_id: String,
    execution_role_arn: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct IssueOutput {
    credentials: Credentials,
    expires_at: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    username_password: UsernamePassword,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UsernamePassword {
    username: String,
    #[serde(serialize_with = "Secret::serialize_exposed")]
    password: Secret,
}

/// `GetClusterSessionCredentials`
pub(crate) async fn issue(
    emr: Arc<Emr>,
    call: Call,
    input: IssueInput,
) -> Result<IssueOutput, AwsError> {
    let (cluster, mut context) = find(&emr, &call, &input.cluster_id);
    if let Some(role) = &input.execution_role_arn {
        context.insert("elasticmapreduce:ExecutionRoleArn", vec![role.clone()]);
    }
    let _permit = call.authorize(
        "elasticmapreduce:GetClusterSessionCredentials",
        &arn(&call, &input.cluster_id),
        context,
    )?;
    let role_arn = execution_role(input.execution_role_arn)?;
    let cluster = cluster.ok_or(EmrError::NoSuchCluster(input.cluster_id))?;
    let rules = cluster.security_rules()?;
    check_cluster(&cluster, &rules)?;
    let caller_arn = call.caller_arn();
    RoleChain {
        cluster: &cluster,
        rules: &rules,
        role_arn: &role_arn,
        caller_arn: &caller_arn,
        source_identity: call.source_identity(),
        now: call.now(),
    }
    .assume(&emr.identity)?;
    let password = identifier::credential(PASSWORD_LENGTH);
    let pair = SessionCredential {
        account: cluster.account.clone(),
        cluster_id: cluster.id.clone(),
        username: identifier::credential(USERNAME_LENGTH),
        password_sha256: sha256(&password),
        role_arn,
        caller_arn,
        source_identity: call.source_identity().map(ToOwned::to_owned),
        expires_at: expiry(&emr)?,
    };
    let output = IssueOutput::of(&pair, password);
    record(&emr, pair).await?;
    Ok(output)
}

impl IssueOutput {
    fn of(pair: &SessionCredential, password: String) -> Self {
        Self {
            credentials: Credentials {
                username_password: UsernamePassword {
                    username: pair.username.clone(),
                    password: Secret::new(password),
                },
            },
            expires_at: epoch(pair.expires_at),
        }
    }
}

fn execution_role(given: Option<String>) -> Result<String, EmrError> {
    let arn = given.ok_or_else(|| {
        EmrError::invalid_request(
            "ExecutionRoleArn is required: name the runtime role that the session is to run under.",
        )
    })?;
    let is_role = Arn::parse(&arn)
        .is_ok_and(|parsed| parsed.service == "iam" && parsed.resource.starts_with("role/"));
    if is_role {
        Ok(arn)
    } else {
        Err(EmrError::invalid_request(format!(
            "ExecutionRoleArn '{arn}' is not the ARN of an IAM role."
        )))
    }
}

/// The rules a cluster must meet before it gives out credentials. AWS's texts for these refusals
/// are not public; these are our own.
fn check_cluster(cluster: &Cluster, rules: &SecurityDocument) -> Result<(), EmrError> {
    let id = &cluster.id;
    let refuse = |message: String| Err(EmrError::InvalidRequest(message));
    if !cluster.state.is_ready() {
        return refuse(format!(
            "Cluster '{id}' is {}. Session credentials are given out when it is RUNNING or WAITING.",
            cluster.state.name()
        ));
    }
    let first = Release::FIRST_WITH_SESSION_CREDENTIALS;
    if cluster.release_label.parse::<Release>()? < first {
        return refuse(format!(
            "Cluster '{id}' has the release {}. Runtime roles for sessions need {first} or later.",
            cluster.release_label
        ));
    }
    if !rules.runtime_roles() {
        return refuse(format!(
            "Runtime roles are not enabled on cluster '{id}'. Start it with a security \
             configuration in which EnableApplicationScopedIAMRole is true."
        ));
    }
    if !rules.in_transit_encryption() {
        return refuse(format!(
            "In-transit encryption is not enabled on cluster '{id}'. Start it with a security \
             configuration in which EnableInTransitEncryption is true."
        ));
    }
    if !cluster.has_application("Livy") {
        return refuse(format!(
            "Cluster '{id}' has no Livy to open sessions with. Start it with Livy among its \
             applications."
        ));
    }
    Ok(())
}

fn expiry(emr: &Emr) -> Result<Timestamp, AwsError> {
    emr.now()
        .checked_add(emr.config.credential_lifetime)
        .map_err(AwsError::internal)
}

async fn record(emr: &Emr, pair: SessionCredential) -> Result<(), EmrError> {
    let now = emr.now();
    emr.activity.touch(&pair.cluster_id, now);
    let cluster_key = Cluster::key_of(&pair.account, &pair.cluster_id);
    let prefix = SessionCredential::key_of(&pair.cluster_id, "");
    emr.store
        .change(|change| {
            // The cluster may have begun to end since it was looked at.
            let current = change.get::<Cluster>(&cluster_key);
            if !current.is_some_and(|current| current.state.is_ready()) {
                return Err(EmrError::NoSuchCluster(pair.cluster_id));
            }
            prune(change, &prefix, now);
            let alive = change.scan::<SessionCredential>(&prefix);
            let of_caller = alive
                .iter()
                .filter(|other| other.caller_arn == pair.caller_arn);
            if of_caller.count() >= MOST_FOR_ONE_CALLER {
                return Err(EmrError::invalid_request(format!(
                    "{} has {MOST_FOR_ONE_CALLER} credentials for this cluster that are still \
                     valid. Use one of them, or wait until they expire.",
                    pair.caller_arn
                )));
            }
            change.put(pair);
            Ok(())
        })
        .await
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

impl Emr {
    /// The cluster `id`, whoever owns it. For what runs on it; callers of the API only see their
    /// own account.
    fn cluster_by_id(&self, id: &str) -> Option<Arc<Cluster>> {
        let clusters = self.store.snapshot().scan::<Cluster>("");
        clusters.into_iter().find(|cluster| cluster.id == id)
    }
}

impl RuntimeRoles for Emr {
    fn login(&self, cluster_id: &str, username: &str, password: &str) -> Option<Login> {
        let given = sha256(password);
        let key = SessionCredential::key_of(cluster_id, username);
        let pair = self.store.snapshot().get::<SessionCredential>(&key)?;
        let now = self.now();
        if !pair.has_password(&given) || pair.expires_at <= now {
            return None;
        }
        let cluster_key = Cluster::key_of(&pair.account, cluster_id);
        let cluster = self.store.snapshot().get::<Cluster>(&cluster_key)?;
        if !cluster.state.is_ready() {
            return None;
        }
        self.activity.touch(cluster_id, now);
        Some(Login {
            username: pair.username.clone(),
            cluster_id: pair.cluster_id.clone(),
            role_arn: pair.role_arn.clone(),
            caller_arn: pair.caller_arn.clone(),
            source_identity: pair.source_identity.clone(),
            expires_at: pair.expires_at,
        })
    }

    /// A session may outlive the pair that opened it, as in AWS: who can no longer log in can't
    /// drive it, and it ends with its heartbeat.
    fn credentials(&self, login: &Login) -> Result<RoleCredentials, AwsError> {
        let cluster = self
            .cluster_by_id(&login.cluster_id)
            .filter(|cluster| cluster.state.is_ready())
            .ok_or_else(|| EmrError::NoSuchCluster(login.cluster_id.clone()))?;
        let rules = cluster.security_rules()?;
        let keys = RoleChain {
            cluster: &cluster,
            rules: &rules,
            role_arn: &login.role_arn,
            caller_arn: &login.caller_arn,
            source_identity: login.source_identity.as_deref(),
            now: self.now(),
        }
        .assume(&self.identity)?;
        Ok(RoleCredentials {
            access_key_id: keys.access_key_id,
            secret_access_key: keys.secret_access_key,
            session_token: keys.session_token,
            expires_at: keys.expires_at,
            role_arn: login.role_arn.clone(),
        })
    }

    fn can_record(&self) -> Result<(), AwsError> {
        self.identity.audit().ready()
    }

    fn record(&self, visit: Visit<'_>) -> Result<(), AwsError> {
        let cluster = self.cluster_by_id(visit.cluster_id);
        let login = visit.login;
        let guest = Guest {
            account: cluster.as_ref().map_or("", |cluster| &cluster.account),
            user_name: login.map(|login| &*login.username),
            issued_to: login.map(|login| &*login.caller_arn),
            role_arn: login.map(|login| &*login.role_arn),
            source_identity: login.and_then(|login| login.source_identity.as_deref()),
        };
        let origin = Origin {
            source_ip: visit.source_ip,
            user_agent: visit.user_agent.map(str::to_owned),
            at: self.now(),
        };
        let refused = (visit.status >= 400).then(|| refusal(visit.status));
        let event = Event {
            service: "livy",
            operation: visit.operation,
            parameters: json!({"clusterId": visit.cluster_id}),
            region: self.identity.region(),
            request_id: &uuid::Uuid::new_v4().to_string(),
            error: refused.as_ref(),
        };
        self.identity.audit().guest(&origin, &guest, event)
    }
}

/// Livy has no error codes of its own; its statuses speak.
fn refusal(status: u16) -> AwsError {
    let code = match status {
        401 => "Unauthorized",
        403 => "AccessDenied",
        404 => "NotFound",
        500.. => "InternalFailure",
        _ => "BadRequest",
    };
    AwsError::new(status, code, format!("Livy answered {status}"))
}
