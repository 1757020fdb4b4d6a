//! `AddTags` and `RemoveTags`.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_wire::AwsError;
use serde::Deserialize;

use crate::emr::{
    Emr,
    cluster::{Cluster, arn, find},
    error::EmrError,
    tag::{self, Tag},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AddTagsInput {
    resource_id: String,
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RemoveTagsInput {
    resource_id: String,
    tag_keys: Vec<String>,
}

/// `AddTags`: a key that is there takes the new value.
pub(crate) async fn add(
    emr: Arc<Emr>,
    call: Call,
    input: AddTagsInput,
) -> Result<serde_json::Value, AwsError> {
    let (cluster, context) = find(&emr, &call, &input.resource_id);
    let context = tag::add_request_tags(context, &input.tags);
    let resource = arn(&call, &input.resource_id);
    let _permit = call.authorize("elasticmapreduce:AddTags", &resource, context)?;
    let cluster = cluster.ok_or(EmrError::NoSuchCluster(input.resource_id))?;
    retag(&emr, &cluster, |tags| tag::merge(tags, &input.tags)).await
}

/// `RemoveTags`: keys that aren't there are no error.
pub(crate) async fn remove(
    emr: Arc<Emr>,
    call: Call,
    input: RemoveTagsInput,
) -> Result<serde_json::Value, AwsError> {
    let (cluster, context) = find(&emr, &call, &input.resource_id);
    let context = tag::add_tag_keys(context, input.tag_keys.iter().cloned());
    let resource = arn(&call, &input.resource_id);
    let _permit = call.authorize("elasticmapreduce:RemoveTags", &resource, context)?;
    let cluster = cluster.ok_or(EmrError::NoSuchCluster(input.resource_id))?;
    retag(&emr, &cluster, |tags| {
        Ok(tag::remove(tags, &input.tag_keys))
    })
    .await
}

async fn retag(
    emr: &Emr,
    cluster: &Cluster,
    f: impl FnOnce(&[Tag]) -> Result<Vec<Tag>, EmrError> + Send,
) -> Result<serde_json::Value, AwsError> {
    let key = Cluster::key_of(&cluster.account, &cluster.id);
    emr.store
        .change(|change| {
            let current = change
                .get::<Cluster>(&key)
                .filter(|cluster| cluster.state.is_live())
                .ok_or_else(|| EmrError::invalid_request(EmrError::Finished.to_string()))?;
            let mut next = (*current).clone();
            next.tags = f(&current.tags)?;
            change.put(next);
            Ok::<_, EmrError>(())
        })
        .await?;
    Ok(serde_json::json!({}))
}
