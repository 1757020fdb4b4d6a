//! CreateDatabase, GetDatabase, GetDatabases, DeleteDatabase.

use std::collections::BTreeMap;
use std::sync::Arc;

use lakeward_grants::{Permission, Resource};
use lakeward_identity::Call;
use lakeward_store::Change;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::name::folded_name;
use super::{MOST_RESULTS, authorize, own_catalog, table};
use crate::Catalog;
use crate::access::{Access, Caller};
use crate::error::CatalogError;
use crate::lake_formation::{
    DataLakeSettings, Empty, PrincipalPermissions, forget_grants, give_new, opens_to_iam,
};
use crate::location::Location;
use crate::page::page;
use crate::record::DatabaseRecord;

/// What the creator of a database may do in it, and grant (implicit permissions page).
const CREATOR_PERMISSIONS: [Permission; 4] = [
    Permission::Alter,
    Permission::CreateTable,
    Permission::Describe,
    Permission::Drop,
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateDatabaseInput {
    catalog_id: Option<String>,
    database_input: DatabaseInput,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DatabaseInput {
    name: String,
    description: Option<String>,
    location_uri: Option<String>,
    #[serde(default)]
    parameters: Option<BTreeMap<String, String>>,
    create_table_default_permissions: Option<Vec<PrincipalPermissions>>,
    target_database: Option<Value>,
    federated_database: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DatabaseName {
    catalog_id: Option<String>,
    name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetDatabaseOutput {
    database: Database,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetDatabasesInput {
    catalog_id: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetDatabasesOutput {
    database_list: Vec<Database>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// A database on the wire.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Database {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_uri: Option<String>,
    parameters: BTreeMap<String, String>,
    create_time: f64,
    create_table_default_permissions: Vec<PrincipalPermissions>,
    catalog_id: String,
}

impl From<&DatabaseRecord> for Database {
    fn from(record: &DatabaseRecord) -> Self {
        Self {
            name: record.name.clone(),
            description: record.description.clone(),
            location_uri: record.location.clone(),
            parameters: record.parameters.clone(),
            create_time: record.created,
            create_table_default_permissions: PrincipalPermissions::defaults(
                record.tables_open_to_iam,
            ),
            catalog_id: record.account.clone(),
        }
    }
}

pub(crate) async fn create_database(
    _: Arc<Catalog>,
    call: Call,
    input: CreateDatabaseInput,
) -> Result<Empty, AwsError> {
    let name = folded_name("Database", &input.database_input.name)?;
    authorize(&call, "CreateDatabase", &[&format!("database/{name}")])?;
    own_catalog(&call, input.catalog_id.as_deref())?;
    let caller = Caller::of(&call);
    let store = call.store();
    store
        .change(|change| create(change, &caller, name, input.database_input))
        .await?;
    Ok(Empty {})
}

fn create(
    change: &mut Change<'_>,
    caller: &Caller,
    name: String,
    input: DatabaseInput,
) -> Result<(), CatalogError> {
    let access = Access::new(change, caller);
    let may_create =
        access.is_admin() || access.holds(Permission::CreateDatabase, &Resource::Catalog);
    if !may_create {
        return Err(CatalogError::required("Create Database", "Catalog"));
    }
    if input.target_database.is_some() || input.federated_database.is_some() {
        return Err(CatalogError::invalid(
            "resource links and federated databases are not implemented",
        ));
    }
    check_location(&access, input.location_uri.as_deref())?;
    if access.lake().database(&name).is_some() {
        return Err(CatalogError::AlreadyExists(format!(
            "Database {name} already exists."
        )));
    }
    let settings = access.lake().settings();
    let open_to_iam = opens_to_iam(&settings.create_database_default_permissions)?;
    change.put(record(caller, name.clone(), input, &settings)?);
    let resource = Resource::Database { name };
    give_new(change, caller, &resource, &CREATOR_PERMISSIONS, open_to_iam);
    Ok(())
}

fn record(
    caller: &Caller,
    name: String,
    input: DatabaseInput,
    settings: &DataLakeSettings,
) -> Result<DatabaseRecord, CatalogError> {
    let own_defaults = input.create_table_default_permissions.as_deref();
    let table_defaults = own_defaults.unwrap_or(&settings.create_table_default_permissions);
    Ok(DatabaseRecord {
        account: caller.account.clone(),
        name,
        description: input.description,
        location: input.location_uri.filter(|uri| !uri.is_empty()),
        parameters: input.parameters.unwrap_or_default(),
        tables_open_to_iam: opens_to_iam(table_defaults)?,
        created: caller.now,
    })
}

fn check_location(access: &Access<'_>, uri: Option<&str>) -> Result<(), CatalogError> {
    let Some(uri) = uri.filter(|uri| !uri.is_empty()) else {
        return Ok(());
    };
    let location = Location::from_uri(uri)?;
    if access.may_use_location(&location, None) {
        return Ok(());
    }
    Err(CatalogError::Insufficient(format!(
        " on {}",
        location.uri()
    )))
}

pub(crate) async fn get_database(
    _: Arc<Catalog>,
    call: Call,
    input: DatabaseName,
) -> Result<GetDatabaseOutput, AwsError> {
    let name = folded_name("Database", &input.name)?;
    authorize(&call, "GetDatabase", &[&format!("database/{name}")])?;
    own_catalog(&call, input.catalog_id.as_deref())?;
    let caller = Caller::of(&call);
    let record = Access::new(call.snapshot(), &caller).database(&name)?;
    Ok(GetDatabaseOutput {
        database: Database::from(&*record),
    })
}

pub(crate) async fn get_databases(
    _: Arc<Catalog>,
    call: Call,
    input: GetDatabasesInput,
) -> Result<GetDatabasesOutput, AwsError> {
    authorize(&call, "GetDatabases", &["database/*"])?;
    own_catalog(&call, input.catalog_id.as_deref())?;
    let caller = Caller::of(&call);
    let access = Access::new(call.snapshot(), &caller);
    let visible = access
        .lake()
        .databases()
        .into_iter()
        .filter(|record| access.may_describe_database(&record.name));
    let page = page(
        visible.map(|record| (record.name.clone(), Database::from(&*record))),
        input.max_results,
        input.next_token.as_deref(),
        MOST_RESULTS,
    )?;
    Ok(GetDatabasesOutput {
        database_list: page.items,
        next_token: page.next_token,
    })
}

pub(crate) async fn delete_database(
    _: Arc<Catalog>,
    call: Call,
    input: DatabaseName,
) -> Result<Empty, AwsError> {
    let name = folded_name("Database", &input.name)?;
    let resources = [format!("database/{name}"), format!("table/{name}/*")];
    authorize(
        &call,
        "DeleteDatabase",
        &resources.each_ref().map(String::as_str),
    )?;
    own_catalog(&call, input.catalog_id.as_deref())?;
    let caller = Caller::of(&call);
    let store = call.store();
    store
        .change(|change| delete(change, &caller, &name))
        .await?;
    Ok(Empty {})
}

/// Deletes the database with its tables and every grant on them, as Glue does.
fn delete(change: &mut Change<'_>, caller: &Caller, name: &str) -> Result<(), CatalogError> {
    let access = Access::new(change, caller);
    let database = Resource::Database {
        name: name.to_owned(),
    };
    if !access.holds(Permission::Drop, &database) {
        if access.may_describe_database(name) {
            access.database(name)?;
        }
        return Err(CatalogError::required("Drop", name));
    }
    let record = access.database(name)?;
    let tables = access.lake().tables(name);
    for table in &tables {
        access.check_may_vacate(table)?;
    }
    for table in tables {
        table::remove(change, &table);
    }
    change.delete::<DatabaseRecord>(&DatabaseRecord::key_of(&record.account, name));
    forget_grants(change, &caller.account, |resource| {
        resource.database() == Some(name)
    });
    Ok(())
}
