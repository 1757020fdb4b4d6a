//! Roles that AWS services act as.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_policy::{Context, Effect, Principal, Request, ResourceSide};
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;

use super::session;
use crate::{
    Caller, Identity, Role, RoleCredentials,
    organizations::{self, control},
    session::Session,
    standing::Standing,
};

/// For what a service acts, which a trust policy may ask for ("The confused deputy problem").
#[derive(Debug, Clone, Copy, Default)]
pub struct OnBehalfOf<'a> {
    /// The resource whose work needs the role: `aws:SourceArn`.
    pub arn: Option<&'a str>,
    /// That resource's account: `aws:SourceAccount`, and the organization keys that follow.
    pub account: Option<&'a str>,
}

impl Identity {
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
        self.service_session_for(role_arn, service, session_name, OnBehalfOf::default())
    }

    /// As [`Identity::service_session`], telling the trust policy for what the service acts.
    ///
    /// # Errors
    /// `AccessDenied` when there is no such role or it doesn't trust the service.
    pub fn service_session_for(
        &self,
        role_arn: &str,
        service: &str,
        session_name: &str,
        source: OnBehalfOf<'_>,
    ) -> Result<Arc<Caller>, AwsError> {
        let snapshot = self.store().snapshot();
        let role = trusting(&snapshot, role_arn, service, source)?;
        let now = Timestamp::now();
        let session = session::new(&role, session_name, now, session::CHAINED_LIMIT);
        let key = self.signing_key().temporary_id();
        Caller::of_session(&snapshot, key, Session::Role(session))
            .map(Arc::new)
            .ok_or_else(|| refused(role_arn, service))
    }

    /// The keys of such a session, for requests that the service sends itself.
    ///
    /// # Errors
    /// `AccessDenied` when there is no such role or it doesn't trust the service.
    pub fn service_credentials(
        &self,
        role_arn: &str,
        service: &str,
        session_name: &str,
    ) -> Result<RoleCredentials, AwsError> {
        let snapshot = self.store().snapshot();
        let role = trusting(&snapshot, role_arn, service, OnBehalfOf::default())?;
        let now = Timestamp::now();
        let session = session::new(&role, session_name, now, session::CHAINED_LIMIT);
        self.hand_out(&role, session, 0)
    }
}

fn refused(role_arn: &str, service: &str) -> AwsError {
    AwsError::access_denied(format!(
        "the service {service} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
    ))
}

/// The role, if it is there and trusts the service.
fn trusting(
    snapshot: &Snapshot,
    role_arn: &str,
    service: &str,
    source: OnBehalfOf<'_>,
) -> Result<Arc<Role>, AwsError> {
    let refused = || refused(role_arn, service);
    let role = Role::find(snapshot, role_arn).ok_or_else(refused)?;
    let document = role.trust.document().map_err(|_| refused())?;
    let principal = Principal::Service {
        name: service.to_owned(),
    };
    let mut context = principal.context();
    context.extend(role.tag_context());
    context.extend(organizations::resource_context(snapshot, &role.account));
    context.extend(source_context(snapshot, source));
    let request = Request {
        principal: &principal,
        unique_id: None,
        action: "sts:AssumeRole",
        resource: role_arn,
        context: &context,
    };
    let side = ResourceSide::Trust {
        document,
        account: &role.account,
    };
    let above = control::resource_control(snapshot, &role.account, request.action)?;
    let decision = Standing::default().decide(&request, side, &above);
    if decision.effect == Effect::Allowed {
        Ok(role)
    } else {
        Err(refused())
    }
}

/// `aws:SourceArn`, `aws:SourceAccount`, `aws:SourceOrgID` and `aws:SourceOrgPaths`.
fn source_context(snapshot: &Snapshot, source: OnBehalfOf<'_>) -> Context {
    let mut context = Context::new();
    if let Some(arn) = source.arn {
        context.insert("aws:SourceArn", vec![arn.to_owned()]);
    }
    let Some(account) = source.account else {
        return context;
    };
    context.insert("aws:SourceAccount", vec![account.to_owned()]);
    let place = organizations::principal_context(snapshot, account);
    for (own, theirs) in [
        ("aws:SourceOrgID", "aws:PrincipalOrgID"),
        ("aws:SourceOrgPaths", "aws:PrincipalOrgPaths"),
    ] {
        if let Some(values) = place.get(theirs) {
            context.insert(own, values.to_vec());
        }
    }
    context
}
