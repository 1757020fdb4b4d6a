//! IAM's error codes ("Common errors" and the operations' pages of the IAM API Reference).

use std::collections::BTreeSet;

use lakeward_policy::{MalformedPolicy, Quota};
use lakeward_wire::AwsError;

use crate::{inventory::InlinePolicies, principals::UnknownPrincipal};

pub(crate) fn no_such(kind: &str, name: &str) -> AwsError {
    AwsError::new(
        404,
        "NoSuchEntity",
        format!("The {kind} with name {name} cannot be found."),
    )
}

pub(crate) fn exists(kind: &str, name: &str) -> AwsError {
    AwsError::new(
        409,
        "EntityAlreadyExists",
        format!("{kind} with name {name} already exists."),
    )
}

pub(crate) fn in_use(what: &str) -> AwsError {
    AwsError::new(
        409,
        "DeleteConflict",
        format!("Cannot delete entity, must {what} first."),
    )
}

/// Refuses to delete what still holds policies.
pub(crate) fn check_no_policies(
    inline: &InlinePolicies,
    attached: &BTreeSet<String>,
) -> Result<(), AwsError> {
    if !attached.is_empty() {
        return Err(in_use("detach all policies"));
    }
    if !inline.is_empty() {
        return Err(in_use("delete policies"));
    }
    Ok(())
}

/// A service-linked role is changed by its service alone.
pub(crate) fn protected_role(name: &str) -> AwsError {
    AwsError::new(
        400,
        "UnmodifiableEntity",
        format!(
            "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
        ),
    )
}

pub(crate) fn limit(what: &str) -> AwsError {
    AwsError::new(
        409,
        "LimitExceeded",
        format!("Cannot exceed quota for {what}"),
    )
}

/// Refuses policies that are too large together; `owner` is whose they are.
pub(crate) fn check_quota<'t>(
    quota: Quota,
    texts: impl IntoIterator<Item = &'t str>,
    owner: &str,
) -> Result<(), AwsError> {
    if quota.is_exceeded(texts) {
        return Err(AwsError::new(409, "LimitExceeded", quota.refusal(owner)));
    }
    Ok(())
}

pub(crate) fn duplicate_tags() -> AwsError {
    AwsError::new(
        400,
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    )
}

pub(crate) fn invalid(what: impl Into<String>) -> AwsError {
    AwsError::new(400, "ValidationError", what)
}

/// AWS's text, and beside it where in the document the fault is.
#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
pub(crate) fn malformed(policy: MalformedPolicy) -> AwsError {
    AwsError::new(
        400,
        "MalformedPolicyDocument",
        format!(
            "{} (line {}, column {})",
            policy.message, policy.line, policy.column
        ),
    )
}

/// A trust policy that names nobody.
#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
pub(crate) fn unknown_principal(unknown: UnknownPrincipal) -> AwsError {
    AwsError::new(400, "MalformedPolicyDocument", unknown.to_string())
}
