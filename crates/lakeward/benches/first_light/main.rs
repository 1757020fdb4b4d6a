//! The numbers of `docs/performance.md` that need a whole instance: start, connect, a column-pruned
//! GET next to a raw one, memory.
//!
//! `cargo bench -p lakeward --bench first_light` runs the `lakeward` program on a state folder and
//! ports of its own, is its client, prints a table and deletes everything. It checks answers but
//! never times: a slow machine gets a slow table.

mod connect;
mod pruned;
#[path = "../rig/mod.rs"]
mod rig;

use std::path::Path;

use anyhow::Result;
use lakeward::{
    cli::Progress,
    python::{self, Kit},
};

use connect::Session;
use rig::{instance::Instance, livy::Polling, process::Memory, report::Report};

/// Starts of each kind.
const STARTS: usize = 3;
/// Sessions for each way of polling.
const CONNECTS: usize = 5;

#[tokio::main]
async fn main() -> Result<()> {
    // `cargo bench` says so; test runners that look for tests here find none.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    if std::env::var_os("LAKEWARD_SESSION_PYTHON").is_none() {
        python::ensure(Kit::Session, &Progress::new())?;
    }
    let room = tempfile::Builder::new()
        .prefix("lakeward-bench-")
        .tempdir()?;
    let mut report = Report::new();
    let instance = starts(room.path(), &mut report).await?;
    connects(&instance, &mut report).await?;
    pruned::measure(&instance, &mut report).await?;
    report.memory("daemon, after all of this", &Memory::of(instance.pid())?);
    instance.stop().await?;
    report.finish();
    Ok(())
}

/// Starts on fresh state and again on what that left; the last instance keeps running.
async fn starts(room: &Path, report: &mut Report) -> Result<Instance> {
    let (mut fresh, mut again) = (Vec::new(), Vec::new());
    let mut running = None;
    for round in 0..STARTS {
        if let Some(instance) = running.take() {
            Instance::stop(instance).await?;
        }
        report.step("starting on fresh state, and again");
        let state = room.join(format!("state-{round}"));
        let (instance, time) = Instance::start(&state, &[]).await?;
        fresh.push(time);
        instance.stop().await?;
        let (instance, time) = Instance::start(&state, &[]).await?;
        again.push(time);
        running = Some(instance);
    }
    report.times("start to ready, fresh state", &fresh);
    report.times("start to ready, existing state", &again);
    let instance = running.ok_or_else(|| anyhow::anyhow!("no instance was started"))?;
    report.memory("daemon, idle after its start", &Memory::of(instance.pid())?);
    Ok(instance)
}

/// Sessions of marketing, each with one query.
async fn connects(instance: &Instance, report: &mut Report) -> Result<()> {
    for (name, polling) in [
        ("looking as sparkmagic does", Polling::Client),
        ("looking all the time", Polling::Tight),
    ] {
        let (mut idle, mut rows) = (Vec::new(), Vec::new());
        for _ in 0..CONNECTS {
            report.step("connecting");
            let session = Session::connect(instance, polling).await?;
            idle.push(session.idle);
            rows.push(session.first_row);
            session.end().await?;
        }
        report.times(&format!("connect to idle, {name}"), &idle);
        report.times(&format!("connect to first row, {name}"), &rows);
        let slept: Vec<_> = rows.iter().map(|time| *time + connect::OWN_SLEEP).collect();
        report.times(&format!("  with the client's own 3 s, {name}"), &slept);
    }
    Ok(())
}
