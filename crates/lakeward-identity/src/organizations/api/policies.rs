//! Service control policies and resource control policies: made, changed and read.

use std::sync::Arc;

use lakeward_policy::Context;
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{
    paging::Paging,
    policy_types::{named, type_context},
    visit::{Visit, amend},
};
use crate::{
    Call, Identity, Service, StoredPolicy,
    iam::{Nothing, Tag},
    inventory,
    organizations::{
        Attachments, Organization, OrganizationPolicy, PolicyType, ResourceTags, error, naming,
    },
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreatePolicy", identity, create)
        .operation("UpdatePolicy", identity, update)
        .operation("DeletePolicy", identity, delete)
        .operation("DescribePolicy", identity, describe)
        .operation("ListPolicies", identity, list)
        .operation("DescribeEffectivePolicy", identity, describe_effective)
}

/// The largest document, in characters ("Quotas for AWS Organizations").
const LONGEST: usize = 5120;
/// The most policies of one type.
const MOST_POLICIES: usize = 1000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    content: String,
    description: String,
    name: String,
    r#type: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Update {
    policy_id: String,
    name: Option<String>,
    description: Option<String>,
    content: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyId {
    policy_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    filter: String,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Effective {
    policy_type: String,
    target_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Summary {
    pub(super) id: String,
    arn: String,
    name: String,
    description: String,
    r#type: &'static str,
    aws_managed: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyView {
    policy_summary: Summary,
    content: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyAnswer {
    policy: PolicyView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PolicyList {
    pub(super) policies: Vec<Summary>,
    pub(super) next_token: Option<String>,
}

pub(super) fn summary(organization: &Organization, policy: &OrganizationPolicy) -> Summary {
    Summary {
        id: policy.id.clone(),
        arn: policy.arn(organization),
        name: policy.name.clone(),
        description: policy.description.clone(),
        r#type: policy.kind.name(),
        aws_managed: policy.is_aws_managed(),
    }
}

fn view(organization: &Organization, policy: &OrganizationPolicy) -> PolicyAnswer {
    PolicyAnswer {
        policy: PolicyView {
            policy_summary: summary(organization, policy),
            content: policy.policy.text().to_owned(),
        },
    }
}

pub(super) fn find(
    snapshot: &Snapshot,
    organization: &Organization,
    id: &str,
) -> Result<Arc<OrganizationPolicy>, AwsError> {
    OrganizationPolicy::find(snapshot, &organization.id, id)
        .ok_or_else(|| error::not_found("Policy"))
}

/// A policy that is the organization's own.
fn own(
    snapshot: &Snapshot,
    organization: &Organization,
    id: &str,
) -> Result<Arc<OrganizationPolicy>, AwsError> {
    let policy = find(snapshot, organization, id)?;
    if policy.is_aws_managed() {
        return Err(error::invalid(
            "IMMUTABLE_POLICY",
            "You specified a policy that is managed by AWS and can't be modified.",
        ));
    }
    Ok(policy)
}

fn document(kind: PolicyType, content: String) -> Result<StoredPolicy, AwsError> {
    if content.chars().count() > LONGEST {
        return Err(error::constraint(
            "POLICY_CONTENT_LIMIT_EXCEEDED",
            "You exceeded the policy content size limit of 5120 characters.",
        ));
    }
    kind.parse(content).map_err(error::malformed)
}

fn check_unique(
    snapshot: &Snapshot,
    organization: &Organization,
    kind: PolicyType,
    name: &str,
) -> Result<(), AwsError> {
    let policies = OrganizationPolicy::all(snapshot, &organization.id);
    if policies
        .iter()
        .any(|own| own.kind == kind && own.name == name)
    {
        return Err(error::refused(
            "DuplicatePolicyException",
            "A policy with the same name already exists.",
        ));
    }
    Ok(())
}

fn check_description(text: &str) -> Result<(), AwsError> {
    match text {
        "" => Ok(()),
        text => naming::check_text("Description", text, 512),
    }
}

async fn create(
    identity: Arc<Identity>,
    call: Call,
    input: Create,
) -> Result<PolicyAnswer, AwsError> {
    let tags = naming::tag_map(input.tags)?;
    let mut context = inventory::request_tags(&tags);
    context.extend(type_context(&input.r#type));
    let _permit = Visit::new(&call).ask("CreatePolicy", context)?;
    let kind = named(&input.r#type)?;
    naming::check_text("Name", &input.name, 128)?;
    check_description(&input.description)?;
    naming::check_tags(&tags)?;
    let policy = document(kind, input.content)?;
    amend(&identity, &call, |change, organization| {
        check_unique(change, organization, kind, &input.name)?;
        let all = OrganizationPolicy::all(change, &organization.id);
        if all.iter().filter(|own| own.kind == kind).count() > MOST_POLICIES {
            return Err(error::constraint(
                "POLICY_NUMBER_LIMIT_EXCEEDED",
                "You have exceeded the number of policies that you can have in an organization.",
            ));
        }
        let policy = OrganizationPolicy {
            organization: organization.id.clone(),
            id: naming::fresh("p", 8),
            kind,
            name: input.name,
            description: input.description,
            policy,
        };
        let answer = view(organization, &policy);
        ResourceTags::put(change, &organization.id, &policy.id, tags);
        change.put(policy);
        Ok(answer)
    })
    .await
}

async fn update(
    identity: Arc<Identity>,
    call: Call,
    input: Update,
) -> Result<PolicyAnswer, AwsError> {
    let _permit =
        Visit::new(&call).ask_on_policy("UpdatePolicy", &input.policy_id, Context::new())?;
    amend(&identity, &call, |change, organization| {
        let mut policy = (*own(change, organization, &input.policy_id)?).clone();
        if let Some(name) = input.name.filter(|name| *name != policy.name) {
            naming::check_text("Name", &name, 128)?;
            check_unique(change, organization, policy.kind, &name)?;
            policy.name = name;
        }
        if let Some(description) = input.description {
            check_description(&description)?;
            policy.description = description;
        }
        if let Some(content) = input.content {
            policy.policy = document(policy.kind, content)?;
        }
        let answer = view(organization, &policy);
        change.put(policy);
        Ok(answer)
    })
    .await
}

async fn delete(identity: Arc<Identity>, call: Call, input: PolicyId) -> Result<Nothing, AwsError> {
    let id = input.policy_id;
    let _permit = Visit::new(&call).ask_on_policy("DeletePolicy", &id, Context::new())?;
    amend(&identity, &call, |change, organization| {
        own(change, organization, &id)?;
        let attachments = change.scan::<Attachments>(&format!("{}/", organization.id));
        if attachments.iter().any(|target| target.policies.contains(&id)) {
            return Err(error::refused(
                "PolicyInUseException",
                "The policy is attached to one or more entities. You must detach it from all roots, OUs, and accounts before performing this operation.",
            ));
        }
        ResourceTags::put(change, &organization.id, &id, Default::default());
        change.delete::<OrganizationPolicy>(&format!("{}/{id}", organization.id));
        Ok(Nothing)
    })
    .await
}

async fn describe(
    _identity: Arc<Identity>,
    call: Call,
    input: PolicyId,
) -> Result<PolicyAnswer, AwsError> {
    let visit = Visit::new(&call);
    let _permit = visit.ask_on_policy("DescribePolicy", &input.policy_id, Context::new())?;
    let organization = visit.managed()?;
    let policy = find(call.snapshot(), &organization, &input.policy_id)?;
    Ok(view(&organization, &policy))
}

async fn list(_identity: Arc<Identity>, call: Call, input: List) -> Result<PolicyList, AwsError> {
    let visit = Visit::new(&call);
    let _permit = visit.ask("ListPolicies", type_context(&input.filter))?;
    let organization = visit.managed()?;
    let kind = named(&input.filter)?;
    let policies = OrganizationPolicy::all(call.snapshot(), &organization.id);
    let of_kind = policies.iter().filter(|policy| policy.kind == kind);
    let summaries = of_kind.map(|policy| summary(&organization, policy));
    let (policies, next_token) = input.paging.page(summaries.collect(), |own| &own.id)?;
    Ok(PolicyList {
        policies,
        next_token,
    })
}

/// AWS computes effective policies only for types that are inherited by merging; service control
/// and resource control policies aren't.
async fn describe_effective(
    _identity: Arc<Identity>,
    call: Call,
    input: Effective,
) -> Result<Nothing, AwsError> {
    let visit = Visit::new(&call);
    let target = input.target_id.as_deref().unwrap_or(call.account());
    let context = type_context(&input.policy_type);
    let _permit = visit.ask_on("DescribeEffectivePolicy", target, context)?;
    visit.organization()?;
    named(&input.policy_type)?;
    Err(error::invalid(
        "INVALID_ENUM_POLICY_TYPE",
        "Service control policies and resource control policies have no effective policy, because each level limits by itself; use ListPoliciesForTarget for each of the target's parents.",
    ))
}
