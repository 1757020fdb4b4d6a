//! Lake Formation's resources on the wire, and the permissions that each knows.

use std::collections::BTreeMap;

use lakeward_grants::{ColumnSelection, Permission, Resource};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::own_catalog;
use crate::error::CatalogError;
use crate::glue::folded_name;
use crate::location::Location;

/// The name that stands for a table wildcard in answers.
pub(super) const ALL_TABLES: &str = "ALL_TABLES";

/// The wire's union of resources: exactly one member is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ResourceShape {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<CatalogShape>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseShape>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableShape>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_with_columns: Option<TableWithColumnsShape>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_location: Option<DataLocationShape>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_cells_filter: Option<DataCellsFilterName>,
    /// Kinds of resources that aren't implemented.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CatalogShape {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DatabaseShape {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_id: Option<String>,
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TableShape {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_id: Option<String>,
    pub database_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_wildcard: Option<Wildcard>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TableWithColumnsShape {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_id: Option<String>,
    pub database_name: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column_names: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column_wildcard: Option<ColumnWildcard>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ColumnWildcard {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded_column_names: Option<Vec<String>>,
}

/// A wildcard: a structure without members.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Wildcard {}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DataLocationShape {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_id: Option<String>,
    pub resource_arn: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DataCellsFilterName {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_catalog_id: Option<String>,
    pub database_name: String,
    pub table_name: String,
    pub name: String,
}

impl ResourceShape {
    /// The resource that the shape means. A wildcard over all columns is the table itself: Lake
    /// Formation treats the two as one.
    pub fn resource(&self, account: &str) -> Result<Resource, CatalogError> {
        if let Some(kind) = self.other.keys().next() {
            return Err(CatalogError::invalid(format!(
                "resources of kind {kind} are not implemented"
            )));
        }
        let members = [
            self.catalog.as_ref().map(|shape| shape.resource(account)),
            self.database.as_ref().map(|shape| shape.resource(account)),
            self.table.as_ref().map(|shape| shape.resource(account)),
            self.table_with_columns
                .as_ref()
                .map(|shape| shape.resource(account)),
            self.data_location
                .as_ref()
                .map(|shape| shape.resource(account)),
            self.data_cells_filter
                .as_ref()
                .map(|shape| shape.resource(account)),
        ];
        let mut set = members.into_iter().flatten();
        match (set.next(), set.next()) {
            (Some(resource), None) => resource,
            _ => Err(CatalogError::invalid(
                "Resource must name exactly one thing",
            )),
        }
    }

    /// The wire form of a grant's resource.
    pub fn of(resource: &Resource, account: &str) -> Self {
        let catalog_id = Some(account.to_owned());
        let mut shape = Self::default();
        match resource {
            Resource::Catalog => shape.catalog = Some(CatalogShape { id: catalog_id }),
            Resource::Database { name } => {
                shape.database = Some(DatabaseShape {
                    catalog_id,
                    name: name.clone(),
                });
            }
            Resource::Table { database, name } => {
                shape.table = Some(TableShape {
                    catalog_id,
                    database_name: database.clone(),
                    name: Some(name.clone()),
                    table_wildcard: None,
                });
            }
            Resource::AllTables { database } => {
                shape.table = Some(TableShape {
                    catalog_id,
                    database_name: database.clone(),
                    name: Some(ALL_TABLES.to_owned()),
                    table_wildcard: Some(Wildcard {}),
                });
            }
            Resource::Columns {
                database,
                table,
                columns,
            } => shape.table_with_columns = Some(with_columns(account, database, table, columns)),
            Resource::DataCellsFilter {
                database,
                table,
                name,
            } => {
                shape.data_cells_filter = Some(DataCellsFilterName {
                    table_catalog_id: catalog_id,
                    database_name: database.clone(),
                    table_name: table.clone(),
                    name: name.clone(),
                });
            }
            Resource::DataLocation { arn } => {
                shape.data_location = Some(DataLocationShape {
                    catalog_id,
                    resource_arn: arn.clone(),
                });
            }
        }
        shape
    }

    /// The wire form of SELECT on all columns of a table, or of all tables.
    pub fn all_columns(account: &str, database: &str, table: &str) -> Self {
        let all = ColumnSelection::AllExcept(Vec::new());
        Self {
            table_with_columns: Some(with_columns(account, database, table, &all)),
            ..Self::default()
        }
    }
}

fn with_columns(
    account: &str,
    database: &str,
    table: &str,
    columns: &ColumnSelection,
) -> TableWithColumnsShape {
    let (column_names, column_wildcard) = columns_on_the_wire(columns);
    TableWithColumnsShape {
        catalog_id: Some(account.to_owned()),
        database_name: database.to_owned(),
        name: table.to_owned(),
        column_names,
        column_wildcard,
    }
}

/// A selection of columns as the members `ColumnNames` and `ColumnWildcard`.
pub(super) fn columns_on_the_wire(
    columns: &ColumnSelection,
) -> (Option<Vec<String>>, Option<ColumnWildcard>) {
    match columns {
        ColumnSelection::Include(names) => (Some(names.clone()), None),
        ColumnSelection::AllExcept(names) => {
            let excluded_column_names = (!names.is_empty()).then(|| names.clone());
            let wildcard = ColumnWildcard {
                excluded_column_names,
            };
            (None, Some(wildcard))
        }
    }
}

/// The selection that `ColumnNames` or `ColumnWildcard` mean: lower case, sorted, without doubles.
pub(super) fn columns_from_the_wire(
    names: Option<&[String]>,
    wildcard: Option<&ColumnWildcard>,
) -> Result<ColumnSelection, CatalogError> {
    let names = names.filter(|names| !names.is_empty());
    match (names, wildcard) {
        (Some(names), None) => Ok(ColumnSelection::Include(sorted(names))),
        (None, Some(wildcard)) => {
            let excluded = wildcard.excluded_column_names.as_deref();
            Ok(ColumnSelection::AllExcept(sorted(
                excluded.unwrap_or_default(),
            )))
        }
        _ => Err(CatalogError::invalid(
            "name either ColumnNames or a ColumnWildcard",
        )),
    }
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    names.sort();
    names.dedup();
    names
}

impl CatalogShape {
    fn resource(&self, account: &str) -> Result<Resource, CatalogError> {
        own_catalog(account, self.id.as_deref())?;
        Ok(Resource::Catalog)
    }
}

impl DatabaseShape {
    fn resource(&self, account: &str) -> Result<Resource, CatalogError> {
        own_catalog(account, self.catalog_id.as_deref())?;
        let name = folded_name("Database", &self.name)?;
        Ok(Resource::Database { name })
    }
}

impl TableShape {
    pub fn resource(&self, account: &str) -> Result<Resource, CatalogError> {
        own_catalog(account, self.catalog_id.as_deref())?;
        let database = folded_name("Database", &self.database_name)?;
        let name = self.name.as_deref();
        match (name, &self.table_wildcard) {
            (None | Some(ALL_TABLES), Some(_)) => Ok(Resource::AllTables { database }),
            (Some(name), None) => Ok(Resource::Table {
                database,
                name: folded_name("Table", name)?,
            }),
            _ => Err(CatalogError::invalid(
                "Table must have either a Name or a TableWildcard",
            )),
        }
    }
}

impl TableWithColumnsShape {
    fn resource(&self, account: &str) -> Result<Resource, CatalogError> {
        own_catalog(account, self.catalog_id.as_deref())?;
        let database = folded_name("Database", &self.database_name)?;
        let columns =
            columns_from_the_wire(self.column_names.as_deref(), self.column_wildcard.as_ref())?;
        if self.name == ALL_TABLES && columns.is_everything() {
            return Ok(Resource::AllTables { database });
        }
        let table = folded_name("Table", &self.name)?;
        if columns.is_everything() {
            return Ok(Resource::Table {
                database,
                name: table,
            });
        }
        Ok(Resource::Columns {
            database,
            table,
            columns,
        })
    }
}

impl DataLocationShape {
    fn resource(&self, account: &str) -> Result<Resource, CatalogError> {
        own_catalog(account, self.catalog_id.as_deref())?;
        let arn = Location::from_arn(&self.resource_arn)?.arn();
        Ok(Resource::DataLocation { arn })
    }
}

impl DataCellsFilterName {
    pub fn resource(&self, account: &str) -> Result<Resource, CatalogError> {
        own_catalog(account, self.table_catalog_id.as_deref())?;
        Ok(Resource::DataCellsFilter {
            database: folded_name("Database", &self.database_name)?,
            table: folded_name("Table", &self.table_name)?,
            name: folded_name("Filter", &self.name)?,
        })
    }
}

/// The permissions that can be granted on a resource (permissions reference).
pub(super) fn grantable_on(resource: &Resource) -> &'static [Permission] {
    use Permission as P;
    match resource {
        Resource::Catalog => &[P::CreateDatabase],
        Resource::Database { .. } => &[P::All, P::Alter, P::CreateTable, P::Describe, P::Drop],
        Resource::Table { .. } | Resource::AllTables { .. } => &[
            P::All,
            P::Alter,
            P::Delete,
            P::Describe,
            P::Drop,
            P::Insert,
            P::Select,
        ],
        Resource::Columns { .. } => &[P::Select],
        Resource::DataCellsFilter { .. } => &[P::Select, P::Describe, P::Drop],
        Resource::DataLocation { .. } => &[P::DataLocationAccess],
    }
}
