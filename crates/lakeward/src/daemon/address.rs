use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Where an instance listens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Addresses {
    /// All AWS APIs, TLS.
    pub endpoint: SocketAddr,
    /// The CONNECT proxy that maps AWS's host names to the endpoint.
    pub proxy: SocketAddr,
    /// Where sessions fetch their role's keys.
    pub credentials: SocketAddr,
    /// Metrics and health, without TLS; none when they are turned off.
    #[serde(default)]
    pub metrics: Option<SocketAddr>,
}

impl Addresses {
    /// `https://host:port` of the AWS APIs.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("https://{}", self.endpoint)
    }

    /// `http://host:port` of metrics and health.
    #[must_use]
    pub fn metrics_url(&self) -> Option<String> {
        self.metrics.map(|address| format!("http://{address}"))
    }

    /// `http://host:port` of the proxy.
    #[must_use]
    pub fn proxy_url(&self) -> String {
        format!("http://{}", self.proxy)
    }
}
