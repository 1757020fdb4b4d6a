//! The condition keys that follow from an organization ("AWS global condition context keys").

use std::sync::Arc;

use lakeward_policy::Context;
use lakeward_store::Snapshot;

use super::{Membership, Organization, tree};

/// `aws:PrincipalOrgID` and `aws:PrincipalOrgPaths`; nothing for accounts without an organization.
pub(crate) fn principal_context(snapshot: &Snapshot, account: &str) -> Context {
    let Some((organization, path)) = place(snapshot, account) else {
        return Context::new();
    };
    Context::new()
        .with("aws:PrincipalOrgID", organization.id.clone())
        .with("aws:PrincipalOrgPaths", path)
}

/// `aws:ResourceAccount` and, when that is in an organization, `aws:ResourceOrgID` and
/// `aws:ResourceOrgPaths`.
pub(crate) fn resource_context(snapshot: &Snapshot, account: &str) -> Context {
    let context = Context::new().with("aws:ResourceAccount", account);
    match place(snapshot, account) {
        None => context,
        Some((organization, path)) => context
            .with("aws:ResourceOrgID", organization.id.clone())
            .with("aws:ResourceOrgPaths", path),
    }
}

/// An account's organization, and its path there: `o-…/r-…/ou-…/`.
fn place(snapshot: &Snapshot, account: &str) -> Option<(Arc<Organization>, String)> {
    let membership = snapshot.get::<Membership>(account)?;
    let organization = snapshot.get::<Organization>(&membership.organization)?;
    let path = tree::path(snapshot, &organization, &membership.parent)?;
    Some((organization, path))
}
