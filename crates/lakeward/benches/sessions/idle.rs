//! What idle sessions hold, side by side.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::time::sleep;

use crate::rig::{
    cluster,
    instance::Instance,
    livy::{Livy, Polling},
    process::{self, Memory},
    report::Report,
};

const SESSIONS: usize = 8;
/// What a session does once it is idle is over after this.
const SETTLED: Duration = Duration::from_secs(5);
const ROOM: u64 = 8 << 30;

/// Opens a few sessions with one query each and shares out what they hold together.
pub async fn measure(instance: &Instance, report: &mut Report) -> Result<()> {
    report.step("opening idle sessions");
    let cluster = cluster::make(instance, "idle", json!({"warm-sessions": "0"})).await?;
    let david = instance.client("david").await?;
    let livy = Livy::log_in(instance, &david, &cluster, "marketing", Polling::Tight).await?;
    let before = together(instance.pid())?;
    for _ in 0..SESSIONS {
        let path = livy.create_session().await?;
        livy.wait(&path, "idle").await?;
        livy.run(
            &path,
            "spark.sql('select count(*) from tpc.dl_tpc_customer').show()",
        )
        .await?;
    }
    sleep(SETTLED).await;
    let held = together(instance.pid())?
        .proportional
        .saturating_sub(before.proportional);
    let each = held / SESSIONS as u64;
    report.number(
        &format!("one of {SESSIONS} idle sessions, PSS"),
        each as f64 / 1048576.0,
        "MiB",
    );
    report.number("idle sessions in 8 GiB", (ROOM / each.max(1)) as f64, "");
    cluster::end(instance, &cluster).await
}

/// The daemon's descendants together.
fn together(daemon: u32) -> Result<Memory> {
    let mut all = Memory::default();
    for pid in process::descendants(daemon)? {
        // One may end while the others are looked at.
        all = all + Memory::of(pid).unwrap_or_default();
    }
    Ok(all)
}
