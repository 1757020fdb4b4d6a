//! From a question to a decision: which policies apply, and what they say.

use lakeward_policy::{Context, Decision, Door, Effect, Outcome, Reason, Request, ResourceSide};
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;

use crate::{organizations::control, standing::Standing};

/// Decides for a caller whose standing is known, on a resource of the account `owner`.
///
/// # Errors
/// `AccessDenied`: a policy that bears on the resource can't be read.
pub(crate) fn judge(
    standing: &Standing,
    snapshot: &Snapshot,
    request: &Request<'_>,
    owner: &str,
    resource_side: ResourceSide<'_>,
) -> Result<Decision, AwsError> {
    let resource_control = control::resource_control(snapshot, owner, request.action)?;
    Ok(standing.decide(request, resource_side, &resource_control))
}

/// The account that owns the resource; the caller's where nothing else is said.
pub(crate) fn owner<'a>(own: &'a str, resource_side: ResourceSide<'a>) -> &'a str {
    match resource_side {
        ResourceSide::None => own,
        ResourceSide::Account { account }
        | ResourceSide::Policy { account, .. }
        | ResourceSide::Trust { account, .. }
        | ResourceSide::Key { account, .. } => account,
    }
}

/// A decision as one outside the resource's account may see it: nothing of what the policies there
/// say, nor whether the resource is there at all.
pub(crate) fn seen_from_outside(decision: Decision) -> Decision {
    let foreign = |reason: &Reason| {
        matches!(
            reason.door,
            Door::ResourcePolicy | Door::TrustPolicy | Door::ResourceControlPolicy
        )
    };
    let (theirs, mut reasons): (Vec<Reason>, Vec<Reason>) =
        decision.reasons.into_iter().partition(foreign);
    let allowed = decision.effect == Effect::Allowed;
    if !theirs.is_empty() {
        reasons.push(Reason {
            door: Door::ResourcePolicy,
            outcome: if allowed {
                Outcome::Allows
            } else {
                Outcome::NothingAllows
            },
            policy: None,
            statement: None,
            sid: None,
            line: None,
            level: None,
            detail: None,
            condition: None,
        });
    }
    let denies = reasons.iter().any(|own| own.outcome == Outcome::Denies);
    let effect = match (allowed, denies) {
        (true, _) => Effect::Allowed,
        (false, true) => Effect::ExplicitDeny,
        (false, false) => Effect::ImplicitDeny,
    };
    let door = reasons.first().filter(|_| !allowed).map(|own| own.door);
    Decision {
        effect,
        door,
        reasons,
    }
}

/// A question's condition keys without those that tell of a resource.
pub(crate) fn without_resource(context: &Context) -> Context {
    const TELLING: [&str; 5] = [
        "aws:resourcetag/",
        "iam:resourcetag/",
        "s3:existingobjecttag/",
        "aws:resourceorg",
        "aws:resourceaccount",
    ];
    let mut shown = Context::new();
    for (key, values) in context.iter() {
        let lower = key.to_ascii_lowercase();
        if !TELLING.iter().any(|prefix| lower.starts_with(prefix)) {
            shown.insert(key, values.to_vec());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_accounts_policies_say_stays_there() {
        let reason = |door: &str, outcome: &str| {
            serde_json::json!({"door": door, "outcome": outcome, "sid": "Hidden", "statement": 0,
                "condition": {"operator": "StringEquals", "key": "sts:ExternalId", "values": ["hush"]}})
        };
        let seen = |effect: &str, reasons: serde_json::Value| {
            let decision = serde_json::json!({"effect": effect, "door": null, "reasons": reasons});
            seen_from_outside(serde_json::from_value(decision).unwrap())
        };
        let denied = seen(
            "explicitDeny",
            serde_json::json!([
                reason("trustPolicy", "denies"),
                reason("trustPolicy", "conditionUnmet")
            ]),
        );
        let nothing = seen(
            "implicitDeny",
            serde_json::json!([{"door": "resourcePolicy", "outcome": "nothingAllows"}]),
        );
        assert_eq!(denied, nothing, "as if there were no such resource");
        let allowed = seen(
            "allowed",
            serde_json::json!([reason("resourcePolicy", "allows")]),
        );
        assert!(allowed.is_allowed() && allowed.reasons[0].sid.is_none());
        let own = seen(
            "explicitDeny",
            serde_json::json!([reason("identityPolicy", "denies")]),
        );
        assert_eq!(
            (own.effect, own.reasons[0].sid.as_deref()),
            (Effect::ExplicitDeny, Some("Hidden"))
        );
        let context = Context::new()
            .with("aws:ResourceTag/a", "hush")
            .with("aws:ResourceAccount", "1")
            .with("aws:userid", "u");
        let shown = without_resource(&context);
        assert_eq!(
            shown
                .iter()
                .map(|(key, _)| key.to_ascii_lowercase())
                .collect::<Vec<_>>(),
            ["aws:userid"]
        );
    }
}
