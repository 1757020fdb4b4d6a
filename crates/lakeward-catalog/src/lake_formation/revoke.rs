//! What is left of grants when some of it is revoked.

use std::collections::BTreeSet;

use lakeward_grants::{ColumnSelection, Grant, Permission, Resource};
use lakeward_store::{Change, Record};

use super::grant::{Request, give, require_authority};
use super::resource::grantable_on;
use crate::access::{Access, Caller};
use crate::error::CatalogError;
use crate::record::GrantRecord;

/// Takes away what the request names.
///
/// # Errors
/// The principal holds none of it.
pub(super) fn revoke(
    change: &mut Change<'_>,
    caller: &Caller,
    request: &Request,
) -> Result<(), CatalogError> {
    require_authority(&Access::new(change, caller), request)?;
    let prefix = GrantRecord::prefix_of(&caller.account, &request.principal);
    let mut revoked = false;
    let held = change.scan::<GrantRecord>(&prefix).into_iter();
    let held: Vec<_> = held.filter(|record| record.holds(change)).collect();
    for record in held {
        if let Some(left) = left_of(&record.grant, request) {
            revoked = true;
            change.delete::<GrantRecord>(&record.key());
            keep(change, caller, &left);
        }
    }
    if revoked {
        return Ok(());
    }
    let names: Vec<&str> = request.named().map(Permission::name).collect();
    Err(CatalogError::invalid(format!(
        "No permissions revoked. Grantee does not have: [{}]",
        names.join(", ")
    )))
}

fn keep(change: &mut Change<'_>, caller: &Caller, left: &[Grant]) {
    for grant in left.iter().filter(|grant| !is_empty(grant)) {
        give(
            change,
            caller,
            &grant.principal,
            &grant.resource,
            &grant.permissions,
            &grant.grantable,
        );
    }
}

fn is_empty(grant: &Grant) -> bool {
    let names_nothing = matches!(
        &grant.resource,
        Resource::Columns { columns: ColumnSelection::Include(names), .. } if names.is_empty()
    );
    names_nothing || grant.permissions.is_empty()
}

/// What is left of the grant; `None` when the request doesn't touch it.
fn left_of(held: &Grant, request: &Request) -> Option<Vec<Grant>> {
    let fewer = without_permissions(held, request);
    if fewer == *held {
        return None;
    }
    if held.resource == request.resource {
        return Some(vec![fewer]);
    }
    let revoked = columns_on_same_table(&held.resource, &request.resource)?;
    let columns = columns_on_same_table(&held.resource, &held.resource)?;
    let untouched = minus(columns, revoked);
    if untouched == *columns {
        return None;
    }
    let touched = minus(columns, &untouched);
    Some(vec![
        with_columns(held, untouched),
        with_columns(&fewer, touched),
    ])
}

/// The columns that `other` names, if it names columns of the table of which `held` does.
fn columns_on_same_table<'a>(held: &Resource, other: &'a Resource) -> Option<&'a ColumnSelection> {
    match (held, other) {
        (
            Resource::Columns {
                database, table, ..
            },
            Resource::Columns { columns, .. },
        ) if other.concerns_table(database, table) => Some(columns),
        _ => None,
    }
}

fn with_columns(grant: &Grant, selection: ColumnSelection) -> Grant {
    let mut grant = grant.clone();
    if let Resource::Columns { columns, .. } = &mut grant.resource {
        *columns = selection;
    }
    grant
}

/// What is left of the grant's permissions. A revoked permission can't be passed on either.
fn without_permissions(held: &Grant, request: &Request) -> Grant {
    let no_longer_grantable = request.named().collect();
    Grant {
        permissions: without(&held.permissions, &request.permissions, &held.resource),
        grantable: without(&held.grantable, &no_longer_grantable, &held.resource),
        ..held.clone()
    }
}

/// The permissions of `held` that aren't in `taken`. ALL stands for each permission that the resource
/// knows, so when one of these goes, what stays of ALL is the others.
fn without(
    held: &BTreeSet<Permission>,
    taken: &BTreeSet<Permission>,
    resource: &Resource,
) -> BTreeSet<Permission> {
    let mut left = held.clone();
    let takes_a_part = !taken.is_empty() && !taken.contains(&Permission::All);
    if takes_a_part && left.remove(&Permission::All) {
        let others = grantable_on(resource).iter().copied();
        left.extend(others.filter(|permission| *permission != Permission::All));
    }
    left.retain(|permission| !taken.contains(permission));
    left
}

/// The columns of `held` that aren't in `taken`. Names are lower case and sorted.
fn minus(held: &ColumnSelection, taken: &ColumnSelection) -> ColumnSelection {
    use ColumnSelection::{AllExcept, Include};
    match (held, taken) {
        (Include(held), taken) => Include(
            held.iter()
                .filter(|name| !taken.covers(name))
                .cloned()
                .collect(),
        ),
        (AllExcept(hidden), Include(taken)) => {
            let union: BTreeSet<&String> = hidden.iter().chain(taken).collect();
            AllExcept(union.into_iter().cloned().collect())
        }
        (AllExcept(hidden), AllExcept(left)) => Include(
            left.iter()
                .filter(|name| !hidden.contains(name))
                .cloned()
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [&str; 4] = ["a", "b", "c", "later"];

    fn selections() -> Vec<ColumnSelection> {
        let mut selections = Vec::new();
        for bits in 0..8_usize {
            let names: Vec<String> = (0..3)
                .filter(|bit| bits & (1 << bit) != 0)
                .map(|bit| COLUMNS[bit].to_owned())
                .collect();
            selections.push(ColumnSelection::Include(names.clone()));
            selections.push(ColumnSelection::AllExcept(names));
        }
        selections
    }

    #[test]
    fn minus_takes_away_exactly_what_is_taken() {
        for held in selections() {
            for taken in selections() {
                let left = minus(&held, &taken);
                for column in COLUMNS {
                    assert_eq!(
                        left.covers(column),
                        held.covers(column) && !taken.covers(column),
                        "{column}: {held:?} without {taken:?}"
                    );
                }
            }
        }
    }
}
