//! Notebook executions. AWS refuses a runtime role for them ("currently not supported"); without one
//! they would need a workspace, which isn't built: so none is started, and there are none to show.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_policy::Context;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::emr::{
    Emr,
    cluster::{arn, find},
    error::EmrError,
    marker,
    tag::{self, Tag},
};

const STATES: [&str; 10] = [
    "START_PENDING",
    "STARTING",
    "RUNNING",
    "FINISHING",
    "FINISHED",
    "FAILING",
    "FAILED",
    "STOP_PENDING",
    "STOPPING",
    "STOPPED",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StartInput {
    execution_engine: ExecutionEngine,
    editor_id: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// `ExecutionEngineConfig`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ExecutionEngine {
    id: String,
    #[serde(rename = "Type")]
    kind: Option<String>,
    execution_role_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ExecutionInput {
    notebook_execution_id: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ListInput {
    status: Option<String>,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListOutput {
    notebook_executions: [(); 0],
}

/// `StartNotebookExecution`: refused.
pub(crate) async fn start(emr: Arc<Emr>, call: Call, input: StartInput) -> Result<Value, AwsError> {
    let action = "elasticmapreduce:StartNotebookExecution";
    let engine = input.execution_engine;
    let (cluster, context) = find(&emr, &call, &engine.id);
    let context = tag::add_request_tags(context, &input.tags);
    let _permit = call.authorize(action, &arn(&call, &engine.id), context)?;
    if let Some(editor) = &input.editor_id {
        let context = tag::add_request_tags(Context::new(), &input.tags);
        let _permit = call.authorize(action, &resource(&call, "editor", editor), context)?;
    }
    if engine.kind.as_deref().is_some_and(|kind| kind != "EMR") {
        return Err(EmrError::invalid_request("ExecutionEngine.Type must be EMR.").into());
    }
    if engine.execution_role_arn.is_some() {
        return Err(EmrError::invalid_request(
            "ExecutionRoleArn is currently not supported for notebook executions on an EMR \
             cluster. Attach a workspace to the cluster with the role, or run a step under it.",
        )
        .into());
    }
    cluster.ok_or(EmrError::NoSuchCluster(engine.id))?;
    Err(EmrError::UnsupportedRequest("A notebook execution".to_owned()).into())
}

/// `DescribeNotebookExecution`: there is none.
pub(crate) async fn describe(
    _: Arc<Emr>,
    call: Call,
    input: ExecutionInput,
) -> Result<Value, AwsError> {
    missing(
        &call,
        "elasticmapreduce:DescribeNotebookExecution",
        &input.notebook_execution_id,
    )
}

/// `StopNotebookExecution`: there is none.
pub(crate) async fn stop(
    _: Arc<Emr>,
    call: Call,
    input: ExecutionInput,
) -> Result<Value, AwsError> {
    missing(
        &call,
        "elasticmapreduce:StopNotebookExecution",
        &input.notebook_execution_id,
    )
}

fn missing(call: &Call, action: &str, id: &str) -> Result<Value, AwsError> {
    let resource = resource(call, "notebook-execution", id);
    let _permit = call.authorize(action, &resource, Context::new())?;
    let message = format!("Notebook execution id '{id}' is not valid.");
    Err(EmrError::invalid_request(message).into())
}

/// `ListNotebookExecutions`: none.
pub(crate) async fn list(
    _: Arc<Emr>,
    call: Call,
    input: ListInput,
) -> Result<ListOutput, AwsError> {
    let action = "elasticmapreduce:ListNotebookExecutions";
    let _permit = call.authorize(action, "*", Context::new())?;
    marker::refuse(input.marker.as_deref())?;
    if let Some(status) = &input.status
        && !STATES.contains(&status.as_str())
    {
        let message = format!("'{status}' is not a notebook execution status.");
        return Err(EmrError::invalid_request(message).into());
    }
    Ok(ListOutput {
        notebook_executions: [],
    })
}

fn resource(call: &Call, kind: &str, id: &str) -> String {
    format!(
        "arn:aws:elasticmapreduce:{}:{}:{kind}/{id}",
        call.region(),
        call.account()
    )
}
