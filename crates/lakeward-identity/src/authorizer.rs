//! From a caller and a question to a decision: which policies apply, and what they say.

use lakeward_policy::{Attached, Context, Decision, Layers, Request, ResourceSide, evaluate};
use lakeward_wire::AwsError;

use crate::{Caller, caller::Kind, inventory::InlinePolicies};

/// One question: may the caller do `action` on `resource`?
pub(crate) struct Question<'a> {
    pub(crate) action: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) context: &'a Context,
    pub(crate) resource_side: ResourceSide<'a>,
}

/// Decides. A policy that doesn't parse is a denial.
pub(crate) fn decide(caller: &Caller, question: Question<'_>) -> Result<Decision, AwsError> {
    let identity = identity_policies(caller)?;
    let session = session_policies(caller)?;
    let layers = Layers {
        identity: &identity,
        boundary: None,
        session: session.as_deref(),
        resource: question.resource_side,
    };
    let request = Request {
        principal: &caller.principal(),
        action: question.action,
        resource: question.resource,
        context: question.context,
    };
    Ok(evaluate(&request, &layers))
}

fn identity_policies(caller: &Caller) -> Result<Vec<Attached<'_>>, AwsError> {
    match &caller.kind {
        Kind::Root => Ok(Vec::new()),
        Kind::User(user) => attached(&user.policies),
        Kind::Role { role, .. } => attached(&role.policies),
    }
}

fn attached(policies: &InlinePolicies) -> Result<Vec<Attached<'_>>, AwsError> {
    policies
        .iter()
        .map(|(name, policy)| match policy.document() {
            Ok(document) => Ok(Attached { name, document }),
            Err(malformed) => Err(unreadable(name, malformed)),
        })
        .collect()
}

fn session_policies(caller: &Caller) -> Result<Option<Vec<Attached<'_>>>, AwsError> {
    let Some(policy) = caller.session().and_then(|session| session.policy.as_ref()) else {
        return Ok(None);
    };
    let name = "session policy";
    match policy.document() {
        Ok(document) => Ok(Some(vec![Attached { name, document }])),
        Err(malformed) => Err(unreadable(name, malformed)),
    }
}

fn unreadable(name: &str, why: &lakeward_policy::MalformedPolicy) -> AwsError {
    AwsError::access_denied(format!(
        "access is denied because the policy `{name}` can't be read: {why}"
    ))
}
