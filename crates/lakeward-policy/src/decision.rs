//! Decisions, their reasons, and the texts that AWS gives for them.

use serde::{Deserialize, Serialize};

use crate::layers::Request;
use crate::summary::WrittenCondition;

/// The outcome of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// Every gate that had to open did.
    Allowed,
    /// Some gate holds no statement that allows the request.
    ImplicitDeny,
    /// A statement denies the request.
    ExplicitDeny,
}

/// A kind of policy that a request passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Door {
    /// Policies of the user, group or role.
    IdentityPolicy,
    /// The permissions boundary of the user or role.
    PermissionsBoundary,
    /// Policies passed when the session was made.
    SessionPolicy,
    /// The resource's policy.
    ResourcePolicy,
    /// The role's trust policy.
    TrustPolicy,
    /// Service control policies of the caller's organization.
    ServiceControlPolicy,
    /// Resource control policies of the resource's organization.
    ResourceControlPolicy,
    /// The policy of the VPC endpoint on the way.
    EndpointPolicy,
}

/// What a statement, or the lack of one, contributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Outcome {
    /// The statement allows the request.
    Allows,
    /// The statement denies the request.
    Denies,
    /// No statement behind this door allows the request.
    NothingAllows,
    /// The statement would allow it, but a condition is not met; `detail` names it.
    ConditionUnmet,
    /// The statement allows the action, on other resources.
    OtherResource,
    /// The statement allows the action, to other principals.
    OtherPrincipal,
    /// The root user of an account needs no policy within it.
    AccountRoot,
    /// The operation is open to everyone, whatever policies say (`sts:GetCallerIdentity`).
    AlwaysAllowed,
}

/// One step of an explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// Where the step happened.
    pub door: Door,
    /// What happened there.
    pub outcome: Outcome,
    /// The policy's name; none for a resource's own policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The statement's index in its policy, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<usize>,
    /// The statement's Sid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The line of the policy's text on which the statement begins, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The level of the organization, its root being 0, for service and resource control
    /// policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<usize>,
    /// For an unmet condition: its operator and key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// For an unmet condition: what it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<WrittenCondition>,
}

impl Outcome {
    /// Whether a statement fell short of allowing the request.
    pub(crate) fn is_near_miss(self) -> bool {
        matches!(
            self,
            Outcome::ConditionUnmet | Outcome::OtherResource | Outcome::OtherPrincipal
        )
    }
}

/// Whether a request is allowed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The outcome.
    pub effect: Effect,
    /// The door that refused; none when allowed.
    pub door: Option<Door>,
    /// The steps that led here, the decisive ones first.
    pub reasons: Vec<Reason>,
}

impl Decision {
    pub(crate) fn allowed(reasons: Vec<Reason>) -> Decision {
        Decision {
            effect: Effect::Allowed,
            door: None,
            reasons,
        }
    }

    /// Whether the request may go ahead.
    pub fn is_allowed(&self) -> bool {
        self.effect == Effect::Allowed
    }

    /// AWS's text for a refusal.
    ///
    /// Organizations' policies are always said to deny explicitly, even where they merely don't
    /// allow.
    ///
    /// Source: IAM User Guide, "Troubleshoot access denied error messages".
    pub fn denial_message(&self, request: &Request<'_>) -> String {
        let Request {
            principal,
            action,
            resource,
            ..
        } = request;
        let subject = format!(
            "User: {} is not authorized to perform: {action} on resource: {resource}",
            principal.arn()
        );
        match (self.effect, self.door) {
            (
                Effect::ImplicitDeny,
                Some(door @ (Door::ServiceControlPolicy | Door::ResourceControlPolicy)),
            ) => format!("{subject} with an explicit deny in {}", door.phrase()),
            (Effect::ImplicitDeny, Some(door)) => {
                format!(
                    "{subject} because no {} allows the {action} action",
                    door.noun()
                )
            }
            (Effect::ExplicitDeny, Some(door)) => {
                format!("{subject} with an explicit deny in {}", door.phrase())
            }
            _ => subject,
        }
    }
}

impl Door {
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Door::IdentityPolicy => "identity-based policy",
            Door::PermissionsBoundary => "permissions boundary",
            Door::SessionPolicy => "session policy",
            Door::ResourcePolicy => "resource-based policy",
            Door::TrustPolicy => "role trust policy",
            Door::ServiceControlPolicy => "service control policy",
            Door::ResourceControlPolicy => "resource control policy",
            Door::EndpointPolicy => "VPC endpoint policy",
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            Door::IdentityPolicy => "an identity-based policy",
            Door::PermissionsBoundary => "a permissions boundary",
            Door::SessionPolicy => "a sessions policy",
            Door::ResourcePolicy => "a resource-based policy",
            Door::TrustPolicy => "the role trust policy",
            Door::ServiceControlPolicy => "a service control policy",
            Door::ResourceControlPolicy => "a resource control policy",
            Door::EndpointPolicy => "a VPC endpoint policy",
        }
    }
}
