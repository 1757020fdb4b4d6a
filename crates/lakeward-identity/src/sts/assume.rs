use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use jiff::Timestamp;
use lakeward_policy::{Context, Effect, Layers, Principal, Request, ResourceSide, evaluate};
use lakeward_wire::{AwsError, Secret};

use super::session;
use crate::{
    Call, Caller, Identity, Origin, Role, audit::Event, caller::session_arn, identifier, inventory,
    token::Claim,
};

/// A wish to act as a role.
#[derive(Debug, Clone, Default)]
pub struct AssumeRole {
    /// The role.
    pub role_arn: String,
    /// 2 to 64 characters of `[\w+=,.@-]`.
    pub session_name: String,
    /// Seconds, 900 to the role's maximum; 3600 by default.
    pub duration_seconds: Option<u32>,
    /// A session policy, JSON text.
    pub policy: Option<String>,
    /// Session tags.
    pub tags: Vec<(String, String)>,
    /// Keys of tags that a chain inherits.
    pub transitive_tag_keys: Vec<String>,
    /// The external id that the trust policy may ask for.
    pub external_id: Option<String>,
    /// The source identity to set.
    pub source_identity: Option<String>,
}

/// Temporary keys of a role session.
#[derive(Debug, Clone)]
pub struct RoleCredentials {
    /// `ASIA…`
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: Secret,
    /// The token that goes with every request.
    pub session_token: Secret,
    /// When they end.
    pub expires_at: Timestamp,
    /// The role's ARN.
    pub role_arn: String,
    /// The session's ARN.
    pub assumed_role_arn: String,
    /// `AROA…:session`.
    pub assumed_role_id: String,
    /// The session's source identity.
    pub source_identity: Option<String>,
}

impl Identity {
    /// Assumes a role on behalf of `caller`, as STS would; the decision is audited.
    ///
    /// # Errors
    /// `AccessDenied` when the caller's policies or the role's trust policy don't allow it (also
    /// when there is no such role), `ValidationError` for a malformed request.
    pub fn assume_role(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        request: AssumeRole,
    ) -> Result<RoleCredentials, AwsError> {
        let origin = Origin {
            source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent: Some("lakeward-internal".to_owned()),
            at: Timestamp::now(),
        };
        let call = Call::begin(self, Arc::clone(caller), origin);
        let parameters = serde_json::json!({
            "roleArn": request.role_arn, "roleSessionName": request.session_name,
            "sourceIdentity": request.source_identity, "tags": request.tags,
        });
        let answer = self.assume(&call, request);
        let event = Event {
            service: "sts",
            operation: "AssumeRole",
            parameters,
            region: self.region(),
            request_id: call.request_id(),
            error: answer.as_ref().err(),
        };
        self.audit().call(&call, event);
        answer
    }

    /// A session of `role_arn` for an AWS service (a cluster's machines hold their instance
    /// profile's role that way), if the role's trust policy names the service.
    ///
    /// # Errors
    /// `AccessDenied` when there is no such role or it doesn't trust the service.
    pub fn service_session(
        &self,
        role_arn: &str,
        service: &str,
        session_name: &str,
    ) -> Result<Arc<Caller>, AwsError> {
        let snapshot = self.store().snapshot();
        let refused = || {
            AwsError::access_denied(format!(
                "the service {service} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
            ))
        };
        let role = Role::find(&snapshot, role_arn).ok_or_else(refused)?;
        let document = role.trust.document().map_err(|_| refused())?;
        let principal = Principal::Service {
            name: service.to_owned(),
        };
        let mut context = principal.context();
        context.extend(role.tag_context());
        let request = Request {
            principal: &principal,
            action: "sts:AssumeRole",
            resource: role_arn,
            context: &context,
        };
        let layers = Layers {
            identity: &[],
            boundary: None,
            session: None,
            resource: ResourceSide::Trust {
                document,
                account: &role.account,
            },
        };
        if evaluate(&request, &layers).effect != Effect::Allowed {
            return Err(refused());
        }
        let session = session::new(
            &role,
            session_name,
            Timestamp::now(),
            session::CHAINED_LIMIT,
        );
        let key = identifier::unique("ASIA", 16);
        Caller::for_session(&snapshot, key, session)
            .map(Arc::new)
            .ok_or_else(refused)
    }

    pub(crate) fn assume(
        &self,
        call: &Call,
        request: AssumeRole,
    ) -> Result<RoleCredentials, AwsError> {
        session::validate(call, &request)?;
        let role = authorize(call, &request)?;
        let session = session::of(call, &role, request)?;
        let access_key_id = identifier::unique("ASIA", 16);
        let claim = Claim {
            access_key_id: access_key_id.clone(),
            session,
        };
        let session_token = self
            .signing_key()
            .seal(&claim)
            .map_err(AwsError::internal)?;
        Ok(RoleCredentials {
            secret_access_key: self.signing_key().secret(&access_key_id),
            access_key_id,
            session_token,
            expires_at: claim.session.expires_at,
            role_arn: role.arn(),
            assumed_role_arn: session_arn(&role, &claim.session.name),
            assumed_role_id: format!("{}:{}", role.id, claim.session.name),
            source_identity: claim.session.source_identity,
        })
    }
}

/// Every permission that the request needs, each asked of the caller's and the role's side.
fn authorize(call: &Call, request: &AssumeRole) -> Result<Arc<Role>, AwsError> {
    let mut actions = vec!["sts:AssumeRole"];
    if !session::tags(call, request).is_empty() {
        actions.push("sts:TagSession");
    }
    if session::source_identity(call, request)?.is_some() {
        actions.push("sts:SetSourceIdentity");
    }
    let mut context = assume_context(call, request)?;
    let role = Role::find(call.snapshot(), &request.role_arn);
    if let Some(role) = &role {
        context.extend(role.tag_context());
    }
    for action in actions {
        let side = match &role {
            Some(role) => match role.trust.document() {
                Ok(document) => ResourceSide::Trust {
                    document,
                    account: &role.account,
                },
                Err(malformed) => return Err(AwsError::access_denied(malformed.to_string())),
            },
            None => ResourceSide::None,
        };
        let asked = call.authorize_with(action, &request.role_arn, context.clone(), side);
        if let Err(refused) = asked {
            return Err(plain_refusal(call, action, &request.role_arn, refused));
        }
    }
    // Nobody learns here whether a role exists.
    role.ok_or_else(|| denied(call, "sts:AssumeRole", &request.role_arn))
}

/// STS names no policy in its refusals, so that a missing role looks like a forbidden one.
fn plain_refusal(call: &Call, action: &str, role_arn: &str, refused: AwsError) -> AwsError {
    if refused.is_access_denied() {
        denied(call, action, role_arn)
    } else {
        refused
    }
}

pub(super) fn denied(call: &Call, action: &str, role_arn: &str) -> AwsError {
    AwsError::access_denied(format!(
        "User: {} is not authorized to perform: {action} on resource: {role_arn}",
        call.caller_arn()
    ))
}

fn assume_context(call: &Call, request: &AssumeRole) -> Result<Context, AwsError> {
    let mut context = inventory::request_tags(&session::tags(call, request))
        .with("sts:RoleSessionName", request.session_name.clone());
    if let Some(external_id) = &request.external_id {
        context.insert("sts:ExternalId", vec![external_id.clone()]);
    }
    if let Some(source) = session::source_identity(call, request)? {
        context.insert("sts:SourceIdentity", vec![source]);
    }
    if !request.transitive_tag_keys.is_empty() {
        context.insert("sts:TransitiveTagKeys", request.transitive_tag_keys.clone());
    }
    Ok(context)
}
