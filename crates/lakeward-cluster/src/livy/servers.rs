//! The Livy servers of all clusters.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;

use super::lapsed::LapsedLogins;
use super::recovery;
use super::router::{Livy, router};
use crate::servers::Servers;
use lakeward_session::{
    RuntimeRoles, SessionLimits, SessionRegistry, SessionRuntime, SessionSummary, credentials,
};

/// Starts and stops one Livy for each cluster, over sessions that all live in one registry.
pub struct LivyServers {
    roles: Arc<dyn RuntimeRoles>,
    sessions: Arc<SessionRegistry>,
    running: Servers,
    /// What keeps the records of each cluster's sessions in order; dropped to end it.
    tidying: Mutex<HashMap<String, watch::Sender<()>>>,
}

impl LivyServers {
    /// No server yet. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// When the folder for sessions cannot be made under `runtime.state_dir`.
    pub fn new(
        roles: Arc<dyn RuntimeRoles>,
        runtime: SessionRuntime,
        limits: SessionLimits,
    ) -> io::Result<Self> {
        Ok(Self {
            sessions: SessionRegistry::open_folder(runtime, limits, Arc::clone(&roles))?,
            roles,
            running: Servers::new("Livy"),
            tidying: Mutex::default(),
        })
    }

    /// The sessions of all clusters.
    #[must_use]
    pub fn registry(&self) -> &Arc<SessionRegistry> {
        &self.sessions
    }

    /// The credentials endpoint of all sessions, for [`serve_plain`](lakeward_wire::listener::serve_plain) on the
    /// loopback address that `SessionRuntime::credentials_url` names.
    pub fn credentials_router(&self) -> Router {
        credentials::router(Arc::clone(&self.sessions), Arc::clone(&self.roles))
    }

    /// Starts the cluster's Livy. The address is bound when this returns. Must be called within
    /// a Tokio runtime.
    ///
    /// # Errors
    /// When the cluster has one already, or the address cannot be bound.
    pub fn start(
        &self,
        cluster_id: &str,
        address: SocketAddr,
        tls: Arc<ServerConfig>,
    ) -> io::Result<()> {
        let router = router(Livy {
            cluster_id: cluster_id.to_owned(),
            base: format!("https://{address}"),
            roles: Arc::clone(&self.roles),
            sessions: Arc::clone(&self.sessions),
            lapsed: LapsedLogins::default(),
        });
        recovery::restore(&*self.roles, &self.sessions, cluster_id);
        self.running.start(cluster_id, address, tls, router)?;
        let (tidying, ended) = watch::channel(());
        tokio::spawn(recovery::tidy(
            Arc::clone(&self.roles),
            Arc::clone(&self.sessions),
            cluster_id.to_owned(),
            ended,
        ));
        self.tidying.lock().insert(cluster_id.to_owned(), tidying);
        Ok(())
    }

    /// Where the cluster's Livy listens, while it runs.
    #[must_use]
    pub fn address(&self, cluster_id: &str) -> Option<SocketAddr> {
        self.running.address(cluster_id)
    }

    /// Stops the cluster's Livy and ends its sessions. Does nothing when there is none.
    pub async fn stop(&self, cluster_id: &str) {
        self.tidying.lock().remove(cluster_id);
        let server = self.running.remove(cluster_id);
        self.sessions.end_cluster(cluster_id, "its cluster stopped");
        if let Some(server) = server {
            server.stop().await;
        }
        // Requests that were still under way may have opened another.
        self.sessions.end_cluster(cluster_id, "its cluster stopped");
    }

    /// The sessions of a cluster, oldest first, whoever owns them.
    #[must_use]
    pub fn sessions(&self, cluster_id: &str) -> Vec<SessionSummary> {
        self.sessions.summaries(cluster_id)
    }

    /// Stops every server, ends every session, and waits until their processes are gone.
    pub async fn shutdown(&self) {
        // First: the records must outlive the sessions that end now.
        self.tidying.lock().clear();
        let servers = self.running.close();
        self.sessions.shutdown().await;
        for server in servers {
            server.stop().await;
        }
    }
}
