//! The tree: where an account or unit hangs.

use std::sync::Arc;

use lakeward_store::Snapshot;

use super::{Membership, Organization, OrganizationalUnit};
use crate::Account;

/// Units nest five deep below the root ("Quotas for AWS Organizations").
pub(crate) const DEEPEST: usize = 5;

/// The root and the units above and including `id`, root first; none when the tree is broken.
pub(crate) fn line_to(
    snapshot: &Snapshot,
    organization: &Organization,
    id: &str,
) -> Option<Vec<String>> {
    let mut line = vec![id.to_owned()];
    let mut at = id.to_owned();
    while at != organization.root {
        // A unit more than the tree may have: the record of a parent is wrong.
        if line.len() > DEEPEST + 1 {
            return None;
        }
        at = OrganizationalUnit::find(snapshot, &organization.id, &at)?
            .parent
            .clone();
        line.push(at.clone());
    }
    line.reverse();
    Some(line)
}

/// The root, the units above an account, and the account itself, root first.
pub(crate) fn line_to_account(
    snapshot: &Snapshot,
    organization: &Organization,
    membership: &Membership,
) -> Option<Vec<String>> {
    let mut line = line_to(snapshot, organization, &membership.parent)?;
    line.push(membership.account.clone());
    Some(line)
}

/// A place in the tree.
pub(crate) enum Node {
    Root,
    Unit(Arc<OrganizationalUnit>),
    Account(Arc<Membership>),
}

impl Node {
    /// The root, unit or account of this id.
    pub(crate) fn find(snapshot: &Snapshot, organization: &Organization, id: &str) -> Option<Self> {
        if id == organization.root {
            return Some(Self::Root);
        }
        if let Some(unit) = OrganizationalUnit::find(snapshot, &organization.id, id) {
            return Some(Self::Unit(unit));
        }
        member(snapshot, organization, id).map(Self::Account)
    }

    /// The root or unit of this id.
    pub(crate) fn parent(
        snapshot: &Snapshot,
        organization: &Organization,
        id: &str,
    ) -> Option<Self> {
        Self::find(snapshot, organization, id).filter(|node| !matches!(node, Self::Account(_)))
    }

    /// Its kind, as the API spells it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Root => "ROOT",
            Self::Unit(_) => "ORGANIZATIONAL_UNIT",
            Self::Account(_) => "ACCOUNT",
        }
    }

    /// Its name, for people.
    pub(crate) fn name(&self, snapshot: &Snapshot) -> String {
        match self {
            Self::Root => "Root".to_owned(),
            Self::Unit(unit) => unit.name.clone(),
            Self::Account(member) => snapshot.get::<Account>(&member.account).map_or_else(
                || member.account.clone(),
                |account| account.display_name().to_owned(),
            ),
        }
    }
}

/// An account's place, if it is in this organization.
pub(crate) fn member(
    snapshot: &Snapshot,
    organization: &Organization,
    account: &str,
) -> Option<Arc<Membership>> {
    snapshot
        .get::<Membership>(account)
        .filter(|member| member.organization == organization.id)
}

/// Every account of an organization, in order of their ids.
pub(crate) fn members(snapshot: &Snapshot, organization: &Organization) -> Vec<Arc<Membership>> {
    let mut members = snapshot.scan::<Membership>("");
    members.retain(|member| member.organization == organization.id);
    members
}

/// Every unit of an organization, in order of their ids.
pub(crate) fn units(
    snapshot: &Snapshot,
    organization: &Organization,
) -> Vec<Arc<OrganizationalUnit>> {
    snapshot.scan::<OrganizationalUnit>(&format!("{}/", organization.id))
}

/// The ids of the root, every unit and every account.
pub(crate) fn everything(snapshot: &Snapshot, organization: &Organization) -> Vec<String> {
    let units = units(snapshot, organization);
    let members = members(snapshot, organization);
    std::iter::once(organization.root.clone())
        .chain(units.iter().map(|unit| unit.id.clone()))
        .chain(members.iter().map(|member| member.account.clone()))
        .collect()
}

/// `o-…/r-…/ou-…/`, as condition keys and answers spell a place.
pub(crate) fn path(snapshot: &Snapshot, organization: &Organization, id: &str) -> Option<String> {
    let line = line_to(snapshot, organization, id)?;
    Some(format!("{}/{}/", organization.id, line.join("/")))
}
