//! A decision's reasons as sentences.

use lakeward_policy::{Decision, Door, Outcome, Reason};

/// What a decision's reasons say, a sentence each.
pub(super) fn reasons(decision: &Decision) -> Vec<String> {
    let sentence = |reason: &Reason| {
        let place = place(reason);
        let detail = reason.detail.as_deref().unwrap_or("a condition");
        match reason.outcome {
            Outcome::Allows => format!("{place} allows it."),
            Outcome::Denies => format!("{place} denies it."),
            Outcome::NothingAllows => format!("No {} allows it.", noun(reason.door)),
            Outcome::ConditionUnmet => format!("{place} would allow it, but {detail} isn't met."),
            Outcome::OtherResource => format!("{place} allows the action on other resources."),
            Outcome::AccountRoot => "The root user needs no policy in its own account.".to_owned(),
            Outcome::AlwaysAllowed => "The action is open to everyone.".to_owned(),
            _ => format!("{place}."),
        }
    };
    decision.reasons.iter().map(sentence).collect()
}

/// How the name of a policy begins that stands in the expectation file itself. The lines of its
/// statements are nobody's.
pub(super) const INLINE: &str = "on line ";

fn place(reason: &Reason) -> String {
    let mut place = format!("The {}", noun(reason.door));
    if let Some(policy) = &reason.policy {
        place.push_str(&format!(" {policy}"));
    }
    if let Some(level) = reason.level {
        place.push_str(&format!(" at level {level}"));
    }
    match (&reason.sid, reason.statement) {
        (Some(sid), _) => place.push_str(&format!(", statement {sid}")),
        (None, Some(index)) => place.push_str(&format!(", statement {}", index + 1)),
        (None, None) => {}
    }
    let inline = reason
        .policy
        .as_deref()
        .is_some_and(|policy| policy.starts_with(INLINE));
    if let Some(line) = reason.line.filter(|_| !inline) {
        place.push_str(&format!(" (line {line})"));
    }
    place
}

fn noun(door: Door) -> &'static str {
    match door {
        Door::IdentityPolicy => "identity policy",
        Door::PermissionsBoundary => "permissions boundary",
        Door::SessionPolicy => "session policy",
        Door::ResourcePolicy => "resource policy",
        Door::TrustPolicy => "trust policy",
        Door::ServiceControlPolicy => "service control policy",
        Door::ResourceControlPolicy => "resource control policy",
        Door::EndpointPolicy => "endpoint policy",
        _ => "policy",
    }
}
