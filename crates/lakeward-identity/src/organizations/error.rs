//! The error codes of the AWS Organizations API Reference. Where AWS's answer has a `Reason`
//! beside the text, the text ends with it.

use lakeward_policy::MalformedPolicy;
use lakeward_wire::AwsError;

use super::PolicyType;

pub(crate) fn refused(code: &'static str, message: impl Into<String>) -> AwsError {
    AwsError::new(400, code, message)
}

pub(crate) fn not_in_use() -> AwsError {
    refused(
        "AWSOrganizationsNotInUseException",
        "Your account is not a member of an organization.",
    )
}

pub(crate) fn already_in() -> AwsError {
    refused(
        "AlreadyInOrganizationException",
        "The AWS account is already a member of an organization.",
    )
}

pub(crate) fn management_only() -> AwsError {
    AwsError::access_denied("You don't have permissions to access this resource.")
}

/// A thing that isn't there: `PolicyNotFoundException` for `Policy`.
pub(crate) fn not_found(kind: &'static str) -> AwsError {
    let (code, noun) = match kind {
        "Account" => ("AccountNotFoundException", "an account"),
        "Child" => (
            "ChildNotFoundException",
            "an organizational unit (OU) or an account ID",
        ),
        "DestinationParent" => (
            "DestinationParentNotFoundException",
            "a destination root or OU",
        ),
        "Handshake" => ("HandshakeNotFoundException", "a handshake"),
        "OrganizationalUnit" => (
            "OrganizationalUnitNotFoundException",
            "an organizational unit",
        ),
        "Parent" => ("ParentNotFoundException", "parent"),
        "Policy" => ("PolicyNotFoundException", "a policy"),
        "Root" => ("RootNotFoundException", "a root"),
        "SourceParent" => ("SourceParentNotFoundException", "a source root or OU"),
        "CreateAccountStatus" => (
            "CreateAccountStatusNotFoundException",
            "a create account request",
        ),
        _ => ("TargetNotFoundException", "a target"),
    };
    refused(code, format!("You specified {noun} that doesn't exist."))
}

pub(crate) fn invalid(reason: &str, message: &str) -> AwsError {
    refused("InvalidInputException", format!("{message} ({reason})"))
}

pub(crate) fn constraint(reason: &str, message: &str) -> AwsError {
    refused(
        "ConstraintViolationException",
        format!("{message} ({reason})"),
    )
}

pub(crate) fn type_not_enabled(kind: PolicyType) -> AwsError {
    refused(
        "PolicyTypeNotEnabledException",
        format!(
            "This operation can be performed only for enabled policy types; {} is not enabled in this root.",
            kind.name()
        ),
    )
}

/// AWS's text, and beside it where in the document the fault is.
#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
pub(crate) fn malformed(policy: MalformedPolicy) -> AwsError {
    refused(
        "MalformedPolicyDocumentException",
        format!(
            "The provided policy document does not meet the requirements of the specified policy type: {} (line {}, column {})",
            policy.message, policy.line, policy.column
        ),
    )
}
