//! A column-pruned GET next to a raw GET of the same object, over TLS, in one run.
//!
//! A filtered object has the size of the original: the granted columns are packed at its start,
//! zeros follow, and a footer ends it. So what is compared is as many bytes of both objects: the
//! range that holds the granted columns (`data`), and the whole object, zeros and all.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use arrow::record_batch::RecordBatchReader;
use bytes::Bytes;
use http::{Method, Request, header};
use lakeward::demo::{Stack, hive_schema};
use lakeward_client::{Client, Credentials, Signer};
use parquet::{
    arrow::ArrowWriter,
    basic::Compression,
    file::{
        properties::WriterProperties,
        reader::{FileReader, SerializedFileReader},
    },
};
use serde_json::{Value, json};
use tpcdsgen::config::SessionBuilder;
use tpcdsgen_arrow::WebSalesArrow;

use crate::rig::{
    instance::{Instance, assume},
    process,
    report::Report,
};

/// TPC-DS scale of the table; its file has more than 100 MB.
const SCALE: f64 = 2.0;
const ROW_GROUP: usize = 100_000;
/// GETs of each kind and reader.
const ROUNDS: usize = 41;
/// The length of a range that engines ask for.
const ENGINE_RANGE: u64 = 4 << 20;
/// What engines read of a file first.
const FOOTER_RANGE: u64 = 64 << 10;
const TABLE: &str = "bench_web_sales";
/// A role with S3 permissions of its own, and one that holds a column grant and nothing else.
const RAW: &str = "bench-raw";
const PRUNED: &str = "bench-pruned";
/// In the middle of the row: what is left is in two parts in each row group.
const HIDDEN: &str = "ws_wholesale_cost";

/// Makes the object and its two readers, and compares what they read.
pub async fn measure(instance: &Instance, report: &mut Report) -> Result<()> {
    report.step("making a large object");
    let lake = Lake::make(instance).await?;
    report.step("reading it");
    let tail = Some(lake.size.saturating_sub(FOOTER_RANGE)..lake.size);
    for (name, keys) in [
        ("GET last 64 KiB, raw", &lake.raw),
        (
            "GET last 64 KiB, column-pruned, the first, which plans",
            &lake.pruned,
        ),
        ("GET last 64 KiB, column-pruned, the second", &lake.pruned),
    ] {
        let (_, time) = lake.get(keys, tail.clone()).await?;
        report.times(name, &[time]);
    }
    let data = lake.data_end().await?;
    let parts: Vec<_> = (0..data)
        .step_by(ENGINE_RANGE as usize)
        .map(|start| Some(start..data.min(start + ENGINE_RANGE)))
        .collect();
    let (whole, none) = (vec![Some(0..data)], vec![None]);
    for (name, ranges, bytes) in [
        ("GET data", &whole, data),
        ("GET data in ranges of 4 MiB", &parts, data),
        ("GET whole object, zeros too", &none, lake.size),
    ] {
        let (raw, pruned) = lake.compare(ranges, bytes).await?;
        report.compare(name, bytes, &raw.times, &pruned.times);
        let all = bytes * ROUNDS as u64;
        report.compare_cpu(name, all, raw.cpu, pruned.cpu);
    }
    Ok(())
}

/// What one reader's GETs took.
struct Reads<'a> {
    keys: &'a Credentials,
    times: Vec<Duration>,
    /// Of the daemon, for all of them.
    cpu: Duration,
}

impl<'a> Reads<'a> {
    fn of(keys: &'a Credentials) -> Self {
        Self {
            keys,
            times: Vec::new(),
            cpu: Duration::ZERO,
        }
    }
}

type Ranges = [Option<Range<u64>>];

struct Lake {
    http: reqwest::Client,
    url: String,
    region: String,
    raw: Credentials,
    pruned: Credentials,
    size: u64,
    /// The process that serves it.
    daemon: u32,
}

impl Lake {
    async fn make(instance: &Instance) -> Result<Self> {
        let stack = &instance.demo.stack;
        let admin = instance.client("admin").await?;
        let (columns, parquet) = tokio::task::spawn_blocking(generate).await??;
        let size = parquet.len() as u64;
        let path = format!("/{}/tpc/{TABLE}/part-00000.parquet", stack.bucket());
        admin.s3(Method::PUT, &path, parquet).await?;
        create_table(&admin, stack, &columns).await?;
        let raw = reader(&admin, stack, RAW, "s3:GetObject").await?;
        let pruned = reader(&admin, stack, PRUNED, "lakeformation:GetDataAccess").await?;
        grant(&admin, stack, PRUNED).await?;
        Ok(Self {
            http: instance.http()?,
            url: format!("{}{path}", instance.endpoint()),
            region: stack.region.clone(),
            raw,
            pruned,
            size,
            daemon: instance.pid(),
        })
    }

    /// Where the granted columns end in the filtered object. Fails if it isn't filtered.
    async fn data_end(&self) -> Result<u64> {
        let body = self.send(&self.pruned, None).await?.bytes().await?;
        anyhow::ensure!(
            body.len() as u64 == self.size,
            "a filtered object of another size"
        );
        let reader = SerializedFileReader::new(body)?;
        let chunks = || {
            let groups = reader.metadata().row_groups().iter();
            groups.flat_map(|group| group.columns())
        };
        anyhow::ensure!(
            chunks().all(|chunk| chunk.column_path().string() != HIDDEN),
            "the object is not filtered"
        );
        let ends = chunks().map(|chunk| {
            let (start, length) = chunk.byte_range();
            start + length
        });
        ends.max().context("the object has no columns")
    }

    /// Reads the same ranges of both objects by turns, raw and column-pruned.
    async fn compare(&self, ranges: &Ranges, bytes: u64) -> Result<(Reads<'_>, Reads<'_>)> {
        let mut raw = Reads::of(&self.raw);
        let mut pruned = Reads::of(&self.pruned);
        // The first round warms connections and caches up.
        for round in 0..=ROUNDS {
            let mut turns = [&mut raw, &mut pruned];
            if round % 2 == 0 {
                turns.reverse();
            }
            for reads in turns {
                let before = process::cpu(self.daemon);
                let time = self.read(reads.keys, ranges, bytes).await?;
                if round > 0 {
                    reads.cpu += process::cpu(self.daemon).saturating_sub(before);
                    reads.times.push(time);
                }
            }
        }
        Ok((raw, pruned))
    }

    async fn read(&self, keys: &Credentials, ranges: &Ranges, bytes: u64) -> Result<Duration> {
        let (mut count, mut time) = (0, Duration::ZERO);
        for range in ranges {
            let (got, took) = self.get(keys, range.clone()).await?;
            count += got;
            time += took;
        }
        anyhow::ensure!(count == bytes, "{count} bytes instead of {bytes}");
        Ok(time)
    }

    /// Reads and forgets a range; answers its length and the time from the request to its last byte.
    async fn get(&self, keys: &Credentials, range: Option<Range<u64>>) -> Result<(u64, Duration)> {
        let begun = Instant::now();
        let mut response = self.send(keys, range).await?;
        let mut count = 0;
        while let Some(chunk) = response.chunk().await? {
            count += chunk.len() as u64;
        }
        Ok((count, begun.elapsed()))
    }

    async fn send(
        &self,
        keys: &Credentials,
        range: Option<Range<u64>>,
    ) -> Result<reqwest::Response> {
        let mut request = Request::get(&self.url);
        if let Some(range) = range {
            let range = format!("bytes={}-{}", range.start, range.end - 1);
            request = request.header(header::RANGE, range);
        }
        let signed = Signer::new(keys, &self.region, "s3").sign(request.body(Bytes::new())?)?;
        let response = self.http.execute(signed.try_into()?).await?;
        Ok(response.error_for_status()?)
    }
}

/// Web sales as the example writes them, and their columns as Glue has them.
fn generate() -> Result<(Vec<Value>, Bytes)> {
    let session = SessionBuilder::new().with_scale_factor(SCALE).build()?;
    let batches = WebSalesArrow::new(session);
    let schema = batches.schema();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties))?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    let columns = hive_schema::of_arrow(&schema)
        .columns
        .iter()
        .map(|column| json!({"Name": column.name, "Type": column.data_type}))
        .collect();
    Ok((columns, writer.into_inner()?.into()))
}

async fn create_table(admin: &Client, stack: &Stack, columns: &[Value]) -> Result<()> {
    let input = json!({"DatabaseName": "tpc", "TableInput": {
        "Name": TABLE,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet"},
        "StorageDescriptor": {
            "Columns": columns,
            "Location": format!("s3://{}/tpc/{TABLE}/", stack.bucket()),
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
        },
    }});
    admin.json("glue", "AWSGlue.CreateTable", input).await?;
    Ok(())
}

/// Makes a role that the administrator may assume, with one permission, and answers keys of it.
async fn reader(admin: &Client, stack: &Stack, role: &str, action: &str) -> Result<Credentials> {
    let administrator = stack.user_arn(&format!("{}-admin", stack.name));
    let policy =
        |statement: Value| json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let trust = policy(
        json!({"Effect": "Allow", "Principal": {"AWS": administrator}, "Action": "sts:AssumeRole"}),
    );
    let own = policy(json!({"Effect": "Allow", "Action": action, "Resource": "*"}));
    let create = [
        ("Action", "CreateRole"),
        ("RoleName", role),
        ("AssumeRolePolicyDocument", &*trust),
    ];
    let put = [
        ("Action", "PutRolePolicy"),
        ("RoleName", role),
        ("PolicyName", "own"),
        ("PolicyDocument", &*own),
    ];
    admin.query("iam", "2010-05-08", &create).await?;
    admin.query("iam", "2010-05-08", &put).await?;
    assume(admin, &stack.role_arn(role)).await
}

/// Lets a role see all columns but one.
async fn grant(admin: &Client, stack: &Stack, role: &str) -> Result<()> {
    let grant = json!({
        "Principal": {"DataLakePrincipalIdentifier": stack.role_arn(role)},
        "Permissions": ["SELECT"],
        "Resource": {"TableWithColumns": {
            "DatabaseName": "tpc", "Name": TABLE, "ColumnWildcard": {"ExcludedColumnNames": [HIDDEN]},
        }},
    });
    let answer = admin.rest_json("lakeformation", "GrantPermissions", grant);
    Ok(answer.await.map(drop)?)
}
