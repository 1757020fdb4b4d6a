//! `GetSessionToken`: temporary credentials of a user for itself.

use std::sync::Arc;

use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{
    credentials::{Credentials, after, refuse_mfa},
    shape,
};
use crate::{
    Call, Identity,
    session::{Owner, Session, UserSession},
};

/// The shortest and longest time a user can ask for, seconds.
const SHORTEST: u32 = 900;
const LONGEST: u32 = 129_600;
/// What a user gets that asks for no time.
const USUAL: u32 = 43_200;
/// A root user's sessions last an hour at most; AWS shortens, it doesn't refuse.
const ROOT_LIMIT: u32 = 3600;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    duration_seconds: Option<u32>,
    serial_number: Option<String>,
    token_code: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    credentials: Credentials,
}

pub(super) async fn get_session_token(
    identity: Arc<Identity>,
    call: Call,
    input: Input,
) -> Result<Output, AwsError> {
    refuse_mfa(input.serial_number.as_ref(), input.token_code.as_ref())?;
    let owner = owner(&call, "GetSessionToken")?;
    let seconds = duration(&owner, input.duration_seconds)?;
    // "No permissions are required for users to perform this operation" (API reference).
    call.allow_always("sts:GetSessionToken");
    let session = Session::User(UserSession {
        owner,
        issued_at: call.now(),
        expires_at: after(call.now(), seconds),
    });
    Ok(Output {
        credentials: identity.issue(session)?.into(),
    })
}

/// Sessions of users are asked for with long-term keys only.
pub(super) fn owner(call: &Call, operation: &str) -> Result<Owner, AwsError> {
    let caller = call.caller();
    let owner = caller.owner().filter(|_| caller.issued_at().is_none());
    owner.ok_or_else(|| {
        AwsError::access_denied(format!("Cannot call {operation} with session credentials"))
    })
}

/// How long a session of a user, or of one it federates, lasts.
pub(super) fn duration(owner: &Owner, asked: Option<u32>) -> Result<u32, AwsError> {
    if let Some(seconds) = asked {
        shape::range("durationSeconds", seconds, SHORTEST, LONGEST)?;
    }
    Ok(match owner.user {
        Some(_) => asked.unwrap_or(USUAL),
        None => asked.unwrap_or(ROOT_LIMIT).min(ROOT_LIMIT),
    })
}
