use lakeward_wire::AwsError;

use super::error;

/// IAM names: letters, digits and `_+=,.@-`, at most `longest` characters.
pub(crate) fn check_name(member: &str, name: &str, longest: usize) -> Result<(), AwsError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !name.is_empty() && name.len() <= longest && name.chars().all(allowed) {
        return Ok(());
    }
    Err(error::invalid(format!(
        "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_- and have at most {longest} characters"
    )))
}

/// `/`, or a path between slashes, at most 512 characters.
pub(crate) fn check_path(path: Option<String>) -> Result<String, AwsError> {
    let path = path.unwrap_or_else(|| "/".to_owned());
    let printable = path.chars().all(|c| ('!'..='\u{7e}').contains(&c));
    if path.starts_with('/')
        && path.ends_with('/')
        && printable
        && path.len() <= 512
        && !path.contains("//")
    {
        return Ok(path);
    }
    Err(error::invalid(
        "The specified value for path is invalid. It must begin and end with / and contain only printable ASCII",
    ))
}

/// `arn:aws:iam::account:kind/path/name`, for a thing that need not exist.
pub(crate) fn arn(account: &str, kind: &str, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:{kind}{path}{name}")
}

/// Free text of at most 1000 characters, without control characters but line ends and tabs.
pub(crate) fn check_description(text: String) -> Result<String, AwsError> {
    let printable = |c: char| !c.is_control() || "\t\n\r".contains(c);
    if text.chars().count() <= 1000 && text.chars().all(printable) {
        return Ok(text);
    }
    Err(error::invalid(
        "The specified value for description is invalid. It must have at most 1000 printable characters",
    ))
}
