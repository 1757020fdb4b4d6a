use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::{DaemonOptions, Progress};
use crate::{daemon::Daemon, profile::Instance};

#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    daemon: DaemonOptions,
}

impl Serve {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let progress = Progress::new();
        let (folder, settings) = self.daemon.prepare(&progress)?;
        let region = settings.region.clone();
        progress.step("Opening the state");
        let daemon = Daemon::start(&folder, settings).await?;
        progress.finish();
        Instance::of(&daemon, &region, &folder).write(&folder)?;
        let addresses = daemon.addresses();
        println!(
            "AWS APIs  {}  (CA certificate {})",
            addresses.endpoint_url(),
            folder.ca().display()
        );
        println!("Proxy     {}", addresses.proxy_url());
        println!("Ready. Ctrl-C stops it.");
        wait_for_stop().await?;
        daemon.shutdown().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// Waits for Ctrl-C, or for the signal that service managers send.
pub(super) async fn wait_for_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
