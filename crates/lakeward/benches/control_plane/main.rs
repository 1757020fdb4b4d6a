//! The numbers of `docs/performance.md` about the control plane: signed requests a second through
//! the whole stack, beside moto's server, and the memory of many principals.
//!
//! `cargo bench -p lakeward --bench control_plane` runs the `lakeward` program and moto's server on
//! ports of their own, is the client of both, prints a table and deletes everything. It checks
//! answers but never times.

mod population;
mod servers;
mod traffic;

use anyhow::Result;
use lakeward::{
    cli::Progress,
    python::{self, Kit},
};

use servers::{Lakeward, Moto};
use traffic::{Measure, Operation};

/// Clients that ask at the same time.
const CLIENTS: [usize; 2] = [1, 16];

#[tokio::main]
async fn main() -> Result<()> {
    // `cargo bench` says so; test runners that look for tests here find none.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let python = python::ensure(Kit::Peers, &Progress::new())?;
    let room = tempfile::Builder::new()
        .prefix("lakeward-bench-")
        .tempdir()?;
    let mut rows = requests(room.path(), &python).await?;
    rows.extend(population::measure(room.path()).await?);
    println!();
    for row in rows {
        println!("{row}");
    }
    println!(
        "load: {}",
        std::fs::read_to_string("/proc/loadavg")?.trim_end()
    );
    Ok(())
}

/// The same requests to both servers, taking turns.
async fn requests(room: &std::path::Path, python: &std::path::Path) -> Result<Vec<String>> {
    let lakeward = Lakeward::start(&room.join("requests")).await?;
    let moto = Moto::start(python, room).await?;
    let (ours, theirs) = (lakeward.root().await?, moto.root()?);
    for client in [&ours, &theirs] {
        traffic::prepare(client).await?;
    }
    let mut rows = Vec::new();
    for operation in [Operation::Read, Operation::Write] {
        for clients in CLIENTS {
            eprintln!("{operation:?}, {clients} at a time");
            let ours = Measure::of(&ours, operation, clients).await?;
            let theirs = Measure::of(&theirs, operation, clients).await?;
            let ratio = ours.per_second() / theirs.per_second();
            let what = format!("{operation:?}, {clients} at a time");
            rows.push(format!("{what}: lakeward {ours}"));
            rows.push(format!("{what}: moto     {theirs}; ratio {ratio:.1}"));
        }
    }
    moto.stop().await?;
    lakeward.stop().await?;
    Ok(rows)
}
