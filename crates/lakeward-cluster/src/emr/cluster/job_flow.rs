//! `DescribeJobFlows`, which AWS replaced by other operations and "no longer supports".

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_policy::Context;
use lakeward_wire::AwsError;
use serde::Deserialize;
use serde_json::Value;

use crate::emr::{
    Emr,
    cluster::{arn, end::authorized},
    error::EmrError,
};

const ACTION: &str = "elasticmapreduce:DescribeJobFlows";

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct DescribeInput {
    job_flow_ids: Vec<String>,
}

/// `DescribeJobFlows`: refused.
pub(crate) async fn describe(
    emr: Arc<Emr>,
    call: Call,
    input: DescribeInput,
) -> Result<Value, AwsError> {
    if input.job_flow_ids.is_empty() {
        let _permit = call.authorize(ACTION, &arn(&call, "*"), Context::new())?;
    } else {
        authorized(&emr, &call, ACTION, &input.job_flow_ids)?;
    }
    let what = "DescribeJobFlows (ask ListClusters, DescribeCluster, ListSteps, \
                ListInstanceGroups and ListBootstrapActions)";
    Err(EmrError::Unsupported(what.to_owned()).into())
}
