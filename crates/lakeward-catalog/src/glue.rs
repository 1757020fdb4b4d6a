//! The Glue Data Catalog: databases and tables (`AWSGlue`).
//!
//! Calls are authorised as AWS does: on the catalog, the database and the table that they name
//! (Glue's "Specifying AWS Glue resource ARNs"), then by Lake Formation's permissions reference.

mod database;
mod definition;
mod lookup;
mod metadata;
mod name;
mod partition;
mod table;

use std::sync::Arc;

use lakeward_identity::{Call, Service};
use lakeward_policy::Context;
use lakeward_wire::Protocol;

use crate::Catalog;
use crate::error::CatalogError;

pub(crate) use definition::TableDefinition;
pub(crate) use name::folded_name;

/// The most items that a page of Glue's has.
const MOST_RESULTS: usize = 100;

pub(crate) fn service(catalog: &Arc<Catalog>) -> Service {
    Service::new("glue", Protocol::AwsJson { target: "AWSGlue" })
        .operation("CreateDatabase", catalog, database::create_database)
        .operation("GetDatabase", catalog, database::get_database)
        .operation("GetDatabases", catalog, database::get_databases)
        .operation("DeleteDatabase", catalog, database::delete_database)
        .operation("CreateTable", catalog, table::create_table)
        .operation("UpdateTable", catalog, table::update_table)
        .operation("GetTable", catalog, lookup::get_table)
        .operation("GetTables", catalog, lookup::get_tables)
        .operation("DeleteTable", catalog, table::delete_table)
        .operation("GetPartitions", catalog, partition::get_partitions)
}

/// Asks IAM for a Glue action on the catalog and on each of `resources`, such as `database/tpc`.
fn authorize(call: &Call, action: &str, resources: &[&str]) -> Result<(), CatalogError> {
    let root = format!("arn:aws:glue:{}:{}", call.region(), call.account());
    let action = format!("glue:{action}");
    for resource in std::iter::once(&"catalog").chain(resources) {
        let _permit = call.authorize(&action, &format!("{root}:{resource}"), Context::new())?;
    }
    Ok(())
}

/// Refuses the catalogs of other accounts.
fn own_catalog(call: &Call, catalog_id: Option<&str>) -> Result<(), CatalogError> {
    match catalog_id {
        Some(id) if id != call.account() => Err(CatalogError::NotAuthorized),
        _ => Ok(()),
    }
}
