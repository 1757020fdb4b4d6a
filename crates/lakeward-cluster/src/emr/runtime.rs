//! What runs behind a cluster's address.

use std::io;

use async_trait::async_trait;

use crate::emr::{Cluster, ClusterCertificate, LakeObjects, StepRunner};

/// Brings a cluster's endpoints up and down. The daemon supplies it.
#[async_trait]
pub trait ClusterRuntime: Send + Sync + 'static {
    /// Binds the cluster's endpoints at its address. Returns when they take connections. They
    /// speak TLS with `certificate`; with none, the instance's own authority issues one.
    ///
    /// # Errors
    /// An endpoint can't be bound, for instance because its port is taken.
    async fn start(
        &self,
        cluster: &Cluster,
        certificate: Option<&ClusterCertificate>,
    ) -> io::Result<()>;

    /// Ends the cluster's sessions and closes its endpoints. Does nothing for a cluster that
    /// doesn't run.
    async fn stop(&self, cluster_id: &str);

    /// Where the cluster shows its sessions to their owners: `https://HOST:PORT`.
    fn pages(&self, cluster: &Cluster) -> String;

    /// Whether a session lives on the cluster.
    fn busy(&self, cluster_id: &str) -> bool;

    /// The objects of the lake.
    fn objects(&self) -> &dyn LakeObjects;

    /// What runs the programs of steps.
    fn steps(&self) -> &dyn StepRunner;
}
