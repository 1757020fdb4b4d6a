//! TPC-DS tables as Parquet.

use anyhow::{Context, Result};
use arrow::record_batch::RecordBatchReader;
use lakeward_grants::TableSchema;
use parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::Compression,
    file::properties::WriterProperties,
};
use tpcdsgen::config::{Session, SessionBuilder};
use tpcdsgen_arrow::{
    CustomerAddressArrow, CustomerArrow, HouseholdDemographicsArrow, IncomeBandArrow, ItemArrow,
    PromotionArrow, WebPageArrow, WebSalesArrow,
};

use super::hive_schema;

/// The tables of the example, by their names in Glue.
pub(super) const TABLES: [&str; 8] = [
    "dl_tpc_customer",
    "dl_tpc_customer_address",
    "dl_tpc_web_sales",
    "dl_tpc_item",
    "dl_tpc_web_page",
    "dl_tpc_promotion",
    "dl_tpc_household_demographics",
    "dl_tpc_income_band",
];

/// Rows of one row group.
const ROW_GROUP: usize = 100_000;

/// One table, made.
pub(super) struct Table {
    pub(super) schema: TableSchema,
    pub(super) parquet: Vec<u8>,
}

/// Generates a table at a scale factor (1 is about 1 GB of text over all TPC-DS tables).
pub(super) fn generate(name: &str, scale: f64) -> Result<Table> {
    let session = SessionBuilder::new()
        .with_scale_factor(scale)
        .build()
        .with_context(|| {
            format!("the scale factor {scale} can't be used; choose one from 0.01 to 100000")
        })?;
    write(reader(name, session)?)
}

fn reader(name: &str, session: Session) -> Result<Box<dyn RecordBatchReader>> {
    Ok(match name {
        "dl_tpc_customer" => Box::new(CustomerArrow::new(session)),
        "dl_tpc_customer_address" => Box::new(CustomerAddressArrow::new(session)),
        "dl_tpc_web_sales" => Box::new(WebSalesArrow::new(session)),
        "dl_tpc_item" => Box::new(ItemArrow::new(session)),
        "dl_tpc_web_page" => Box::new(WebPageArrow::new(session)),
        "dl_tpc_promotion" => Box::new(PromotionArrow::new(session)),
        "dl_tpc_household_demographics" => Box::new(HouseholdDemographicsArrow::new(session)),
        "dl_tpc_income_band" => Box::new(IncomeBandArrow::new(session)),
        other => anyhow::bail!("there is no generator for the table {other}"),
    })
}

fn write(batches: Box<dyn RecordBatchReader>) -> Result<Table> {
    let schema = batches.schema();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .build();
    let options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), schema.clone(), options)?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    Ok(Table {
        schema: hive_schema::of_arrow(&schema),
        parquet: writer.into_inner()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_made_and_is_the_same_each_time() {
        for name in TABLES {
            let (first, second) = (generate(name, 0.01).unwrap(), generate(name, 0.01).unwrap());
            assert!(!first.schema.columns.is_empty());
            assert!(first.parquet == second.parquet, "{name}");
        }
    }
}
