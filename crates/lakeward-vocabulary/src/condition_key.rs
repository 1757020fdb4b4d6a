//! Condition keys and their types.

use std::borrow::Cow;

use crate::table::{TABLE, service};

/// A condition key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionKey {
    /// As the reference writes it: `s3:prefix`, `aws:PrincipalTag/${TagKey}`. A part in `${}`
    /// stands for any text.
    pub name: &'static str,
    /// What its values are.
    pub kind: KeyKind,
    /// Whether it can have several values at once and wants `ForAllValues` or `ForAnyValue`.
    pub many: bool,
}

/// What the values of a condition key are, which decides the operators that fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Text.
    String,
    /// An ARN.
    Arn,
    /// `true` or `false`.
    Bool,
    /// An instant.
    Date,
    /// A number.
    Numeric,
    /// An IP address.
    IpAddress,
}

impl KeyKind {
    /// The name that the reference uses.
    pub fn name(self) -> &'static str {
        match self {
            KeyKind::String => "String",
            KeyKind::Arn => "ARN",
            KeyKind::Bool => "Bool",
            KeyKind::Date => "Date",
            KeyKind::Numeric => "Numeric",
            KeyKind::IpAddress => "IPAddress",
        }
    }
}

impl ConditionKey {
    /// Reads a key's record; a name that begins with `:` is the service's own.
    pub(crate) fn of(prefix: &str, short: &'static str, kind: &str) -> Option<ConditionKey> {
        let (kind, many) = match kind.strip_prefix("ArrayOf") {
            Some(kind) => (kind, true),
            None => (kind, false),
        };
        let kind = match kind {
            "String" => KeyKind::String,
            "ARN" => KeyKind::Arn,
            "Bool" => KeyKind::Bool,
            "Date" => KeyKind::Date,
            "Numeric" => KeyKind::Numeric,
            "IPAddress" => KeyKind::IpAddress,
            _ => return None,
        };
        let name = match short.strip_prefix(':') {
            // The table is read once and lives as long as the program.
            Some(_) => Box::leak(format!("{prefix}{short}").into_boxed_str()),
            None => short,
        };
        Some(ConditionKey { name, kind, many })
    }
}

/// The condition key of this name; case is ignored, and `${}` parts match any tag.
pub fn condition_key(name: &str) -> Option<&'static ConditionKey> {
    let fits = |known: &&ConditionKey| names(known.name, name);
    if let Some(found) = TABLE.global_keys.iter().find(fits) {
        return Some(found);
    }
    let (prefix, _) = name.rsplit_once(':')?;
    let first = prefix.split(':').next().unwrap_or(prefix);
    let owners = TABLE
        .owners
        .iter()
        .filter(|(known, _)| names(known, prefix));
    service(first)
        .into_iter()
        .chain(owners.flat_map(|(_, owners)| owners.iter().filter_map(|owner| service(owner))))
        .flat_map(|service| &service.condition_keys)
        .find(fits)
}

pub(crate) fn full_name(prefix: &str, short: &str) -> String {
    match short.starts_with(':') {
        true => format!("{prefix}{short}"),
        false => short.to_owned(),
    }
}

/// Whether a key as a policy writes it is the known one. In policies the variable part may itself
/// be left as the reference prints it.
pub(crate) fn names(known: &str, written: &str) -> bool {
    known.eq_ignore_ascii_case(written) || (known.contains("${") && spelled(known, written))
}

/// Matches `${}` parts of the known key with any text that isn't empty.
pub(crate) fn spelled(known: &str, written: &str) -> bool {
    let (known, written) = (fold(known), fold(written));
    let mut known = &*known;
    let mut written = &*written;
    loop {
        let Some((before, after)) = known.split_once("${") else {
            return known == written;
        };
        let Some(rest) = written.strip_prefix(before) else {
            return false;
        };
        known = after.split_once('}').map_or("", |(_, after)| after);
        let fixed = known.split("${").next().unwrap_or_default();
        let mut chars = rest.chars();
        if chars.next().is_none() {
            return false;
        }
        if fixed.is_empty() {
            // Nothing but the end, or another variable part, can follow.
            return true;
        }
        let Some((skipped, _)) = chars.as_str().split_once(fixed) else {
            return false;
        };
        written = chars.as_str().get(skipped.len()..).unwrap_or_default();
    }
}

fn fold(text: &str) -> Cow<'_, str> {
    match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => text.to_ascii_lowercase().into(),
        false => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_parts_match_any_text() {
        assert!(spelled("aws:ResourceTag/${TagKey}", "aws:resourcetag/Team"));
        assert!(!spelled("aws:ResourceTag/${TagKey}", "aws:resourcetag/"));
        assert!(spelled("a:b/${x}.value", "a:b/n.value"));
        assert!(!spelled("a:b/${x}.value", "a:b/.value"));
        assert!(!spelled("a:b/${x}.value", "a:b/n.values"));
        assert!(spelled(
            "agent.${Domain}.dev:branch",
            "agent.acme.dev:branch"
        ));
        assert!(!spelled(
            "agent.${Domain}.dev:branch",
            "agent.acme.dev:other"
        ));
    }

    #[test]
    fn types_come_with_the_keys() {
        let role = condition_key("ElasticMapReduce:executionrolearn").unwrap();
        assert_eq!(
            (role.name, role.kind, role.many),
            ("elasticmapreduce:ExecutionRoleArn", KeyKind::Arn, false)
        );
        let tags = condition_key("aws:TagKeys").unwrap();
        assert_eq!((tags.kind, tags.many), (KeyKind::String, true));
        assert_eq!(
            condition_key("aws:SourceIp").unwrap().kind,
            KeyKind::IpAddress
        );
        assert_eq!(
            condition_key("aws:PrincipalTag/team").unwrap().kind,
            KeyKind::String
        );
        assert_eq!(
            condition_key("s3:ExistingObjectTag/team").unwrap().kind,
            KeyKind::String
        );
        assert!(condition_key("saml:aud").is_some());
        assert!(condition_key("token.actions.githubusercontent.com:sub").is_none());
        assert!(condition_key("token.actions.githubusercontent.com:repository").is_some());
        assert!(condition_key("elasticmapreduce:ExecutionRole").is_none());
        assert!(condition_key("").is_none());
    }
}
