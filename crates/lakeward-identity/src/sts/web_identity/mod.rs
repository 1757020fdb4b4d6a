//! `AssumeRoleWithWebIdentity`: from a token of an OpenID Connect provider to a session of a role.
//!
//! The request carries no signature; the token says who asks. So the work has two halves:
//! [`vouch`] makes a caller of the token, and the operation then asks the role's trust policy about
//! that caller like any other.

mod claims;
mod error;
mod issuer_keys;
mod jwk;
mod network;
mod token;

pub(crate) use issuer_keys::IssuerKeys;
pub use network::{IssuerNetwork, IssuerNetworkError};

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_policy::{Arn, Context};
use lakeward_wire::{AwsError, Secret};
use serde::{Deserialize, Serialize};

use super::{
    assume::{actions, ask_role},
    assume_role::{AssumedRoleUser, shown},
    credentials::Credentials,
    passed::{self, PolicyArn},
    session, shape, tags,
};
use crate::{
    Call, Caller, Identity, OidcProvider, Role, RoleSession,
    caller::Kind,
    inventory::{self, Tags},
};
use error::WebIdentityError;
use token::Token;

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    role_arn: String,
    role_session_name: String,
    web_identity_token: Secret,
    provider_id: Option<String>,
    #[serde(default)]
    policy_arns: Vec<PolicyArn>,
    policy: Option<String>,
    duration_seconds: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    credentials: Credentials,
    subject_from_web_identity_token: String,
    assumed_role_user: AssumedRoleUser,
    packed_policy_size: u32,
    provider: String,
    audience: String,
    source_identity: Option<String>,
}

/// What a verified token says.
#[derive(Debug, Clone)]
pub(crate) struct Assertion {
    pub(crate) identity: crate::WebIdentity,
    pub(crate) tags: Tags,
    pub(crate) transitive: Vec<String>,
    pub(crate) source_identity: Option<String>,
}

/// The caller that the token in the request stands for.
pub(super) async fn vouch(
    identity: Arc<Identity>,
    input: Input,
    now: Timestamp,
) -> Result<Caller, AwsError> {
    check_shape(&input)?;
    let account = Arn::parse(&input.role_arn)
        .map(|arn| arn.account)
        .map_err(|_| invalid(format!("{} is invalid", input.role_arn)))?;
    let token = Token::read(input.web_identity_token.expose())?;
    let issuer = token.claims.issuer()?;
    let provider = OidcProvider::of_issuer(&identity.store().snapshot(), &account, issuer)
        .ok_or_else(|| WebIdentityError::NoProvider(issuer.to_owned()))?;
    let audience = token.claims.audience(&provider.client_ids)?;
    token.claims.check_time(now)?;
    let assertion = token.claims.assertion(&provider, audience)?;
    identity
        .issuer_keys()?
        .verify(&provider.url, &token)
        .await?;
    Ok(Caller::permanent(
        String::new(),
        account,
        Kind::WebIdentity(Arc::new(assertion)),
    ))
}

fn check_shape(input: &Input) -> Result<(), AwsError> {
    shape::length("roleArn", &input.role_arn, 20, 2048)?;
    shape::session_name("roleSessionName", &input.role_session_name, 64)?;
    let token = input.web_identity_token.expose();
    if !(4..=token::LONGEST).contains(&token.len()) {
        return Err(invalid(format!(
            "WebIdentityToken must have 4 to {} characters",
            token::LONGEST
        )));
    }
    if input.provider_id.is_some() {
        return Err(invalid(
            "ProviderId (OAuth 2.0 access tokens) is not implemented by this server; leave it out and pass an OpenID Connect ID token",
        ));
    }
    if let Some(seconds) = input.duration_seconds {
        shape::range(
            "durationSeconds",
            seconds,
            session::SHORTEST,
            session::LONGEST,
        )?;
    }
    let members = input.policy_arns.iter();
    let arns: Vec<String> = members.map(|member| member.arn.clone()).collect();
    passed::check_policies(input.policy.as_deref(), &arns)
}

pub(super) async fn assume_role_with_web_identity(
    identity: Arc<Identity>,
    call: Call,
    input: Input,
) -> Result<Output, AwsError> {
    let Kind::WebIdentity(assertion) = &call.caller().kind else {
        return Err(WebIdentityError::Refused.into());
    };
    let role = authorize(&call, &input, assertion)?;
    let (session, packed) = new_session(&call, &role, input, assertion)?;
    let granted = identity.hand_out(&role, session, packed)?;
    let (credentials, assumed_role_user) = shown(granted);
    Ok(Output {
        credentials,
        subject_from_web_identity_token: assertion.identity.subject.clone(),
        assumed_role_user,
        packed_policy_size: packed,
        provider: assertion.identity.provider.clone(),
        audience: assertion.identity.audience.clone(),
        source_identity: assertion.source_identity.clone(),
    })
}

/// The role, if its trust policy wants this caller. All refusals look alike.
fn authorize(call: &Call, input: &Input, assertion: &Assertion) -> Result<Arc<Role>, AwsError> {
    let context = context(input, assertion);
    let actions = actions(ACTION, &context);
    let refused = |_: &str| WebIdentityError::Refused.into();
    ask_role(call, &input.role_arn, &actions, &context, refused)
}

fn context(input: &Input, assertion: &Assertion) -> Context {
    let mut context = inventory::request_tags(&assertion.tags)
        .with("sts:RoleSessionName", input.role_session_name.clone());
    if let Some(source) = &assertion.source_identity {
        context.insert("sts:SourceIdentity", vec![source.clone()]);
    }
    if !assertion.transitive.is_empty() {
        context.insert("sts:TransitiveTagKeys", assertion.transitive.clone());
    }
    context
}

fn new_session(
    call: &Call,
    role: &Role,
    input: Input,
    assertion: &Assertion,
) -> Result<(RoleSession, u32), AwsError> {
    let seconds = session::duration(role, input.duration_seconds, false)?;
    let arns = passed::arns(input.policy_arns);
    passed::check_managed(call.snapshot(), &role.account, &arns)?;
    let packed = passed::packed_size(input.policy.as_deref(), &arns, &assertion.tags)?;
    let mut session = session::new(role, &input.role_session_name, call.now(), seconds);
    session.source_identity = assertion.source_identity.clone();
    session.tags = assertion.tags.clone();
    session.transitive = assertion.transitive.clone();
    session.policy = passed::inline(input.policy)?;
    session.policy_arns = arns;
    session.web_identity = Some(assertion.identity.clone());
    Ok((session, packed))
}

/// Session tags and a source identity obey the same limits as passed ones.
fn check_passed(assertion: &Assertion) -> Result<(), AwsError> {
    let pairs: Vec<(String, String)> = assertion.tags.clone().into_iter().collect();
    passed::check_tags(&pairs)?;
    tags::check_chain(&Tags::new(), &pairs, &assertion.transitive)?;
    match &assertion.source_identity {
        Some(source) => shape::session_name("sourceIdentity", source, 64),
        None => Ok(()),
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "ValidationError", message)
}
