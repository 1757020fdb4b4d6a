//! `ListSteps` and `DescribeStep`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lakeward_identity::Call;
use lakeward_wire::{AwsError, epoch};
use serde::{Deserialize, Serialize};

use crate::emr::{
    Emr,
    cluster::permitted,
    error::EmrError,
    marker::{Page, page},
    step::{ActionOnFailure, Failure, Step, StepState},
};

const PAGE: usize = 50;
/// As many as `ListSteps` takes (EMR API Reference).
const MOST_IDS: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListInput {
    cluster_id: String,
    #[serde(default)]
    step_states: Vec<String>,
    #[serde(default)]
    step_ids: Vec<String>,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListOutput {
    steps: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeInput {
    cluster_id: String,
    step_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeOutput {
    step: Description,
}

/// `Step`
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    #[serde(flatten)]
    shown: Shown,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_role_arn: Option<String>,
}

/// `StepSummary`
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    id: String,
    name: String,
    config: Config,
    action_on_failure: ActionOnFailure,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_uri: Option<String>,
}

/// `HadoopStepConfig`
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    jar: &'static str,
    properties: BTreeMap<String, String>,
    args: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    state: &'static str,
    state_change_reason: Reason,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_details: Option<FailureDetails>,
    timeline: Timeline,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Reason {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FailureDetails {
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_file: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Timeline {
    creation_date_time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_date_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date_time: Option<f64>,
}

/// `ListSteps`: the youngest first.
pub(crate) async fn list(
    emr: Arc<Emr>,
    call: Call,
    input: ListInput,
) -> Result<ListOutput, AwsError> {
    let cluster = permitted(&emr, &call, "elasticmapreduce:ListSteps", &input.cluster_id)?;
    let states = states(&input.step_states)?;
    let ids: BTreeSet<&String> = input.step_ids.iter().collect();
    if ids.len() > MOST_IDS {
        let message = format!("StepIds must name at most {MOST_IDS} steps.");
        return Err(EmrError::invalid_request(message).into());
    }
    let steps = Step::of_cluster(&emr.store.snapshot(), &cluster.id);
    let wanted = steps.into_iter().filter(|step| {
        let state = states.is_empty() || states.contains(&step.state);
        state && (ids.is_empty() || ids.contains(&step.id))
    });
    let sorted = wanted
        .map(|step| (format!("{:020}", u64::MAX - step.number), step))
        .collect();
    let Page { items, marker } = page(sorted, input.marker.as_deref(), PAGE)?;
    Ok(ListOutput {
        steps: items.iter().map(|step| Shown::of(step)).collect(),
        marker,
    })
}

fn states(names: &[String]) -> Result<Vec<StepState>, EmrError> {
    let named = names.iter().map(|name| {
        StepState::named(name).ok_or_else(|| {
            let shown: String = name.escape_debug().take(80).collect();
            EmrError::invalid_request(format!("'{shown}' is not a step state."))
        })
    });
    named.collect()
}

/// `DescribeStep`
pub(crate) async fn describe(
    emr: Arc<Emr>,
    call: Call,
    input: DescribeInput,
) -> Result<DescribeOutput, AwsError> {
    let action = "elasticmapreduce:DescribeStep";
    let cluster = permitted(&emr, &call, action, &input.cluster_id)?;
    let found = Step::find(&emr.store.snapshot(), &cluster.id, &input.step_id);
    let step = found.ok_or(EmrError::NoSuchStep(input.step_id))?;
    Ok(DescribeOutput {
        step: Description {
            shown: Shown::of(&step),
            execution_role_arn: step.role_arn.clone(),
        },
    })
}

impl Shown {
    fn of(step: &Step) -> Self {
        Self {
            id: step.id.clone(),
            name: step.name.clone(),
            config: Config {
                jar: "command-runner.jar",
                properties: BTreeMap::new(),
                args: step.args.clone(),
            },
            action_on_failure: step.action_on_failure,
            status: Status::of(step),
            log_uri: step.log_uri.clone(),
        }
    }
}

impl Status {
    fn of(step: &Step) -> Self {
        Self {
            state: step.state.name(),
            state_change_reason: Reason {
                message: step.note.clone(),
            },
            failure_details: step.failure.as_ref().map(FailureDetails::from),
            timeline: Timeline {
                creation_date_time: epoch(step.created_at),
                start_date_time: step.started_at.map(epoch),
                end_date_time: step.ended_at.map(epoch),
            },
        }
    }
}

impl From<&Failure> for FailureDetails {
    fn from(failure: &Failure) -> Self {
        Self {
            reason: failure.reason.clone(),
            message: failure.message.clone(),
            log_file: failure.log_file.clone(),
        }
    }
}
