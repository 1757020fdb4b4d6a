//! Writes the filtered form of a local Parquet file.
//!
//! `materialize IN OUT [COLUMNS] [FILTER]`: COLUMNS is a comma-separated list (empty for all), and
//! FILTER a row predicate in its JSON form.

use std::error::Error;

use bytes::Bytes;
use lakeward_grants::{Rows, TableView, VisibleColumns};
use lakeward_parquet::materialize;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("usage: materialize IN OUT [COLUMNS] [FILTER]".into());
    };
    let mut view = TableView::full();
    if let Some(columns) = arguments.next().filter(|columns| !columns.is_empty()) {
        let names = columns.split(',').map(str::to_lowercase);
        view.columns = VisibleColumns::Only(names.collect());
    }
    if let Some(filter) = arguments.next() {
        view.rows = Rows::Where(serde_json::from_str(&filter)?);
    }
    let original = Bytes::from(std::fs::read(input)?);
    std::fs::write(output, materialize(&original, &view)?)?;
    Ok(())
}
