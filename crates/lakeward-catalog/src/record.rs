//! What the catalog keeps in the store. Every key begins with the account.

use std::collections::BTreeMap;

use lakeward_grants::{ColumnSelection, DataCellsFilter, Grant, Resource, TableSchema};
use lakeward_identity::unique_id;
use lakeward_store::{Record, Snapshot};
use serde::{Deserialize, Serialize};

use crate::glue::TableDefinition;
use crate::lake_formation::DataLakeSettings;

/// A Glue database. Names are lower case; times are seconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DatabaseRecord {
    pub account: String,
    pub name: String,
    pub description: Option<String>,
    pub location: Option<String>,
    pub parameters: BTreeMap<String, String>,
    /// Whether new tables are granted to IAM_ALLOWED_PRINCIPALS.
    pub tables_open_to_iam: bool,
    pub created: f64,
}

impl DatabaseRecord {
    pub fn key_of(account: &str, name: &str) -> String {
        format!("{account}/{name}")
    }
}

impl Record for DatabaseRecord {
    const KIND: &'static str = "catalog.database";

    fn key(&self) -> String {
        Self::key_of(&self.account, &self.name)
    }
}

/// A Glue table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TableRecord {
    pub account: String,
    pub database: String,
    pub definition: TableDefinition,
    pub created: f64,
    pub updated: f64,
    pub created_by: String,
    pub version: u64,
}

impl TableRecord {
    pub fn key_of(account: &str, database: &str, name: &str) -> String {
        format!("{account}/{database}/{name}")
    }

    pub fn name(&self) -> &str {
        &self.definition.name
    }

    pub fn schema(&self) -> TableSchema {
        self.definition.schema()
    }
}

impl Record for TableRecord {
    const KIND: &'static str = "catalog.table";

    fn key(&self) -> String {
        Self::key_of(&self.account, &self.database, self.name())
    }
}

/// Which table's data lies at a place. Places of different tables never lie in one another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TableLocation {
    pub account: String,
    /// `bucket/folder/…/`
    pub path: String,
    pub database: String,
    pub table: String,
}

impl TableLocation {
    pub fn key_of(account: &str, path: &str) -> String {
        format!("{account}/{path}")
    }
}

impl Record for TableLocation {
    const KIND: &'static str = "catalog.table-location";

    fn key(&self) -> String {
        Self::key_of(&self.account, &self.path)
    }
}

/// A grant, and who last changed it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct GrantRecord {
    pub account: String,
    pub grant: Grant,
    /// The unique id of the user or role that it was given to. One that is made again under the
    /// same name is another. None for grants to everyone, and in records of earlier versions.
    #[serde(default)]
    pub holder: Option<String>,
    pub updated: f64,
    pub updated_by: String,
}

impl GrantRecord {
    pub fn key_of(account: &str, principal: &str, resource: &Resource) -> String {
        let prefix = Self::prefix_of(account, principal);
        format!("{prefix}{}", resource_key(resource))
    }

    /// Whether it still holds: its principal is the one that it was given to.
    pub fn holds(&self, snapshot: &Snapshot) -> bool {
        self.holder.is_none() || self.holder == unique_id(snapshot, &self.grant.principal)
    }

    /// What the keys of one principal's grants begin with; ARNs hold no space.
    pub fn prefix_of(account: &str, principal: &str) -> String {
        format!("{account}/{principal} ")
    }
}

impl Record for GrantRecord {
    const KIND: &'static str = "lakeformation.grant";

    fn key(&self) -> String {
        Self::key_of(&self.account, &self.grant.principal, &self.grant.resource)
    }
}

fn resource_key(resource: &Resource) -> String {
    match resource {
        Resource::Catalog => "catalog".into(),
        Resource::Database { name } => format!("database/{name}"),
        Resource::Table { database, name } => format!("table/{database}/{name}"),
        Resource::AllTables { database } => format!("tables/{database}"),
        Resource::Columns {
            database,
            table,
            columns,
        } => format!("columns/{database}/{table}/{}", columns_key(columns)),
        Resource::DataCellsFilter {
            database,
            table,
            name,
        } => format!("filter/{database}/{table}/{name}"),
        Resource::DataLocation { arn } => format!("location/{arn}"),
    }
}

fn columns_key(columns: &ColumnSelection) -> String {
    match columns {
        ColumnSelection::Include(names) => format!("+{}", names.join("\u{1f}")),
        ColumnSelection::AllExcept(names) => format!("-{}", names.join("\u{1f}")),
    }
}

/// A data cells filter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FilterRecord {
    pub account: String,
    pub filter: DataCellsFilter,
}

impl FilterRecord {
    pub fn key_of(account: &str, database: &str, table: &str, name: &str) -> String {
        format!("{account}/{database}/{table}/{name}")
    }
}

impl Record for FilterRecord {
    const KIND: &'static str = "lakeformation.data-cells-filter";

    fn key(&self) -> String {
        let filter = &self.filter;
        Self::key_of(&self.account, &filter.database, &filter.table, &filter.name)
    }
}

/// A place that Lake Formation governs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RegisteredLocation {
    pub account: String,
    /// `bucket/folder/…/`
    pub path: String,
    pub arn: String,
    pub role_arn: Option<String>,
    pub registered: f64,
}

impl RegisteredLocation {
    pub fn key_of(account: &str, path: &str) -> String {
        format!("{account}/{path}")
    }
}

impl Record for RegisteredLocation {
    const KIND: &'static str = "lakeformation.location";

    fn key(&self) -> String {
        Self::key_of(&self.account, &self.path)
    }
}

/// An account's data lake settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SettingsRecord {
    pub account: String,
    pub settings: DataLakeSettings,
}

impl Record for SettingsRecord {
    const KIND: &'static str = "lakeformation.settings";

    fn key(&self) -> String {
        self.account.clone()
    }
}
