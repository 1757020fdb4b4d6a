//! From the request for a session to a session, and to the first row; Apache Spark beside it.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    rig::{
        cluster,
        instance::{Cluster, Instance},
        livy::{Livy, Polling},
        report::Report,
    },
    spark,
};

const ROUNDS: usize = 5;
/// For the next warm interpreter.
const REFILL: Duration = Duration::from_secs(4);
const QUERY: &str = r#"sqlContext.sql("select * from tpc.dl_tpc_customer limit 10").show()"#;

/// Starts by turns: warm, cold, Spark.
pub async fn measure(
    instance: &Instance,
    python: &Path,
    room: &Path,
    report: &mut Report,
) -> Result<()> {
    let file = customers(instance, room).await?;
    let cold = cluster::make(instance, "cold", json!({"warm-sessions": "0"})).await?;
    let warm = cluster::make(instance, "warm", json!({"warm-sessions": "1"})).await?;
    let (mut of_warm, mut of_cold, mut of_spark) =
        (Times::default(), Times::default(), Times::default());
    for _ in 0..ROUNDS {
        report.step("starting sessions, and Spark");
        sleep(REFILL).await;
        of_warm.add(session(instance, &warm).await?);
        of_cold.add(session(instance, &cold).await?);
        of_spark.add(spark::start(python, &file).await?);
    }
    of_warm.report("session, warm", report);
    of_cold.report("session, cold", report);
    of_spark.report("Apache Spark, local", report);
    of_spark.compare(&of_warm, "warm", report);
    of_spark.compare(&of_cold, "cold", report);
    cluster::end(instance, &cold).await?;
    cluster::end(instance, &warm).await
}

#[derive(Default)]
struct Times {
    session: Vec<Duration>,
    first_row: Vec<Duration>,
}

impl Times {
    fn add(&mut self, start: spark::Start) {
        self.session.push(start.session);
        self.first_row.push(start.first_row);
    }

    fn report(&self, what: &str, report: &mut Report) {
        report.times(&format!("{what}: to the session"), &self.session);
        report.times(&format!("{what}: to the first row"), &self.first_row);
    }

    fn compare(&self, ours: &Self, what: &str, report: &mut Report) {
        let session = report.ratio(&self.session, &ours.session);
        let first_row = report.ratio(&self.first_row, &ours.first_row);
        report.number(
            &format!("Spark's time to a session by ours, {what}"),
            session,
            "×",
        );
        report.number(
            &format!("Spark's time to the first row by ours, {what}"),
            first_row,
            "×",
        );
    }
}

/// From `POST /sessions` on: the login is there already, as Spark's Python is installed.
async fn session(instance: &Instance, cluster: &Cluster) -> Result<spark::Start> {
    let david = instance.client("david").await?;
    let livy = Livy::log_in(instance, &david, cluster, "marketing", Polling::Tight).await?;
    let begun = Instant::now();
    let path = livy.create_session().await?;
    livy.wait(&path, "idle").await?;
    let session = begun.elapsed();
    let output = livy.run(&path, QUERY).await?;
    let first_row = begun.elapsed();
    let shown = output.pointer("/data/text~1plain").and_then(Value::as_str);
    anyhow::ensure!(
        shown.is_some_and(|text| text.contains("c_customer_sk")),
        "no customers in {output}"
    );
    livy.end(&path).await?;
    Ok(spark::Start { session, first_row })
}

/// A copy of the customers' file for Spark.
async fn customers(instance: &Instance, room: &Path) -> Result<PathBuf> {
    let admin = instance.client("admin").await?;
    let bucket = instance.demo.stack.bucket();
    let get = async |path: String| admin.s3(Method::GET, &path, Bytes::new()).await;
    let listed = get(format!("/{bucket}?list-type=2")).await?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let key = listed
        .split("<Key>")
        .filter_map(|part| part.split("</Key>").next())
        .find(|key| key.contains("dl_tpc_customer/"))
        .context("the lake has no customers")?;
    let file = room.join("customer.parquet");
    std::fs::write(&file, get(format!("/{bucket}/{key}")).await?)?;
    Ok(file)
}
