//! Roles that AWS services act as.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_policy::{Context, Decision, Principal, Request, ResourceSide};
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;
use serde_json::json;

use super::session;
use crate::{
    Caller, Event, Identity, Role, RoleCredentials, RoleSession,
    call::set_request_keys,
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

/// An AWS service's wish to act as a role: a cluster's machines hold their instance profile's role
/// that way.
#[derive(Debug, Clone, Copy)]
pub struct ServiceSession<'a> {
    /// The role.
    pub role_arn: &'a str,
    /// The service, for instance `ec2.amazonaws.com`.
    pub service: &'a str,
    /// The session's name.
    pub name: &'a str,
    /// For what the service acts.
    pub source: OnBehalfOf<'a>,
    /// The time now.
    pub at: Timestamp,
}

impl Identity {
    /// A session of the role, if its trust policy lets the service have it. The decision is audited.
    ///
    /// # Errors
    /// `AccessDenied` when there is no such role or it doesn't trust the service.
    pub fn service_session(&self, wish: &ServiceSession<'_>) -> Result<Arc<Caller>, AwsError> {
        let snapshot = self.store().snapshot();
        let role = self.trusting(&snapshot, wish)?;
        let key = self.signing_key().temporary_id();
        Caller::of_session(&snapshot, key, Session::Role(wish.session(&role)))
            .map(Arc::new)
            .ok_or_else(|| wish.refused())
    }

    /// The keys of such a session, for requests that the service sends itself.
    ///
    /// # Errors
    /// `AccessDenied` when there is no such role or it doesn't trust the service.
    pub fn service_credentials(
        &self,
        wish: &ServiceSession<'_>,
    ) -> Result<RoleCredentials, AwsError> {
        let role = self.trusting(&self.store().snapshot(), wish)?;
        self.hand_out(&role, wish.session(&role), 0)
    }

    /// The role, if it is there and trusts the service. Leaves a record either way.
    fn trusting(
        &self,
        snapshot: &Snapshot,
        wish: &ServiceSession<'_>,
    ) -> Result<Arc<Role>, AwsError> {
        let role = Role::find(snapshot, wish.role_arn);
        let decision = role
            .as_deref()
            .map(|role| self.decide(snapshot, wish, role));
        let decision = decision.transpose();
        let allowed = matches!(&decision, Ok(Some(decision)) if decision.is_allowed());
        let answer = match decision.as_ref() {
            Err(unreadable) if !unreadable.is_access_denied() => Err(unreadable.clone()),
            _ => role.filter(|_| allowed).ok_or_else(|| wish.refused()),
        };
        let event = Event {
            service: "sts",
            operation: "AssumeRole",
            parameters: json!({"roleArn": wish.role_arn, "roleSessionName": wish.name}),
            region: self.region(),
            request_id: &uuid::Uuid::new_v4().to_string(),
            error: answer.as_ref().err(),
        };
        let decision = decision.ok().flatten();
        self.audit().service(wish, decision.as_ref(), event)?;
        answer
    }

    /// What the role's trust policy says, and the resource control policies above its account.
    fn decide(
        &self,
        snapshot: &Snapshot,
        wish: &ServiceSession<'_>,
        role: &Role,
    ) -> Result<Decision, AwsError> {
        let document = role.trust.document().map_err(|_| wish.refused())?;
        let principal = Principal::Service {
            name: wish.service.to_owned(),
        };
        let mut context = principal.context();
        context.extend(role.tag_context());
        context.extend(organizations::resource_context(snapshot, &role.account));
        context.extend(source_context(snapshot, wish.source));
        // Neither address nor user agent: a service's are its own business.
        set_request_keys(&mut context, wish.at, self.region());
        context.insert("sts:RoleSessionName", vec![wish.name.to_owned()]);
        let request = Request {
            principal: &principal,
            unique_id: None,
            action: "sts:AssumeRole",
            resource: wish.role_arn,
            context: &context,
        };
        let side = ResourceSide::Trust {
            document,
            account: &role.account,
        };
        let above = control::resource_control(snapshot, &role.account, request.action)?;
        Ok(Standing::default().decide(&request, side, &above))
    }
}

impl ServiceSession<'_> {
    fn session(&self, role: &Role) -> RoleSession {
        session::new(role, self.name, self.at, session::CHAINED_LIMIT)
    }

    fn refused(&self) -> AwsError {
        AwsError::access_denied(format!(
            "the service {} is not authorized to perform: sts:AssumeRole on resource: {}",
            self.service, self.role_arn
        ))
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
