//! `DecodeAuthorizationMessage`: the explanation that came with a denial.

use std::sync::Arc;

use lakeward_policy::Context;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::shape;
use crate::{Call, Identity, explain};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    encoded_message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    decoded_message: String,
}

pub(super) async fn decode_authorization_message(
    identity: Arc<Identity>,
    call: Call,
    input: Input,
) -> Result<Output, AwsError> {
    let _permit = call.authorize("sts:DecodeAuthorizationMessage", "*", Context::new())?;
    shape::length("encodedMessage", &input.encoded_message, 1, 10240)?;
    let message = explain::open_message(&identity, call.account(), &input.encoded_message)?;
    Ok(Output {
        decoded_message: message.to_string(),
    })
}
