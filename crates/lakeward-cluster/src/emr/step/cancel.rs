//! `CancelSteps`.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use lakeward_identity::Call;
use lakeward_store::Change;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use crate::emr::{
    Emr,
    cluster::{Cluster, permitted},
    error::EmrError,
    step::{Step, StepState, config::MOST_STEPS, run::CANCELLED},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CancelInput {
    cluster_id: String,
    step_ids: Vec<String>,
    /// Either ends the program's process: it has no other way to end early.
    #[serde(rename = "StepCancellationOption")]
    _option: Option<CancellationOption>,
}

/// AWS's `StepCancellationOption`.
#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum CancellationOption {
    SendInterrupt,
    TerminateProcess,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CancelOutput {
    cancel_steps_info_list: Vec<Info>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    step_id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// `CancelSteps`: what waits is cancelled at once; what runs is CANCEL_PENDING until its program
/// has ended.
pub(crate) async fn cancel(
    emr: Arc<Emr>,
    call: Call,
    input: CancelInput,
) -> Result<CancelOutput, AwsError> {
    let action = "elasticmapreduce:CancelSteps";
    let cluster = permitted(&emr, &call, action, &input.cluster_id)?;
    let mut seen = BTreeSet::new();
    let mut ids = input.step_ids;
    ids.retain(|id| seen.insert(id.clone()));
    if ids.is_empty() || ids.len() > MOST_STEPS {
        let message = format!("StepIds must name 1 to {MOST_STEPS} steps.");
        return Err(EmrError::invalid_request(message).into());
    }
    let now = call.now();
    let cancel_steps_info_list = emr
        .store
        .change(|change| {
            let cancelled = ids.iter().map(|id| cancel_one(change, &cluster, id, now));
            Ok::<_, EmrError>(cancelled.collect())
        })
        .await?;
    emr.work_on(Cluster::key_of(&cluster.account, &cluster.id));
    Ok(CancelOutput {
        cancel_steps_info_list,
    })
}

fn cancel_one(change: &mut Change<'_>, cluster: &Cluster, id: &str, now: Timestamp) -> Info {
    let refused = |reason: String| Info {
        step_id: id.to_owned(),
        status: "FAILED",
        reason: Some(reason),
    };
    let Some(step) = Step::find(change, &cluster.id, id) else {
        return refused(EmrError::NoSuchStep(id.to_owned()).to_string());
    };
    match step.state {
        StepState::Pending => change.put(step.ended(StepState::Cancelled, CANCELLED, now)),
        StepState::Running => change.put(step.in_state(StepState::CancelPending, now)),
        StepState::CancelPending => {}
        over => return refused(format!("The step is {} already.", over.name())),
    }
    Info {
        step_id: id.to_owned(),
        status: "SUBMITTED",
        reason: None,
    }
}
