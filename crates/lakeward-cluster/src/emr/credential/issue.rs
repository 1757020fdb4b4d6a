//! `GetClusterSessionCredentials`.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_identity::Call;
use lakeward_policy::Arn;
use lakeward_wire::{AwsError, Secret, epoch};
use serde::{Deserialize, Serialize};

use super::{SessionCredential, prune, requirements::check_cluster, sha256};
use crate::emr::{
    Emr,
    chain::RoleChain,
    cluster::{Cluster, arn, find},
    error::EmrError,
    identifier,
};

const USERNAME_LENGTH: usize = 24;
const PASSWORD_LENGTH: usize = 40;
const MOST_FOR_ONE_CALLER: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct IssueInput {
    cluster_id: String,
    execution_role_arn: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct IssueOutput {
    credentials: Credentials,
    expires_at: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    username_password: UsernamePassword,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UsernamePassword {
    username: String,
    #[serde(serialize_with = "Secret::serialize_exposed")]
    password: Secret,
}

/// `GetClusterSessionCredentials`
pub(crate) async fn issue(
    emr: Arc<Emr>,
    call: Call,
    input: IssueInput,
) -> Result<IssueOutput, AwsError> {
    let (cluster, mut context) = find(&emr, &call, &input.cluster_id);
    if let Some(role) = &input.execution_role_arn {
        context.insert("elasticmapreduce:ExecutionRoleArn", vec![role.clone()]);
    }
    let _permit = call.authorize(
        "elasticmapreduce:GetClusterSessionCredentials",
        &arn(&call, &input.cluster_id),
        context,
    )?;
    let role_arn = execution_role(input.execution_role_arn)?;
    let cluster = cluster.ok_or(EmrError::NoSuchCluster(input.cluster_id))?;
    let rules = cluster.security_rules()?;
    check_cluster(&cluster, &rules)?;
    let caller_arn = call.caller_arn();
    RoleChain {
        cluster: &cluster,
        rules: &rules,
        role_arn: &role_arn,
        caller_arn: &caller_arn,
        source_identity: call.source_identity(),
        now: call.now(),
    }
    .assume(&emr.identity)?;
    let password = identifier::credential(PASSWORD_LENGTH);
    let pair = SessionCredential {
        account: cluster.account.clone(),
        cluster_id: cluster.id.clone(),
        username: identifier::credential(USERNAME_LENGTH),
        password_sha256: sha256(&password),
        role_arn,
        caller_arn,
        source_identity: call.source_identity().map(ToOwned::to_owned),
        expires_at: expiry(&emr)?,
    };
    let output = IssueOutput::of(&pair, password);
    record(&emr, pair).await?;
    Ok(output)
}

impl IssueOutput {
    fn of(pair: &SessionCredential, password: String) -> Self {
        Self {
            credentials: Credentials {
                username_password: UsernamePassword {
                    username: pair.username.clone(),
                    password: Secret::new(password),
                },
            },
            expires_at: epoch(pair.expires_at),
        }
    }
}

fn execution_role(given: Option<String>) -> Result<String, EmrError> {
    let arn = given.ok_or_else(|| {
        EmrError::invalid_request(
            "ExecutionRoleArn is required: name the runtime role that the session is to run under.",
        )
    })?;
    let is_role = Arn::parse(&arn)
        .is_ok_and(|parsed| parsed.service == "iam" && parsed.resource.starts_with("role/"));
    if is_role {
        Ok(arn)
    } else {
        Err(EmrError::invalid_request(format!(
            "ExecutionRoleArn '{arn}' is not the ARN of an IAM role."
        )))
    }
}

fn expiry(emr: &Emr) -> Result<Timestamp, AwsError> {
    emr.now()
        .checked_add(emr.config.credential_lifetime)
        .map_err(AwsError::internal)
}

async fn record(emr: &Emr, pair: SessionCredential) -> Result<(), EmrError> {
    let now = emr.now();
    emr.activity.touch(&pair.cluster_id, now);
    let cluster_key = Cluster::key_of(&pair.account, &pair.cluster_id);
    let prefix = SessionCredential::key_of(&pair.cluster_id, "");
    emr.store
        .change(|change| {
            // The cluster may have begun to end since it was looked at.
            let current = change.get::<Cluster>(&cluster_key);
            if !current.is_some_and(|current| current.state.is_ready()) {
                return Err(EmrError::NoSuchCluster(pair.cluster_id));
            }
            prune(change, &prefix, now);
            let alive = change.scan::<SessionCredential>(&prefix);
            let of_caller = alive
                .iter()
                .filter(|other| other.caller_arn == pair.caller_arn);
            if of_caller.count() >= MOST_FOR_ONE_CALLER {
                return Err(EmrError::invalid_request(format!(
                    "{} has {MOST_FOR_ONE_CALLER} credentials for this cluster that are still \
                     valid. Use one of them, or wait until they expire.",
                    pair.caller_arn
                )));
            }
            change.put(pair);
            Ok(())
        })
        .await
}
