//! Which policies are attached to which roots, units and accounts.

use std::sync::Arc;

use lakeward_policy::Context;
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{
    paging::Paging,
    policies::{self, PolicyList},
    policy_types::{named, type_context},
    visit::{Visit, amend},
};
use crate::{
    Call, Identity, Service,
    iam::Nothing,
    organizations::{
        Attachments, Organization, OrganizationPolicy, PolicyType, error,
        tree::{self, Node},
    },
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("AttachPolicy", identity, attach)
        .operation("DetachPolicy", identity, detach)
        .operation("ListPoliciesForTarget", identity, list_for_target)
        .operation("ListTargetsForPolicy", identity, list_targets)
}

/// The most policies of one type on a target ("Quotas for AWS Organizations").
const MOST_ATTACHED: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pair {
    policy_id: String,
    target_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ForTarget {
    target_id: String,
    filter: String,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ForPolicy {
    policy_id: String,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TargetView {
    target_id: String,
    arn: String,
    name: String,
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TargetList {
    targets: Vec<TargetView>,
    next_token: Option<String>,
}

/// Both sides are asked about: the policy and what it is attached to.
fn ask(call: &Call, action: &str, pair: &Pair) -> Result<(), AwsError> {
    let visit = Visit::new(call);
    let _policy = visit.ask_on_policy(action, &pair.policy_id, Context::new())?;
    let kind = visit.kind_of(&pair.policy_id);
    let context = Context::new().with("organizations:PolicyType", kind.name());
    let _target = visit.ask_on(action, &pair.target_id, context)?;
    Ok(())
}

/// The policy of a pair, whose target exists.
fn policy_of(
    snapshot: &Snapshot,
    organization: &Organization,
    pair: &Pair,
) -> Result<Arc<OrganizationPolicy>, AwsError> {
    let policy = policies::find(snapshot, organization, &pair.policy_id)?;
    Node::find(snapshot, organization, &pair.target_id)
        .ok_or_else(|| error::not_found("Target"))?;
    if !organization.enabled.contains(&policy.kind) {
        return Err(error::type_not_enabled(policy.kind));
    }
    Ok(policy)
}

/// The policies of a type on a target.
fn attached(
    snapshot: &Snapshot,
    organization: &Organization,
    target: &str,
    kind: PolicyType,
) -> Vec<Arc<OrganizationPolicy>> {
    Attachments::ids(snapshot, &organization.id, target)
        .iter()
        .filter_map(|id| OrganizationPolicy::find(snapshot, &organization.id, id))
        .filter(|policy| policy.kind == kind)
        .collect()
}

async fn attach(identity: Arc<Identity>, call: Call, pair: Pair) -> Result<Nothing, AwsError> {
    ask(&call, "AttachPolicy", &pair)?;
    amend(&identity, &call, |change, organization| {
        let policy = policy_of(change, organization, &pair)?;
        let there = attached(change, organization, &pair.target_id, policy.kind);
        if there.iter().any(|own| own.id == policy.id) {
            return Err(error::refused(
                "DuplicatePolicyAttachmentException",
                "A policy with the specified name and type already exists.",
            ));
        }
        if there.len() >= MOST_ATTACHED {
            return Err(error::constraint(
                "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
                "You have attached the maximum number of policies of the specified type to the target.",
            ));
        }
        Attachments::edit(change, &organization.id, &pair.target_id, |policies| {
            policies.insert(policy.id.clone());
        });
        Ok(Nothing)
    })
    .await
}

async fn detach(identity: Arc<Identity>, call: Call, pair: Pair) -> Result<Nothing, AwsError> {
    ask(&call, "DetachPolicy", &pair)?;
    amend(&identity, &call, |change, organization| {
        let policy = policy_of(change, organization, &pair)?;
        let there = attached(change, organization, &pair.target_id, policy.kind);
        if there.iter().all(|own| own.id != policy.id) {
            return Err(error::refused(
                "PolicyNotAttachedException",
                "The policy isn't attached to the specified target in the specified root.",
            ));
        }
        if policy.id == PolicyType::ResourceControlPolicy.full_access() {
            return Err(error::invalid(
                "NON_DETACHABLE_POLICY",
                "You can't detach this AWS Resource Control Policy.",
            ));
        }
        if policy.kind == PolicyType::ServiceControlPolicy && there.len() == 1 {
            return Err(error::constraint(
                "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
                "You cannot remove the last policy attached to the specified target. You should have at least one attached.",
            ));
        }
        Attachments::edit(change, &organization.id, &pair.target_id, |policies| {
            policies.remove(&policy.id);
        });
        Ok(Nothing)
    })
    .await
}

async fn list_for_target(
    _identity: Arc<Identity>,
    call: Call,
    input: ForTarget,
) -> Result<PolicyList, AwsError> {
    let visit = Visit::new(&call);
    let target = input.target_id;
    let context = type_context(&input.filter);
    let _permit = visit.ask_on("ListPoliciesForTarget", &target, context)?;
    let organization = visit.managed()?;
    let kind = named(&input.filter)?;
    Node::find(call.snapshot(), &organization, &target)
        .ok_or_else(|| error::not_found("Target"))?;
    let there = attached(call.snapshot(), &organization, &target, kind);
    let summaries = there
        .iter()
        .map(|policy| policies::summary(&organization, policy));
    let (policies, next_token) = input.paging.page(summaries.collect(), |own| &own.id)?;
    Ok(PolicyList {
        policies,
        next_token,
    })
}

async fn list_targets(
    _identity: Arc<Identity>,
    call: Call,
    input: ForPolicy,
) -> Result<TargetList, AwsError> {
    let visit = Visit::new(&call);
    let id = input.policy_id;
    let _permit = visit.ask_on_policy("ListTargetsForPolicy", &id, Context::new())?;
    let organization = visit.managed()?;
    policies::find(call.snapshot(), &organization, &id)?;
    let mut targets = tree::everything(call.snapshot(), &organization);
    targets.retain(|target| {
        Attachments::of(call.snapshot(), &organization.id, target)
            .is_some_and(|own| own.policies.contains(&id))
    });
    let (targets, next_token) = input.paging.page(targets, |target| target)?;
    let view = |target: String| target_view(call.snapshot(), &organization, target);
    Ok(TargetList {
        targets: targets.into_iter().filter_map(view).collect(),
        next_token,
    })
}

fn target_view(
    snapshot: &Snapshot,
    organization: &Organization,
    target_id: String,
) -> Option<TargetView> {
    let node = Node::find(snapshot, organization, &target_id)?;
    Some(TargetView {
        arn: organization.target_arn(&target_id),
        name: node.name(snapshot),
        r#type: node.kind(),
        target_id,
    })
}
