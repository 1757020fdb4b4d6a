//! Small files that stand for very much: refused by what they would cost, however they hide it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use lakeward_grants::{CompareOp, Predicate, TableView};
use lakeward_parquet::{ViewError, materialize, plan};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use support::{Layout, columns, compare, expected, number, people, read, rows_where, same, write};

/// A row per number, with a text of `width` zeros that the file says once.
fn repeated(rows: i64, width: usize) -> Bytes {
    let schema = "message t { required int64 id; required binary text (UTF8); }";
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_page_size_limit(1 << 30)
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut ids = group.next_column().unwrap().unwrap();
    let numbers: Vec<i64> = (0..rows).collect();
    let id_writer = ids.typed::<Int64Type>();
    id_writer.write_batch(&numbers, None, None).unwrap();
    ids.close().unwrap();
    let mut texts = group.next_column().unwrap().unwrap();
    let text = ByteArray::from(vec![0; width]);
    let values = vec![text; rows as usize];
    let text_writer = texts.typed::<ByteArrayType>();
    text_writer.write_batch(&values, None, None).unwrap();
    texts.close().unwrap();
    group.close().unwrap();
    Bytes::from(file.into_inner().unwrap())
}

fn from_id(id: i64) -> Predicate {
    compare("id", CompareOp::GtEq, number(&id.to_string()))
}

#[test]
fn a_wide_value_that_every_row_repeats_is_refused() {
    let original = repeated(600, 1 << 20);
    assert!(original.len() < 16 << 10);
    // Half of the rows would be more text than so small a file may stand for.
    let error = plan(&original, &rows_where(from_id(300))).unwrap_err();
    assert!(matches!(error, ViewError::Limit(_)), "{error}");
    // So would looking at the text of all of them.
    let like = Predicate::Like {
        column: "text".into(),
        pattern: "%a".into(),
    };
    let error = plan(&original, &rows_where(like)).unwrap_err();
    assert!(matches!(error, ViewError::Limit(_)), "{error}");
    // Views of columns look at nothing.
    assert!(plan(&original, &columns(&["text"])).is_ok());
}

#[test]
fn what_the_original_says_once_is_said_once_again() {
    let original = repeated(300, 100 << 10);
    let view = rows_where(from_id(1));
    let served = Bytes::from(materialize(&original, &view).unwrap());
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&served)
        .unwrap();
    let pages = metadata.row_group(0).column(1).uncompressed_size();
    assert!(pages < 200 << 10, "{pages} bytes of pages");
    assert!(same(
        &read(served),
        &expected(original, &view, |row| row >= 1)
    ));
}

#[test]
fn brotli_is_served_by_column_and_refused_by_row() {
    let layout = Layout {
        codec: 4,
        ..Layout::default()
    };
    let original = write(&people(250), &layout);
    assert!(plan(&original, &columns(&["id", "name"])).is_ok());
    for predicate in [from_id(0), from_id(130)] {
        let view: TableView = rows_where(predicate);
        assert!(matches!(plan(&original, &view), Err(ViewError::Brotli)));
    }
}
