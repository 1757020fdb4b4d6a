//! What runs on clusters asks here: who a login is, and its role's keys.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use lakeward_identity::{
    Call, Event, KeptCaller, Origin, Role, RoleCredentials as IssuedKeys, audit::Guest,
};
use lakeward_session::{Incident, Login, NoLogin, RoleCredentials, RuntimeRoles, Visit};
use lakeward_wire::AwsError;
use serde_json::{Value, json};

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
    /// for that role on this cluster, with the policies and tags there are.
    fn check_standing(&self, pair: &SessionCredential, cluster: &Cluster) -> Result<(), Lapse> {
        let now = self.now();
        let role = Role::find(&self.store.snapshot(), &pair.role_arn);
        if role.is_none_or(|role| role.id != pair.role_id) {
            let text = format!("The runtime role {} is not there any more.", pair.role_arn);
            return Err(Lapse::of(EmrError::invalid_request(text).into()));
        }
        let again = |caller: &KeptCaller| caller.call_again(&self.identity, now);
        let call = pair.caller.as_ref().and_then(again).ok_or_else(|| {
            Lapse::of(AwsError::access_denied(format!(
                "{}, who asked for these credentials, is not there any more.",
                pair.caller_arn
            )))
        })?;
        let tags = tag::resource_context(&cluster.tags);
        let context = with_execution_role(tags, Some(&pair.role_arn));
        match call.authorize(ACTION, &cluster.arn(), context) {
            Ok(_permit) => Ok(()),
            Err(error) => Err(Lapse {
                error,
                call: Some(call),
            }),
        }
    }
}

/// Why a pair would not be given out now.
struct Lapse {
    error: AwsError,
    /// The caller's question, which its policies refused.
    call: Option<Call>,
}

impl Lapse {
    fn of(error: AwsError) -> Self {
        Self { error, call: None }
    }

    /// The refusal, with a record of what the policies said. Nobody called: a session asks for the
    /// pair's keys, from its cluster's address.
    fn recorded(self, pair: &SessionCredential, cluster: &Cluster) -> AwsError {
        let Some(call) = self.call else {
            return self.error;
        };
        let parameters = json!({
            "clusterId": pair.cluster_id, "executionRoleArn": pair.role_arn,
            "usedBy": pair.username, "usedFrom": cluster.address,
        });
        let operation = "GetClusterSessionCredentials";
        let refused: Result<(), _> = Err(self.error.clone());
        let closed = call.close("elasticmapreduce", operation, parameters, refused);
        closed.err().unwrap_or(self.error)
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
        let standing = self.check_standing(&pair, cluster);
        standing.map_err(|lapse| lapse.recorded(&pair, cluster))?;
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
    fn login(&self, cluster_id: &str, username: &str, password: &str) -> Result<Login, NoLogin> {
        let given = sha256(password);
        let pair = self.pair(cluster_id, username).ok_or(NoLogin::Unknown)?;
        if !pair.has_password(&given) {
            return Err(NoLogin::Unknown);
        }
        let (login, now) = (pair.login(), self.now());
        if pair.has_expired(now) {
            return Err(NoLogin::expired(login));
        }
        let key = Cluster::key_of(&pair.account, cluster_id);
        let cluster = self.store.snapshot().get::<Cluster>(&key);
        let Some(cluster) = cluster.filter(|cluster| cluster.state.is_ready()) else {
            return Err(NoLogin::lapsed(login, "The cluster is not there any more."));
        };
        if let Err(Lapse { error, .. }) = self.check_standing(&pair, &cluster) {
            tracing::info!(cluster = cluster_id, username, code = %error.code, "login revoked");
            return Err(NoLogin::lapsed(login, error.message));
        }
        self.activity.touch(cluster_id);
        Ok(login)
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
            service: "lakeward",
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
        let pair = self.pair(&login.cluster_id, &login.username);
        let guest = guest(cluster.as_deref(), Some(login), pair.as_deref());
        let audit = self.identity.audit();
        audit.guest(&origin, &guest, event, Value::Null)
    }

    fn record(&self, visit: Visit<'_>) -> Result<(), AwsError> {
        let cluster = self.cluster_by_id(visit.cluster_id);
        let origin = Origin {
            source_ip: visit.source_ip,
            user_agent: visit.user_agent.map(str::to_owned),
            at: self.now(),
        };
        let refused = (visit.status >= 400).then(|| refusal(&visit));
        let mut parameters = visit.touched.clone();
        parameters.insert("clusterId".to_owned(), json!(visit.cluster_id));
        let event = Event {
            service: visit.service,
            operation: visit.operation,
            parameters: Value::Object(parameters),
            region: self.identity.region(),
            request_id: &uuid::Uuid::new_v4().to_string(),
            error: refused.as_ref(),
        };
        let pair = visit
            .login
            .and_then(|login| self.pair(&login.cluster_id, &login.username));
        let guest = guest(cluster.as_deref(), visit.login, pair.as_deref());
        let made = visit
            .made
            .map_or(Value::Null, |made| Value::Object(made.clone()));
        self.identity.audit().guest(&origin, &guest, event, made)
    }
}

fn guest<'a>(
    cluster: Option<&'a Cluster>,
    login: Option<&'a Login>,
    pair: Option<&'a SessionCredential>,
) -> Guest<'a> {
    Guest {
        account: cluster.map_or("", |cluster| &cluster.account),
        user_name: login.map(|login| &*login.username),
        issued_to: login.map(|login| &*login.caller_arn),
        issuer: pair.map(|pair| &*pair.principal_arn),
        role_arn: login.map(|login| &*login.role_arn),
        source_identity: login.and_then(|login| login.source_identity.as_deref()),
    }
}

/// These services have no error codes of their own; their statuses speak.
fn refusal(visit: &Visit<'_>) -> AwsError {
    let code = match visit.status {
        401 => "Unauthorized",
        403 => "AccessDenied",
        404 => "NotFound",
        500.. => "InternalFailure",
        _ => "BadRequest",
    };
    let mut text = match visit.service {
        "jupyter" => format!("The Jupyter gateway answered {}", visit.status),
        _ => format!("Livy answered {}", visit.status),
    };
    if let Some(lapse) = visit.lapse {
        text = format!("{text}: the user name and password are not good any more. {lapse}");
    }
    AwsError::new(visit.status, code, text)
}
