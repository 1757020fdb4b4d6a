//! What runs on clusters asks here: who a login is, and its role's keys.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use lakeward_identity::{
    Event, KeptCaller, Origin, Role, RoleCredentials as IssuedKeys, audit::Guest,
};
use lakeward_session::{Incident, Login, RoleCredentials, RuntimeRoles, Visit};
use lakeward_wire::AwsError;
use serde_json::json;

use super::{
    SessionCredential,
    issue::{ACTION, with_execution_role},
    sha256,
};
use crate::emr::{Emr, chain::RoleChain, cluster::Cluster, error::EmrError, tag};

impl Emr {
    /// The cluster `id`, whoever owns it. For what runs on it; callers of the API only see their
    /// own account.
    fn cluster_by_id(&self, id: &str) -> Option<Arc<Cluster>> {
        let clusters = self.store.snapshot().scan::<Cluster>("");
        clusters.into_iter().find(|cluster| cluster.id == id)
    }

    fn pair(&self, cluster_id: &str, username: &str) -> Option<Arc<SessionCredential>> {
        let key = SessionCredential::key_of(cluster_id, username);
        self.store.snapshot().get::<SessionCredential>(&key)
    }

    /// Whether the pair would be given out now: its role is the same, and its caller may still ask
    /// for that role on this cluster, with the policies and tags there are. A refusal leaves a
    /// record.
    fn check_standing(&self, pair: &SessionCredential, cluster: &Cluster) -> Result<(), AwsError> {
        let now = self.now();
        let role = Role::find(&self.store.snapshot(), &pair.role_arn);
        if role.is_none_or(|role| role.id != pair.role_id) {
            return Err(EmrError::invalid_request(format!(
                "The runtime role {} is not there any more.",
                pair.role_arn
            ))
            .into());
        }
        let again = |caller: &KeptCaller| caller.call_again(&self.identity, now);
        let call = pair.caller.as_ref().and_then(again).ok_or_else(|| {
            AwsError::access_denied(format!(
                "{}, who asked for these credentials, is not there any more.",
                pair.caller_arn
            ))
        })?;
        let tags = tag::resource_context(&cluster.tags);
        let context = with_execution_role(tags, Some(&pair.role_arn));
        let Err(refused) = call.authorize(ACTION, &cluster.arn(), context) else {
            return Ok(());
        };
        let parameters = json!({
            "clusterId": pair.cluster_id, "executionRoleArn": pair.role_arn, "usedBy": pair.username,
        });
        let operation = "GetClusterSessionCredentials";
        call.close("elasticmapreduce", operation, parameters, Err(refused))
    }
}

impl Emr {
    /// Keys for a session that a pair opened. It may outlive the pair: who can no longer log in
    /// can't drive it, and it ends with its heartbeat.
    fn pair_keys(&self, cluster: &Cluster, login: &Login) -> Result<IssuedKeys, AwsError> {
        let pair = self
            .pair(&login.cluster_id, &login.username)
            .filter(|pair| pair.role_arn == login.role_arn && !pair.is_over(self.now()))
            .ok_or_else(|| {
                EmrError::invalid_request(format!(
                    "The session credentials '{}' are withdrawn or expired long ago.",
                    login.username
                ))
            })?;
        self.check_standing(&pair, cluster)?;
        Ok(self.chain_keys(cluster, login)?)
    }

    /// Keys of the login's runtime role, through the whole chain.
    pub(crate) fn chain_keys(
        &self,
        cluster: &Cluster,
        login: &Login,
    ) -> Result<IssuedKeys, EmrError> {
        let rules = cluster.security_rules()?;
        RoleChain {
            cluster,
            rules: &rules,
            role_arn: &login.role_arn,
            caller_arn: &login.caller_arn,
            source_identity: login.source_identity.as_deref(),
            now: self.now(),
        }
        .assume(&self.identity)
    }
}

impl RuntimeRoles for Emr {
    fn login(&self, cluster_id: &str, username: &str, password: &str) -> Option<Login> {
        let given = sha256(password);
        let pair = self.pair(cluster_id, username)?;
        let now = self.now();
        if !pair.has_password(&given) || pair.has_expired(now) {
            return None;
        }
        let key = Cluster::key_of(&pair.account, cluster_id);
        let cluster = self.store.snapshot().get::<Cluster>(&key)?;
        if !cluster.state.is_ready() {
            return None;
        }
        if let Err(refused) = self.check_standing(&pair, &cluster) {
            tracing::info!(cluster = cluster_id, username, code = %refused.code, "login revoked");
            return None;
        }
        self.activity.touch(cluster_id);
        Some(Login {
            username: pair.username.clone(),
            cluster_id: pair.cluster_id.clone(),
            role_arn: pair.role_arn.clone(),
            caller_arn: pair.caller_arn.clone(),
            source_identity: pair.source_identity.clone(),
            expires_at: pair.expires_at,
        })
    }

    fn credentials(&self, login: &Login) -> Result<RoleCredentials, AwsError> {
        let cluster = self
            .cluster_by_id(&login.cluster_id)
            .filter(|cluster| cluster.state.is_ready())
            .ok_or_else(|| EmrError::NoSuchCluster(login.cluster_id.clone()))?;
        let keys = match self.step_keys(&cluster, login)? {
            Some(keys) => keys,
            None => self.pair_keys(&cluster, login)?,
        };
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

    /// A record of the cluster's own, in the session's name: nobody asked for anything, and something
    /// was refused all the same.
    fn report(&self, login: &Login, incident: &Incident) -> Result<(), AwsError> {
        let cluster = self.cluster_by_id(&login.cluster_id);
        let origin = Origin {
            source_ip: cluster
                .as_ref()
                .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |cluster| {
                    cluster.address.into()
                }),
            user_agent: None,
            at: self.now(),
        };
        let error = AwsError::access_denied(incident.text());
        let event = Event {
            service: "livy",
            operation: incident.kind.name(),
            parameters: json!({
                "clusterId": login.cluster_id,
                "sessionId": incident.session_id,
                "applicationId": incident.application_id,
                "count": incident.count,
                "what": incident.what,
            }),
            region: self.identity.region(),
            request_id: &uuid::Uuid::new_v4().to_string(),
            error: Some(&error),
        };
        let guest = guest(cluster.as_deref(), Some(login));
        self.identity.audit().guest(&origin, &guest, event)
    }

    fn record(&self, visit: Visit<'_>) -> Result<(), AwsError> {
        let cluster = self.cluster_by_id(visit.cluster_id);
        let guest = guest(cluster.as_deref(), visit.login);
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

fn guest<'a>(cluster: Option<&'a Cluster>, login: Option<&'a Login>) -> Guest<'a> {
    Guest {
        account: cluster.map_or("", |cluster| &cluster.account),
        user_name: login.map(|login| &*login.username),
        issued_to: login.map(|login| &*login.caller_arn),
        role_arn: login.map(|login| &*login.role_arn),
        source_identity: login.and_then(|login| login.source_identity.as_deref()),
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
