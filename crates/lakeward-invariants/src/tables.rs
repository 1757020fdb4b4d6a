use std::collections::BTreeMap;

use bytes::Bytes;
use lakeward_grants::{Column, Rows, TableSchema, TableView, VisibleColumns, parse_row_filter};

/// A row filter that is understood is written as one that means the same.
///
/// # Panics
/// It isn't.
pub fn row_filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let schema = schema();
    let Ok(predicate) = parse_row_filter(text, &schema) else {
        return;
    };
    predicate.visit_columns(&mut |column| {
        assert!(schema.column(column).is_some(), "a column of no table");
    });
    let written = predicate.to_string();
    match parse_row_filter(&written, &schema) {
        Ok(again) => assert_eq!(again, predicate, "{text} was written as {written}"),
        // Written out it has more parentheses and quotes, and may go beyond a limit.
        Err(error) => assert!(
            text.len() > 500 || text.matches(['(', 'N', 'n']).count() > 16,
            "{text} was written as {written}: {error}"
        ),
    }
}

fn schema() -> TableSchema {
    let columns = [
        ("id", "bigint"),
        ("name", "string"),
        ("price", "decimal(7,2)"),
        ("since", "date"),
        ("open", "boolean"),
        ("ratio", "double"),
    ];
    let columns = columns.map(|(name, data_type)| Column {
        name: name.to_owned(),
        data_type: data_type.to_owned(),
    });
    TableSchema {
        columns: columns.to_vec(),
        partition_keys: vec![Column {
            name: "region".to_owned(),
            data_type: "string".to_owned(),
        }],
    }
}

/// A file that only looks like Parquet is refused, without a panic; what is served instead of one that
/// is understood has the size that was promised.
///
/// # Panics
/// One of these doesn't hold.
pub fn parquet_footer(data: &[u8]) {
    let file = Bytes::copy_from_slice(data);
    for columns in [
        VisibleColumns::All,
        VisibleColumns::Only(vec!["id".to_owned(), "name".to_owned()]),
    ] {
        let view = TableView {
            columns,
            rows: Rows::All,
            cells: BTreeMap::new(),
        };
        if let Ok(plan) = lakeward_parquet::plan(&file, &view) {
            let made = lakeward_parquet::materialize(&file, &view);
            assert_eq!(
                made.ok().map(|made| made.len() as u64),
                Some(plan.size()),
                "a plan's file has another size"
            );
        }
    }
}
