//! One server for each cluster, of one kind.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use axum::Router;
use lakeward_wire::listener::serve;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::rustls::ServerConfig;

/// The running servers, by cluster.
pub(crate) struct Servers {
    /// What they serve, for people.
    name: &'static str,
    running: Mutex<HashMap<String, Server>>,
}

/// A server that listens.
pub(crate) struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Servers {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            running: Mutex::default(),
        }
    }

    /// Starts the cluster's server. The address is bound when this returns. Must be called within
    /// a Tokio runtime.
    pub fn start(
        &self,
        cluster_id: &str,
        address: SocketAddr,
        tls: Arc<ServerConfig>,
        router: Router,
    ) -> io::Result<()> {
        let name = self.name;
        let mut running = self.running.lock();
        if running.contains_key(cluster_id) {
            let text = format!("{name} of cluster {cluster_id} already runs");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        let listener = bind(address)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(serve(listener, tls, router, stopped));
        tracing::info!(cluster = cluster_id, %address, "{name} started");
        let server = Server {
            address,
            stop,
            task,
        };
        running.insert(cluster_id.to_owned(), server);
        Ok(())
    }

    /// Where the cluster's server listens, while it runs.
    pub fn address(&self, cluster_id: &str) -> Option<SocketAddr> {
        let running = self.running.lock();
        running.get(cluster_id).map(|found| found.address)
    }

    /// Takes a cluster's server out, to be stopped.
    pub fn remove(&self, cluster_id: &str) -> Option<Server> {
        self.running.lock().remove(cluster_id)
    }

    /// Takes all servers out and tells them to stop.
    pub fn close(&self) -> Vec<Server> {
        let servers = std::mem::take(&mut *self.running.lock());
        for server in servers.values() {
            server.stop.send_replace(true);
        }
        servers.into_values().collect()
    }
}

impl Server {
    /// Stops it and waits for the requests that are under way.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(address = %self.address, %error, "a cluster's listener failed");
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<tokio::net::TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })?;
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}
