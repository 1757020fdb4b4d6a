//! What a new session carries: its time, source identity, tags and policy.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use lakeward_wire::AwsError;

use super::assume::{AssumeRole, denied};
use crate::{Call, Role, RoleSession, StoredPolicy};

/// A role may be assumed from another role for at most an hour ("Role chaining").
pub(super) const CHAINED_LIMIT: u32 = 3600;
const SHORTEST: u32 = 900;
/// A session policy's limit, characters.
const POLICY_LIMIT: usize = 2048;
const TAG_LIMIT: usize = 50;

/// A source identity stays for the whole chain and can't be changed on the way.
pub(super) fn source_identity(
    call: &Call,
    request: &AssumeRole,
) -> Result<Option<String>, AwsError> {
    match (call.source_identity(), &request.source_identity) {
        (Some(held), Some(asked)) if held != asked => {
            Err(denied(call, "sts:SetSourceIdentity", &request.role_arn))
        }
        (Some(held), _) => Ok(Some(held.to_owned())),
        (None, asked) => Ok(asked.clone()),
    }
}

/// The tags passed, over those inherited from the caller's session.
pub(super) fn tags(call: &Call, request: &AssumeRole) -> BTreeMap<String, String> {
    let mut tags: BTreeMap<String, String> = request.tags.iter().cloned().collect();
    tags.extend(inherited(call));
    tags
}

fn inherited(call: &Call) -> BTreeMap<String, String> {
    let Some(session) = call.caller().session() else {
        return BTreeMap::new();
    };
    session
        .tags
        .iter()
        .filter(|(key, _)| session.transitive.contains(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

pub(super) fn of(call: &Call, role: &Role, request: AssumeRole) -> Result<RoleSession, AwsError> {
    let chained = call.caller().session().is_some();
    let limit = if chained {
        CHAINED_LIMIT
    } else {
        role.max_session_duration
    };
    let seconds = request.duration_seconds.unwrap_or(CHAINED_LIMIT);
    if seconds < SHORTEST || seconds > limit {
        return Err(AwsError::new(
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role, or the one hour that role chaining allows, or is less than 900.",
        ));
    }
    let mut session = new(role, &request.session_name, call.now(), seconds);
    session.source_identity = source_identity(call, &request)?;
    session.tags = tags(call, &request);
    session.transitive = inherited(call)
        .into_keys()
        .chain(request.transitive_tag_keys)
        .collect();
    session.policy = request
        .policy
        .map(StoredPolicy::identity)
        .transpose()
        .map_err(|malformed| {
            AwsError::new(400, "MalformedPolicyDocument", malformed.to_string())
        })?;
    Ok(session)
}

pub(super) fn new(role: &Role, name: &str, at: Timestamp, seconds: u32) -> RoleSession {
    RoleSession {
        role_arn: role.arn(),
        role_id: role.id.clone(),
        name: name.to_owned(),
        source_identity: None,
        tags: BTreeMap::new(),
        transitive: Vec::new(),
        policy: None,
        issued_at: at,
        expires_at: at + SignedDuration::from_secs(i64::from(seconds)),
    }
}

pub(super) fn validate(request: &AssumeRole) -> Result<(), AwsError> {
    let invalid = |member: &str, rule: &str| {
        AwsError::new(
            400,
            "ValidationError",
            format!("the value of '{member}' {rule}"),
        )
    };
    if !is_session_name(&request.session_name) {
        return Err(invalid(
            "roleSessionName",
            "must have 2 to 64 characters of [\\w+=,.@-]",
        ));
    }
    if request
        .source_identity
        .as_ref()
        .is_some_and(|source| !is_session_name(source))
    {
        return Err(invalid(
            "sourceIdentity",
            "must have 2 to 64 characters of [\\w+=,.@-]",
        ));
    }
    if request.tags.len() > TAG_LIMIT {
        return Err(invalid("tags", "must have at most 50 members"));
    }
    if request
        .policy
        .as_ref()
        .is_some_and(|policy| policy.chars().count() > POLICY_LIMIT)
    {
        return Err(invalid("policy", "must have at most 2048 characters"));
    }
    Ok(())
}

fn is_session_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    (2..=64).contains(&name.len()) && name.chars().all(allowed)
}
