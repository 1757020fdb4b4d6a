//! `GetAccessKeyInfo`: whose key is this?

use std::sync::Arc;

use lakeward_policy::Context;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::shape;
use crate::{AccessKey, Call, Identity};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    access_key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    account: String,
}

/// The account alone, of keys of any account, as AWS answers.
pub(super) async fn get_access_key_info(
    _identity: Arc<Identity>,
    call: Call,
    input: Input,
) -> Result<Output, AwsError> {
    let _permit = call.authorize("sts:GetAccessKeyInfo", "*", Context::new())?;
    shape::length("accessKeyId", &input.access_key_id, 16, 128)?;
    shape::characters("accessKeyId", &input.access_key_id, "")?;
    if input.access_key_id.starts_with("ASIA") {
        return Err(AwsError::new(
            400,
            "ValidationError",
            "temporary access keys are not kept by this server, so their ids don't tell an account",
        ));
    }
    match call.snapshot().get::<AccessKey>(&input.access_key_id) {
        Some(key) => Ok(Output {
            account: key.account.clone(),
        }),
        None => Err(AwsError::new(
            400,
            "ValidationError",
            format!("Access key {} does not exist", input.access_key_id),
        )),
    }
}
