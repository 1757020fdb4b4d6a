//! A cluster, as far as its sessions need to know it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::limits::SessionLimits;
use super::settings::{ClusterSettings, Network};
use super::warm::{Pool, Purpose};

/// A cluster that takes sessions.
pub(super) struct OpenCluster {
    pub id: Arc<str>,
    /// What its sessions' requests come from.
    pub address: IpAddr,
    pub settings: ClusterSettings,
    pub network: Arc<Network>,
    /// Its own bounds, and the daemon's where it has none.
    pub limits: Arc<SessionLimits>,
    /// Interpreters that wait for an owner, by what they are for.
    statements: Pool,
    kernels: Pool,
}

impl OpenCluster {
    pub fn new(id: &str, address: IpAddr, settings: ClusterSettings, base: &SessionLimits) -> Self {
        Self {
            id: id.into(),
            address,
            network: Arc::new(settings.network.clone()),
            limits: Arc::new(settings.bounds(base)),
            statements: Pool::new(settings.warm_sessions),
            kernels: Pool::new(settings.warm_kernels),
            settings,
        }
    }

    /// The interpreters that wait for that.
    pub fn pool(&self, purpose: Purpose) -> &Pool {
        match purpose {
            Purpose::Statements => &self.statements,
            Purpose::Kernel => &self.kernels,
        }
    }

    /// Ends what waits, and lets nothing wait any more.
    fn close(&self) {
        self.statements.close();
        self.kernels.close();
    }

    /// A cluster that nobody opened: the defaults, and no interpreter waits.
    pub fn unknown(id: &str, base: &SessionLimits) -> Self {
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let settings = ClusterSettings {
            warm_sessions: 0,
            warm_kernels: 0,
            ..ClusterSettings::default()
        };
        Self::new(id, nowhere, settings, base)
    }
}

/// The clusters that take sessions, by id.
#[derive(Default)]
pub(super) struct OpenClusters {
    by_id: BTreeMap<String, Arc<OpenCluster>>,
}

impl OpenClusters {
    pub fn insert(&mut self, cluster: Arc<OpenCluster>) {
        let id = cluster.id.to_string();
        if let Some(before) = self.by_id.insert(id, cluster) {
            before.close();
        }
    }

    pub fn get(&self, id: &str) -> Option<Arc<OpenCluster>> {
        self.by_id.get(id).cloned()
    }

    /// Forgets a cluster; what waited there ends.
    pub fn remove(&mut self, id: &str) {
        if let Some(cluster) = self.by_id.remove(id) {
            cluster.close();
        }
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        for cluster in std::mem::take(&mut self.by_id).into_values() {
            cluster.close();
        }
    }
}
