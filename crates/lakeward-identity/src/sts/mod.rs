//! The Security Token Service: `GetCallerIdentity` and `AssumeRole`.

mod assume;
mod session;

pub use assume::{AssumeRole, RoleCredentials};

use std::sync::Arc;

use lakeward_wire::{AwsError, Protocol, Secret, iso};
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
        .operation("AssumeRole", identity, assume_role)
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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleInput {
    role_arn: String,
    role_session_name: String,
    duration_seconds: Option<u32>,
    policy: Option<String>,
    #[serde(default)]
    policy_arns: Vec<PolicyArn>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    transitive_tag_keys: Vec<String>,
    external_id: Option<String>,
    source_identity: Option<String>,
    serial_number: Option<String>,
    token_code: Option<String>,
}

#[derive(Deserialize)]
struct PolicyArn {
    #[serde(rename = "arn")]
    _arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleOutput {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    packed_policy_size: u32,
    source_identity: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    access_key_id: String,
    #[serde(serialize_with = "Secret::serialize_exposed")]
    secret_access_key: Secret,
    #[serde(serialize_with = "Secret::serialize_exposed")]
    session_token: Secret,
    expiration: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

async fn assume_role(
    identity: Arc<Identity>,
    call: Call,
    input: AssumeRoleInput,
) -> Result<AssumeRoleOutput, AwsError> {
    if !input.policy_arns.is_empty() || input.serial_number.is_some() || input.token_code.is_some()
    {
        return Err(AwsError::new(
            400,
            "ValidationError",
            "PolicyArns, SerialNumber and TokenCode are not implemented by this server; leave them out",
        ));
    }
    let request = AssumeRole {
        role_arn: input.role_arn,
        session_name: input.role_session_name,
        duration_seconds: input.duration_seconds,
        policy: input.policy,
        tags: input
            .tags
            .into_iter()
            .map(|tag| (tag.key, tag.value))
            .collect(),
        transitive_tag_keys: input.transitive_tag_keys,
        external_id: input.external_id,
        source_identity: input.source_identity,
    };
    let granted = identity.assume(&call, request)?;
    Ok(AssumeRoleOutput {
        assumed_role_user: AssumedRoleUser {
            assumed_role_id: granted.assumed_role_id,
            arn: granted.assumed_role_arn,
        },
        packed_policy_size: 0,
        source_identity: granted.source_identity,
        credentials: Credentials {
            access_key_id: granted.access_key_id,
            secret_access_key: granted.secret_access_key,
            session_token: granted.session_token,
            expiration: iso(granted.expires_at),
        },
    })
}
