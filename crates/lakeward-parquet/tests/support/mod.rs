//! A table of many types, written by the `parquet` crate in many ways, and read back for comparison.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::sync::Arc;

use bytes::Bytes;
use lakeward_grants::{CompareOp, Literal, Predicate, Rows, TableView, VisibleColumns};
use lakeward_parquet::{Piece, ViewError, plan};
use parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::Field;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

pub const SCHEMA: &str = "
message people {
  required int64 id;
  optional binary Name (UTF8);
  optional binary ssn (UTF8);
  optional int32 age;
  optional double salary;
  optional boolean active;
  optional int32 born (DATE);
  optional fixed_len_byte_array(9) price (DECIMAL(20, 2));
  optional int96 seen;
  optional float ratio;
  optional int32 level (INTEGER(8, false));
  optional group tags (LIST) { repeated group list { optional binary element (UTF8); } }
  optional group address { optional binary street (UTF8); required binary door (UTF8); }
}";

pub const COLUMNS: [&str; 13] = [
    "id", "name", "ssn", "age", "salary", "active", "born", "price", "seen", "ratio", "level",
    "tags", "address",
];

#[derive(Clone, Debug)]
pub struct Row {
    pub id: i64,
    pub name: Option<String>,
    pub ssn: Option<String>,
    pub age: Option<i32>,
    pub salary: Option<f64>,
    pub active: Option<bool>,
    pub born: Option<i32>,
    /// In hundredths.
    pub price: Option<i64>,
    pub seen: Option<u32>,
    pub ratio: Option<f32>,
    pub level: Option<u8>,
    pub tags: Option<Vec<Option<String>>>,
    pub address: Option<(Option<String>, String)>,
}

#[derive(Clone, Debug)]
pub struct Layout {
    pub row_group: usize,
    pub page_rows: usize,
    pub codec: u8,
    pub version_2: bool,
    pub dictionary: bool,
    pub encodings: bool,
    pub page_index: bool,
    pub bloom: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            row_group: 100,
            page_rows: 20,
            codec: 0,
            version_2: false,
            dictionary: true,
            encodings: false,
            page_index: true,
            bloom: true,
        }
    }
}

fn codec(number: u8) -> Compression {
    match number % 7 {
        0 => Compression::UNCOMPRESSED,
        1 => Compression::SNAPPY,
        2 => Compression::ZSTD(ZstdLevel::default()),
        3 => Compression::GZIP(GzipLevel::default()),
        4 => Compression::BROTLI(BrotliLevel::default()),
        5 => Compression::LZ4,
        _ => Compression::LZ4_RAW,
    }
}

fn properties(layout: &Layout) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_created_by("tests version 1".into())
        .set_compression(codec(layout.codec))
        .set_writer_version(if layout.version_2 {
            WriterVersion::PARQUET_2_0
        } else {
            WriterVersion::PARQUET_1_0
        })
        .set_data_page_row_count_limit(layout.page_rows)
        .set_write_batch_size(layout.page_rows.min(16))
        .set_dictionary_enabled(layout.dictionary)
        .set_bloom_filter_enabled(layout.bloom)
        .set_sorting_columns(Some(vec![
            SortingColumn {
                column_idx: 1,
                descending: false,
                nulls_first: true,
            },
            SortingColumn {
                column_idx: 2,
                descending: true,
                nulls_first: false,
            },
            SortingColumn {
                column_idx: 3,
                descending: false,
                nulls_first: false,
            },
        ]))
        .set_statistics_enabled(if layout.page_index {
            EnabledStatistics::Page
        } else {
            EnabledStatistics::Chunk
        })
        .set_key_value_metadata(Some(vec![KeyValue::new(
            "ARROW:schema".to_string(),
            "ssn and salary are in here".to_string(),
        )]));
    if layout.encodings {
        for (path, encoding) in [
            ("id", Encoding::DELTA_BINARY_PACKED),
            ("Name", Encoding::DELTA_BYTE_ARRAY),
            ("ssn", Encoding::DELTA_LENGTH_BYTE_ARRAY),
            ("age", Encoding::BYTE_STREAM_SPLIT),
            ("salary", Encoding::BYTE_STREAM_SPLIT),
            ("active", Encoding::RLE),
            ("price", Encoding::DELTA_BYTE_ARRAY),
            ("tags.list.element", Encoding::DELTA_LENGTH_BYTE_ARRAY),
            ("address.street", Encoding::DELTA_BYTE_ARRAY),
        ] {
            let parts: Vec<String> = path.split('.').map(Into::into).collect();
            let path = ColumnPath::new(parts);
            builder = builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, encoding);
        }
    }
    builder.build()
}

fn optional<T>(
    writer: &mut ColumnWriter<'_>,
    values: Vec<Option<T>>,
    write: impl Fn(&mut ColumnWriter<'_>, &[T], &[i16]),
) {
    let levels: Vec<i16> = values
        .iter()
        .map(|value| i16::from(value.is_some()))
        .collect();
    let values: Vec<T> = values.into_iter().flatten().collect();
    write(writer, &values, &levels);
}

macro_rules! put {
    ($variant:ident) => {
        |writer: &mut ColumnWriter<'_>, values: &[_], levels: &[i16]| match writer {
            ColumnWriter::$variant(writer) => {
                writer.write_batch(values, Some(levels), None).unwrap();
            }
            _ => panic!("another column was expected"),
        }
    };
}

fn text(value: &Option<String>) -> Option<ByteArray> {
    value.as_deref().map(ByteArray::from)
}

fn decimal(hundredths: i64) -> FixedLenByteArray {
    let wide = i128::from(hundredths).to_be_bytes();
    FixedLenByteArray::from(ByteArray::from(wide[7..].to_vec()))
}

fn write_column(number: usize, writer: &mut ColumnWriter<'_>, rows: &[Row]) {
    let each = rows.iter();
    match number {
        0 => match writer {
            ColumnWriter::Int64ColumnWriter(writer) => {
                let ids: Vec<i64> = each.map(|row| row.id).collect();
                writer.write_batch(&ids, None, None).unwrap();
            }
            _ => panic!("another column was expected"),
        },
        1 => optional(
            writer,
            each.map(|row| text(&row.name)).collect(),
            put!(ByteArrayColumnWriter),
        ),
        2 => optional(
            writer,
            each.map(|row| text(&row.ssn)).collect(),
            put!(ByteArrayColumnWriter),
        ),
        3 => optional(
            writer,
            each.map(|row| row.age).collect(),
            put!(Int32ColumnWriter),
        ),
        4 => optional(
            writer,
            each.map(|row| row.salary).collect(),
            put!(DoubleColumnWriter),
        ),
        5 => optional(
            writer,
            each.map(|row| row.active).collect(),
            put!(BoolColumnWriter),
        ),
        6 => optional(
            writer,
            each.map(|row| row.born).collect(),
            put!(Int32ColumnWriter),
        ),
        7 => optional(
            writer,
            each.map(|row| row.price.map(decimal)).collect(),
            put!(FixedLenByteArrayColumnWriter),
        ),
        8 => {
            let time = |day| Int96::from(vec![0, 0, day]);
            optional(
                writer,
                each.map(|row| row.seen.map(time)).collect(),
                put!(Int96ColumnWriter),
            );
        }
        9 => optional(
            writer,
            each.map(|row| row.ratio).collect(),
            put!(FloatColumnWriter),
        ),
        10 => optional(
            writer,
            each.map(|row| row.level.map(i32::from)).collect(),
            put!(Int32ColumnWriter),
        ),
        11 => write_tags(writer, rows),
        12 | 13 => write_address(number == 13, writer, rows),
        _ => panic!("no such column"),
    }
}

fn write_tags(writer: &mut ColumnWriter<'_>, rows: &[Row]) {
    let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match &row.tags {
            None => {
                definitions.push(0);
                repetitions.push(0);
            }
            Some(tags) if tags.is_empty() => {
                definitions.push(1);
                repetitions.push(0);
            }
            Some(tags) => {
                for (index, tag) in tags.iter().enumerate() {
                    definitions.push(2 + i16::from(tag.is_some()));
                    repetitions.push(i16::from(index > 0));
                    values.extend(text(tag));
                }
            }
        }
    }
    match writer {
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            writer
                .write_batch(&values, Some(&definitions), Some(&repetitions))
                .unwrap();
        }
        _ => panic!("another column was expected"),
    }
}

fn write_address(door: bool, writer: &mut ColumnWriter<'_>, rows: &[Row]) {
    let (mut values, mut definitions) = (Vec::new(), Vec::new());
    for row in rows {
        match &row.address {
            None => definitions.push(0),
            Some((_, number)) if door => {
                definitions.push(1);
                values.push(ByteArray::from(number.as_str()));
            }
            Some((street, _)) => {
                definitions.push(1 + i16::from(street.is_some()));
                values.extend(text(street));
            }
        }
    }
    match writer {
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            writer
                .write_batch(&values, Some(&definitions), None)
                .unwrap();
        }
        _ => panic!("another column was expected"),
    }
}

/// A Parquet file of `rows`.
pub fn write(rows: &[Row], layout: &Layout) -> Bytes {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let properties = Arc::new(properties(layout));
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    for rows in rows.chunks(layout.row_group) {
        let mut group = file.next_row_group().unwrap();
        let mut number = 0;
        while let Some(mut column) = group.next_column().unwrap() {
            write_column(number, column.untyped(), rows);
            column.close().unwrap();
            number += 1;
        }
        group.close().unwrap();
    }
    Bytes::from(file.into_inner().unwrap())
}

/// Rows as a reader finds them: values by column name.
pub type Found = Vec<Vec<(String, Field)>>;

pub fn read(file: Bytes) -> Found {
    let reader = SerializedFileReader::new(file).unwrap();
    reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| {
            row.unwrap()
                .get_column_iter()
                .map(|(name, field)| (name.to_lowercase(), field.clone()))
                .collect()
        })
        .collect()
}

/// What of the original a view should give: its rows for which `passes`, with the visible columns.
pub fn expected(original: Bytes, view: &TableView, passes: impl Fn(usize) -> bool) -> Found {
    let rows = read(original).into_iter().enumerate();
    rows.filter(|(index, _)| passes(*index))
        .map(|(_, row)| {
            row.into_iter()
                .filter(|(name, _)| view.shows(name))
                .collect()
        })
        .collect()
}

/// Equality in which NaN equals itself.
pub fn same(left: &Found, right: &Found) -> bool {
    format!("{left:?}") == format!("{right:?}")
}

pub fn columns(names: &[&str]) -> TableView {
    TableView {
        columns: VisibleColumns::Only(names.iter().map(|name| (*name).to_owned()).collect()),
        ..TableView::full()
    }
}

pub fn rows_where(predicate: Predicate) -> TableView {
    TableView {
        rows: Rows::Where(predicate),
        ..TableView::full()
    }
}

pub fn compare(column: &str, op: CompareOp, value: Literal) -> Predicate {
    Predicate::Compare {
        column: column.into(),
        op,
        value,
    }
}

pub fn number(text: &str) -> Literal {
    Literal::Number(text.into())
}

pub fn string(text: &str) -> Literal {
    Literal::String(text.into())
}

/// Rows whose hidden values are easy to search for.
pub fn people(count: i64) -> Vec<Row> {
    (0..count)
        .map(|id| Row {
            id,
            name: Some(format!("name-{id:04}")),
            ssn: Some(format!("ssn#{id:04}")),
            age: (id % 7 != 0).then_some((id % 90) as i32),
            salary: Some(id as f64 * 10.5),
            active: (id % 5 != 0).then_some(id % 2 == 0),
            born: Some(id as i32),
            price: Some(id * 25 - 500),
            seen: Some(2_440_588 + id as u32),
            ratio: Some(id as f32 / 4.0),
            level: Some(id as u8),
            tags: (id % 3 != 0).then(|| {
                (0..id % 4)
                    .map(|tag| Some(format!("tag-{id:04}-{tag}")))
                    .collect()
            }),
            address: (id % 4 != 0)
                .then(|| (Some(format!("street-{id:04}")), format!("door-{id:04}"))),
        })
        .collect()
}

/// The filtered file without its padding.
pub fn dense(original: &Bytes, view: &TableView) -> Result<Vec<u8>, ViewError> {
    let plan = plan(original, view)?;
    let mut file = Vec::new();
    for piece in plan.pieces(0..plan.size()) {
        match piece {
            Piece::Original { offset, len } => {
                file.extend_from_slice(&original[offset as usize..(offset + len) as usize]);
            }
            Piece::Inline(bytes) => file.extend_from_slice(&bytes),
            Piece::Zeros(_) => {}
        }
    }
    Ok(file)
}

pub fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}
