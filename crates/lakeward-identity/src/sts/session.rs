//! What a new role session carries: its time, source identity, tags and policies.

use jiff::Timestamp;
use lakeward_wire::AwsError;

use super::{
    assume::{AssumeRole, source_identity},
    credentials::after,
    passed,
    tags::inherited,
};
use crate::{Call, Role, RoleSession, inventory::Tags};

/// A role may be assumed from another role for at most an hour ("Role chaining").
pub(super) const CHAINED_LIMIT: u32 = 3600;
/// The time that a session has when none is asked for, seconds.
const USUAL: u32 = 3600;
/// The shortest time that can be asked for, seconds.
pub(super) const SHORTEST: u32 = 900;
/// The longest time that any role allows, seconds.
pub(super) const LONGEST: u32 = 43200;

/// The tags passed and those inherited from the caller's session, which never meet: see
/// [`super::tags::check_chain`].
pub(super) fn tags(call: &Call, request: &AssumeRole) -> Tags {
    let mut tags: Tags = request.tags.iter().cloned().collect();
    tags.extend(inherited(call.caller()));
    tags
}

/// The session that the request asks for, and how much room its policies and tags take.
pub(super) fn assumed(
    call: &Call,
    role: &Role,
    request: AssumeRole,
) -> Result<(RoleSession, u32), AwsError> {
    let chained = call.caller().session().is_some();
    let seconds = duration(role, request.duration_seconds, chained)?;
    passed::check_managed(call.snapshot(), &role.account, &request.policy_arns)?;
    let mut session = new(role, &request.session_name, call.now(), seconds);
    session.source_identity = source_identity(call, &request)?;
    session.tags = tags(call, &request);
    let policy = request.policy.as_deref();
    let packed = passed::packed_size(policy, &request.policy_arns, &session.tags)?;
    session.transitive = inherited(call.caller())
        .into_keys()
        .chain(request.transitive_tag_keys)
        .collect();
    session.policy = passed::inline(request.policy)?;
    session.policy_arns = request.policy_arns;
    Ok((session, packed))
}

/// How long the session may last, with AWS's texts.
pub(super) fn duration(role: &Role, asked: Option<u32>, chained: bool) -> Result<u32, AwsError> {
    let refused = |message: &str| Err(AwsError::new(400, "ValidationError", message));
    let seconds = asked.unwrap_or(USUAL);
    if chained && seconds > CHAINED_LIMIT {
        return refused(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        );
    }
    if seconds > role.max_session_duration {
        return refused(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        );
    }
    Ok(seconds)
}

/// A session without anything passed.
pub(super) fn new(role: &Role, name: &str, at: Timestamp, seconds: u32) -> RoleSession {
    RoleSession {
        role_arn: role.arn(),
        role_id: role.id.clone(),
        name: name.to_owned(),
        source_identity: None,
        tags: Tags::new(),
        transitive: Vec::new(),
        policy: None,
        policy_arns: Vec::new(),
        web_identity: None,
        issued_at: at,
        expires_at: after(at, seconds),
    }
}
