//! `TerminateJobFlows` and `SetTerminationProtection`.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_store::Change;
use lakeward_wire::AwsError;
use serde::Deserialize;

use crate::emr::{
    Emr,
    cluster::{
        Cluster, arn, find,
        state::{ReasonCode, StateReason},
    },
    error::EmrError,
};

const MOST_AT_ONCE: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TerminateInput {
    job_flow_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ProtectionInput {
    job_flow_ids: Vec<String>,
    termination_protected: bool,
}

/// `TerminateJobFlows`: all of them or none. What has ended already stays as it is.
pub(crate) async fn terminate(
    emr: Arc<Emr>,
    call: Call,
    input: TerminateInput,
) -> Result<serde_json::Value, AwsError> {
    let keys = authorized(
        &emr,
        &call,
        "elasticmapreduce:TerminateJobFlows",
        &input.job_flow_ids,
    )?;
    let reason = StateReason::coded(ReasonCode::UserRequest, "Terminated by user request");
    emr.end(reason, |change| {
        refuse_protected(change, &keys)?;
        Ok(keys)
    })
    .await?;
    Ok(serde_json::json!({}))
}

fn refuse_protected(change: &Change<'_>, keys: &[String]) -> Result<(), EmrError> {
    let mut clusters = keys.iter().filter_map(|key| change.get::<Cluster>(key));
    if clusters.any(|cluster| cluster.state.is_live() && cluster.termination_protected) {
        return Err(EmrError::TerminationProtected);
    }
    Ok(())
}

/// `SetTerminationProtection`
pub(crate) async fn protect(
    emr: Arc<Emr>,
    call: Call,
    input: ProtectionInput,
) -> Result<serde_json::Value, AwsError> {
    let keys = authorized(
        &emr,
        &call,
        "elasticmapreduce:SetTerminationProtection",
        &input.job_flow_ids,
    )?;
    let protected = input.termination_protected;
    emr.modify_all(&keys, |cluster| cluster.termination_protected = protected)
        .await?;
    Ok(serde_json::json!({}))
}

/// The keys of the clusters, once `action` is allowed on every one of them.
pub(crate) fn authorized(
    emr: &Emr,
    call: &Call,
    action: &str,
    ids: &[String],
) -> Result<Vec<String>, AwsError> {
    if ids.is_empty() || ids.len() > MOST_AT_ONCE {
        let message = format!("JobFlowIds must name 1 to {MOST_AT_ONCE} clusters.");
        return Err(EmrError::validation(message).into());
    }
    let mut all_known = true;
    for id in ids {
        let (cluster, context) = find(emr, call, id);
        let _permit = call.authorize(action, &arn(call, id), context)?;
        all_known &= cluster.is_some();
    }
    if !all_known {
        return Err(EmrError::NoSuchJobFlow.into());
    }
    let key = |id: &String| Cluster::key_of(call.account(), id);
    Ok(ids.iter().map(key).collect())
}
