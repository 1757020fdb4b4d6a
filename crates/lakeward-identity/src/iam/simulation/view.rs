//! How a simulation is answered.

use lakeward_policy::{Decision, Door, Effect, Outcome, PolicyDocument, Reason};
use serde::Serialize;

use super::{
    policies::Policies,
    position::{self, Position},
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EvaluationResult {
    pub(super) eval_action_name: String,
    pub(super) eval_resource_name: String,
    pub(super) eval_decision: &'static str,
    pub(super) matched_statements: Vec<Matched>,
    pub(super) missing_context_values: Vec<String>,
    pub(super) organizations_decision_detail: Option<OrganizationsDetail>,
    pub(super) permissions_boundary_decision_detail: Option<BoundaryDetail>,
    pub(super) eval_decision_details: Option<Details>,
    pub(super) resource_specific_results: [ResourceResult; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResourceResult {
    pub(super) eval_resource_name: String,
    pub(super) eval_resource_decision: &'static str,
    pub(super) matched_statements: Vec<Matched>,
    pub(super) missing_context_values: Vec<String>,
    pub(super) permissions_boundary_decision_detail: Option<BoundaryDetail>,
    pub(super) eval_decision_details: Option<Details>,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OrganizationsDetail {
    pub(super) allowed_by_organizations: bool,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BoundaryDetail {
    pub(super) allowed_by_permissions_boundary: bool,
}

/// A map from a kind of policy to its own decision, as the query protocol writes maps.
#[derive(Serialize, Clone)]
pub(super) struct Details {
    entry: [Detail; 2],
}

#[derive(Serialize, Clone)]
struct Detail {
    key: &'static str,
    value: &'static str,
}

impl Details {
    pub(super) fn new(identity: &Decision, resource: &Decision) -> Self {
        let detail = |key, decision| Detail {
            key,
            value: word(decision),
        };
        Self {
            entry: [
                detail("IAM Policy", identity),
                detail("Resource Policy", resource),
            ],
        }
    }
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Matched {
    source_policy_id: String,
    source_policy_type: &'static str,
    start_position: Option<Position>,
    end_position: Option<Position>,
}

/// A decision in the API's words.
pub(super) fn word(decision: &Decision) -> &'static str {
    match decision.effect {
        Effect::Allowed => "allowed",
        Effect::ImplicitDeny => "implicitDeny",
        Effect::ExplicitDeny => "explicitDeny",
    }
}

/// The statements that made the decision. What an organization allows is no grant, and isn't
/// among them.
pub(super) fn matched(
    decision: &Decision,
    policies: &Policies,
    resource: Option<&PolicyDocument>,
) -> Vec<Matched> {
    let decisive = |reason: &&Reason| match reason.outcome {
        Outcome::Denies => true,
        Outcome::Allows => !matches!(
            reason.door,
            Door::ServiceControlPolicy | Door::ResourceControlPolicy
        ),
        _ => false,
    };
    let reasons = decision.reasons.iter().filter(decisive);
    reasons
        .filter_map(|reason| one(reason, policies, resource))
        .collect()
}

fn one(reason: &Reason, policies: &Policies, resource: Option<&PolicyDocument>) -> Option<Matched> {
    let (id, kind, document) = match reason.door {
        Door::ResourcePolicy => ("ResourcePolicy", "resource", resource),
        Door::TrustPolicy => ("AssumeRolePolicyDocument", "resource", resource),
        Door::ResourceControlPolicy => (reason.policy.as_deref()?, "rcp", None),
        _ => {
            let origin = policies.origin(reason.policy.as_deref()?)?;
            (&*origin.id, origin.kind, Some(&origin.document))
        }
    };
    let places =
        document.and_then(|document| position::of_statement(document.source(), reason.statement?));
    Some(Matched {
        source_policy_id: id.to_owned(),
        source_policy_type: kind,
        start_position: places.map(|(start, _)| start),
        end_position: places.map(|(_, end)| end),
    })
}
