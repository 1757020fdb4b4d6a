//! Glue's column types for a Parquet file's columns.

use std::fs::File;

use anyhow::{Context, Result};
use arrow::datatypes::{DataType, Schema};
use lakeward_grants::{Column, TableSchema};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};

/// The schema of a Parquet file, from its own types rather than an embedded Arrow schema.
///
/// # Errors
/// The file is not Parquet.
pub fn of_file(file: File) -> Result<TableSchema> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata =
        ArrowReaderMetadata::load(&file, options).context("the file is not readable Parquet")?;
    Ok(of_arrow(metadata.schema()))
}

/// The columns of an Arrow schema.
#[must_use]
pub fn of_arrow(schema: &Schema) -> TableSchema {
    let columns = schema.fields().iter().map(|field| Column {
        name: field.name().clone(),
        data_type: hive_type(field.data_type()),
    });
    TableSchema {
        columns: columns.collect(),
        partition_keys: Vec::new(),
    }
}

fn hive_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "int".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Float32 => "float".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".to_owned(),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            format!("decimal({precision},{scale})")
        }
        DataType::List(item) | DataType::LargeList(item) => {
            format!("array<{}>", hive_type(item.data_type()))
        }
        DataType::Struct(fields) => {
            let members: Vec<String> = fields
                .iter()
                .map(|field| format!("{}:{}", field.name(), hive_type(field.data_type())))
                .collect();
            format!("struct<{}>", members.join(","))
        }
        _ => "string".to_owned(),
    }
}
