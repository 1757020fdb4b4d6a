//! Planning and reading filtered files, next to a plain copy of as many bytes.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lakeward_grants::{CompareOp, Literal, Predicate, Rows, TableView, VisibleColumns};
use lakeward_parquet::{Piece, Plan, plan};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

const ROWS: i64 = 400_000;
const GROUP_ROWS: i64 = 100_000;
const COLUMNS: usize = 16;

/// Sixteen columns, integers and text by turns; `c0` counts rows.
fn table() -> Bytes {
    let columns: Vec<String> = (0..COLUMNS)
        .map(|column| match column % 2 {
            0 => format!("required int64 c{column};"),
            _ => format!("required binary c{column} (UTF8);"),
        })
        .collect();
    let schema = format!("message t {{ {} }}", columns.join(" "));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for start in (0..ROWS).step_by(GROUP_ROWS as usize) {
        let mut group = file.next_row_group().unwrap();
        for column in 0..COLUMNS as i64 {
            let mut writer = group.next_column().unwrap().unwrap();
            let numbers = (start..start + GROUP_ROWS).map(|row| (row * (column + 1)) % 100_003);
            if column % 2 == 0 {
                let values: Vec<i64> = match column {
                    0 => (start..start + GROUP_ROWS).collect(),
                    _ => numbers.collect(),
                };
                writer
                    .typed::<Int64Type>()
                    .write_batch(&values, None, None)
                    .unwrap();
            } else {
                let texts = numbers.map(|number| format!("value {:05}", number % 9973));
                let values: Vec<ByteArray> = texts.map(|text| text.as_str().into()).collect();
                writer
                    .typed::<ByteArrayType>()
                    .write_batch(&values, None, None)
                    .unwrap();
            }
            writer.close().unwrap();
        }
        group.close().unwrap();
    }
    Bytes::from(file.into_inner().unwrap())
}

fn view(columns: &[&str], rows: Rows) -> TableView {
    TableView {
        columns: VisibleColumns::Only(columns.iter().map(|name| (*name).into()).collect()),
        rows,
        ..TableView::full()
    }
}

/// Copies what a plan is made of, as a server would into its responses; zeros cost nothing there.
fn copy(original: &Bytes, plan: &Plan) -> usize {
    let mut copied = 0;
    for piece in plan.pieces(0..plan.size()) {
        copied += match piece {
            Piece::Original { offset, len } => {
                black_box(original[offset as usize..(offset + len) as usize].to_vec()).len()
            }
            Piece::Inline(bytes) => black_box(bytes.to_vec()).len(),
            Piece::Zeros(_) => 0,
        };
    }
    copied
}

fn benchmarks(criterion: &mut Criterion) {
    let original = table();
    let columns = view(&["c0", "c3", "c4", "c9"], Rows::All);
    let at_least = |row: i64| {
        Rows::Where(Predicate::Compare {
            column: "c0".into(),
            op: CompareOp::GtEq,
            value: Literal::Number(row.to_string()),
        })
    };
    let scattered = Rows::Where(Predicate::Compare {
        column: "c2".into(),
        op: CompareOp::Lt,
        value: Literal::Number("14000".into()),
    });
    let bytes = copy(&original, &plan(&original, &columns).unwrap());

    let mut group = criterion.benchmark_group("columns");
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("raw copy of as many bytes", |bencher| {
        bencher.iter(|| black_box(original[..bytes].to_vec()).len());
    });
    group.bench_function("plan and copy", |bencher| {
        bencher.iter(|| copy(&original, &plan(&original, &columns).unwrap()));
    });
    group.bench_function("plan", |bencher| {
        bencher.iter(|| plan(&original, &columns).unwrap().size());
    });
    group.finish();

    let mut group = criterion.benchmark_group("rows");
    group.sample_size(10);
    group.throughput(Throughput::Elements(ROWS as u64));
    for (name, rows) in [
        ("whole row groups", at_least(200_000)),
        ("one row in seven", scattered),
    ] {
        let view = view(&["c0", "c3", "c4", "c9"], rows);
        group.bench_function(name, |bencher| {
            bencher.iter(|| copy(&original, &plan(&original, &view).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
