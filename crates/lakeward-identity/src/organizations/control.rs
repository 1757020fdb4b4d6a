//! Which policies of the organization bear on an account.

use lakeward_policy::PolicyDocument;
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;

use super::{Attachments, Membership, Organization, OrganizationPolicy, PolicyType, tree};

/// Policies with their names, a list for each level: the root, the units, the account.
pub(crate) type Levels = Vec<Vec<(String, PolicyDocument)>>;

/// The service control policies above an account's principals. No levels: it isn't subject to any.
///
/// # Errors
/// `AccessDenied`: a policy can't be read, or the tree is broken.
pub(crate) fn service_control(snapshot: &Snapshot, account: &str) -> Result<Levels, AwsError> {
    levels(snapshot, account, PolicyType::ServiceControlPolicy)
}

/// The resource control policies above an account's resources, for an action on one of them.
///
/// # Errors
/// `AccessDenied`: a policy can't be read, or the tree is broken.
pub(crate) fn resource_control(
    snapshot: &Snapshot,
    resource_account: &str,
    action: &str,
) -> Result<Levels, AwsError> {
    if !lakeward_vocabulary::is_under_resource_control(action) {
        return Ok(Levels::new());
    }
    levels(
        snapshot,
        resource_account,
        PolicyType::ResourceControlPolicy,
    )
}

fn levels(snapshot: &Snapshot, account: &str, kind: PolicyType) -> Result<Levels, AwsError> {
    let Some(membership) = snapshot.get::<Membership>(account) else {
        return Ok(Levels::new());
    };
    let organization = snapshot
        .get::<Organization>(&membership.organization)
        .ok_or_else(|| broken(account))?;
    if organization.management_account == account || !organization.enabled.contains(&kind) {
        return Ok(Levels::new());
    }
    tree::line_to_account(snapshot, &organization, &membership)
        .ok_or_else(|| broken(account))?
        .iter()
        .map(|target| level(snapshot, &organization, target, kind))
        .collect()
}

fn level(
    snapshot: &Snapshot,
    organization: &Organization,
    target: &str,
    kind: PolicyType,
) -> Result<Vec<(String, PolicyDocument)>, AwsError> {
    let Some(attachments) = Attachments::of(snapshot, &organization.id, target) else {
        return Ok(Vec::new());
    };
    attachments
        .policies
        .iter()
        .map(|id| {
            OrganizationPolicy::find(snapshot, &organization.id, id).ok_or_else(|| missing(id))
        })
        .filter(|policy| policy.as_ref().map_or(true, |policy| policy.kind == kind))
        .map(|policy| document(&*policy?))
        .collect()
}

fn document(policy: &OrganizationPolicy) -> Result<(String, PolicyDocument), AwsError> {
    match policy.policy.document() {
        Ok(document) => Ok((policy.name.clone(), document.clone())),
        Err(malformed) => Err(AwsError::access_denied(format!(
            "access is denied because the policy `{}` of the organization can't be read: {malformed}",
            policy.name
        ))),
    }
}

fn missing(id: &str) -> AwsError {
    AwsError::access_denied(format!(
        "access is denied because the policy `{id}` of the organization is missing; detach it"
    ))
}

fn broken(account: &str) -> AwsError {
    AwsError::access_denied(format!(
        "access is denied because the place of account {account} in its organization can't be found"
    ))
}
