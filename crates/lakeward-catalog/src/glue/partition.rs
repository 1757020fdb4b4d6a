//! GetPartitions.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::name::folded_name;
use super::{metadata, own_catalog, table::authorize_table};
use crate::Catalog;
use crate::access::{Access, Caller};
use crate::error::CatalogError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetPartitionsInput {
    catalog_id: Option<String>,
    database_name: String,
    table_name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetPartitionsOutput {
    partitions: Vec<Value>,
}

/// Answers for tables without partitions, which engines ask about all the same.
pub(crate) async fn get_partitions(
    _: Arc<Catalog>,
    call: Call,
    input: GetPartitionsInput,
) -> Result<GetPartitionsOutput, AwsError> {
    let database = folded_name("Database", &input.database_name)?;
    let name = folded_name("Table", &input.table_name)?;
    authorize_table(&call, "GetPartitions", &database, &name)?;
    own_catalog(&call, input.catalog_id.as_deref())?;
    let caller = Caller::of(&call);
    let table = metadata::named(&Access::new(call.snapshot(), &caller), &database, &name)?;
    let keys = table.definition.partition_keys.unwrap_or_default();
    if !keys.is_empty() {
        return Err(CatalogError::invalid(format!(
            "table {name} is partitioned, and partitions are not implemented"
        ))
        .into());
    }
    Ok(GetPartitionsOutput {
        partitions: Vec::new(),
    })
}
