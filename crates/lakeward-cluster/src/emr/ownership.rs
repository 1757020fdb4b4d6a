//! Which clusters are this node's. A cluster runs on one node, the one that started it; the others
//! show it, change its record and open sessions on it, and its own does what the record says.

use std::sync::Arc;

use lakeward_store::StoreError;

use crate::emr::{
    Emr,
    cluster::{Cluster, ClusterState},
};

impl Emr {
    /// Whether the cluster runs on this node.
    pub(crate) fn runs_here(&self, cluster: &Cluster) -> bool {
        self.config.node.is_none() || cluster.node == self.config.node
    }

    /// The clusters that run on this node, or did.
    pub(crate) fn own_clusters(&self) -> Vec<Arc<Cluster>> {
        let mut clusters = self.store.snapshot().scan::<Cluster>("");
        clusters.retain(|cluster| self.runs_here(cluster));
        clusters
    }

    /// Takes a cluster up that isn't over: this node's own, or one that no node has taken yet. Of
    /// several nodes one gets it.
    pub(crate) async fn take(&self, key: &str) -> Result<Option<Arc<Cluster>>, StoreError> {
        self.store
            .change(|change| {
                let Some(current) = change.get::<Cluster>(key) else {
                    return Ok(None);
                };
                let is_free = current.node.is_none();
                if current.state.is_over() || !(is_free || self.runs_here(&current)) {
                    return Ok(None);
                }
                let mut next = (*current).clone();
                next.node.clone_from(&self.config.node);
                if next.state.is_live() {
                    next.state = ClusterState::Starting;
                }
                change.put(next.clone());
                Ok(Some(Arc::new(next)))
            })
            .await
    }
}
