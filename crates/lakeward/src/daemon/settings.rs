use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::Ipv4Net;
use lakeward_identity::{IssuerNetwork, audit::Keep};

/// What can be chosen when an instance starts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The region this instance is.
    pub region: String,
    /// Where the AWS APIs listen.
    pub endpoint: SocketAddr,
    /// Where the CONNECT proxy listens.
    pub proxy: SocketAddr,
    /// Where sessions fetch keys.
    pub credentials: SocketAddr,
    /// Where metrics and health are served; nowhere if none.
    pub metrics: Option<SocketAddr>,
    /// The network that clusters get their addresses from.
    pub cluster_network: Ipv4Net,
    /// The port of each cluster's Livy.
    pub livy_port: u16,
    /// The Python that runs sessions.
    pub session_python: PathBuf,
    /// How much of the audit trail is kept.
    pub audit_keep: Keep,
    /// Which issuers of web identity tokens are reached and believed.
    pub issuers: IssuerNetwork,
}
