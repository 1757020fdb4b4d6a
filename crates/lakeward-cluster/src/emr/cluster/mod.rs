//! Clusters: the record, its life, and the operations that show and change it.

pub(crate) mod address;
pub(crate) mod application;
pub(crate) mod auto_termination;
pub(crate) mod bootstrap;
pub(crate) mod configuration;
pub(crate) mod describe;
pub(crate) mod end;
pub(crate) mod instance;
pub(crate) mod job_flow;
pub(crate) mod launch;
pub(crate) mod lifecycle;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod machine;
pub(crate) mod record;
pub(crate) mod request;
pub(crate) mod scaling;
pub(crate) mod setting;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod tagging;
pub(crate) mod turns;
pub(crate) mod unbuilt;
pub(crate) mod work;

pub use instance::record::{InstanceGroup, InstanceRole};
pub use record::{Cluster, Security};
pub use state::ClusterState;

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_policy::Context;
use lakeward_wire::AwsError;
use serde::Deserialize;

use crate::emr::{Emr, error::EmrError, tag};

/// The input of an operation that is asked with nothing but a cluster.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ClusterInput {
    pub cluster_id: String,
}

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

/// The caller's cluster `id`, once `action` is allowed on it.
pub(crate) fn permitted(
    emr: &Emr,
    call: &Call,
    action: &str,
    id: &str,
) -> Result<Arc<Cluster>, AwsError> {
    allowed(emr, call, action, id)?.ok_or_else(|| EmrError::NoSuchCluster(id.to_owned()).into())
}

/// The same for the older operations.
pub(crate) fn permitted_job_flow(
    emr: &Emr,
    call: &Call,
    action: &str,
    id: &str,
) -> Result<Arc<Cluster>, AwsError> {
    allowed(emr, call, action, id)?.ok_or_else(|| EmrError::NoSuchJobFlow.into())
}

/// Whether the caller has such a cluster, for who may know that.
fn allowed(
    emr: &Emr,
    call: &Call,
    action: &str,
    id: &str,
) -> Result<Option<Arc<Cluster>>, AwsError> {
    let (cluster, context) = find(emr, call, id);
    let _permit = call.authorize(action, &arn(call, id), context)?;
    Ok(cluster)
}

impl Emr {
    /// Changes the record of a live cluster.
    pub(crate) async fn modify(
        &self,
        cluster: &Cluster,
        f: impl FnOnce(&mut Cluster) + Send,
    ) -> Result<(), EmrError> {
        let key = Cluster::key_of(&cluster.account, &cluster.id);
        let mut f = Some(f);
        self.modify_all(&[key], move |cluster| {
            if let Some(f) = f.take() {
                f(cluster);
            }
        })
        .await
    }

    /// Changes the records of live clusters: all of them, or none when one isn't live.
    pub(crate) async fn modify_all(
        &self,
        keys: &[String],
        mut f: impl FnMut(&mut Cluster) + Send,
    ) -> Result<(), EmrError> {
        self.store
            .change(|change| {
                for key in keys {
                    let current = change.get::<Cluster>(key).ok_or(EmrError::NoSuchJobFlow)?;
                    if !current.state.is_live() {
                        return Err(EmrError::Finished);
                    }
                    let mut next = (*current).clone();
                    f(&mut next);
                    change.put(next);
                }
                Ok(())
            })
            .await
    }
}
