//! `GetClusterSessionCredentials`.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_identity::Call;
use lakeward_policy::{Arn, Context, Principal};
use lakeward_store::Snapshot;
use lakeward_wire::{AwsError, Secret, epoch};
use serde::{Deserialize, Serialize};

use super::{
    CredentialLimits, SessionCredential, of_cluster, prune, requirements::check_cluster, sha256,
};
use crate::emr::{
    Emr,
    chain::RoleChain,
    cluster::{Cluster, arn, find},
    error::EmrError,
    identifier,
};

/// What the caller must be allowed on the cluster.
pub(super) const ACTION: &str = "elasticmapreduce:GetClusterSessionCredentials";
const USERNAME_LENGTH: usize = 24;
const PASSWORD_LENGTH: usize = 40;
/// `ArnType` of the EMR API Reference.
const ARN_LENGTHS: std::ops::RangeInclusive<usize> = 20..=2048;

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
    let (cluster, tags) = find(&emr, &call, &input.cluster_id);
    let role = input.execution_role_arn.as_deref();
    let cluster_arn = arn(&call, &input.cluster_id);
    let _permit = call.authorize(ACTION, &cluster_arn, with_execution_role(tags, role))?;
    let role_arn = execution_role(input.execution_role_arn)?;
    let cluster = cluster.ok_or(EmrError::NoSuchCluster(input.cluster_id))?;
    let rules = cluster.security_rules()?;
    check_cluster(&cluster, &rules)?;
    let caller_arn = call.caller_arn();
    let keys = RoleChain {
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
        role_id: keys.role_id().to_owned(),
        caller_arn,
        principal_arn: principal_arn(&call),
        principal_id: principal_id(&call),
        caller: Some(call.keep_caller()),
        source_identity: call.source_identity().map(ToOwned::to_owned),
        expires_at: expiry(&emr)?,
    };
    let output = IssueOutput::of(&pair, password);
    record(&emr, pair).await?;
    Ok(output)
}

/// The role or user behind the caller: a session's role, and who asked for a federated user.
fn principal_arn(call: &Call) -> String {
    match call.principal() {
        Principal::RoleSession { role_arn, .. } => role_arn,
        Principal::FederatedUser { issuer_arn, .. } => issuer_arn,
        _ => call.caller_arn(),
    }
}

fn principal_id(call: &Call) -> String {
    let id = call.caller().unique_id();
    id.unwrap_or_else(|| call.account()).to_owned()
}

/// The condition keys with the role that was passed; absent when none was, as in AWS.
pub(super) fn with_execution_role(mut context: Context, role_arn: Option<&str>) -> Context {
    if let Some(role_arn) = role_arn {
        context.insert(
            "elasticmapreduce:ExecutionRoleArn",
            vec![role_arn.to_owned()],
        );
    }
    context
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
    if is_role && ARN_LENGTHS.contains(&arn.len()) {
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
    emr.activity.touch(&pair.cluster_id);
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
            check_limits(change, emr.config.credential_limits, &pair, now)?;
            change.put(pair);
            Ok(())
        })
        .await
}

fn check_limits(
    snapshot: &Snapshot,
    limits: CredentialLimits,
    pair: &SessionCredential,
    now: Timestamp,
) -> Result<(), EmrError> {
    let refuse = |who: &str, most: usize| {
        Err(EmrError::invalid_request(format!(
            "{who} has {most} session credentials for cluster '{}' that are still valid, the most \
             there may be. Use one of them, or wait until one expires.",
            pair.cluster_id
        )))
    };
    let mut good = of_cluster(snapshot, &pair.cluster_id);
    good.retain(|other| !other.has_expired(now));
    if good.len() >= limits.for_one_cluster {
        return refuse("Everyone together", limits.for_one_cluster);
    }
    good.retain(|other| other.principal_id == pair.principal_id);
    if good.len() >= limits.for_one_principal {
        return refuse(&pair.principal_arn, limits.for_one_principal);
    }
    Ok(())
}
