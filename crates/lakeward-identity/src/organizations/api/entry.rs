//! How accounts and units come into the tree and leave it.

use jiff::Timestamp;
use lakeward_store::Change;

use crate::organizations::{Attachments, JoinedMethod, Membership, Organization, ResourceTags};

/// Puts an account under the root.
pub(super) fn admit(
    change: &mut Change<'_>,
    organization: &Organization,
    account: &str,
    joined_method: JoinedMethod,
    joined: Timestamp,
) {
    change.put(Membership {
        account: account.to_owned(),
        organization: organization.id.clone(),
        parent: organization.root.clone(),
        joined_method,
        joined,
    });
    furnish(change, organization, account);
}

/// Attaches AWS's own policies to what is new in the tree.
pub(super) fn furnish(change: &mut Change<'_>, organization: &Organization, target: &str) {
    Attachments::edit(change, &organization.id, target, |policies| {
        let own = organization.enabled.iter().map(|kind| kind.full_access());
        policies.extend(own.map(str::to_owned));
    });
}

/// Takes an account out.
pub(super) fn dismiss(change: &mut Change<'_>, organization: &Organization, account: &str) {
    change.delete::<Membership>(account);
    forget(change, organization, account);
}

/// Drops what was attached to something that leaves the tree, and its tags.
pub(super) fn forget(change: &mut Change<'_>, organization: &Organization, target: &str) {
    change.delete::<Attachments>(&format!("{}/{target}", organization.id));
    ResourceTags::put(change, &organization.id, target, Default::default());
}
