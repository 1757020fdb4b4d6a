//! GetTable and GetTables.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::metadata::{self, Table};
use super::name::folded_name;
use super::table::{TableName, authorize_table};
use super::{MOST_RESULTS, own_catalog};
use crate::Catalog;
use crate::access::{Access, Caller};
use crate::page::page;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetTableOutput {
    table: Table,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetTablesInput {
    catalog_id: Option<String>,
    database_name: String,
    expression: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetTablesOutput {
    table_list: Vec<Table>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(crate) async fn get_table(
    _: Arc<Catalog>,
    call: Call,
    input: TableName,
) -> Result<GetTableOutput, AwsError> {
    let database = folded_name("Database", &input.database_name)?;
    let name = folded_name("Table", &input.name)?;
    authorize_table(&call, "GetTable", &database, &name)?;
    own_catalog(&call, input.catalog_id.as_deref())?;
    let caller = Caller::of(&call);
    let table = metadata::named(&Access::new(call.snapshot(), &caller), &database, &name)?;
    Ok(GetTableOutput { table })
}

pub(crate) async fn get_tables(
    _: Arc<Catalog>,
    call: Call,
    input: GetTablesInput,
) -> Result<GetTablesOutput, AwsError> {
    let database = folded_name("Database", &input.database_name)?;
    authorize_table(&call, "GetTables", &database, "*")?;
    own_catalog(&call, input.catalog_id.as_deref())?;
    let caller = Caller::of(&call);
    let access = Access::new(call.snapshot(), &caller);
    access.database(&database)?;
    let pattern = input.expression.as_deref().unwrap_or("*");
    let records = access.lake().tables(&database).into_iter();
    let visible = records
        .filter(|record| matches_expression(pattern, record.name()))
        .filter_map(|record| {
            let table = metadata::visible(&access, &record)?;
            Some((record.name().to_owned(), table))
        });
    let page = page(
        visible,
        input.max_results,
        input.next_token.as_deref(),
        MOST_RESULTS,
    )?;
    Ok(GetTablesOutput {
        table_list: page.items,
        next_token: page.next_token,
    })
}

/// Glue's name pattern, as Hive clients write it: alternatives with `|`, and `*` or `.*` for any run.
fn matches_expression(expression: &str, name: &str) -> bool {
    expression
        .split('|')
        .map(|pattern| pattern.replace(".*", "*").to_lowercase())
        .any(|pattern| matches_pattern(&pattern, name))
}

fn matches_pattern(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut left) = name.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else {
            return false;
        };
        left = left.get(at + part.len()..).unwrap_or_default();
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_hives() {
        for (expression, name, expected) in [
            ("*", "dl_tpc_item", true),
            (".*", "dl_tpc_item", true),
            ("DL_TPC_ITEM", "dl_tpc_item", true),
            ("dl_*", "dl_tpc_item", true),
            ("*item", "dl_tpc_item", true),
            ("dl*tpc*item", "dl_tpc_item", true),
            ("x|dl.*", "dl_tpc_item", true),
            ("dl", "dl_tpc_item", false),
            ("dl*x", "dl_tpc_item", false),
            ("item*item", "item", false),
        ] {
            assert_eq!(
                matches_expression(expression, name),
                expected,
                "{expression}"
            );
        }
    }
}
