//! Ids, names and tags as the API takes them.

use lakeward_wire::AwsError;
use rand::Rng as _;

use super::error;
use crate::{
    iam::{self, Tag},
    identifier,
    inventory::Tags,
};

/// `prefix` and lower-case letters and digits, as in `o-a1b2c3d4e5`.
pub(crate) fn fresh(prefix: &str, length: usize) -> String {
    format!(
        "{prefix}-{}",
        identifier::unique("", length).to_ascii_lowercase()
    )
}

/// Twelve random digits.
pub(crate) fn fresh_account() -> String {
    rand::rng()
        .random_range(100_000_000_000_u64..1_000_000_000_000)
        .to_string()
}

/// A text that people read, at most `longest` characters.
pub(crate) fn check_text(member: &str, text: &str, longest: usize) -> Result<(), AwsError> {
    let length = text.chars().count();
    if length == 0 {
        let message = format!("You specified an empty {member}.");
        return Err(error::invalid("MIN_LENGTH_EXCEEDED", &message));
    }
    if length > longest {
        let message = format!("{member} has more than {longest} characters.");
        return Err(error::invalid("MAX_LENGTH_EXCEEDED", &message));
    }
    Ok(())
}

/// `name@host.domain`, 6 to 64 characters.
pub(crate) fn check_email(email: &str) -> Result<(), AwsError> {
    let plain = !email.chars().any(|c| c.is_whitespace() || c.is_control());
    let parts = email
        .split_once('@')
        .and_then(|(name, host)| Some((name, host.rsplit_once('.')?)));
    let whole = parts.is_some_and(|(name, (host, domain))| {
        !name.is_empty() && !host.is_empty() && !domain.is_empty() && !host.contains('@')
    });
    if plain && whole && (6..=64).contains(&email.len()) {
        return Ok(());
    }
    Err(error::invalid(
        "INVALID_PATTERN",
        "You specified an invalid email address.",
    ))
}

/// The tags of a request, under the error codes of this service.
pub(crate) fn tag_map(tags: Vec<Tag>) -> Result<Tags, AwsError> {
    iam::tag_map(tags).map_err(|refused| error::invalid("INVALID_PATTERN", &refused.message))
}

/// A resource has at most 50 tags; keys have at most 128 characters, values 256.
pub(crate) fn check_tags(tags: &Tags) -> Result<(), AwsError> {
    if tags.len() > 50 {
        return Err(error::constraint(
            "MAX_TAG_LIMIT_EXCEEDED",
            "You have exceeded the number of tags allowed on this resource.",
        ));
    }
    for (key, value) in tags {
        check_text("tag key", key, 128)?;
        if value.chars().count() > 256 {
            return Err(error::invalid(
                "MAX_LENGTH_EXCEEDED",
                "A tag's value has more than 256 characters.",
            ));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(error::invalid(
                "INVALID_SYSTEM_TAGS_PARAMETER",
                "You specified a tag key that is a system tag. You can't add, edit, or delete system tag keys.",
            ));
        }
    }
    Ok(())
}

/// A role's name as IAM takes it.
pub(crate) fn check_role(name: &str) -> Result<(), AwsError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(error::invalid(
        "INVALID_ROLE_NAME",
        "You provided a role name that isn't valid. A role name can't begin with the reserved prefix AWSServiceRoleFor, has at most 64 characters, and only letters, digits and _+=,.@-.",
    ))
}
