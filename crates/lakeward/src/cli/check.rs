use std::{
    path::PathBuf,
    process::{ExitCode, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};

use super::{DaemonOptions, Output, Progress, options::SandboxOption};
use crate::{
    daemon::{Daemon, StateFolder},
    demo::{self, Demo, Stack},
    profile::{Instance, Profiles},
    python::{self, Kit},
};

/// The whole scenario; a client that hangs doesn't hang the check.
const TIME_LIMIT: Duration = Duration::from_secs(20 * 60);

/// What was seen is cut to this many characters in the table; JSON has it whole.
const SEEN_WIDTH: usize = 150;

/// One line of the scenario's report.
#[derive(Serialize, Deserialize)]
struct Finding {
    statement: String,
    expectation: String,
    seen: String,
    ok: bool,
}

/// Runs the scenario against a throwaway instance.
pub(super) async fn run(
    stack: Stack,
    scale: f64,
    session_python: Option<PathBuf>,
    sandbox: SandboxOption,
    output: Output,
) -> Result<ExitCode> {
    let progress = Progress::new();
    let room = tempfile::Builder::new()
        .prefix("lakeward-check-")
        .tempdir()?;
    let python = python::ensure(Kit::Client, &progress)?;
    let options = DaemonOptions::throwaway(room.path().join("state"), session_python, sandbox);
    let (folder, settings) = options.prepare(&progress)?;
    python::unpack_check_package(&folder.packages())?;
    progress.step("Starting a throwaway instance");
    let daemon = Daemon::start(&folder, settings).await?;
    sandbox.require(daemon.isolation())?;
    let demo = Demo::set_up(&daemon, &folder, stack, scale, &progress).await?;
    let description = describe(&daemon, &demo, &folder).await?;
    folder.write_private("check.json", description.to_string().as_bytes())?;
    progress.step("Running the scenario");
    let outcome = timeout(TIME_LIMIT, drive(python, &folder, &progress)).await;
    progress.finish();
    daemon.shutdown().await;
    let (findings, finished) = outcome.context("the scenario took longer than 20 minutes")??;
    print(&findings, output);
    let held = finished && !findings.is_empty() && findings.iter().all(|finding| finding.ok);
    if !finished && findings.iter().all(|finding| finding.ok) {
        eprintln!("the scenario did not come to its end; what it said stands above");
    }
    Ok(if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the driver needs to know about the instance.
async fn describe(daemon: &Daemon, demo: &Demo, folder: &StateFolder) -> Result<serde_json::Value> {
    let stack = &demo.stack;
    let instance = Instance::of(daemon, &stack.region, folder);
    let profiles = Profiles::read(folder)?;
    let mut described = serde_json::Map::new();
    for name in profiles.names() {
        let profile = profiles.get(name)?;
        let keys = profile.credentials(&instance).await?;
        described.insert(
            name.to_owned(),
            json!({
                "access_key": keys.access_key_id(),
                "secret_key": keys.secret_access_key(),
                "session_token": keys.session_token(),
                "home": profile.home,
                "role_arn": profile.role_arn,
            }),
        );
    }
    let role = |purpose: &str| stack.role_arn(&stack.runtime_role(purpose));
    Ok(json!({
        "region": stack.region,
        "account": stack.account,
        "stack": stack.name,
        "endpoint": daemon.addresses().endpoint_url(),
        "proxy": daemon.addresses().proxy_url(),
        "ca_bundle": folder.ca(),
        "bucket": stack.bucket(),
        "cluster_id": demo.cluster_id,
        "cluster_name": stack.cluster(),
        "cluster_address": demo.cluster_address,
        "instance_profile_role": stack.instance_role(),
        "hidden_columns": demo::SENSITIVE_COLUMNS,
        "sales_filter": {"column": demo::SALES_COLUMN, "values": [demo::SALES_VALUE]},
        "roles": {"marketing": role("marketing"), "sales": role("sales"), "electronics": role("electronics")},
        "profiles": described,
        "scratch": folder.root().join("check"),
    }))
}

/// Runs the driver and collects its findings; true when it ended by itself without a failure.
async fn drive(
    python: PathBuf,
    folder: &StateFolder,
    progress: &Progress,
) -> Result<(Vec<Finding>, bool)> {
    let mut driver = Command::new(python)
        .args(["-m", "lakeward_check", "--env"])
        .arg(folder.root().join("check.json"))
        .env("PYTHONPATH", folder.packages())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("the scenario's driver can't be started")?;
    let mut findings = Vec::new();
    if let Some(stdout) = driver.stdout.take() {
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await? {
            let finding: Finding =
                serde_json::from_str(&line).with_context(|| format!("the driver said `{line}`"))?;
            progress.step(format!(
                "{} {}",
                if finding.ok { "held  " } else { "FAILED" },
                finding.statement
            ));
            findings.push(finding);
        }
    }
    Ok((findings, driver.wait().await?.success()))
}

fn print(findings: &[Finding], output: Output) {
    match output {
        Output::Json => say!("{}", json!(findings)),
        Output::Text => {
            for finding in findings {
                let verdict = if finding.ok { "held  " } else { "FAILED" };
                let seen = finding
                    .seen
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ");
                let seen: String = seen.chars().take(SEEN_WIDTH).collect();
                say!(
                    "{verdict} {:<5} expected: {}",
                    finding.statement,
                    finding.expectation
                );
                say!("             seen:     {seen}");
            }
            let held = findings.iter().filter(|finding| finding.ok).count();
            say!("{held} of {} held", findings.len());
        }
    }
}
