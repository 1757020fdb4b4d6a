//! A local Apache Spark: the time from the start of its Python to a session, and to the first row.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

const PROGRAM: &str = r#"
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
print("session", flush=True)
spark.read.parquet(sys.argv[1]).createOrReplaceTempView("customer")
spark.sql("select * from customer limit 10").show()
print("rows", flush=True)
"#;

/// One start.
pub struct Start {
    /// Until there is a session.
    pub session: Duration,
    /// Until its first rows are printed.
    pub first_row: Duration,
}

/// Starts it, shows ten rows of a Parquet file, and waits for its end.
pub async fn start(python: &Path, file: &Path) -> Result<Start> {
    let begun = Instant::now();
    let mut child = Command::new(python)
        .args(["-c", PROGRAM])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let stdout = child.stdout.take().context("Spark has no output")?;
    let mut lines = BufReader::new(stdout).lines();
    let (mut session, mut first_row, mut shown) = (None, None, false);
    while let Some(line) = lines.next_line().await? {
        shown |= line.contains("c_customer_sk");
        match line.as_str() {
            "session" => session = Some(begun.elapsed()),
            "rows" => first_row = Some(begun.elapsed()),
            _ => {}
        }
    }
    let status = child.wait().await?;
    anyhow::ensure!(
        status.success() && shown,
        "Spark ended with {status}; is Java 17 there?"
    );
    Ok(Start {
        session: session.context("Spark made no session")?,
        first_row: first_row.context("Spark showed no rows")?,
    })
}
