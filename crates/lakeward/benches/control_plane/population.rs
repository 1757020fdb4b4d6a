//! The memory of many principals: half of them users with a key and a policy, half roles.

use std::path::Path;

use anyhow::{Context, Result};
use lakeward::daemon::{StateFolder, schema};
use lakeward_identity::{AccessKey, Role, User};
use lakeward_store::Store;
use serde_json::json;

use crate::servers::Lakeward;

const PRINCIPALS: usize = 100_000;
/// Written in one change.
const BATCH: usize = 5_000;
const ACCOUNT: &str = "123456789012";

/// Rows of the table.
pub async fn measure(room: &Path) -> Result<Vec<String>> {
    eprintln!("{PRINCIPALS} principals");
    let empty = resident(&room.join("empty")).await?;
    let folder = room.join("population");
    Lakeward::init(&folder).await?;
    populate(&folder).await?;
    let full = resident(&folder).await?;
    let each = (full - empty) as f64 / PRINCIPALS as f64;
    Ok(vec![format!(
        "memory of {PRINCIPALS} principals: {} MiB (an empty instance: {} MiB), {each:.0} bytes each",
        full >> 20,
        empty >> 20,
    )])
}

/// The resident memory of an instance that has just started on a folder.
async fn resident(folder: &Path) -> Result<u64> {
    let lakeward = Lakeward::start(folder).await?;
    let path = format!("/proc/{}/status", lakeward.pid()?);
    let status = std::fs::read_to_string(path)?;
    lakeward.stop().await?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next());
    let kibibytes: u64 = kibibytes.context("no VmRSS")?.parse()?;
    Ok(kibibytes << 10)
}

async fn populate(folder: &Path) -> Result<()> {
    let folder = StateFolder::existing(folder)?;
    let store = Store::open(&folder.database(), schema()).await?;
    for first in (0..PRINCIPALS / 2).step_by(BATCH) {
        let change = store.change(|change| {
            for number in first..first + BATCH {
                change.put(user(number)?);
                change.put(role(number)?);
                let owner = Some(format!("user-{number}"));
                change.put(AccessKey::generate(ACCOUNT, owner, jiff::Timestamp::now()));
            }
            anyhow::Ok(())
        });
        change.await?;
    }
    Ok(())
}

fn policy(number: usize) -> serde_json::Value {
    let text = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Home", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": format!("arn:aws:s3:::home/{number}/*")},
        {"Sid": "Lake", "Effect": "Allow", "Action": ["glue:Get*", "lakeformation:GetDataAccess"], "Resource": "*"},
    ]});
    json!({"text": text.to_string(), "place": "Identity"})
}

fn user(number: usize) -> Result<User> {
    Ok(serde_json::from_value(json!({
        "account": ACCOUNT, "name": format!("user-{number}"), "id": format!("AIDA{number:017}"), "path": "/",
        "policies": {"own": policy(number)}, "tags": {"team": format!("team-{}", number % 100)},
        "created": "2026-11-21T12:00:00Z",
    }))?)
}

fn role(number: usize) -> Result<Role> {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"},
    ]});
    Ok(serde_json::from_value(json!({
        "account": ACCOUNT, "name": format!("role-{number}"), "id": format!("AROA{number:017}"), "path": "/",
        "trust": {"text": trust.to_string(), "place": "Trust"}, "policies": {"own": policy(number)},
        "tags": {"team": format!("team-{}", number % 100)}, "description": null,
        "max_session_duration": 3600, "created": "2026-11-21T12:00:00Z",
    }))?)
}
