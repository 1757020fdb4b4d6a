//! What is passed to a session: policies and tags, and how much room they take.

use std::io::Write;

use flate2::{Compression, write::DeflateEncoder};
use lakeward_policy::Arn;
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;
use serde::Deserialize;

use super::shape;
use crate::{
    ManagedPolicy, StoredPolicy,
    inventory::{Tags, folded, repeats},
};

/// The policies' limit in characters, inline and managed ARNs together.
const POLICY_LIMIT: usize = 2048;
const MANAGED_LIMIT: usize = 10;
const TAG_LIMIT: usize = 50;
/// The room for packed policies and tags, bytes. AWS packs in a format of its own and tells the
/// share only; deflate into this room comes near the shares that people report.
const PACKED_LIMIT: usize = 1024;

/// A member of `PolicyArns`.
#[derive(Deserialize)]
pub(super) struct PolicyArn {
    pub(super) arn: String,
}

/// A member of `Tags`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: String,
    value: String,
}

pub(super) fn arns(members: Vec<PolicyArn>) -> Vec<String> {
    members.into_iter().map(|member| member.arn).collect()
}

pub(super) fn pairs(members: Vec<Tag>) -> Vec<(String, String)> {
    let members = members.into_iter();
    members.map(|tag| (tag.key, tag.value)).collect()
}

/// Limits of session policies that can be checked without looking anything up.
pub(super) fn check_policies(policy: Option<&str>, arns: &[String]) -> Result<(), AwsError> {
    shape::count("policyArns", arns.len(), MANAGED_LIMIT)?;
    for arn in arns {
        shape::length("policyArns", arn, 20, POLICY_LIMIT)?;
    }
    let Some(policy) = policy else {
        return Ok(());
    };
    shape::length("policy", policy, 1, POLICY_LIMIT)?;
    let named: usize = arns.iter().map(|arn| arn.chars().count()).sum();
    if policy.chars().count() + named > POLICY_LIMIT {
        return Err(invalid(format!(
            "The plain text of the session policies, inline and managed, can't exceed {POLICY_LIMIT} characters"
        )));
    }
    Ok(())
}

/// Limits of session tags.
pub(super) fn check_tags(tags: &[(String, String)]) -> Result<(), AwsError> {
    shape::count("tags", tags.len(), TAG_LIMIT)?;
    for (key, value) in tags {
        shape::length("tags.member.key", key, 1, 128)?;
        shape::length("tags.member.value", value, 0, 256)?;
        if folded(key).starts_with("aws:") {
            return Err(invalid(
                "Tag keys that begin with aws: are reserved for AWS's use",
            ));
        }
        for text in [key, value] {
            if !text.chars().all(is_tag_character) {
                return Err(invalid(
                    "Session tags may hold letters, numbers, spaces and _.:/=+-@ only",
                ));
            }
        }
    }
    if repeats(tags.iter().map(|(key, _)| &**key)) {
        return Err(AwsError::new(
            400,
            "InvalidParameterValue",
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ));
    }
    Ok(())
}

fn is_tag_character(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}

/// The inline session policy, compiled.
pub(super) fn inline(policy: Option<String>) -> Result<Option<StoredPolicy>, AwsError> {
    policy
        .map(StoredPolicy::identity)
        .transpose()
        .map_err(|malformed| AwsError::new(400, "MalformedPolicyDocument", malformed.to_string()))
}

/// Managed session policies must be AWS's or the account's own, and be there.
pub(super) fn check_managed(
    snapshot: &Snapshot,
    account: &str,
    arns: &[String],
) -> Result<(), AwsError> {
    for arn in arns {
        let owned = Arn::parse(arn)
            .is_ok_and(|parsed| parsed.account == account || parsed.account == ManagedPolicy::AWS);
        if !owned || ManagedPolicy::find(snapshot, arn).is_none() {
            return Err(invalid(format!(
                "Policy {arn} does not exist or is not attachable."
            )));
        }
    }
    Ok(())
}

/// How much of the room is taken, in percent, rounded up.
///
/// # Errors
/// `PackedPolicyTooLarge` above 100, with AWS's texts.
pub(super) fn packed_size(
    policy: Option<&str>,
    arns: &[String],
    tags: &Tags,
) -> Result<u32, AwsError> {
    if policy.is_none() && arns.is_empty() && tags.is_empty() {
        return Ok(0);
    }
    let percent = packed(policy, arns, tags)
        .saturating_mul(100)
        .div_ceil(PACKED_LIMIT);
    if percent <= 100 {
        return Ok(u32::try_from(percent).unwrap_or(100));
    }
    let text = if policy.is_none() && arns.is_empty() {
        format!("Packed size of session tags consumes {percent}% of allotted space.")
    } else {
        format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.")
    };
    Err(AwsError::new(400, "PackedPolicyTooLarge", text))
}

fn packed(policy: Option<&str>, arns: &[String], tags: &Tags) -> usize {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    let policy = policy.map(minified);
    let tags = tags.iter().flat_map(|(key, value)| [key, value]);
    let mut texts = policy.iter().chain(arns).chain(tags);
    let written = texts.try_for_each(|text| encoder.write_all(text.as_bytes()));
    // Writing to memory can't fail; if it did, nothing would fit.
    match (written, encoder.finish()) {
        (Ok(()), Ok(bytes)) => bytes.len(),
        _ => usize::MAX,
    }
}

/// White space between members takes no room.
fn minified(policy: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(policy) {
        Ok(value) => value.to_string(),
        Err(_) => policy.to_owned(),
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "ValidationError", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(count: usize) -> Tags {
        let value = |i: usize| format!("{:x}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).repeat(2);
        (0..count).map(|i| (format!("key{i}"), value(i))).collect()
    }

    #[test]
    fn the_packed_size_grows_until_it_is_too_large() {
        assert_eq!(packed_size(None, &[], &Tags::new()).unwrap(), 0);
        let (few, more) = (
            packed_size(None, &[], &tags(2)).unwrap(),
            packed_size(None, &[], &tags(20)).unwrap(),
        );
        assert!(0 < few && few < more && more <= 100, "{few} {more}");
        let refused = packed_size(None, &[], &tags(500)).unwrap_err();
        assert_eq!(refused.code, "PackedPolicyTooLarge");
        assert!(
            refused
                .message
                .starts_with("Packed size of session tags consumes "),
            "{}",
            refused.message
        );
    }

    #[test]
    fn white_space_takes_no_room() {
        let tight = r#"{"Statement":[]}"#;
        let loose = "{ \"Statement\" :\n [  ] }";
        let size = |policy| packed_size(Some(policy), &[], &Tags::new()).unwrap();
        assert_eq!(size(tight), size(loose));
    }

    #[test]
    fn inline_and_managed_policies_share_their_limit() {
        let arns = vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()];
        let long = "x".repeat(2030);
        assert!(check_policies(Some(&long), &[]).is_ok());
        assert!(check_policies(Some(&long), &arns).is_err());
        assert!(check_policies(None, &vec![arns[0].clone(); 11]).is_err());
        assert!(check_policies(None, &["short".to_owned()]).is_err());
    }

    #[test]
    fn tags_have_lengths_and_characters() {
        let tag = |key: &str, value: &str| check_tags(&[(key.to_owned(), value.to_owned())]);
        assert!(tag("Größe", "a b_.:/=+-@").is_ok());
        assert!(tag("", "x").is_err());
        assert!(tag("x", &"y".repeat(257)).is_err());
        assert!(tag("x", "a<b").is_err());
        let twice = [
            ("A".to_owned(), String::new()),
            ("a".to_owned(), String::new()),
        ];
        assert!(check_tags(&twice).is_err());
    }
}
