//! CreateDataCellsFilter, UpdateDataCellsFilter, GetDataCellsFilter, ListDataCellsFilter,
//! DeleteDataCellsFilter.

use std::sync::Arc;

use lakeward_grants::{DataCellsFilter, Permission, Resource, parse_row_filter};
use lakeward_identity::Call;
use lakeward_store::{Change, Record};
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::grant::{check_selection, forget_grants};
use super::resource::{
    ColumnWildcard, DataCellsFilterName, TableShape, Wildcard, columns_from_the_wire,
    columns_on_the_wire,
};
use super::{Empty, MOST_RESULTS, authorize};
use crate::Catalog;
use crate::access::{Access, Caller};
use crate::error::CatalogError;
use crate::page::page;
use crate::record::FilterRecord;

/// A filter on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FilterShape {
    #[serde(flatten)]
    name: DataCellsFilterName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    row_filter: Option<RowFilter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    column_names: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    column_wildcard: Option<ColumnWildcard>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RowFilter {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filter_expression: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    all_rows_wildcard: Option<Wildcard>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FilterInput {
    table_data: FilterShape,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FilterOutput {
    data_cells_filter: FilterShape,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListInput {
    table: Option<TableShape>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListOutput {
    data_cells_filters: Vec<FilterShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl FilterShape {
    fn of(record: &FilterRecord) -> Self {
        let filter = &record.filter;
        let (column_names, column_wildcard) = columns_on_the_wire(&filter.columns);
        Self {
            name: DataCellsFilterName {
                table_catalog_id: Some(record.account.clone()),
                database_name: filter.database.clone(),
                table_name: filter.table.clone(),
                name: filter.name.clone(),
            },
            row_filter: Some(RowFilter {
                filter_expression: filter.rows.clone(),
                all_rows_wildcard: filter.rows.is_none().then_some(Wildcard {}),
            }),
            column_names,
            column_wildcard,
        }
    }

    fn filter(&self, account: &str) -> Result<DataCellsFilter, CatalogError> {
        let (database, table, name) = parts(&self.name, account)?;
        let rows = match &self.row_filter {
            Some(RowFilter {
                filter_expression: Some(text),
                all_rows_wildcard: None,
            }) => Some(text.clone()),
            Some(RowFilter {
                filter_expression: None,
                all_rows_wildcard: Some(_),
            })
            | None => None,
            Some(_) => {
                return Err(CatalogError::invalid(
                    "RowFilter must have either a FilterExpression or the AllRowsWildcard",
                ));
            }
        };
        Ok(DataCellsFilter {
            database,
            table,
            name,
            rows,
            columns: columns_from_the_wire(
                self.column_names.as_deref(),
                self.column_wildcard.as_ref(),
            )?,
        })
    }
}

fn parts(
    name: &DataCellsFilterName,
    account: &str,
) -> Result<(String, String, String), CatalogError> {
    match name.resource(account)? {
        Resource::DataCellsFilter {
            database,
            table,
            name,
        } => Ok((database, table, name)),
        _ => Err(CatalogError::NotAuthorized),
    }
}

/// Fails unless the caller may pass on SELECT on the whole table; a hidden table fails as a missing one.
fn require_table(access: &Access<'_>, database: &str, table: &str) -> Result<(), CatalogError> {
    let resource = Resource::Table {
        database: database.to_owned(),
        name: table.to_owned(),
    };
    if !access.may_grant(Permission::Select, &resource) {
        return Err(CatalogError::NotAuthorized);
    }
    match access.lake().table(database, table) {
        Some(_) => Ok(()),
        None => Err(CatalogError::NotFound("Table not found".to_owned())),
    }
}

/// Fails when the filter doesn't fit its table.
fn check(access: &Access<'_>, filter: &DataCellsFilter) -> Result<(), CatalogError> {
    require_table(access, &filter.database, &filter.table)?;
    check_selection(access, &filter.database, &filter.table, &filter.columns)?;
    let (Some(text), Some(table)) = (
        &filter.rows,
        access.lake().table(&filter.database, &filter.table),
    ) else {
        return Ok(());
    };
    match parse_row_filter(text, &table.schema()) {
        Ok(_) => Ok(()),
        Err(error) => Err(CatalogError::invalid(error.to_string())),
    }
}

pub(crate) async fn create(
    _: Arc<Catalog>,
    call: Call,
    input: FilterInput,
) -> Result<Empty, AwsError> {
    authorize(&call, "CreateDataCellsFilter")?;
    let filter = input.table_data.filter(call.account())?;
    let caller = Caller::of(&call);
    let store = call.store();
    store
        .change(|change| {
            let access = Access::new(change, &caller);
            check(&access, &filter)?;
            let (database, table, name) = (&filter.database, &filter.table, &filter.name);
            if access.lake().filter(database, table, name).is_some() {
                return Err(CatalogError::AlreadyExists(format!(
                    "Data cells filter {name} already exists."
                )));
            }
            put(change, &caller, filter);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

pub(crate) async fn update(
    _: Arc<Catalog>,
    call: Call,
    input: FilterInput,
) -> Result<Empty, AwsError> {
    authorize(&call, "UpdateDataCellsFilter")?;
    let filter = input.table_data.filter(call.account())?;
    let caller = Caller::of(&call);
    let store = call.store();
    store
        .change(|change| {
            let access = Access::new(change, &caller);
            check(&access, &filter)?;
            existing(&access, &filter.database, &filter.table, &filter.name)?;
            put(change, &caller, filter);
            Ok::<_, CatalogError>(())
        })
        .await?;
    Ok(Empty {})
}

fn put(change: &mut Change<'_>, caller: &Caller, filter: DataCellsFilter) {
    change.put(FilterRecord {
        account: caller.account.clone(),
        filter,
    });
}

fn existing(
    access: &Access<'_>,
    database: &str,
    table: &str,
    name: &str,
) -> Result<Arc<FilterRecord>, CatalogError> {
    access
        .lake()
        .filter(database, table, name)
        .ok_or_else(|| CatalogError::NotFound("Data cells filter not found".to_owned()))
}

pub(crate) async fn get(
    _: Arc<Catalog>,
    call: Call,
    input: DataCellsFilterName,
) -> Result<FilterOutput, AwsError> {
    authorize(&call, "GetDataCellsFilter")?;
    let (database, table, name) = parts(&input, call.account())?;
    let caller = Caller::of(&call);
    let access = Access::new(call.snapshot(), &caller);
    let filter = input.resource(call.account())?;
    if !access.holds(Permission::Describe, &filter) {
        require_table(&access, &database, &table)?;
    }
    let record = existing(&access, &database, &table, &name)?;
    Ok(FilterOutput {
        data_cells_filter: FilterShape::of(&record),
    })
}

/// Lists the filters of a table, or of every table whose SELECT the caller may pass on.
pub(crate) async fn list(
    _: Arc<Catalog>,
    call: Call,
    input: ListInput,
) -> Result<ListOutput, AwsError> {
    authorize(&call, "ListDataCellsFilter")?;
    let wanted = input
        .table
        .as_ref()
        .map(|table| table.resource(call.account()))
        .transpose()?;
    let caller = Caller::of(&call);
    let access = Access::new(call.snapshot(), &caller);
    if let Some(Resource::Table { database, name }) = &wanted {
        require_table(&access, database, name)?;
    }
    let records = access.lake().all_filters().into_iter().filter(|record| {
        let table = Resource::Table {
            database: record.filter.database.clone(),
            name: record.filter.table.clone(),
        };
        let asked = match &wanted {
            Some(Resource::AllTables { database }) => *database == record.filter.database,
            Some(wanted) => *wanted == table,
            None => true,
        };
        asked && access.may_grant(Permission::Select, &table)
    });
    let page = page(
        records.map(|record| (record.key(), FilterShape::of(&record))),
        input.max_results,
        input.next_token.as_deref(),
        MOST_RESULTS,
    )?;
    Ok(ListOutput {
        data_cells_filters: page.items,
        next_token: page.next_token,
    })
}

/// Deletes the filter and the grants on it.
pub(crate) async fn delete(
    _: Arc<Catalog>,
    call: Call,
    input: DataCellsFilterName,
) -> Result<Empty, AwsError> {
    authorize(&call, "DeleteDataCellsFilter")?;
    let (database, table, name) = parts(&input, call.account())?;
    let filter = input.resource(call.account())?;
    let caller = Caller::of(&call);
    let store = call.store();
    store
        .change(|change| {
            let access = Access::new(change, &caller);
            if !access.holds(Permission::Drop, &filter) {
                require_table(&access, &database, &table)?;
            }
            let record = existing(&access, &database, &table, &name)?;
            change.delete::<FilterRecord>(&record.key());
            forget_grants(change, &caller.account, |resource| *resource == filter);
            Ok::<_, CatalogError>(())
        })
        .await?;
    Ok(Empty {})
}
