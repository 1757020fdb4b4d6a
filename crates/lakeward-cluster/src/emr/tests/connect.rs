//! Connecting to a cluster, as Studio does.

use lakeward_identity::Call;
use lakeward_session::{Login, RuntimeRoles};
use lakeward_wire::AwsError;
use serde_json::{Value, json};

use super::world::{World, code, everything, role_arn};
use crate::emr::credential;

/// `GetClusterSessionCredentials` for a role of the first account.
pub(super) async fn issue(
    world: &World,
    call: &Call,
    cluster: &str,
    role: &str,
) -> Result<Value, AwsError> {
    let input = json!({"ClusterId": cluster, "ExecutionRoleArn": role_arn(role)});
    world.run(call, credential::issue, input).await
}

/// The user name and the password of an answer.
pub(super) fn pair(output: &Value) -> (String, String) {
    let pair = &output["Credentials"]["UsernamePassword"];
    let text = |field: &str| pair[field].as_str().unwrap().to_owned();
    (text("Username"), text("Password"))
}

/// Connects as `david` with `source_identity`.
pub(super) async fn connect(
    world: &World,
    cluster: &str,
    source_identity: Option<&str>,
) -> Result<Login, AwsError> {
    let call = world.studio(&everything(), source_identity).await;
    let output = issue(world, &call, cluster, "marketing").await?;
    let (username, password) = pair(&output);
    Ok(world.emr.login(cluster, &username, &password).unwrap())
}

/// The refusal of a connection, which must say `words`.
pub(super) async fn refused(world: &World, cluster: &str, words: &[&str]) {
    let call = world.studio(&everything(), None).await;
    let error = issue(world, &call, cluster, "marketing").await.unwrap_err();
    assert_eq!(code(&error), "InvalidRequestException", "{error}");
    for word in words {
        assert!(error.message.contains(word), "no {word:?} in: {error}");
    }
}
