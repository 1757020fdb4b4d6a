//! Web interfaces of a cluster. What there is are the pages of its Livy, which show sessions to who
//! logs in with the user name and password that opened them, as EMR's own interfaces ask for them
//! since 7.5. The engine has none, and nothing is kept after a cluster's end: what would show that
//! asks who may, then says so.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_policy::Context;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};
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
    APPLICATION,
    "JobHistoryServer",
    "ResourceManager",
];
/// Those that show one application, or all of them: Livy's pages do.
const APPLICATION: &str = "ApplicationMaster";
const ALL_APPLICATIONS: [&str; 2] = ["SparkHistoryServer", "ResourceManager"];
/// What to look at instead.
const INSTEAD: &str = "Livy on the cluster shows a session's state, statements and log to its \
                       owner: ask for ApplicationMaster or SparkHistoryServer.";

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
    application_id: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct OnClusterOutput {
    #[serde(rename = "PresignedURLReady")]
    is_ready: bool,
    #[serde(rename = "PresignedURL")]
    url: String,
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

/// `GetOnClusterAppUIPresignedURL`: the address of a page of the cluster's Livy. Nothing in it opens
/// anything: the page asks for a user name and password.
pub(crate) async fn on_cluster_url(
    emr: Arc<Emr>,
    call: Call,
    input: OnClusterInput,
) -> Result<OnClusterOutput, AwsError> {
    let action = "elasticmapreduce:GetOnClusterAppUIPresignedURL";
    let cluster = permitted(&emr, &call, action, &input.cluster_id)?;
    let kind = input.kind.as_deref();
    check_kind("OnClusterAppUIType", kind, &ON_CLUSTER_TYPES)?;
    if !cluster.state.is_ready() {
        return Err(EmrError::invalid_request(format!(
            "Cluster '{}' has no interfaces now: they are there while it is RUNNING or WAITING.",
            cluster.id
        ))
        .into());
    }
    let place = place(kind, input.application_id.as_deref())?;
    Ok(OnClusterOutput {
        is_ready: true,
        url: format!("{}{place}", emr.runtime.pages(&cluster)),
    })
}

/// The path of the page that stands for an interface.
fn place(kind: Option<&str>, application: Option<&str>) -> Result<String, EmrError> {
    match (kind, application.filter(|id| !id.is_empty())) {
        (None | Some(APPLICATION), Some(id)) if is_application(id) => {
            Ok(format!("/ui/application/{id}"))
        }
        (None | Some(APPLICATION), Some(id)) => Err(EmrError::invalid_request(format!(
            "ApplicationId '{id}' is not an application's id, such as application_1700000000000_0001."
        ))),
        (Some(APPLICATION), None) => Err(EmrError::invalid_request(
            "OnClusterAppUIType 'ApplicationMaster' needs an ApplicationId: the appId of a session.",
        )),
        (None, None) => Ok("/ui/".to_owned()),
        (Some(kind), _) if ALL_APPLICATIONS.contains(&kind) => Ok("/ui/".to_owned()),
        (Some(kind), _) => Err(EmrError::invalid_request(format!(
            "The cluster has no {kind} interface: its engine has none. {INSTEAD}"
        ))),
    }
}

fn is_application(id: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    id.starts_with("application_") && id.len() <= 64 && id.bytes().all(is_word)
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
