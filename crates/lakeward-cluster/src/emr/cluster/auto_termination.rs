//! The policy that ends an idle cluster.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use crate::emr::{
    Emr,
    cluster::{ClusterInput, permitted},
    error::EmrError,
    release::Release,
};

const IDLE_SECONDS: std::ops::RangeInclusive<i64> = 60..=604_800;
const DEFAULT_IDLE_SECONDS: i64 = 3_600;

/// `AutoTerminationPolicy`
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AutoTermination {
    pub idle_timeout: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutInput {
    cluster_id: String,
    auto_termination_policy: Option<AutoTermination>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_termination_policy: Option<AutoTermination>,
}

/// The seconds that a policy says, when there is one, for a cluster of a release.
pub(crate) fn idle_timeout(
    policy: Option<AutoTermination>,
    release: Release,
) -> Result<Option<u32>, EmrError> {
    let Some(policy) = policy else {
        return Ok(None);
    };
    if !release.has_auto_termination() {
        return Err(EmrError::validation(format!(
            "An AutoTerminationPolicy needs emr-5.30.0 or later, or emr-6.1.0 or later; the \
             cluster's release is {release}."
        )));
    }
    let seconds = policy.idle_timeout.unwrap_or(DEFAULT_IDLE_SECONDS);
    u32::try_from(seconds)
        .ok()
        .filter(|_| IDLE_SECONDS.contains(&seconds))
        .map(Some)
        .ok_or_else(|| {
            EmrError::validation(
                "AutoTerminationPolicy.IdleTimeout must be between 60 and 604800 seconds.",
            )
        })
}

/// `PutAutoTerminationPolicy`. A policy that says nothing means an hour, as in AWS. Idleness counts from
/// now on at the earliest.
pub(crate) async fn put(
    emr: Arc<Emr>,
    call: Call,
    input: PutInput,
) -> Result<serde_json::Value, AwsError> {
    let action = "elasticmapreduce:PutAutoTerminationPolicy";
    let cluster = permitted(&emr, &call, action, &input.cluster_id)?;
    let policy = input.auto_termination_policy.ok_or_else(|| {
        EmrError::validation("AutoTerminationPolicy is required: say after how many idle seconds.")
    })?;
    let timeout = idle_timeout(Some(policy), cluster.release_label.parse()?)?;
    emr.modify(&cluster, |cluster| {
        cluster.idle_timeout = timeout;
        cluster.idle_timeout_set_at = Some(call.now());
    })
    .await?;
    Ok(serde_json::json!({}))
}

/// `GetAutoTerminationPolicy`: no policy for a cluster without one.
pub(crate) async fn get(
    emr: Arc<Emr>,
    call: Call,
    input: ClusterInput,
) -> Result<GetOutput, AwsError> {
    let action = "elasticmapreduce:GetAutoTerminationPolicy";
    let cluster = permitted(&emr, &call, action, &input.cluster_id)?;
    Ok(GetOutput {
        auto_termination_policy: cluster.idle_timeout.map(|seconds| AutoTermination {
            idle_timeout: Some(seconds.into()),
        }),
    })
}

/// `RemoveAutoTerminationPolicy`: no error when there is none.
pub(crate) async fn remove(
    emr: Arc<Emr>,
    call: Call,
    input: ClusterInput,
) -> Result<serde_json::Value, AwsError> {
    let action = "elasticmapreduce:RemoveAutoTerminationPolicy";
    let cluster = permitted(&emr, &call, action, &input.cluster_id)?;
    emr.modify(&cluster, |cluster| cluster.idle_timeout = None)
        .await?;
    Ok(serde_json::json!({}))
}
