//! The numbers of `docs/performance.md` about sessions: how soon one is there beside Apache Spark, what
//! it holds, a hundred at once, and what the enclosure costs.
//!
//! `cargo bench -p lakeward --bench sessions` runs the `lakeward` program on state folders and ports of
//! its own and a local Apache Spark, prints a table and deletes everything. It checks answers but never
//! times. `LAKEWARD_BENCH_SESSIONS` chooses another number than a hundred.

mod cells;
mod crowd;
mod idle;
#[path = "../rig/mod.rs"]
mod rig;
mod spark;
mod start;

use anyhow::Result;
use lakeward::{
    cli::Progress,
    python::{self, Kit},
};

use rig::{instance::Instance, report::Report};

#[tokio::main]
async fn main() -> Result<()> {
    // `cargo bench` says so; test runners that look for tests here find none.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    python::ensure(Kit::Session, &Progress::new())?;
    let spark = python::ensure(Kit::Spark, &Progress::new())?;
    let room = tempfile::Builder::new()
        .prefix("lakeward-bench-")
        .tempdir()?;
    let mut report = Report::new();
    let (enclosed, _) = Instance::start(&room.path().join("enclosed"), &[]).await?;
    start::measure(&enclosed, &spark, room.path(), &mut report).await?;
    idle::measure(&enclosed, &mut report).await?;
    crowd::measure(&enclosed, &mut report).await?;
    let (open, _) = Instance::start(&room.path().join("open"), &["--sandbox", "none"]).await?;
    cells::measure(&enclosed, &open, &mut report).await?;
    open.stop().await?;
    enclosed.stop().await?;
    report.finish();
    Ok(())
}
