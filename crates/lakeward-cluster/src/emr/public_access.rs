//! Block public access: an account's rule about the security groups of its clusters. A cluster has
//! none here, so a rule would promise what nobody keeps.

use std::{future::Ready, sync::Arc};

use lakeward_identity::Call;
use lakeward_policy::Context;
use lakeward_wire::AwsError;
use serde::Deserialize;
use serde_json::Value;

use crate::emr::{Emr, error::EmrError};

pub(crate) const OPERATIONS: [&str; 2] = [
    "GetBlockPublicAccessConfiguration",
    "PutBlockPublicAccessConfiguration",
];

#[derive(Deserialize)]
pub(crate) struct AnyInput {}

/// One of [`OPERATIONS`]: refused.
pub(crate) fn refused(
    operation: &'static str,
) -> impl Fn(Arc<Emr>, Call, AnyInput) -> Ready<Result<Value, AwsError>> + Clone {
    move |_, call, _| std::future::ready(refuse(&call, operation))
}

fn refuse(call: &Call, operation: &str) -> Result<Value, AwsError> {
    let action = format!("elasticmapreduce:{operation}");
    let _permit = call.authorize(&action, "*", Context::new())?;
    let what = "A block public access configuration (no security group opens a cluster: it listens \
                on its own address of the cluster network, and the network of this machine says who \
                reaches that)";
    Err(EmrError::UnsupportedRequest(what.to_owned()).into())
}
