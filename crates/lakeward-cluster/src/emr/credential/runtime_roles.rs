//! What runs on clusters asks here: who a login is, and its role's keys.

use std::sync::Arc;

use lakeward_identity::{Event, Origin, audit::Guest};
use lakeward_session::{Login, RoleCredentials, RuntimeRoles, Visit};
use lakeward_wire::AwsError;
use serde_json::json;

use super::{SessionCredential, sha256};
use crate::emr::{Emr, chain::RoleChain, cluster::Cluster, error::EmrError};

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
