//! The wire of `AssumeRole`.

use std::sync::Arc;

use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{
    assume::{AssumeRole, RoleCredentials},
    credentials::{Credentials, Issued, refuse_mfa},
    passed::{self, PolicyArn, Tag},
};
use crate::{Call, Identity};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
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
    #[serde(default)]
    provided_contexts: Vec<ProvidedContext>,
}

#[derive(Deserialize)]
struct ProvidedContext {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    packed_policy_size: u32,
    source_identity: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

/// What both kinds of `AssumeRole…` answer about the session.
pub(super) fn shown(granted: RoleCredentials) -> (Credentials, AssumedRoleUser) {
    let user = AssumedRoleUser {
        assumed_role_id: granted.assumed_role_id,
        arn: granted.assumed_role_arn,
    };
    let issued = Issued {
        access_key_id: granted.access_key_id,
        secret_access_key: granted.secret_access_key,
        session_token: granted.session_token,
        expires_at: granted.expires_at,
    };
    (issued.into(), user)
}

pub(super) async fn assume_role(
    identity: Arc<Identity>,
    call: Call,
    input: Input,
) -> Result<Output, AwsError> {
    refuse_mfa(input.serial_number.as_ref(), input.token_code.as_ref())?;
    if !input.provided_contexts.is_empty() {
        return Err(AwsError::new(
            400,
            "ValidationError",
            "ProvidedContexts (trusted identity propagation) is not implemented by this server; leave it out",
        ));
    }
    let request = AssumeRole {
        role_arn: input.role_arn,
        session_name: input.role_session_name,
        duration_seconds: input.duration_seconds,
        policy: input.policy,
        policy_arns: passed::arns(input.policy_arns),
        tags: passed::pairs(input.tags),
        transitive_tag_keys: input.transitive_tag_keys,
        external_id: input.external_id,
        source_identity: input.source_identity,
    };
    let granted = identity.assume(&call, request)?;
    let (packed_policy_size, source_identity) =
        (granted.packed_policy_size, granted.source_identity.clone());
    let (credentials, assumed_role_user) = shown(granted);
    Ok(Output {
        credentials,
        assumed_role_user,
        packed_policy_size,
        source_identity,
    })
}
