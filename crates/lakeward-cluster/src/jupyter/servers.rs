//! The Jupyter gateways of all clusters.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use lakeward_session::{RuntimeRoles, SessionRegistry};
use tokio_rustls::rustls::ServerConfig;

use super::router::{Gateway, router};
use crate::servers::Servers;

/// Starts and stops one gateway for each cluster that has one. Kernels are sessions of the
/// registry, which ends them with their cluster.
pub struct JupyterServers {
    roles: Arc<dyn RuntimeRoles>,
    sessions: Arc<SessionRegistry>,
    running: Servers,
}

impl JupyterServers {
    /// No server yet.
    #[must_use]
    pub fn new(roles: Arc<dyn RuntimeRoles>, sessions: Arc<SessionRegistry>) -> Self {
        Self {
            roles,
            sessions,
            running: Servers::new("Jupyter gateway"),
        }
    }

    /// Starts the cluster's gateway. The address is bound when this returns. Must be called
    /// within a Tokio runtime.
    ///
    /// # Errors
    /// When the cluster has one already, or the address cannot be bound.
    pub fn start(
        &self,
        cluster_id: &str,
        address: SocketAddr,
        tls: Arc<ServerConfig>,
    ) -> io::Result<()> {
        let router = router(Gateway {
            cluster_id: cluster_id.to_owned(),
            roles: Arc::clone(&self.roles),
            sessions: Arc::clone(&self.sessions),
        });
        self.running.start(cluster_id, address, tls, router)
    }

    /// Where the cluster's gateway listens, while it runs.
    #[must_use]
    pub fn address(&self, cluster_id: &str) -> Option<SocketAddr> {
        self.running.address(cluster_id)
    }

    /// Stops the cluster's gateway. Its kernels are the registry's to end, before this: requests
    /// that wait for one then end too. Does nothing when there is none.
    pub async fn stop(&self, cluster_id: &str) {
        if let Some(server) = self.running.remove(cluster_id) {
            server.stop().await;
        }
        // Requests that were still under way may have opened another.
        self.sessions.end_cluster(cluster_id, "its cluster stopped");
    }

    /// Stops every gateway.
    pub async fn shutdown(&self) {
        for server in self.running.close() {
            server.stop().await;
        }
    }
}
