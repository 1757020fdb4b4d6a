//! Web interfaces of a cluster. The engine of a session has none, neither on the cluster nor kept
//! after its end: each operation asks who may, then says so.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_policy::Context;
use lakeward_wire::AwsError;
use serde::Deserialize;
use serde_json::Value;

use crate::emr::{
    Emr,
    cluster::{arn, permitted},
    error::EmrError,
};

const PERSISTENT_TYPES: [&str; 3] = ["SHS", "TEZ", "YTS"];
const ON_CLUSTER_TYPES: [&str; 6] = [
    "SparkHistoryServer",
    "YarnTimelineService",
    "TezUI",
    "ApplicationMaster",
    "JobHistoryServer",
    "ResourceManager",
];
/// What to look at instead.
const INSTEAD: &str = "Livy on the cluster shows a session's state, statements and log to its \
                       owner.";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateInput {
    target_resource_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeInput {
    #[serde(rename = "PersistentAppUIId")]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PersistentInput {
    #[serde(rename = "PersistentAppUIId")]
    id: String,
    #[serde(rename = "PersistentAppUIType")]
    kind: Option<String>,
    execution_role_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OnClusterInput {
    cluster_id: String,
    #[serde(rename = "OnClusterAppUIType")]
    kind: Option<String>,
}

/// `CreatePersistentAppUI`
pub(crate) async fn create(
    emr: Arc<Emr>,
    call: Call,
    input: CreateInput,
) -> Result<Value, AwsError> {
    let action = "elasticmapreduce:CreatePersistentAppUI";
    let target = &input.target_resource_arn;
    let Some(id) = target.strip_prefix(arn(&call, "").as_str()) else {
        // Nobody's cluster, or another account's: only who may ask of any cluster learns that.
        let _permit = call.authorize(action, &arn(&call, "*"), Context::new())?;
        let message = format!("TargetResourceArn '{target}' is not the ARN of a cluster of yours.");
        return Err(EmrError::invalid_request(message).into());
    };
    permitted(&emr, &call, action, id)?;
    Err(EmrError::invalid_request(format!(
        "Cluster '{id}' has no application history to show: its engine writes none. {INSTEAD}"
    ))
    .into())
}

/// `DescribePersistentAppUI`: there is none, whatever the id.
pub(crate) async fn describe(
    _: Arc<Emr>,
    call: Call,
    input: DescribeInput,
) -> Result<Value, AwsError> {
    let action = "elasticmapreduce:DescribePersistentAppUI";
    let _permit = call.authorize(action, &arn(&call, "*"), Context::new())?;
    Err(missing(&input.id).into())
}

/// `GetPersistentAppUIPresignedURL`: there is none, whatever the id.
pub(crate) async fn persistent_url(
    _: Arc<Emr>,
    call: Call,
    input: PersistentInput,
) -> Result<Value, AwsError> {
    let mut context = Context::new();
    if let Some(role) = input.execution_role_arn.filter(|role| !role.is_empty()) {
        context.insert("elasticmapreduce:ExecutionRoleArn", vec![role]);
    }
    let action = "elasticmapreduce:GetPersistentAppUIPresignedURL";
    let _permit = call.authorize(action, &arn(&call, "*"), context)?;
    check_kind(
        "PersistentAppUIType",
        input.kind.as_deref(),
        &PERSISTENT_TYPES,
    )?;
    Err(missing(&input.id).into())
}

/// `GetOnClusterAppUIPresignedURL`
pub(crate) async fn on_cluster_url(
    emr: Arc<Emr>,
    call: Call,
    input: OnClusterInput,
) -> Result<Value, AwsError> {
    let action = "elasticmapreduce:GetOnClusterAppUIPresignedURL";
    permitted(&emr, &call, action, &input.cluster_id)?;
    let kind = input.kind.as_deref();
    check_kind("OnClusterAppUIType", kind, &ON_CLUSTER_TYPES)?;
    Err(EmrError::invalid_request(format!(
        "Cluster '{}' has no {} interface: its engine has none. {INSTEAD}",
        input.cluster_id,
        kind.unwrap_or("application")
    ))
    .into())
}

fn missing(id: &str) -> EmrError {
    EmrError::invalid_request(format!(
        "Persistent application user interface '{id}' does not exist."
    ))
}

fn check_kind(field: &str, given: Option<&str>, known: &[&str]) -> Result<(), EmrError> {
    match given {
        Some(given) if !known.contains(&given) => Err(EmrError::invalid_request(format!(
            "{field} '{given}' is not one of {}.",
            known.join(", ")
        ))),
        _ => Ok(()),
    }
}
