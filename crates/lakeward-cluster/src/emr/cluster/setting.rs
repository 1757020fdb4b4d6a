//! The settings of a running cluster: `SetKeepJobFlowAliveWhenNoSteps`, `SetVisibleToAllUsers`,
//! `SetUnhealthyNodeReplacement` and `ModifyCluster`. `SetTerminationProtection` is in [`super::end`].

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::emr::{
    Emr,
    cluster::{Cluster, ClusterState, end::authorized, permitted},
    error::EmrError,
};

const STEPS_AT_ONCE: std::ops::RangeInclusive<i64> = 1..=256;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct KeepAliveInput {
    job_flow_ids: Vec<String>,
    keep_job_flow_alive_when_no_steps: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VisibilityInput {
    job_flow_ids: Vec<String>,
    visible_to_all_users: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReplacementInput {
    job_flow_ids: Vec<String>,
    unhealthy_node_replacement: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ModifyClusterInput {
    cluster_id: String,
    step_concurrency_level: Option<i64>,
    extended_support: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ModifyClusterOutput {
    step_concurrency_level: u32,
}

/// How many steps may run at once.
pub(crate) fn step_concurrency(level: i64) -> Result<u32, EmrError> {
    u32::try_from(level)
        .ok()
        .filter(|_| STEPS_AT_ONCE.contains(&level))
        .ok_or_else(|| EmrError::validation("StepConcurrencyLevel must be between 1 and 256."))
}

/// Refuses to hide a cluster from some: AWS stopped doing so as well (`SetVisibleToAllUsers`, EMR
/// API Reference).
pub(crate) fn check_visible(visible: bool) -> Result<(), EmrError> {
    if visible {
        return Ok(());
    }
    Err(EmrError::Unsupported(
        "VisibleToAllUsers = false (IAM policies decide who sees a cluster)".to_owned(),
    ))
}

/// `SetKeepJobFlowAliveWhenNoSteps`. A cluster that waits for steps ends when it isn't to stay
/// without them.
pub(crate) async fn keep_alive(
    emr: Arc<Emr>,
    call: Call,
    input: KeepAliveInput,
) -> Result<Value, AwsError> {
    let action = "elasticmapreduce:SetKeepJobFlowAliveWhenNoSteps";
    let keys = authorized(&emr, &call, action, &input.job_flow_ids)?;
    let keep = input.keep_job_flow_alive_when_no_steps;
    emr.modify_all(&keys, |cluster| cluster.keep_alive = keep)
        .await?;
    if !keep {
        for key in keys {
            let cluster = emr.store.snapshot().get::<Cluster>(&key);
            if cluster.is_some_and(|one| one.state == ClusterState::Waiting) {
                emr.work_ends(&key).await?;
            }
        }
    }
    Ok(json!({}))
}

/// `SetVisibleToAllUsers`: true is so already.
pub(crate) async fn visible(
    emr: Arc<Emr>,
    call: Call,
    input: VisibilityInput,
) -> Result<Value, AwsError> {
    let action = "elasticmapreduce:SetVisibleToAllUsers";
    let keys = authorized(&emr, &call, action, &input.job_flow_ids)?;
    check_visible(input.visible_to_all_users)?;
    emr.modify_all(&keys, |_| ()).await?;
    Ok(json!({}))
}

/// `SetUnhealthyNodeReplacement`: kept and shown. It speaks of core nodes, and there are none.
pub(crate) async fn replacement(
    emr: Arc<Emr>,
    call: Call,
    input: ReplacementInput,
) -> Result<Value, AwsError> {
    let action = "elasticmapreduce:SetUnhealthyNodeReplacement";
    let keys = authorized(&emr, &call, action, &input.job_flow_ids)?;
    let on = input.unhealthy_node_replacement;
    emr.modify_all(&keys, |cluster| {
        cluster.machine.unhealthy_node_replacement = on;
    })
    .await?;
    Ok(json!({}))
}

/// `ModifyCluster`
pub(crate) async fn modify(
    emr: Arc<Emr>,
    call: Call,
    input: ModifyClusterInput,
) -> Result<ModifyClusterOutput, AwsError> {
    let action = "elasticmapreduce:ModifyCluster";
    let cluster = permitted(&emr, &call, action, &input.cluster_id)?;
    if input.extended_support == Some(true) {
        return Err(EmrError::UnsupportedRequest("ExtendedSupport".to_owned()).into());
    }
    let level = match input.step_concurrency_level {
        Some(level) => step_concurrency(level).map_err(EmrError::of_newer_operation)?,
        None => cluster.step_concurrency,
    };
    emr.modify(&cluster, |cluster| cluster.step_concurrency = level)
        .await
        .map_err(EmrError::of_newer_operation)?;
    Ok(ModifyClusterOutput {
        step_concurrency_level: level,
    })
}
