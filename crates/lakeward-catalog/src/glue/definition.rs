//! A table's definition, as it travels and as it is stored.

use std::collections::{BTreeMap, BTreeSet};

use lakeward_grants::{Column, TableSchema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::name::folded_name;
use crate::error::CatalogError;
use crate::location::Location;

/// The most columns, partition keys included, that a table may have.
const MAX_COLUMNS: usize = 10_000;

type Parameters = BTreeMap<String, String>;

/// What a client says about a table (the wire's `TableInput`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TableDefinition {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_access_time: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_analyzed_time: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_descriptor: Option<StorageDescriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_keys: Option<Vec<ColumnDefinition>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_original_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_expanded_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// Members that aren't kept; only null ones are let in.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Where and how a table's rows are stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StorageDescriptor {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<ColumnDefinition>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_format: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_format: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compressed: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_of_buckets: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serde_info: Option<SerdeInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_columns: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_columns: Option<Vec<SortColumn>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skewed_info: Option<SkewedInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_as_sub_directories: Option<bool>,
    /// Members that aren't kept; only null ones are let in.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ColumnDefinition {
    pub name: String,
    #[serde(default, rename = "Type", skip_serializing_if = "Option::is_none")]
    pub data_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
}

/// How rows are read and written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SerdeInfo {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serialization_library: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
}

/// A column that rows are sorted by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SortColumn {
    pub column: String,
    pub sort_order: i64,
}

/// Frequent values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SkewedInfo {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skewed_column_names: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skewed_column_values: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skewed_column_value_location_maps: Option<BTreeMap<String, String>>,
}

impl TableDefinition {
    /// The definition as it is kept.
    ///
    /// # Errors
    /// It is malformed, or says something that Lakeward doesn't know and so couldn't honour.
    pub fn checked(mut self) -> Result<Self, CatalogError> {
        self.name = folded_name("Table", &self.name)?;
        refuse_unknown("TableInput", &mut self.other)?;
        if let Some(storage) = &mut self.storage_descriptor {
            refuse_unknown("StorageDescriptor", &mut storage.other)?;
        }
        self.check_columns()?;
        self.location()?;
        Ok(self)
    }

    /// Where the data lies, if the table has data.
    pub fn location(&self) -> Result<Option<Location>, CatalogError> {
        let storage = self.storage_descriptor.as_ref();
        storage
            .and_then(|storage| storage.location.as_deref())
            .filter(|uri| !uri.is_empty())
            .map(Location::from_uri)
            .transpose()
    }

    pub fn schema(&self) -> TableSchema {
        let storage = self.storage_descriptor.as_ref();
        TableSchema {
            columns: columns(storage.and_then(|storage| storage.columns.as_deref())),
            partition_keys: columns(self.partition_keys.as_deref()),
        }
    }

    fn check_columns(&self) -> Result<(), CatalogError> {
        let schema = self.schema();
        if schema.all().count() > MAX_COLUMNS {
            return Err(CatalogError::invalid(format!(
                "a table has at most {MAX_COLUMNS} columns"
            )));
        }
        let mut names = BTreeSet::new();
        for column in schema.all() {
            let name = folded_column(&column.name)?;
            if !names.insert(name) {
                return Err(CatalogError::invalid(format!(
                    "column `{}` is there twice; names differ by more than case",
                    column.name
                )));
            }
        }
        Ok(())
    }
}

fn folded_column(name: &str) -> Result<String, CatalogError> {
    if name.is_empty() || name.contains(char::is_control) {
        return Err(CatalogError::invalid(format!(
            "column name `{}` must not be empty or have control characters",
            name.escape_debug()
        )));
    }
    Ok(name.to_lowercase())
}

fn columns(definitions: Option<&[ColumnDefinition]>) -> Vec<Column> {
    let definitions = definitions.unwrap_or_default().iter();
    definitions
        .map(|column| Column {
            name: column.name.clone(),
            data_type: column.data_type.clone().unwrap_or_default(),
        })
        .collect()
}

fn refuse_unknown(what: &str, other: &mut BTreeMap<String, Value>) -> Result<(), CatalogError> {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    match other.iter().find(|(_, value)| !empty(value)) {
        Some((member, _)) => Err(CatalogError::invalid(format!(
            "{what}.{member} is not implemented"
        ))),
        None => {
            other.clear();
            Ok(())
        }
    }
}
