use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::Result;
use clap::{Args, ValueEnum};
use ipnet::Ipv4Net;

use super::Progress;
use crate::{
    daemon::{Settings, StateFolder},
    python::{self, Kit},
};

/// How a command prints its result.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people and shells.
    Text,
    /// For programs.
    Json,
}

/// Where an instance keeps its state and where it listens.
#[derive(Args, Clone)]
pub(crate) struct DaemonOptions {
    /// Folder of the instance's state.
    #[arg(long, env = "LAKEWARD_STATE_DIR", default_value = ".lakeward")]
    pub(crate) state_dir: PathBuf,
    /// Address of the AWS APIs (TLS).
    #[arg(long, default_value = "127.0.0.1:8443", value_name = "HOST:PORT")]
    pub(crate) listen: SocketAddr,
    /// Address of the CONNECT proxy for clients that ignore endpoint settings.
    #[arg(long, default_value = "127.0.0.1:3128", value_name = "HOST:PORT")]
    pub(crate) proxy: SocketAddr,
    /// Address at which sessions fetch their role's keys; loopback only.
    #[arg(long, default_value = "127.0.0.1:8444", value_name = "HOST:PORT")]
    pub(crate) credentials: SocketAddr,
    /// Network that clusters get their addresses from; each must be one of this machine's.
    #[arg(long, default_value = "127.87.0.0/16", value_name = "CIDR")]
    pub(crate) cluster_network: Ipv4Net,
    /// Port of each cluster's Livy.
    #[arg(long, default_value_t = 8998)]
    pub(crate) livy_port: u16,
    /// The AWS region this instance is.
    #[arg(long, default_value = "us-east-1")]
    pub(crate) region: String,
    /// Run sessions with this Python instead of the managed one; it must have the session packages.
    #[arg(long, env = "LAKEWARD_SESSION_PYTHON", value_name = "PATH")]
    pub(crate) session_python: Option<PathBuf>,
}

impl DaemonOptions {
    /// Free ports and a cluster network of its own, for an instance beside others.
    pub(crate) fn throwaway(state_dir: PathBuf, session_python: Option<PathBuf>) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // The process id keeps instances that run at once apart.
        let [.., high, low] = std::process::id().to_be_bytes();
        let network = Ipv4Addr::new(127, 128 | (high & 0x7f), low, 0);
        Self {
            state_dir,
            listen: any,
            proxy: any,
            credentials: any,
            cluster_network: Ipv4Net::new_assert(network, 24),
            livy_port: 8998,
            region: "us-east-1".to_owned(),
            session_python,
        }
    }

    /// Opens the state folder and prepares the Python that sessions run.
    pub(crate) fn prepare(&self, progress: &Progress) -> Result<(StateFolder, Settings)> {
        if !self.credentials.ip().is_loopback() {
            anyhow::bail!(
                "--credentials must be a loopback address: role keys are served there without TLS"
            );
        }
        python::check_time_zone()?;
        let folder = StateFolder::open(&self.state_dir)?;
        let session_python = match &self.session_python {
            Some(python) => python.clone(),
            None => python::ensure(Kit::Session, progress)?,
        };
        let settings = Settings {
            region: self.region.clone(),
            endpoint: self.listen,
            proxy: self.proxy,
            credentials: self.credentials,
            cluster_network: self.cluster_network,
            livy_port: self.livy_port,
            session_python,
        };
        Ok((folder, settings))
    }
}
