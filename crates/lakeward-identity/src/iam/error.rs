//! IAM's error codes ("Common errors" and the operations' pages of the IAM API Reference).

use lakeward_policy::MalformedPolicy;
use lakeward_wire::AwsError;

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

pub(crate) fn limit(what: &str) -> AwsError {
    AwsError::new(
        409,
        "LimitExceeded",
        format!("Cannot exceed quota for {what}"),
    )
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
