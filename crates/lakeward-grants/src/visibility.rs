//! Who holds what, and whose existence that reveals.
//!
//! The rules are those of Lake Formation's permissions reference: any permission on a table implies
//! DESCRIBE on it and on its database; DESCRIBE on a database doesn't reveal its tables.

use std::collections::BTreeSet;

use crate::model::{
    ColumnSelection, Grant, IAM_ALLOWED_PRINCIPALS, Permission, Resource, same_name,
};

/// Whether a grant to `grantee` is one to `principal`, the ARN of a role or user.
///
/// Besides itself a principal is met by [`IAM_ALLOWED_PRINCIPALS`] and, within its own account, by
/// `<account>:IAMPrincipals`.
pub fn principal_matches(grantee: &str, principal: &str) -> bool {
    if grantee == principal || grantee == IAM_ALLOWED_PRINCIPALS {
        return true;
    }
    grantee
        .strip_suffix(":IAMPrincipals")
        .is_some_and(|account| !account.is_empty() && principal.split(':').nth(4) == Some(account))
}

/// Whether `principal` may see that the table exists.
pub fn may_describe_table<'a>(
    principal: &str,
    database: &str,
    table: &str,
    grants: impl IntoIterator<Item = &'a Grant>,
) -> bool {
    grants.into_iter().any(|grant| {
        principal_matches(&grant.principal, principal)
            && !grant.permissions.is_empty()
            && grant.resource.concerns_table(database, table)
    })
}

/// Whether `principal` may see that the database exists.
pub fn may_describe_database<'a>(
    principal: &str,
    database: &str,
    grants: impl IntoIterator<Item = &'a Grant>,
) -> bool {
    grants.into_iter().any(|grant| {
        principal_matches(&grant.principal, principal)
            && !grant.permissions.is_empty()
            && grant
                .resource
                .database()
                .is_some_and(|name| same_name(name, database))
    })
}

/// Whether `principal` holds `permission` on the whole of `resource`.
///
/// A data location is also covered by a grant on a location above it. For DESCRIBE any permission
/// will do.
pub fn holds<'a>(
    principal: &str,
    permission: Permission,
    resource: &Resource,
    grants: impl IntoIterator<Item = &'a Grant>,
) -> bool {
    grants.into_iter().any(|grant| {
        principal_matches(&grant.principal, principal)
            && covers(&grant.resource, resource)
            && includes(&grant.permissions, permission)
    })
}

/// Whether `principal` may grant `permission` on the whole of `resource` to others.
pub fn holds_grantable<'a>(
    principal: &str,
    permission: Permission,
    resource: &Resource,
    grants: impl IntoIterator<Item = &'a Grant>,
) -> bool {
    grants.into_iter().any(|grant| {
        principal_matches(&grant.principal, principal)
            && covers(&grant.resource, resource)
            && (grant.grantable.contains(&permission) || grant.grantable.contains(&Permission::All))
    })
}

fn includes(held: &BTreeSet<Permission>, wanted: Permission) -> bool {
    let described = wanted == Permission::Describe && !held.is_empty();
    described || held.contains(&wanted) || held.contains(&Permission::All)
}

/// Whether a grant on `granted` reaches all of `wanted`.
fn covers(granted: &Resource, wanted: &Resource) -> bool {
    match (granted, wanted) {
        (Resource::Catalog, Resource::Catalog) => true,
        (Resource::Database { name }, Resource::Database { name: wanted }) => {
            same_name(name, wanted)
        }
        (Resource::DataLocation { arn }, Resource::DataLocation { arn: wanted }) => {
            location_covers(arn, wanted)
        }
        (Resource::AllTables { database }, wanted) => {
            let wanted_database = match wanted {
                Resource::Database { .. } => None,
                other => other.database(),
            };
            wanted_database.is_some_and(|wanted| same_name(wanted, database))
        }
        (Resource::Table { database, name }, wanted) => {
            !matches!(wanted, Resource::AllTables { .. }) && wanted.concerns_table(database, name)
        }
        (Resource::Columns { .. }, _) => columns_cover(granted, wanted),
        (Resource::DataCellsFilter { name, .. }, wanted) => {
            matches!(wanted, Resource::DataCellsFilter { name: wanted, .. } if same_name(name, wanted))
                && same_table(granted, wanted)
        }
        _ => false,
    }
}

/// Whether a grant on columns reaches all of `wanted`: a table only when it leaves out nothing.
fn columns_cover(granted: &Resource, wanted: &Resource) -> bool {
    let Resource::Columns { columns: held, .. } = granted else {
        return false;
    };
    let enough = match wanted {
        Resource::Table { .. } | Resource::DataCellsFilter { .. } => held.is_everything(),
        Resource::Columns { columns, .. } => selection_covers(held, columns),
        _ => false,
    };
    enough && same_table(granted, wanted)
}

fn selection_covers(held: &ColumnSelection, wanted: &ColumnSelection) -> bool {
    match (held, wanted) {
        (_, ColumnSelection::Include(names)) => names.iter().all(|name| held.covers(name)),
        (ColumnSelection::AllExcept(hidden), ColumnSelection::AllExcept(_)) => {
            hidden.iter().all(|name| !wanted.covers(name))
        }
        (ColumnSelection::Include(_), ColumnSelection::AllExcept(_)) => false,
    }
}

/// Whether two resources are, or are parts of, the same single table.
fn same_table(left: &Resource, right: &Resource) -> bool {
    match right {
        Resource::Table { database, name }
        | Resource::Columns {
            database,
            table: name,
            ..
        }
        | Resource::DataCellsFilter {
            database,
            table: name,
            ..
        } => left.concerns_table(database, name),
        _ => false,
    }
}

/// Whether the location `wanted` is `held` or lies below it.
fn location_covers(held: &str, wanted: &str) -> bool {
    let held = held.trim_end_matches(['/', '*']);
    wanted
        .strip_prefix(held)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/marketing";

    fn grant(resource: Resource, permission: Permission) -> [Grant; 1] {
        [Grant {
            principal: ROLE.into(),
            resource,
            permissions: BTreeSet::from([permission]),
            grantable: BTreeSet::new(),
        }]
    }

    fn table(name: &str) -> Resource {
        Resource::Table {
            database: "tpc".into(),
            name: name.into(),
        }
    }

    fn columns(columns: ColumnSelection) -> Resource {
        Resource::Columns {
            database: "tpc".into(),
            table: "t".into(),
            columns,
        }
    }

    fn database() -> Resource {
        Resource::Database { name: "tpc".into() }
    }

    fn everything() -> ColumnSelection {
        ColumnSelection::AllExcept(Vec::new())
    }

    #[test]
    fn any_permission_on_a_table_describes_it_and_its_database() {
        for resource in [
            table("t"),
            columns(ColumnSelection::Include(vec!["a".into()])),
            Resource::AllTables {
                database: "TPC".into(),
            },
        ] {
            let grants = grant(resource, Permission::Insert);
            assert!(may_describe_table(ROLE, "tpc", "T", &grants));
            assert!(may_describe_database(ROLE, "tpc", &grants));
            assert!(!may_describe_database(ROLE, "other", &grants));
        }
    }

    #[test]
    fn describing_a_database_does_not_reveal_its_tables() {
        let grants = grant(database(), Permission::Describe);
        assert!(may_describe_database(ROLE, "tpc", &grants));
        assert!(!may_describe_table(ROLE, "tpc", "t", &grants));
        assert!(!may_describe_table(
            "arn:aws:iam::1:role/x",
            "tpc",
            "t",
            &grants
        ));
    }

    #[test]
    fn all_includes_every_permission_and_any_includes_describe() {
        let all = grant(table("t"), Permission::All);
        assert!(holds(ROLE, Permission::Drop, &table("t"), &all));
        assert!(!holds(ROLE, Permission::Drop, &table("u"), &all));
        let alter = grant(table("t"), Permission::Alter);
        assert!(holds(ROLE, Permission::Describe, &table("t"), &alter));
        assert!(!holds(ROLE, Permission::Select, &table("t"), &alter));
        assert!(!holds_grantable(
            ROLE,
            Permission::Alter,
            &table("t"),
            &alter
        ));
    }

    #[test]
    fn a_grant_covers_its_parts_and_never_more() {
        let some = || columns(ColumnSelection::Include(vec!["a".into()]));
        let but_one = || columns(ColumnSelection::AllExcept(vec!["b".into()]));
        let all_tables = || Resource::AllTables {
            database: "tpc".into(),
        };
        for (held, wanted, expected) in [
            (table("t"), some(), true),
            (all_tables(), table("t"), true),
            (all_tables(), database(), false),
            (table("t"), all_tables(), false),
            (some(), table("t"), false),
            (columns(everything()), table("t"), true),
            (but_one(), some(), true),
            (but_one(), columns(everything()), false),
            (columns(everything()), but_one(), true),
            (some(), but_one(), false),
            (database(), table("t"), false),
        ] {
            let grants = grant(held.clone(), Permission::Select);
            let answer = holds(ROLE, Permission::Select, &wanted, &grants);
            assert_eq!(answer, expected, "{held:?} for {wanted:?}");
        }
    }

    #[test]
    fn a_data_location_covers_what_lies_below_it() {
        let location = |arn: &str| Resource::DataLocation { arn: arn.into() };
        let grants = grant(
            location("arn:aws:s3:::lake/a"),
            Permission::DataLocationAccess,
        );
        for (wanted, expected) in [
            ("arn:aws:s3:::lake/a", true),
            ("arn:aws:s3:::lake/a/b", true),
            ("arn:aws:s3:::lake/ab", false),
            ("arn:aws:s3:::lake", false),
        ] {
            let answer = holds(
                ROLE,
                Permission::DataLocationAccess,
                &location(wanted),
                &grants,
            );
            assert_eq!(answer, expected, "{wanted}");
        }
    }

    #[test]
    fn everyone_in_the_account_is_met_by_its_iam_principals() {
        assert!(principal_matches("123456789012:IAMPrincipals", ROLE));
        assert!(!principal_matches("999999999999:IAMPrincipals", ROLE));
        assert!(!principal_matches(":IAMPrincipals", "x:y:z:w::role/r"));
        assert!(principal_matches(IAM_ALLOWED_PRINCIPALS, ROLE));
    }
}
