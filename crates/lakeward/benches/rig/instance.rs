//! The `lakeward` program with the example in it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicU8, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use lakeward::{
    daemon::StateFolder,
    demo::{self, Demo},
    profile::{self, Profiles},
};
use lakeward_client::{Client, Credentials};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

static INSTANCES: AtomicU8 = AtomicU8::new(0);
const READY: &str = "Lakeward is up";

/// A cluster, and where its Livy is.
pub struct Cluster {
    /// `j-…`
    pub id: String,
    /// Its address.
    pub address: String,
}

/// A running instance.
pub struct Instance {
    child: Child,
    pid: u32,
    /// Kept open: the program may still print.
    _lines: Lines<BufReader<ChildStdout>>,
    folder: StateFolder,
    at: profile::Instance,
    /// The example in it.
    pub demo: Demo,
}

impl Instance {
    /// Runs `lakeward demo` on a state folder, with `options` more; answers the time until it says
    /// that it is up, too.
    pub async fn start(state: &Path, options: &[&str]) -> Result<(Self, Duration)> {
        let begun = Instant::now();
        let mut child = program(state).args(options).spawn()?;
        let stdout = child.stdout.take().context("the program has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        loop {
            let line = lines.next_line().await?;
            let line = line.context("the program ended before it was ready")?;
            if line.starts_with(READY) {
                break;
            }
        }
        let time = begun.elapsed();
        let folder = StateFolder::existing(state)?;
        let instance = Self {
            pid: child.id().context("the program ended")?,
            child,
            _lines: lines,
            at: profile::Instance::read(&folder)?,
            demo: demo::ready(&folder)?.context("the example is not there")?,
            folder,
        };
        Ok((instance, time))
    }

    /// The daemon's process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// A client with the keys of a profile.
    pub async fn client(&self, profile: &str) -> Result<Client> {
        let profiles = Profiles::read(&self.folder)?;
        let keys = profiles.get(profile)?.credentials(&self.at).await?;
        self.at.client(keys)
    }

    /// A client with nothing of AWS about it, that trusts the instance's certificates.
    pub fn http(&self) -> Result<reqwest::Client> {
        let ca = reqwest::Certificate::from_pem(&std::fs::read(&self.at.ca)?)?;
        let builder = reqwest::Client::builder().add_root_certificate(ca);
        Ok(builder.no_proxy().build()?)
    }

    /// `https://host:port` of the AWS APIs.
    pub fn endpoint(&self) -> String {
        self.at.addresses.endpoint_url()
    }

    /// The example's cluster.
    pub fn cluster(&self) -> Cluster {
        Cluster {
            id: self.demo.cluster_id.clone(),
            address: self.demo.cluster_address.clone(),
        }
    }

    /// The folder of its state.
    pub fn state(&self) -> &Path {
        self.folder.root()
    }

    /// Ports that the daemon listens on for others than sessions.
    pub fn ports_beside_the_endpoint(&self) -> Vec<u16> {
        let addresses = serde_json::to_value(&self.at.addresses).unwrap_or_default();
        let members = addresses.as_object().into_iter().flatten();
        members
            .filter(|(name, _)| name.as_str() != "endpoint")
            .filter_map(|(_, address)| address.as_str()?.parse::<SocketAddr>().ok())
            .map(|address| address.port())
            .collect()
    }

    /// Stops it as a service manager would.
    pub async fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        kill_process(pid.context("not a process")?, Signal::TERM)?;
        let status = self.child.wait().await?;
        anyhow::ensure!(status.success(), "the program ended with {status}");
        Ok(())
    }
}

/// Keys of a role, for the client's user.
pub async fn assume(client: &Client, role_arn: &str) -> Result<Credentials> {
    let assume = [
        ("Action", "AssumeRole"),
        ("RoleArn", role_arn),
        ("RoleSessionName", "bench"),
    ];
    let answer = client.query("sts", "2011-06-15", &assume).await?;
    let text = |element: &str| {
        lakeward_client::element(&answer, element)
            .with_context(|| format!("AssumeRole answered no {element}"))
    };
    Ok(Credentials::temporary(
        text("AccessKeyId")?,
        text("SecretAccessKey")?,
        text("SessionToken")?,
    ))
}

fn program(state: &Path) -> Command {
    let [.., high, low] = std::process::id().to_be_bytes();
    // Instances that run side by side have a network each.
    let half = INSTANCES.fetch_add(1, Ordering::Relaxed) % 2 * 128;
    let network = Ipv4Addr::new(127, 128 | (high & 0x7f), low, half);
    let mut command = Command::new(env!("CARGO_BIN_EXE_lakeward"));
    command.args(["demo", "--cluster-network", &format!("{network}/25")]);
    for listener in ["--listen", "--proxy", "--credentials", "--metrics"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    command
        .arg("--state-dir")
        .arg(state)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}
