//! Bootstrap actions. They would run as root on a machine that others share, so none is taken.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::emr::{Emr, cluster::permitted, error::EmrError, marker};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListInput {
    cluster_id: String,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListOutput {
    bootstrap_actions: [(); 0],
}

/// Refuses a request that has some.
pub(crate) fn refuse(actions: &[Value]) -> Result<(), EmrError> {
    let Some(first) = actions.first() else {
        return Ok(());
    };
    let name = first.get("Name").and_then(Value::as_str);
    Err(EmrError::validation(format!(
        "BootstrapActions aren't run by this release of Lakeward ('{}'): a cluster's machine is \
         shared, and a script would run on it as root. Remove them. Python packages come with the \
         session's own kit.",
        name.unwrap_or_default()
            .chars()
            .take(100)
            .collect::<String>()
    )))
}

/// `ListBootstrapActions`
pub(crate) async fn list(
    emr: Arc<Emr>,
    call: Call,
    input: ListInput,
) -> Result<ListOutput, AwsError> {
    let action = "elasticmapreduce:ListBootstrapActions";
    permitted(&emr, &call, action, &input.cluster_id)?;
    marker::refuse(input.marker.as_deref())?;
    Ok(ListOutput {
        bootstrap_actions: [],
    })
}
