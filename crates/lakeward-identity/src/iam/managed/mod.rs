//! Managed policies: an account's own, and AWS's, which everyone may attach and nobody may change.

mod attachments;
mod entities;
mod policies;
pub(super) mod usage;
mod versions;

use std::sync::Arc;

use lakeward_policy::{Arn, Quota};
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;

use super::error;
use crate::{Identity, ManagedPolicy, Service, StoredPolicy};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    let service = policies::operations(service, identity);
    let service = versions::operations(service, identity);
    let service = attachments::operations(service, identity);
    entities::operations(service, identity)
}

/// Refuses what is not the ARN of a managed policy.
pub(super) fn check_arn(arn: &str) -> Result<(), AwsError> {
    let named = Arn::parse(arn)
        .is_ok_and(|arn| arn.service == "iam" && arn.resource.starts_with("policy/"));
    if named {
        return Ok(());
    }
    Err(AwsError::new(
        400,
        "InvalidInput",
        format!("ARN {arn} is not valid."),
    ))
}

/// The policy of an ARN, for one who was allowed to ask about it.
pub(super) fn find(snapshot: &Snapshot, arn: &str) -> Result<Arc<ManagedPolicy>, AwsError> {
    check_arn(arn)?;
    ManagedPolicy::find(snapshot, arn).ok_or_else(|| not_found(arn))
}

/// A policy of the account itself, to be changed.
pub(super) fn find_own(
    snapshot: &Snapshot,
    account: &str,
    arn: &str,
) -> Result<ManagedPolicy, AwsError> {
    let policy = find(snapshot, arn)?;
    if policy.account == account {
        return Ok((*policy).clone());
    }
    Err(AwsError::access_denied(format!(
        "Policy {arn} is not of this account and can't be changed."
    )))
}

/// The policy of an ARN, if things of this account may have it attached.
pub(super) fn attachable(
    snapshot: &Snapshot,
    account: &str,
    arn: &str,
) -> Option<Arc<ManagedPolicy>> {
    ManagedPolicy::find(snapshot, arn)
        .filter(|policy| [account, ManagedPolicy::AWS].contains(&&*policy.account))
}

fn not_found(arn: &str) -> AwsError {
    AwsError::new(404, "NoSuchEntity", format!("Policy {arn} was not found."))
}

/// Takes the document of a new version.
fn document(text: String) -> Result<StoredPolicy, AwsError> {
    let policy = StoredPolicy::identity(text).map_err(error::malformed)?;
    error::check_quota(Quota::ManagedPolicy, [policy.text()], "")?;
    Ok(policy)
}
