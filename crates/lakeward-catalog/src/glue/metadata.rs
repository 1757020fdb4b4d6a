//! What a caller is told of a table: all of it, or the part that its view of the data allows.

use std::collections::BTreeMap;

use lakeward_grants::TableView;
use serde::Serialize;

use super::definition::{ColumnDefinition, SerdeInfo, StorageDescriptor, TableDefinition};
use crate::access::Access;
use crate::error::CatalogError;
use crate::record::TableRecord;

/// Table parameters that hold neither schemas nor statistics. Engines keep whole schemas, column
/// statistics and row counts in others, so a partial view gets these alone.
const PLAIN_PARAMETERS: [&str; 5] = [
    "EXTERNAL",
    "classification",
    "compressionType",
    "spark.sql.sources.provider",
    "typeOfData",
];

/// A table on the wire.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Table {
    #[serde(flatten)]
    pub definition: TableDefinition,
    pub database_name: String,
    pub catalog_id: String,
    pub create_time: f64,
    pub update_time: f64,
    pub created_by: String,
    pub is_registered_with_lake_formation: bool,
    pub version_id: String,
}

/// The table as the caller may see it; `None` when it may see nothing.
///
/// Someone with a partial view of the data is told of what it sees and no more, so that every engine
/// asks for exactly what the gate will serve. Others need a permission on the table as a whole.
pub(crate) fn visible(access: &Access<'_>, record: &TableRecord) -> Option<Table> {
    if !access.may_describe_table(&record.database, record.name()) {
        return None;
    }
    if access.sees_everything() {
        return Some(described(access, record, record.definition.clone()));
    }
    let definition = match access.view(record) {
        Ok(Some(view)) if view.is_full() => record.definition.clone(),
        Ok(Some(view)) => partial(&record.definition, &view),
        Ok(None) if holds_on_whole(access, record) => record.definition.clone(),
        Ok(None) => return None,
        Err(error) => {
            tracing::warn!(
                database = record.database,
                table = record.name(),
                %error,
                "a data cells filter doesn't fit its table: the table is hidden"
            );
            return None;
        }
    };
    Some(described(access, record, definition))
}

/// Like [`visible`], for a table that the caller named.
pub(crate) fn named(
    access: &Access<'_>,
    database: &str,
    name: &str,
) -> Result<Table, CatalogError> {
    let record = access.table(database, name)?;
    visible(access, &record).ok_or_else(|| CatalogError::required("Select", name))
}

fn holds_on_whole(access: &Access<'_>, record: &TableRecord) -> bool {
    let table = lakeward_grants::Resource::Table {
        database: record.database.clone(),
        name: record.name().to_owned(),
    };
    access.holds(lakeward_grants::Permission::Describe, &table)
}

fn described(access: &Access<'_>, record: &TableRecord, definition: TableDefinition) -> Table {
    let location = record.definition.location().ok().flatten();
    Table {
        definition,
        database_name: record.database.clone(),
        catalog_id: record.account.clone(),
        create_time: record.created,
        update_time: record.updated,
        created_by: record.created_by.clone(),
        is_registered_with_lake_formation: location
            .is_some_and(|location| access.lake().is_registered(location.upward())),
        version_id: record.version.to_string(),
    }
}

/// The definition, without what tells of hidden columns and rows. Built from nothing, so that a member
/// added to the definition later stays hidden until someone decides about it.
fn partial(whole: &TableDefinition, view: &TableView) -> TableDefinition {
    TableDefinition {
        name: whole.name.clone(),
        description: whole.description.clone(),
        owner: whole.owner.clone(),
        retention: whole.retention,
        table_type: whole.table_type.clone(),
        parameters: whole.parameters.as_ref().map(plain),
        partition_keys: shown(whole.partition_keys.as_deref(), view),
        storage_descriptor: whole
            .storage_descriptor
            .as_ref()
            .map(|storage| partial_storage(storage, view)),
        ..TableDefinition::default()
    }
}

fn partial_storage(whole: &StorageDescriptor, view: &TableView) -> StorageDescriptor {
    StorageDescriptor {
        columns: shown(whole.columns.as_deref(), view),
        location: whole.location.clone(),
        input_format: whole.input_format.clone(),
        output_format: whole.output_format.clone(),
        compressed: whole.compressed,
        serde_info: whole.serde_info.as_ref().map(|serde| SerdeInfo {
            name: serde.name.clone(),
            serialization_library: serde.serialization_library.clone(),
            parameters: Some(serialization_format(serde)),
        }),
        ..StorageDescriptor::default()
    }
}

fn serialization_format(serde: &SerdeInfo) -> BTreeMap<String, String> {
    let parameters = serde.parameters.iter().flatten();
    parameters
        .filter(|(name, _)| name.as_str() == "serialization.format")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn plain(parameters: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let parameters = parameters.iter();
    parameters
        .filter(|(name, _)| PLAIN_PARAMETERS.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The columns that the view shows, without their parameters, which may hold statistics.
fn shown(columns: Option<&[ColumnDefinition]>, view: &TableView) -> Option<Vec<ColumnDefinition>> {
    let shown = columns?.iter().filter(|column| view.shows(&column.name));
    Some(
        shown
            .map(|column| ColumnDefinition {
                parameters: None,
                ..column.clone()
            })
            .collect(),
    )
}
