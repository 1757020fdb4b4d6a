//! `GetFederationToken`: part of a user's permissions for someone else.

use std::sync::Arc;

use lakeward_policy::Context;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{
    assume::actions,
    credentials::{Credentials, after},
    own_session::{duration, owner},
    passed::{self, PolicyArn, Tag},
    shape,
};
use crate::{
    Call, Identity,
    caller::federated_arn,
    inventory::{self, Tags},
    session::{FederatedSession, Session},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    name: String,
    policy: Option<String>,
    #[serde(default)]
    policy_arns: Vec<PolicyArn>,
    duration_seconds: Option<u32>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    credentials: Credentials,
    federated_user: FederatedUser,
    packed_policy_size: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FederatedUser {
    federated_user_id: String,
    arn: String,
}

pub(super) async fn get_federation_token(
    identity: Arc<Identity>,
    call: Call,
    input: Input,
) -> Result<Output, AwsError> {
    let (tags, arns) = (passed::pairs(input.tags), passed::arns(input.policy_arns));
    shape::session_name("name", &input.name, 32)?;
    passed::check_policies(input.policy.as_deref(), &arns)?;
    passed::check_tags(&tags)?;
    let issuer = owner(&call, "GetFederationToken")?;
    let seconds = duration(&issuer, input.duration_seconds)?;
    let tags: Tags = tags.into_iter().collect();
    let arn = federated_arn(call.account(), &input.name);
    authorize(&call, &arn, &inventory::request_tags(&tags))?;
    passed::check_managed(call.snapshot(), call.account(), &arns)?;
    let packed_policy_size = passed::packed_size(input.policy.as_deref(), &arns, &tags)?;
    let federated_user_id = format!("{}:{}", call.account(), input.name);
    let session = Session::Federated(FederatedSession {
        issuer,
        name: input.name,
        tags,
        policy: passed::inline(input.policy)?,
        policy_arns: arns,
        issued_at: call.now(),
        expires_at: after(call.now(), seconds),
    });
    Ok(Output {
        credentials: identity.issue(session)?.into(),
        federated_user: FederatedUser {
            federated_user_id,
            arn,
        },
        packed_policy_size,
    })
}

fn authorize(call: &Call, arn: &str, context: &Context) -> Result<(), AwsError> {
    for action in actions("sts:GetFederationToken", context) {
        let _permit = call.authorize(action, arn, context.clone())?;
    }
    Ok(())
}
