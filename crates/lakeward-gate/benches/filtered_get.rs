//! A column-pruned GET against a raw GET of the same object, in one run and one process: signature,
//! decision, plan (cached after the first) and body, without a network.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../tests/world/mod.rs"]
mod world;

use std::{hint::black_box, net::Ipv4Addr, sync::Arc};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use http::{Method, Request};
use http_body_util::BodyExt;
use lakeward_client::Credentials;
use parquet::{arrow::ArrowWriter, basic::Compression, file::properties::WriterProperties};
use serde_json::json;
use tokio::runtime::Runtime;
use world::{World, data_access, signed, world};

const COLUMNS: usize = 16;
const ROWS: i64 = 1_000_000;
const FILE: &str = "/lake/tpc/customer/part-0.parquet";

/// 16 columns of a million numbers that don't compress: about 128 MB.
fn numbers() -> Bytes {
    let column = |salt: i64| {
        let values = (0..ROWS).map(move |row| (row + salt).wrapping_mul(0x5851_F42D_4C95_7F2D));
        Arc::new(Int64Array::from_iter_values(values)) as ArrayRef
    };
    let columns = (0..COLUMNS).map(|n| (format!("c{n}"), column(n as i64 * ROWS)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(Some(250_000))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap().into()
}

/// Who reads what: a role with S3 permissions of its own, and one that sees all columns but one.
struct Lake {
    world: World,
    raw: Credentials,
    pruned: Credentials,
    size: usize,
}

async fn lake() -> Lake {
    let world = world().await;
    world.put(&world.root, "/lake", "").await.expect(200);
    let bytes = numbers();
    let size = bytes.len();
    world.put(&world.root, FILE, bytes).await.expect(200);
    let columns: Vec<_> = (0..COLUMNS)
        .map(|n| json!({"Name": format!("c{n}"), "Type": "bigint"}))
        .collect();
    world.with_customer_table(&columns).await;
    let own =
        json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/*"}]);
    let raw = world.role("engineer", own).await;
    let pruned = world.role("marketing", json!([data_access()])).await;
    let granted: Vec<String> = (0..COLUMNS)
        .filter(|n| *n != 7)
        .map(|n| format!("c{n}"))
        .collect();
    let granted: Vec<&str> = granted.iter().map(String::as_str).collect();
    world.grant_columns("marketing", &granted).await;
    Lake {
        world,
        raw,
        pruned,
        size,
    }
}

async fn drain(world: &World, request: Request<Bytes>) -> usize {
    let response = world.gate.serve(request, Ipv4Addr::LOCALHOST.into()).await;
    assert!(response.status().is_success(), "{}", response.status());
    let mut body = response.into_body();
    let mut count = 0;
    while let Some(frame) = body.frame().await {
        count += frame.unwrap().data_ref().map_or(0, Bytes::len);
    }
    count
}

fn compare(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let Lake {
        world,
        raw,
        pruned,
        size,
    } = runtime.block_on(lake());
    // The granted fifteen sixteenths and no padding, and as much of the raw object.
    let data = size / COLUMNS * (COLUMNS - 1);
    let whole = format!("bytes=0-{}", data - 1);
    let footer = "bytes=-65536".to_owned();
    for (name, range, bytes) in [("data", whole, data), ("footer", footer, 65_536)] {
        let mut group = criterion.benchmark_group(name);
        group
            .throughput(Throughput::Bytes(bytes as u64))
            .sample_size(20);
        for (reader, who) in [("raw", &raw), ("column-pruned", &pruned)] {
            let request = || signed(who, Method::GET, FILE, &[("range", &range)], Bytes::new());
            group.bench_function(reader, |bencher| {
                bencher.iter_batched(
                    request,
                    |request| {
                        assert_eq!(black_box(runtime.block_on(drain(&world, request))), bytes)
                    },
                    BatchSize::SmallInput,
                );
            });
        }
        group.finish();
    }
}

criterion_group!(benches, compare);
criterion_main!(benches);
