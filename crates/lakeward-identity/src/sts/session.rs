//! What a new session carries: its time, source identity, tags and policy.

use jiff::{SignedDuration, Timestamp};
use lakeward_wire::AwsError;

use super::assume::{AssumeRole, denied};
use crate::{
    Call, Role, RoleSession, StoredPolicy,
    inventory::{Tags, folded, repeats},
};

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

/// The tags passed and those inherited from the caller's session, which never meet: see
/// [`check_tags`].
pub(super) fn tags(call: &Call, request: &AssumeRole) -> Tags {
    let mut tags: Tags = request.tags.iter().cloned().collect();
    tags.extend(inherited(call));
    tags
}

fn inherited(call: &Call) -> Tags {
    let Some(session) = call.caller().session() else {
        return Tags::new();
    };
    let transitive: Vec<String> = session.transitive.iter().map(|key| folded(key)).collect();
    session
        .tags
        .iter()
        .filter(|(key, _)| transitive.contains(&folded(key)))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// What a chain inherits can't be passed anew, and no tag is passed twice; tag keys have no case
/// ("Pass session tags in AWS STS" of the IAM User Guide, whose text the conflict has).
fn check_tags(call: &Call, request: &AssumeRole) -> Result<(), AwsError> {
    let refused = |message: &str| Err(AwsError::new(400, "InvalidParameterValue", message));
    let passed = || request.tags.iter().map(|(key, _)| &**key);
    if repeats(passed()) {
        return refused(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        );
    }
    let inherited: Vec<String> = inherited(call).keys().map(|key| folded(key)).collect();
    let transitive = || request.transitive_tag_keys.iter().map(|key| &**key);
    if passed()
        .chain(transitive())
        .any(|key| inherited.contains(&folded(key)))
    {
        return refused(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
        );
    }
    let named: Vec<String> = passed().map(folded).collect();
    if !transitive().all(|key| named.contains(&folded(key))) {
        return refused("The specified transitive tag key must be included in the requested tags.");
    }
    Ok(())
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
        tags: Tags::new(),
        transitive: Vec::new(),
        policy: None,
        issued_at: at,
        expires_at: at + SignedDuration::from_secs(i64::from(seconds)),
    }
}

pub(super) fn validate(call: &Call, request: &AssumeRole) -> Result<(), AwsError> {
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
    check_tags(call, request)
}

fn is_session_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    (2..=64).contains(&name.len()) && name.chars().all(allowed)
}
