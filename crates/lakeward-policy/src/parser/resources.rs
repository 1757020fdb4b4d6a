//! The values of `Resource` and `NotResource`.

use std::borrow::Cow;

use super::SYNTAX;
use super::reading::malformed;
use crate::arn::{ArnPattern, ArnPatternError};
use crate::document::{MalformedPolicy, Usage};
use crate::json::Node;
use crate::variables::Syntax;

/// The partitions that AWS has.
const PARTITIONS: [&str; 8] = [
    "aws",
    "aws-cn",
    "aws-us-gov",
    "aws-eusc",
    "aws-iso",
    "aws-iso-b",
    "aws-iso-e",
    "aws-iso-f",
];

pub(super) fn read(
    node: Node<'_>,
    text: &str,
    syntax: Syntax,
    usage: Usage,
) -> Result<ArnPattern, MalformedPolicy> {
    if let Some(message) = unknown_partition(text) {
        let detail = format!("the partition is one of {}, or *", PARTITIONS.join(", "));
        return Err(malformed(node, message, detail));
    }
    let whole = match usage {
        Usage::Identity | Usage::ServiceControl => completed(text),
        _ => text.into(),
    };
    ArnPattern::resource(&whole, syntax).map_err(|error| match error {
        ArnPatternError::Shape => {
            let detail = "expected arn:partition:service:region:account:resource";
            malformed(node, shape(text), detail)
        }
        ArnPatternError::Template(error) => malformed(node, SYNTAX, error.to_string()),
    })
}

/// An ARN with `*` for the fields that are left out at its end: `arn:aws:sqs` is
/// `arn:aws:sqs:*:*:*` in identity-based policies.
///
/// Source: IAM User Guide, "Identify AWS resources with Amazon Resource Names (ARNs)".
fn completed(text: &str) -> Cow<'_, str> {
    let fields = text.split(':').count();
    let incomplete = text.starts_with("arn:") && matches!(fields, 3..=5) && !text.contains("::");
    match incomplete && !text.ends_with(':') {
        true => format!("{text}{}", ":*".repeat(6 - fields)).into(),
        false => text.into(),
    }
}

/// IAM's text for an ARN of a partition that does not exist.
fn unknown_partition(text: &str) -> Option<String> {
    let (partition, rest) = text.strip_prefix("arn:")?.split_once(':')?;
    let known = PARTITIONS.contains(&partition) || partition.contains(['*', '?', '$']);
    (!known).then(|| {
        let mut parts = rest.splitn(4, ':').chain(std::iter::repeat("*"));
        let mut next = || parts.next().unwrap_or("*");
        let (service, region, account, resource) = (next(), next(), next(), next());
        format!(
            "Partition \"{partition}\" is not valid for resource \
             \"arn:{partition}:{service}:{region}:{account}:{resource}\"."
        )
    })
}

/// IAM's text for a resource that is no ARN.
fn shape(text: &str) -> String {
    match text.matches(':').count() {
        0 => format!("Resource {text} must be in ARN format or \"*\"."),
        1 => "Resource vendor must be fully qualified and cannot contain regexes.".to_owned(),
        _ => "The policy failed legacy parsing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_left_out_are_filled_in() {
        for (text, expected) in [
            ("arn:aws:sqs", "arn:aws:sqs:*:*:*"),
            ("arn:aws:s3:*", "arn:aws:s3:*:*:*"),
            (
                "arn:aws:sqs:us-east-1:111122223333",
                "arn:aws:sqs:us-east-1:111122223333:*",
            ),
            ("arn:aws:s3:::lake", "arn:aws:s3:::lake"),
            ("arn:aws:s3::lake", "arn:aws:s3::lake"),
            ("arn:aws", "arn:aws"),
            ("arn:aws:", "arn:aws:"),
            ("*", "*"),
        ] {
            assert_eq!(completed(text), expected, "{text}");
        }
    }
}
