//! Clusters: the record, its life, and the operations that show and change it.

pub(crate) mod address;
pub(crate) mod application;
pub(crate) mod auto_termination;
pub(crate) mod configuration;
pub(crate) mod describe;
pub(crate) mod end;
pub(crate) mod instance;
pub(crate) mod launch;
pub(crate) mod lifecycle;
pub(crate) mod list;
pub(crate) mod machine;
pub(crate) mod record;
pub(crate) mod request;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod tagging;
pub(crate) mod unbuilt;
pub(crate) mod work;

pub use instance::record::{InstanceGroup, InstanceRole};
pub use record::{Cluster, Security};
pub use state::ClusterState;

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_policy::Context;

use crate::emr::{Emr, tag};

/// The ARN of a cluster of the caller's account and region, whether it exists or not.
pub(crate) fn arn(call: &Call, id: &str) -> String {
    format!(
        "arn:aws:elasticmapreduce:{}:{}:cluster/{id}",
        call.region(),
        call.account()
    )
}

/// The caller's cluster `id`, and the condition keys of its tags.
///
/// A cluster of another account or region is not found, and a cluster that isn't found has no tags:
/// so the decision about it says nothing about what exists elsewhere.
pub(crate) fn find(emr: &Emr, call: &Call, id: &str) -> (Option<Arc<Cluster>>, Context) {
    let key = Cluster::key_of(call.account(), id);
    let found = emr
        .store
        .snapshot()
        .get::<Cluster>(&key)
        .filter(|cluster| cluster.region == call.region());
    let tags = found.as_ref().map(|cluster| cluster.tags.as_slice());
    let context = tag::resource_context(tags.unwrap_or_default());
    (found, context)
}
