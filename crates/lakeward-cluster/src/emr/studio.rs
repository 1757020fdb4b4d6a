//! EMR Studios and who is assigned to them. A Studio is Amazon's own web application: none can be
//! made, so there are none to show.

use std::{future::Ready, sync::Arc};

use lakeward_identity::Call;
use lakeward_policy::Context;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::emr::{
    Emr,
    error::EmrError,
    marker,
    tag::{self, Tag},
};

/// The operations on one Studio.
pub(crate) const OF_ONE: [&str; 7] = [
    "DescribeStudio",
    "UpdateStudio",
    "DeleteStudio",
    "CreateStudioSessionMapping",
    "GetStudioSessionMapping",
    "UpdateStudioSessionMapping",
    "DeleteStudioSessionMapping",
];
const INSTEAD: &str = "connect a notebook of your own to a cluster's Livy or Jupyter gateway with \
                       GetClusterSessionCredentials; IAM policies on that operation assign people \
                       to clusters and runtime roles";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateInput {
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StudioInput {
    studio_id: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ListInput {
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListOutput {
    studios: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListMappingsOutput {
    session_mappings: [(); 0],
}

/// `CreateStudio`: refused.
pub(crate) async fn create(_: Arc<Emr>, call: Call, input: CreateInput) -> Result<Value, AwsError> {
    let context = tag::add_request_tags(Context::new(), &input.tags);
    let _permit = call.authorize("elasticmapreduce:CreateStudio", "*", context)?;
    Err(EmrError::UnsupportedRequest(format!("A Studio ({INSTEAD})")).into())
}

/// One of [`OF_ONE`]: there is no such Studio.
pub(crate) fn of_one(
    operation: &'static str,
) -> impl Fn(Arc<Emr>, Call, StudioInput) -> Ready<Result<Value, AwsError>> + Clone {
    move |_, call, input| std::future::ready(missing(&call, operation, &input.studio_id))
}

fn missing(call: &Call, operation: &str, id: &str) -> Result<Value, AwsError> {
    let studio = format!(
        "arn:aws:elasticmapreduce:{}:{}:studio/{id}",
        call.region(),
        call.account()
    );
    let action = format!("elasticmapreduce:{operation}");
    let _permit = call.authorize(&action, &studio, Context::new())?;
    Err(EmrError::invalid_request(format!(
        "Studio '{id}' does not exist: this release of Lakeward has no Studios. Instead, {INSTEAD}."
    ))
    .into())
}

/// `ListStudios`: none.
pub(crate) async fn list(
    _: Arc<Emr>,
    call: Call,
    input: ListInput,
) -> Result<ListOutput, AwsError> {
    let _permit = call.authorize("elasticmapreduce:ListStudios", "*", Context::new())?;
    marker::refuse(input.marker.as_deref())?;
    Ok(ListOutput { studios: [] })
}

/// `ListStudioSessionMappings`: none.
pub(crate) async fn list_mappings(
    _: Arc<Emr>,
    call: Call,
    input: ListInput,
) -> Result<ListMappingsOutput, AwsError> {
    let action = "elasticmapreduce:ListStudioSessionMappings";
    let _permit = call.authorize(action, "*", Context::new())?;
    marker::refuse(input.marker.as_deref())?;
    Ok(ListMappingsOutput {
        session_mappings: [],
    })
}
