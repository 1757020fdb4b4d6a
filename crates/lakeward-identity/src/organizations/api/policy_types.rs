//! Which types of policies are in force.

use std::sync::Arc;

use lakeward_policy::Context;
use lakeward_store::Change;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{
    paging::JustPaging,
    visit::{Visit, amend},
};
use crate::{
    Call, Identity, Service,
    organizations::{Attachments, Organization, OrganizationPolicy, PolicyType, error, tree},
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("ListRoots", identity, list_roots)
        .operation("EnablePolicyType", identity, enable)
        .operation("DisablePolicyType", identity, disable)
}

/// Types that AWS has and this server hasn't.
const UNBUILT: [&str; 9] = [
    "TAG_POLICY",
    "BACKUP_POLICY",
    "AISERVICES_OPT_OUT_POLICY",
    "CHATBOT_POLICY",
    "DECLARATIVE_POLICY_EC2",
    "SECURITYHUB_POLICY",
    "INSPECTOR_POLICY",
    "UPGRADE_ROLLOUT_POLICY",
    "BEDROCK_POLICY",
];

/// The type of this name.
pub(super) fn named(name: &str) -> Result<PolicyType, AwsError> {
    if let Some(kind) = PolicyType::ALL.into_iter().find(|kind| kind.name() == name) {
        return Ok(kind);
    }
    if UNBUILT.contains(&name) {
        return Err(error::refused(
            "PolicyTypeNotAvailableForOrganizationException",
            format!("Policies of the type {name} are not implemented by this server."),
        ));
    }
    Err(error::invalid(
        "INVALID_ENUM_POLICY_TYPE",
        "You specified an invalid policy type.",
    ))
}

/// The context of a question about policies of a type. A name that is no type is no fact.
pub(super) fn type_context(name: &str) -> Context {
    named(name).map_or_else(
        |_| Context::new(),
        |kind| Context::new().with("organizations:PolicyType", kind.name()),
    )
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TypeView {
    r#type: &'static str,
    status: &'static str,
}

fn enabled_view(kind: PolicyType) -> TypeView {
    TypeView {
        r#type: kind.name(),
        status: "ENABLED",
    }
}

/// The types that an organization may have.
pub(super) fn available() -> Vec<TypeView> {
    PolicyType::ALL.map(enabled_view).into()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Switch {
    root_id: String,
    policy_type: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RootView {
    id: String,
    arn: String,
    name: &'static str,
    policy_types: Vec<TypeView>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RootAnswer {
    root: RootView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RootList {
    roots: Vec<RootView>,
    next_token: Option<String>,
}

fn view(organization: &Organization) -> RootView {
    RootView {
        id: organization.root.clone(),
        arn: organization.target_arn(&organization.root),
        name: "Root",
        policy_types: organization
            .enabled
            .iter()
            .copied()
            .map(enabled_view)
            .collect(),
    }
}

async fn list_roots(
    _identity: Arc<Identity>,
    call: Call,
    input: JustPaging,
) -> Result<RootList, AwsError> {
    let visit = Visit::new(&call);
    let _permit = visit.ask("ListRoots", Context::new())?;
    let roots = vec![view(&*visit.managed()?)];
    let (roots, next_token) = input.paging.page(roots, |root| &root.id)?;
    Ok(RootList { roots, next_token })
}

async fn enable(
    identity: Arc<Identity>,
    call: Call,
    input: Switch,
) -> Result<RootAnswer, AwsError> {
    ask(&call, "EnablePolicyType", &input)?;
    amend(&identity, &call, |change, organization| {
        let kind = checked(organization, &input)?;
        let mut organization = organization.clone();
        if !organization.enabled.insert(kind) {
            return Err(error::refused(
                "PolicyTypeAlreadyEnabledException",
                "The specified policy type is already enabled.",
            ));
        }
        for target in tree::everything(change, &organization) {
            Attachments::edit(change, &organization.id, &target, |policies| {
                policies.insert(kind.full_access().to_owned());
            });
        }
        let root = view(&organization);
        change.put(organization);
        Ok(RootAnswer { root })
    })
    .await
}

async fn disable(
    identity: Arc<Identity>,
    call: Call,
    input: Switch,
) -> Result<RootAnswer, AwsError> {
    ask(&call, "DisablePolicyType", &input)?;
    amend(&identity, &call, |change, organization| {
        let kind = checked(organization, &input)?;
        let mut organization = organization.clone();
        if !organization.enabled.remove(&kind) {
            return Err(error::type_not_enabled(kind));
        }
        detach_all(change, &organization, kind);
        let root = view(&organization);
        change.put(organization);
        Ok(RootAnswer { root })
    })
    .await
}

fn ask(call: &Call, action: &str, input: &Switch) -> Result<(), AwsError> {
    let context = type_context(&input.policy_type);
    let _permit = Visit::new(call).ask_on(action, &input.root_id, context)?;
    Ok(())
}

fn checked(organization: &Organization, input: &Switch) -> Result<PolicyType, AwsError> {
    if input.root_id != organization.root {
        return Err(error::not_found("Root"));
    }
    named(&input.policy_type)
}

/// A type that is disabled loses all its attachments, as in AWS.
fn detach_all(change: &mut Change<'_>, organization: &Organization, kind: PolicyType) {
    let of_kind: Vec<_> = OrganizationPolicy::all(change, &organization.id)
        .into_iter()
        .filter(|policy| policy.kind == kind)
        .collect();
    for target in tree::everything(change, organization) {
        Attachments::edit(change, &organization.id, &target, |policies| {
            policies.retain(|id| of_kind.iter().all(|policy| policy.id != *id));
        });
    }
}
