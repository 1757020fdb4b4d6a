//! `AssumeRole`: from one principal to a session of a role.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_policy::{Context, ResourceSide};
use lakeward_wire::{AwsError, Secret};

use super::{passed, session, shape, tags};
use crate::{
    Call, Caller, Identity, Origin, Role,
    caller::{Kind, session_arn},
    inventory::{self, Tags},
    session::Session,
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
    /// ARNs of managed policies that limit the session as well; one of all must allow.
    pub policy_arns: Vec<String>,
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
    /// How much of the room for policies and tags is taken, percent.
    pub packed_policy_size: u32,
}

impl RoleCredentials {
    /// The role's unique id, `AROA…`.
    #[must_use]
    pub fn role_id(&self) -> &str {
        let id = &self.assumed_role_id;
        id.split_once(':').map_or(id, |(role, _)| role)
    }
}

impl Identity {
    /// Assumes a role on behalf of `caller`, who asks from `origin`, as STS would; the decision is
    /// audited.
    ///
    /// # Errors
    /// `AccessDenied` when the caller's policies or the role's trust policy don't allow it (also
    /// when there is no such role), `ValidationError` for a malformed request.
    pub fn assume_role(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        request: AssumeRole,
        origin: Origin,
    ) -> Result<RoleCredentials, AwsError> {
        let call = Call::begin(self, Arc::clone(caller), origin);
        let parameters = serde_json::json!({
            "roleArn": request.role_arn, "roleSessionName": request.session_name,
            "sourceIdentity": request.source_identity, "tags": request.tags,
        });
        let answer = self.assume(&call, request);
        call.close("sts", "AssumeRole", parameters, answer)
    }

    pub(crate) fn assume(
        &self,
        call: &Call,
        request: AssumeRole,
    ) -> Result<RoleCredentials, AwsError> {
        if matches!(call.caller().kind, Kind::Root) {
            return Err(AwsError::access_denied(
                "Roles may not be assumed by root accounts.",
            ));
        }
        validate(call, &request)?;
        let role = authorize(call, &request)?;
        let (session, packed) = session::assumed(call, &role, request)?;
        self.hand_out(&role, session, packed)
    }

    /// The keys of a role session.
    pub(super) fn hand_out(
        &self,
        role: &Role,
        session: crate::RoleSession,
        packed_policy_size: u32,
    ) -> Result<RoleCredentials, AwsError> {
        let assumed_role_arn = session_arn(role, &session.name);
        let assumed_role_id = format!("{}:{}", role.id, session.name);
        let source_identity = session.source_identity.clone();
        let issued = self.issue(Session::Role(session))?;
        Ok(RoleCredentials {
            access_key_id: issued.access_key_id,
            secret_access_key: issued.secret_access_key,
            session_token: issued.session_token,
            expires_at: issued.expires_at,
            role_arn: role.arn(),
            assumed_role_arn,
            assumed_role_id,
            source_identity,
            packed_policy_size,
        })
    }
}

fn validate(call: &Call, request: &AssumeRole) -> Result<(), AwsError> {
    shape::length("roleArn", &request.role_arn, 20, 2048)?;
    shape::session_name("roleSessionName", &request.session_name, 64)?;
    if let Some(seconds) = request.duration_seconds {
        shape::range(
            "durationSeconds",
            seconds,
            session::SHORTEST,
            session::LONGEST,
        )?;
    }
    if let Some(source) = &request.source_identity {
        shape::session_name("sourceIdentity", source, 64)?;
    }
    if let Some(external_id) = &request.external_id {
        shape::length("externalId", external_id, 2, 1224)?;
        shape::characters("externalId", external_id, "+=,.@:/-")?;
    }
    passed::check_policies(request.policy.as_deref(), &request.policy_arns)?;
    passed::check_tags(&request.tags)?;
    tags::check_chain(
        &tags::inherited(call.caller()),
        &request.tags,
        &request.transitive_tag_keys,
    )
}

/// Every permission that the request needs, each asked of the caller's and the role's side.
fn authorize(call: &Call, request: &AssumeRole) -> Result<Arc<Role>, AwsError> {
    let tags = session::tags(call, request);
    let source = source_identity(call, request)?;
    let context = context(request, &tags, source);
    let actions = actions("sts:AssumeRole", &context);
    let refused = |action: &str| denied(call, action, &request.role_arn);
    ask_role(call, &request.role_arn, &actions, &context, refused)
}

/// The permissions that a session with these condition keys needs ("Pass session tags in AWS STS"
/// and "Monitor and control actions taken with assumed roles" of the IAM User Guide).
pub(super) fn actions<'a>(assume: &'a str, context: &Context) -> Vec<&'a str> {
    let mut actions = vec![assume];
    if context.get("aws:TagKeys").is_some() {
        actions.push("sts:TagSession");
    }
    if context.get("sts:SourceIdentity").is_some() {
        actions.push("sts:SetSourceIdentity");
    }
    actions
}

/// Asks for each action of the caller's side and of the role's trust policy. A missing role looks
/// like a forbidden one: STS names no policy in its refusals.
pub(super) fn ask_role(
    call: &Call,
    role_arn: &str,
    actions: &[&str],
    context: &Context,
    refused: impl Fn(&str) -> AwsError,
) -> Result<Arc<Role>, AwsError> {
    let role = Role::find(call.snapshot(), role_arn);
    let mut context = context.clone();
    if let Some(role) = &role {
        context.extend(role.tag_context());
    }
    for action in actions {
        let side = match &role {
            Some(role) => ResourceSide::Trust {
                document: role.trust.document().map_err(|_| refused(action))?,
                account: &role.account,
            },
            // Like another account's role that trusts nobody, so that no answer tells them apart.
            None => ResourceSide::Account { account: "" },
        };
        let _permit = call
            .authorize_with(action, role_arn, context.clone(), side)
            .map_err(|error| match error.is_access_denied() {
                true => refused(action),
                false => error,
            })?;
    }
    // Nobody learns here whether a role exists.
    role.ok_or_else(|| refused(actions.first().unwrap_or(&"sts:AssumeRole")))
}

fn denied(call: &Call, action: &str, role_arn: &str) -> AwsError {
    AwsError::access_denied(format!(
        "User: {} is not authorized to perform: {action} on resource: {role_arn}",
        call.caller_arn()
    ))
}

/// A source identity stays for the whole chain and can't be changed on the way.
pub(super) fn source_identity(
    call: &Call,
    request: &AssumeRole,
) -> Result<Option<String>, AwsError> {
    match (call.caller().source_identity(), &request.source_identity) {
        (Some(held), Some(asked)) if held != asked => {
            Err(denied(call, "sts:SetSourceIdentity", &request.role_arn))
        }
        (Some(held), _) => Ok(Some(held.to_owned())),
        (None, asked) => Ok(asked.clone()),
    }
}

fn context(request: &AssumeRole, tags: &Tags, source: Option<String>) -> Context {
    let mut context =
        inventory::request_tags(tags).with("sts:RoleSessionName", request.session_name.clone());
    if let Some(external_id) = &request.external_id {
        context.insert("sts:ExternalId", vec![external_id.clone()]);
    }
    if let Some(source) = source {
        context.insert("sts:SourceIdentity", vec![source]);
    }
    if !request.transitive_tag_keys.is_empty() {
        context.insert("sts:TransitiveTagKeys", request.transitive_tag_keys.clone());
    }
    context
}
