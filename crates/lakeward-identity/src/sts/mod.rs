//! The Security Token Service.
//!
//! Names, limits and error codes follow the AWS STS API Reference.

mod assume;
mod assume_role;
mod authorization_message;
mod credentials;
mod federation;
mod key_info;
mod own_session;
mod passed;
mod reach;
mod service_session;
mod session;
mod shape;
mod tags;
mod web_identity;

pub use assume::{AssumeRole, RoleCredentials};
pub use service_session::{OnBehalfOf, ServiceSession};
pub(crate) use web_identity::{Assertion, IssuerKeys};
pub use web_identity::{IssuerNetwork, IssuerNetworkError};

use std::sync::Arc;

use lakeward_wire::{AwsError, Protocol};
use serde::{Deserialize, Serialize};

use crate::{Call, Identity, Service};

/// The STS service table.
#[must_use]
pub fn service(identity: &Arc<Identity>) -> Service {
    let protocol = Protocol::Query {
        version: "2011-06-15",
        namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
    };
    Service::new("sts", protocol)
        .operation("GetCallerIdentity", identity, get_caller_identity)
        .operation("AssumeRole", identity, assume_role::assume_role)
        .operation("GetSessionToken", identity, own_session::get_session_token)
        .operation(
            "GetFederationToken",
            identity,
            federation::get_federation_token,
        )
        .operation("GetAccessKeyInfo", identity, key_info::get_access_key_info)
        .operation(
            "DecodeAuthorizationMessage",
            identity,
            authorization_message::decode_authorization_message,
        )
        .operation(
            "AssumeRoleWithWebIdentity",
            identity,
            web_identity::assume_role_with_web_identity,
        )
        .vouched_by("AssumeRoleWithWebIdentity", identity, web_identity::vouch)
}

#[derive(Deserialize)]
struct GetCallerIdentityInput {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetCallerIdentityOutput {
    arn: String,
    user_id: String,
    account: String,
}

async fn get_caller_identity(
    _identity: Arc<Identity>,
    call: Call,
    _input: GetCallerIdentityInput,
) -> Result<GetCallerIdentityOutput, AwsError> {
    // STS answers this even when a policy denies it ("GetCallerIdentity" in the API reference).
    call.allow_always("sts:GetCallerIdentity");
    Ok(GetCallerIdentityOutput {
        arn: call.caller_arn(),
        user_id: call.caller().user_id(),
        account: call.account().to_owned(),
    })
}
