//! Spark Connect sessions of a cluster. They need a release of its own kind, which none here is: none
//! is started, so there are none to show. A session under a runtime role is Livy's.

use std::{future::Ready, sync::Arc};

use lakeward_identity::Call;
use lakeward_policy::Context;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::emr::{
    Emr,
    cluster::{arn, find, permitted},
    error::EmrError,
    marker,
    tag::{self, Tag},
};

/// The operations on one session.
pub(crate) const OF_ONE: [&str; 3] = ["GetSession", "GetSessionEndpoint", "TerminateSession"];
const INSTEAD: &str = "open a session through the cluster's Livy, under the runtime role of \
                       GetClusterSessionCredentials";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StartInput {
    cluster_id: String,
    execution_role_arn: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SessionInput {
    cluster_id: String,
    session_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListInput {
    cluster_id: String,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListOutput {
    sessions: [(); 0],
}

/// `StartSession`: refused.
pub(crate) async fn start(emr: Arc<Emr>, call: Call, input: StartInput) -> Result<Value, AwsError> {
    let (cluster, context) = find(&emr, &call, &input.cluster_id);
    let mut context = tag::add_request_tags(context, &input.tags);
    if let Some(role) = input.execution_role_arn {
        context.insert("elasticmapreduce:ExecutionRoleArn", vec![role]);
    }
    let action = "elasticmapreduce:StartSession";
    let _permit = call.authorize(action, &arn(&call, &input.cluster_id), context)?;
    cluster.ok_or(EmrError::NoSuchCluster(input.cluster_id))?;
    Err(EmrError::UnsupportedRequest(format!("A Spark Connect session ({INSTEAD})")).into())
}

/// One of [`OF_ONE`]: there is no such session.
pub(crate) fn of_one(
    operation: &'static str,
) -> impl Fn(Arc<Emr>, Call, SessionInput) -> Ready<Result<Value, AwsError>> + Clone {
    move |emr, call, input| std::future::ready(missing(&emr, &call, operation, input))
}

fn missing(
    emr: &Emr,
    call: &Call,
    operation: &str,
    input: SessionInput,
) -> Result<Value, AwsError> {
    let cluster_arn = arn(call, &input.cluster_id);
    let session = format!("{cluster_arn}/session/{}", input.session_id);
    let action = format!("elasticmapreduce:{operation}");
    let _permit = call.authorize(&action, &session, Context::new())?;
    let (cluster, _) = find(emr, call, &input.cluster_id);
    cluster.ok_or(EmrError::NoSuchCluster(input.cluster_id))?;
    Err(EmrError::invalid_request(format!(
        "Session id '{}' is not valid: this release of Lakeward has no Spark Connect sessions. \
         Instead, {INSTEAD}.",
        input.session_id
    ))
    .into())
}

/// `ListSessions`: none.
pub(crate) async fn list(
    emr: Arc<Emr>,
    call: Call,
    input: ListInput,
) -> Result<ListOutput, AwsError> {
    let action = "elasticmapreduce:ListSessions";
    permitted(&emr, &call, action, &input.cluster_id)?;
    marker::refuse(input.next_token.as_deref())?;
    Ok(ListOutput { sessions: [] })
}
