use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use ipnet::Ipv4Net;
use lakeward_identity::{IssuerNetwork, audit::Keep};
use lakeward_sandbox::Mode;
use lakeward_session::Isolation;

use super::{Progress, state::StateOptions};
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

/// Livy's port on EMR.
const LIVY_PORT: u16 = 8998;

/// Where metrics are served, if they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MetricsAddress(pub(crate) Option<SocketAddr>);

impl FromStr for MetricsAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let address = text.parse();
        let address = address.map_err(|_| format!("`{text}` is neither HOST:PORT nor `none`"))?;
        Ok(Self(Some(address)))
    }
}

/// Where an instance keeps its state and where it listens.
#[derive(Args, Clone)]
pub(crate) struct DaemonOptions {
    #[command(flatten)]
    pub(crate) state: StateOptions,
    /// Address of the AWS APIs (TLS).
    #[arg(long, default_value = "127.0.0.1:8443", value_name = "HOST:PORT")]
    pub(crate) listen: SocketAddr,
    /// Address of the CONNECT proxy for clients that ignore endpoint settings.
    #[arg(long, default_value = "127.0.0.1:3128", value_name = "HOST:PORT")]
    pub(crate) proxy: SocketAddr,
    /// Address at which sessions fetch their role's keys with --sandbox none; loopback only.
    #[arg(long, default_value = "127.0.0.1:8444", value_name = "HOST:PORT")]
    pub(crate) credentials: SocketAddr,
    /// Address of metrics (/metrics) and health (/healthz, /readyz), plain HTTP without a login; `none`
    /// turns them off. Whoever reaches it reads them, so another machine's must be named outright.
    #[arg(long, default_value = "127.0.0.1:9464", value_name = "HOST:PORT|none")]
    pub(crate) metrics: MetricsAddress,
    /// Seconds that running statements get to end when the instance is stopped; a second signal cuts
    /// them short.
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=3600))]
    pub(crate) shutdown_grace: u64,
    /// Network that clusters get their addresses from; each must be one of this machine's.
    #[arg(long, default_value = "127.87.0.0/16", value_name = "CIDR")]
    pub(crate) cluster_network: Ipv4Net,
    /// Port of each cluster's Livy.
    #[arg(long, default_value_t = LIVY_PORT)]
    pub(crate) livy_port: u16,
    /// The AWS region this instance is.
    #[arg(long, default_value = "us-east-1")]
    pub(crate) region: String,
    /// How much of the audit trail to keep: an age, a size, or both, as 90d,8GiB.
    #[arg(long, default_value = "90d,8GiB", value_name = "AGE,SIZE")]
    pub(crate) audit_keep: Keep,
    /// Certificates (PEM) of authorities that OpenID Connect providers may have theirs from,
    /// beside the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) issuer_ca: Option<PathBuf>,
    /// Let OpenID Connect providers be on this machine's own addresses.
    #[arg(long)]
    pub(crate) loopback_issuers: bool,
    /// Run sessions with this Python instead of the managed one; it must have the session packages.
    #[arg(long, env = "LAKEWARD_SESSION_PYTHON", value_name = "PATH")]
    pub(crate) session_python: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sandbox: SandboxOption,
}

/// What keeps sessions from the host and from each other.
#[derive(Args, Clone, Copy)]
pub(crate) struct SandboxOption {
    /// What keeps sessions from the host and from each other: full, namespaces (no limits on memory
    /// and processors), or none (sessions run as this user and read what it may).
    #[arg(
        id = "sandbox",
        long = "sandbox",
        env = "LAKEWARD_SANDBOX",
        default_value = "full",
        value_name = "MODE"
    )]
    pub(crate) mode: Mode,
}

impl SandboxOption {
    /// Says out loud what is not as it should be.
    pub(crate) fn warn(self, isolation: &Isolation) {
        match isolation {
            Isolation::Enclosed(sandbox) if self.mode == Mode::Full => {
                tracing::info!("{}", sandbox.describe());
            }
            Isolation::Enclosed(sandbox) => eprintln!("Warning: {}.", sandbox.describe()),
            Isolation::Unavailable(reason) => {
                eprintln!("WARNING: no session can be started here. {reason}");
            }
            Isolation::None => eprintln!(
                "WARNING: sessions are NOT enclosed (--sandbox none). Whoever may open a session runs code as this \
                 user: it reads the lake's bytes, every key in the state folder, and other people's sessions."
            ),
        }
    }

    /// For commands that are about sessions: without them there is nothing to show.
    pub(crate) fn require(self, isolation: &Isolation) -> Result<()> {
        self.warn(isolation);
        match isolation {
            Isolation::Unavailable(_) => {
                anyhow::bail!("sessions can't be enclosed on this machine; see above")
            }
            _ => Ok(()),
        }
    }
}

impl DaemonOptions {
    /// Free ports and a cluster network of its own, for an instance beside others.
    pub(crate) fn throwaway(
        state_dir: PathBuf,
        session_python: Option<PathBuf>,
        sandbox: SandboxOption,
    ) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // The process id keeps instances that run at once apart.
        let [.., high, low] = std::process::id().to_be_bytes();
        let network = Ipv4Addr::new(127, 128 | (high & 0x7f), low, 0);
        Self {
            state: StateOptions::folder(state_dir),
            listen: any,
            proxy: any,
            credentials: any,
            metrics: MetricsAddress(None),
            shutdown_grace: 0,
            cluster_network: Ipv4Net::new_assert(network, 24),
            livy_port: LIVY_PORT,
            region: "us-east-1".to_owned(),
            audit_keep: Keep::default(),
            issuer_ca: None,
            loopback_issuers: false,
            session_python,
            sandbox,
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
        let folder = self.state.open()?;
        let session_python = match &self.session_python {
            Some(python) => python.clone(),
            None => python::ensure(Kit::Session, progress)?,
        };
        let settings = Settings {
            region: self.region.clone(),
            endpoint: self.listen,
            proxy: self.proxy,
            credentials: self.credentials,
            metrics: self.metrics.0,
            cluster_network: self.cluster_network,
            livy_port: self.livy_port,
            session_python,
            sandbox: self.sandbox.mode,
            stage: "/proc/self/exe".into(),
            audit_keep: self.audit_keep,
            issuers: self.issuers()?,
        };
        Ok((folder, settings))
    }

    /// What running statements get at the end.
    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace)
    }

    fn issuers(&self) -> Result<IssuerNetwork> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path)
                .with_context(|| format!("--issuer-ca {} can't be read", path.display()))
        };
        Ok(IssuerNetwork {
            extra_roots_pem: self.issuer_ca.as_ref().map(read).transpose()?,
            allow_loopback: self.loopback_issuers,
        })
    }
}
