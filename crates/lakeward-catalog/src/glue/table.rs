//! CreateTable, UpdateTable, DeleteTable.

use std::sync::Arc;

use lakeward_grants::{Permission, Resource};
use lakeward_identity::Call;
use lakeward_store::Change;
use lakeward_wire::AwsError;
use serde::Deserialize;
use serde_json::Value;

use super::definition::TableDefinition;
use super::name::folded_name;
use super::{authorize, own_catalog};
use crate::Catalog;
use crate::access::{Access, Caller};
use crate::error::CatalogError;
use crate::lake_formation::{Empty, forget_grants, give_new};
use crate::record::{DatabaseRecord, FilterRecord, TableLocation, TableRecord};

/// What the creator of a table may do with it, and grant (implicit permissions page).
const CREATOR_PERMISSIONS: [Permission; 7] = [
    Permission::All,
    Permission::Alter,
    Permission::Delete,
    Permission::Describe,
    Permission::Drop,
    Permission::Insert,
    Permission::Select,
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TableChangeInput {
    catalog_id: Option<String>,
    database_name: String,
    table_input: Option<TableDefinition>,
    open_table_format_input: Option<Value>,
    update_open_table_format_input: Option<Value>,
    #[serde(default)]
    partition_indexes: Option<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TableName {
    pub catalog_id: Option<String>,
    pub database_name: String,
    pub name: String,
}

impl TableChangeInput {
    /// The database's name and the table's definition, both checked.
    fn checked(self) -> Result<(String, TableDefinition), CatalogError> {
        if self.open_table_format_input.is_some() || self.update_open_table_format_input.is_some() {
            return Err(CatalogError::invalid(
                "OpenTableFormatInput is not implemented; describe the table by TableInput",
            ));
        }
        if self
            .partition_indexes
            .is_some_and(|indexes| !indexes.is_empty())
        {
            return Err(CatalogError::invalid("PartitionIndexes is not implemented"));
        }
        let database = folded_name("Database", &self.database_name)?;
        let definition = self
            .table_input
            .ok_or_else(|| CatalogError::invalid("TableInput is missing"))?;
        Ok((database, definition.checked()?))
    }
}

/// Asks IAM for an action on one table.
pub(super) fn authorize_table(
    call: &Call,
    action: &str,
    database: &str,
    table: &str,
) -> Result<(), CatalogError> {
    let resources = [
        format!("database/{database}"),
        format!("table/{database}/{table}"),
    ];
    authorize(call, action, &resources.each_ref().map(String::as_str))
}

pub(crate) async fn create_table(
    _: Arc<Catalog>,
    call: Call,
    input: TableChangeInput,
) -> Result<Empty, AwsError> {
    let catalog_id = input.catalog_id.clone();
    let (database, definition) = input.checked()?;
    authorize_table(&call, "CreateTable", &database, &definition.name)?;
    own_catalog(&call, catalog_id.as_deref())?;
    let caller = Caller::of(&call);
    let store = call.store();
    store
        .change(|change| create(change, &caller, &database, definition))
        .await?;
    Ok(Empty {})
}

fn create(
    change: &mut Change<'_>,
    caller: &Caller,
    database: &str,
    definition: TableDefinition,
) -> Result<(), CatalogError> {
    let access = Access::new(change, caller);
    let parent = Resource::Database {
        name: database.to_owned(),
    };
    if !access.holds(Permission::CreateTable, &parent) {
        return Err(CatalogError::required("Create Table", database));
    }
    let parent = access.database(database)?;
    if access.lake().table(database, &definition.name).is_some() {
        return Err(CatalogError::AlreadyExists(format!(
            "Table {} already exists.",
            definition.name
        )));
    }
    check_location(&access, &parent, &definition)?;
    let record = TableRecord {
        account: caller.account.clone(),
        database: database.to_owned(),
        definition,
        created: caller.now,
        updated: caller.now,
        created_by: caller.principal.clone(),
        version: 0,
    };
    let resource = Resource::Table {
        database: database.to_owned(),
        name: record.name().to_owned(),
    };
    place(change, &record)?;
    change.put(record);
    give_new(
        change,
        caller,
        &resource,
        &CREATOR_PERMISSIONS,
        parent.tables_open_to_iam,
    );
    Ok(())
}

/// Whether the table may lie where it says: a place belongs to one table, or views could be undone by
/// a second table over the same objects.
fn check_location(
    access: &Access<'_>,
    database: &DatabaseRecord,
    definition: &TableDefinition,
) -> Result<(), CatalogError> {
    let Some(location) = definition.location()? else {
        return Ok(());
    };
    if !access.may_use_location(&location, Some(database)) {
        let place = location.uri();
        return Err(CatalogError::Insufficient(format!(" on {place}")));
    }
    if access
        .lake()
        .is_taken(&location, (&database.name, &definition.name))
    {
        return Err(CatalogError::invalid(format!(
            "Location {} lies in, or holds, the location of another table",
            location.uri()
        )));
    }
    Ok(())
}

/// Records where the table lies.
fn place(change: &mut Change<'_>, record: &TableRecord) -> Result<(), CatalogError> {
    if let Some(location) = record.definition.location()? {
        change.put(TableLocation {
            account: record.account.clone(),
            path: location.path().to_owned(),
            database: record.database.clone(),
            table: record.name().to_owned(),
        });
    }
    Ok(())
}

fn displace(change: &mut Change<'_>, record: &TableRecord) {
    if let Ok(Some(location)) = record.definition.location() {
        let key = TableLocation::key_of(&record.account, location.path());
        change.delete::<TableLocation>(&key);
    }
}

pub(crate) async fn update_table(
    _: Arc<Catalog>,
    call: Call,
    input: TableChangeInput,
) -> Result<Empty, AwsError> {
    let catalog_id = input.catalog_id.clone();
    let (database, definition) = input.checked()?;
    authorize_table(&call, "UpdateTable", &database, &definition.name)?;
    own_catalog(&call, catalog_id.as_deref())?;
    let caller = Caller::of(&call);
    let store = call.store();
    store
        .change(|change| update(change, &caller, &database, definition))
        .await?;
    Ok(Empty {})
}

fn update(
    change: &mut Change<'_>,
    caller: &Caller,
    database: &str,
    definition: TableDefinition,
) -> Result<(), CatalogError> {
    let access = Access::new(change, caller);
    require_on_table(
        &access,
        Permission::Alter,
        "Alter",
        database,
        &definition.name,
    )?;
    let current = access.table(database, &definition.name)?;
    let parent = access.database(database)?;
    if current.definition.location()? != definition.location()? {
        access.check_may_vacate(&current)?;
        check_location(&access, &parent, &definition)?;
    }
    let next = TableRecord {
        definition,
        updated: caller.now,
        version: current.version + 1,
        ..(*current).clone()
    };
    displace(change, &current);
    place(change, &next)?;
    change.put(next);
    Ok(())
}

/// Fails unless the caller holds the permission; a hidden and a missing table fail alike.
fn require_on_table(
    access: &Access<'_>,
    permission: Permission,
    words: &str,
    database: &str,
    table: &str,
) -> Result<(), CatalogError> {
    let resource = Resource::Table {
        database: database.to_owned(),
        name: table.to_owned(),
    };
    if access.holds(permission, &resource) {
        return Ok(());
    }
    if access.may_describe_table(database, table) {
        access.table(database, table)?;
    }
    Err(CatalogError::required(words, table))
}

pub(crate) async fn delete_table(
    _: Arc<Catalog>,
    call: Call,
    input: TableName,
) -> Result<Empty, AwsError> {
    let database = folded_name("Database", &input.database_name)?;
    let name = folded_name("Table", &input.name)?;
    authorize_table(&call, "DeleteTable", &database, &name)?;
    own_catalog(&call, input.catalog_id.as_deref())?;
    let caller = Caller::of(&call);
    let store = call.store();
    store
        .change(|change| delete(change, &caller, &database, &name))
        .await?;
    Ok(Empty {})
}

fn delete(
    change: &mut Change<'_>,
    caller: &Caller,
    database: &str,
    name: &str,
) -> Result<(), CatalogError> {
    let access = Access::new(change, caller);
    require_on_table(&access, Permission::Drop, "Drop", database, name)?;
    let record = access.table(database, name)?;
    access.check_may_vacate(&record)?;
    remove(change, &record);
    Ok(())
}

/// Removes the table with its filters and the grants on it: a later table of its name starts closed.
pub(super) fn remove(change: &mut Change<'_>, record: &TableRecord) {
    let (account, database, name) = (&record.account, &record.database, record.name());
    displace(change, record);
    for filter in change.scan::<FilterRecord>(&format!("{account}/{database}/{name}/")) {
        change.delete::<FilterRecord>(&lakeward_store::Record::key(&*filter));
    }
    forget_grants(change, account, |resource| {
        !matches!(resource, Resource::AllTables { .. }) && resource.concerns_table(database, name)
    });
    change.delete::<TableRecord>(&TableRecord::key_of(account, database, name));
}
