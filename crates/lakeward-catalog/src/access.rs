//! What a caller may do in its account's lake, by Lake Formation's rules.

use std::sync::Arc;

use lakeward_grants::{
    Grant, IAM_ALLOWED_PRINCIPALS, Permission, Resource, RowFilterError, TableView, holds,
    holds_grantable, may_describe_database, may_describe_table, table_view,
};
use lakeward_identity::{Call, Role, User};
use lakeward_policy::Principal;
use lakeward_store::Snapshot;

use crate::error::CatalogError;
use crate::lake_formation::DataLakeSettings;
use crate::location::Location;
use crate::record::{
    DatabaseRecord, FilterRecord, GrantRecord, RegisteredLocation, SettingsRecord, TableLocation,
    TableRecord,
};

/// Who asks, as Lake Formation sees it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The ARN that grants are made to: a role session's role, or the user.
    pub principal: String,
    pub account: String,
    pub is_root: bool,
    /// Seconds since 1970.
    pub now: f64,
}

impl Caller {
    pub fn of(call: &Call) -> Self {
        Self {
            principal: call.lake_principal(),
            account: call.account().to_owned(),
            is_root: matches!(call.principal(), Principal::Root { .. }),
            now: lakeward_wire::epoch(call.now()),
        }
    }
}

/// Rights that don't come from grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The account's root user: may do everything but see data it was not granted.
    Root,
    /// Sees all metadata and grants anything, to itself too.
    Admin,
    /// Sees all metadata.
    ReadOnlyAdmin,
    Ordinary,
}

/// One caller's rights at one moment.
pub(crate) struct Access<'a> {
    lake: Lake<'a>,
    caller: &'a Caller,
    standing: Standing,
    grants: Vec<Arc<GrantRecord>>,
}

impl<'a> Access<'a> {
    pub fn new(snapshot: &'a Snapshot, caller: &'a Caller) -> Self {
        let lake = Lake {
            snapshot,
            account: &caller.account,
        };
        Self {
            standing: standing(&lake.settings(), caller),
            grants: lake.grants_to(&caller.principal),
            lake,
            caller,
        }
    }

    pub fn lake(&self) -> &Lake<'a> {
        &self.lake
    }

    pub fn caller(&self) -> &'a Caller {
        self.caller
    }

    /// Whether nothing's existence is hidden from the caller.
    pub fn sees_everything(&self) -> bool {
        self.standing != Standing::Ordinary
    }

    /// Whether the caller may grant and revoke anything.
    pub fn is_admin(&self) -> bool {
        matches!(self.standing, Standing::Root | Standing::Admin)
    }

    /// Whether the caller holds `permission` on the whole of `resource`.
    pub fn holds(&self, permission: Permission, resource: &Resource) -> bool {
        self.standing == Standing::Root
            || holds(&self.caller.principal, permission, resource, self.grants())
    }

    /// Whether the caller may grant `permission` on `resource`.
    pub fn may_grant(&self, permission: Permission, resource: &Resource) -> bool {
        self.is_admin()
            || holds_grantable(&self.caller.principal, permission, resource, self.grants())
    }

    pub fn may_describe_database(&self, database: &str) -> bool {
        self.sees_everything()
            || may_describe_database(&self.caller.principal, database, self.grants())
    }

    pub fn may_describe_table(&self, database: &str, table: &str) -> bool {
        self.sees_everything()
            || may_describe_table(&self.caller.principal, database, table, self.grants())
    }

    /// Whether the caller may put tables at the location: none of it is registered, or the caller was
    /// granted it, or the database's own registered location is above it (permissions reference,
    /// CREATE_TABLE).
    pub fn may_use_location(&self, location: &Location, database: Option<&DatabaseRecord>) -> bool {
        let implied = database
            .and_then(|database| database.location.as_deref())
            .and_then(|uri| Location::from_uri(uri).ok())
            .filter(|above| self.lake.is_registered(above.upward()))
            .is_some_and(|above| location.upward().any(|folder| folder == above.path()));
        self.is_admin()
            || !self.lake.governs_part_of(location)
            || implied
            || self.holds(
                Permission::DataLocationAccess,
                &Resource::DataLocation {
                    arn: location.arn(),
                },
            )
    }

    /// What the caller sees of the table's data; `None` when nothing.
    pub fn view(&self, table: &TableRecord) -> Result<Option<TableView>, RowFilterError> {
        let filters = self.lake.filters(&table.database, table.name());
        table_view(
            &self.caller.principal,
            &table.database,
            table.name(),
            &table.schema(),
            self.grants(),
            filters.iter().map(|record| &record.filter),
        )
    }

    /// Whether the caller sees some of the table's data but not all of it, or can't be told what.
    pub fn sees_a_part(&self, table: &TableRecord) -> bool {
        match self.view(table) {
            Ok(view) => view.is_some_and(|view| !view.is_full()),
            Err(_) => true,
        }
    }

    /// Fails when the caller may not take the table away from its place.
    ///
    /// Someone who sees a part of it could put a table of its own there and see the rest. An
    /// administrator could grant itself the rest anyway.
    pub fn check_may_vacate(&self, table: &TableRecord) -> Result<(), CatalogError> {
        let holds_data = !matches!(table.definition.location(), Ok(None));
        if holds_data && !self.is_admin() && self.sees_a_part(table) {
            return Err(CatalogError::required("Select", table.name()));
        }
        Ok(())
    }

    /// The table, for a caller who may know whether it exists.
    ///
    /// Others get one and the same answer for a hidden and a missing table.
    pub fn table(&self, database: &str, name: &str) -> Result<Arc<TableRecord>, CatalogError> {
        let may_know = self.may_describe_table(database, name);
        match self.lake.table(database, name) {
            Some(table) if may_know => Ok(table),
            None if may_know || self.may_make_tables(database) => {
                Err(CatalogError::NotFound(format!("Table {name} not found.")))
            }
            _ => Err(CatalogError::required("Select", name)),
        }
    }

    /// The database, for a caller who may know whether it exists.
    pub fn database(&self, name: &str) -> Result<Arc<DatabaseRecord>, CatalogError> {
        if !self.may_describe_database(name) {
            return Err(CatalogError::required("Describe", name));
        }
        self.lake
            .database(name)
            .ok_or_else(|| CatalogError::NotFound(format!("Database {name} not found.")))
    }

    /// Someone who may create tables learns their names anyway: creating a second one fails.
    fn may_make_tables(&self, database: &str) -> bool {
        let database = Resource::Database {
            name: database.to_owned(),
        };
        self.holds(Permission::CreateTable, &database)
    }

    fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.grants.iter().map(|record| &record.grant)
    }
}

fn standing(settings: &DataLakeSettings, caller: &Caller) -> Standing {
    if caller.is_root {
        Standing::Root
    } else if settings.is_admin(&caller.principal) {
        Standing::Admin
    } else if settings.is_read_only_admin(&caller.principal) {
        Standing::ReadOnlyAdmin
    } else {
        Standing::Ordinary
    }
}

/// One account's part of a snapshot.
pub(crate) struct Lake<'a> {
    snapshot: &'a Snapshot,
    account: &'a str,
}

impl<'a> Lake<'a> {
    pub fn new(snapshot: &'a Snapshot, account: &'a str) -> Self {
        Self { snapshot, account }
    }

    /// Whether the ARN is one of a role or user of the account.
    pub fn has_principal(&self, arn: &str) -> bool {
        let own = arn.split(':').nth(4) == Some(self.account);
        let prefix = format!("{}/", self.account);
        let is_user = || {
            let users = self.snapshot.scan::<User>(&prefix);
            users.iter().any(|user| user.arn() == arn)
        };
        own && (Role::find(self.snapshot, arn).is_some() || is_user())
    }

    pub fn settings(&self) -> DataLakeSettings {
        self.snapshot
            .get::<SettingsRecord>(self.account)
            .map(|record| record.settings.clone())
            .unwrap_or_default()
    }

    pub fn database(&self, name: &str) -> Option<Arc<DatabaseRecord>> {
        self.snapshot
            .get(&DatabaseRecord::key_of(self.account, name))
    }

    pub fn databases(&self) -> Vec<Arc<DatabaseRecord>> {
        self.snapshot.scan(&format!("{}/", self.account))
    }

    pub fn table(&self, database: &str, name: &str) -> Option<Arc<TableRecord>> {
        self.snapshot
            .get(&TableRecord::key_of(self.account, database, name))
    }

    pub fn tables(&self, database: &str) -> Vec<Arc<TableRecord>> {
        self.snapshot.scan(&format!("{}/{database}/", self.account))
    }

    pub fn filter(&self, database: &str, table: &str, name: &str) -> Option<Arc<FilterRecord>> {
        self.snapshot
            .get(&FilterRecord::key_of(self.account, database, table, name))
    }

    pub fn filters(&self, database: &str, table: &str) -> Vec<Arc<FilterRecord>> {
        self.snapshot
            .scan(&format!("{}/{database}/{table}/", self.account))
    }

    /// Every filter of the account.
    pub fn all_filters(&self) -> Vec<Arc<FilterRecord>> {
        self.snapshot.scan(&format!("{}/", self.account))
    }

    /// Every grant of the account, but those whose principal is gone.
    pub fn grants(&self) -> Vec<Arc<GrantRecord>> {
        self.holding(&format!("{}/", self.account))
    }

    /// The grants that reach a principal, those to everyone included.
    pub fn grants_to(&self, principal: &str) -> Vec<Arc<GrantRecord>> {
        let everyone = format!("{}:IAMPrincipals", self.account);
        [principal, IAM_ALLOWED_PRINCIPALS, &everyone]
            .iter()
            .flat_map(|grantee| self.holding(&GrantRecord::prefix_of(self.account, grantee)))
            .collect()
    }

    fn holding(&self, prefix: &str) -> Vec<Arc<GrantRecord>> {
        let mut records = self.snapshot.scan::<GrantRecord>(prefix);
        records.retain(|record| record.holds(self.snapshot));
        records
    }

    pub fn registered_locations(&self) -> Vec<Arc<RegisteredLocation>> {
        self.snapshot.scan(&format!("{}/", self.account))
    }

    pub fn registered_location(&self, location: &Location) -> Option<Arc<RegisteredLocation>> {
        let key = RegisteredLocation::key_of(self.account, location.path());
        self.snapshot.get(&key)
    }

    /// Whether one of the folders is registered.
    pub fn is_registered<'f>(&self, folders: impl IntoIterator<Item = &'f str>) -> bool {
        folders.into_iter().any(|folder| {
            let key = RegisteredLocation::key_of(self.account, folder);
            self.snapshot.get::<RegisteredLocation>(&key).is_some()
        })
    }

    /// Whether the location, something above it or something below it is registered.
    fn governs_part_of(&self, location: &Location) -> bool {
        let below = RegisteredLocation::key_of(self.account, location.path());
        self.is_registered(location.upward())
            || !self.snapshot.scan::<RegisteredLocation>(&below).is_empty()
    }

    /// Where the table lies whose data one of the folders holds.
    pub fn table_at<'f>(
        &self,
        folders: impl IntoIterator<Item = &'f str>,
    ) -> Option<Arc<TableLocation>> {
        folders.into_iter().find_map(|folder| {
            let key = TableLocation::key_of(self.account, folder);
            self.snapshot.get::<TableLocation>(&key)
        })
    }

    /// Whether another table's data lies at, above or below the location.
    pub fn is_taken(&self, location: &Location, by_other_than: (&str, &str)) -> bool {
        let below = TableLocation::key_of(self.account, location.path());
        let at_or_below = self.snapshot.scan::<TableLocation>(&below);
        at_or_below
            .into_iter()
            .chain(self.table_at(location.upward()))
            .any(|taken| (taken.database.as_str(), taken.table.as_str()) != by_other_than)
    }
}
