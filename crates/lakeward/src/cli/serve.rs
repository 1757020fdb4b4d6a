use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

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
        let grace = self.daemon.grace();
        let region = settings.region.clone();
        progress.step("Opening the state");
        let daemon = Daemon::start(&folder, settings).await?;
        progress.finish();
        Instance::of(&daemon, &region, &folder).write(&folder)?;
        let stop = StopSignal::listen()?;
        let addresses = daemon.addresses();
        say!(
            "AWS APIs  {}  (CA certificate {})",
            addresses.endpoint_url(),
            folder.ca().display()
        );
        say!("Proxy     {}", addresses.proxy_url());
        if let Some(url) = addresses.metrics_url() {
            say!("Metrics   {url}/metrics  (readiness: {url}/readyz)");
        }
        say!("Ready. Ctrl-C stops it.");
        stop.end(daemon, grace).await;
        Ok(ExitCode::SUCCESS)
    }
}

/// Ctrl-C, or the signal that service managers send. Listened for before anyone is told that the
/// instance is up, so that it is ended in order from then on.
pub(super) struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignal {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for a signal and ends the instance. Running statements have `grace`; another signal ends
    /// them at once.
    pub(super) async fn end(mut self, daemon: Daemon, grace: Duration) {
        self.wait().await;
        eprintln!("Stopping.");
        daemon.shutdown_with_grace(grace, self.wait()).await;
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
