//! From a question to a decision: which policies apply, and what they say.

use lakeward_policy::{Decision, Request, ResourceSide};
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;

use crate::{organizations::control, standing::Standing};

/// Decides for a caller whose standing is known.
///
/// # Errors
/// `AccessDenied`: a policy that bears on the resource can't be read.
pub(crate) fn judge(
    standing: &Standing,
    snapshot: &Snapshot,
    request: &Request<'_>,
    resource_side: ResourceSide<'_>,
) -> Result<Decision, AwsError> {
    let own = request.principal.account().unwrap_or_default();
    let owner = owner(own, resource_side);
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
