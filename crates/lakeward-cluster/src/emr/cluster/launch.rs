//! `RunJobFlow`.

use std::{net::Ipv4Addr, sync::Arc};

use lakeward_identity::{Call, OnBehalfOf, Role, ServiceSession};
use lakeward_policy::{Arn, Context};
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;
use serde::Serialize;

use crate::emr::{
    Emr,
    cluster::{
        Cluster, ClusterState, Security, address,
        instance::Collection,
        request::{Launch, RunJobFlowInput},
        state::StateReason,
    },
    error::EmrError,
    identifier,
    release::Release,
    security_configuration::{SecurityConfiguration, SecurityDocument},
    step::add::Submitter,
    tag,
};

const ELASTIC_MAP_REDUCE: &str = "elasticmapreduce.amazonaws.com";
const EC2: &str = "ec2.amazonaws.com";
const AUTO_SCALING: &str = "application-autoscaling.amazonaws.com";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RunJobFlowOutput {
    job_flow_id: String,
    cluster_arn: String,
}

/// `RunJobFlow`. The caller also needs `iam:PassRole` on the service role, on the role of the
/// instance profile, and on the auto-scaling role when there is one.
pub(crate) async fn run_job_flow(
    emr: Arc<Emr>,
    call: Call,
    input: RunJobFlowInput,
) -> Result<RunJobFlowOutput, AwsError> {
    let context = tag::add_request_tags(Context::new(), &input.tags);
    let _permit = call.authorize("elasticmapreduce:RunJobFlow", "*", context)?;
    let mut launch = input.validate()?;
    let steps = std::mem::take(&mut launch.steps);
    let step_role = launch.step_role.take();
    pass_roles(&emr, &call, &launch)?;
    let network = emr.config.network;
    let snapshot = emr.store.snapshot();
    let security = security(&snapshot, &call, &launch)?;
    let address = address::allocate(network, &snapshot)?;
    let mut cluster = launch.into_cluster(&call, security, address);
    cluster.node.clone_from(&emr.config.node);
    let submitter = match steps.is_empty() {
        true => None,
        false => Some(submitter(&emr, &call, &cluster, step_role)?),
    };
    let cluster = emr
        .store
        .change(|change| {
            // Another cluster may have taken the address meanwhile.
            cluster.address = address::allocate(network, change)?;
            change.put(cluster.clone());
            if let Some(submitter) = submitter {
                submitter.record(change, &cluster, steps, call.now())?;
            }
            Ok::<_, EmrError>(Arc::new(cluster))
        })
        .await?;
    emr.begin(Arc::clone(&cluster));
    Ok(RunJobFlowOutput {
        job_flow_id: cluster.id.clone(),
        cluster_arn: cluster.arn(),
    })
}

impl Launch {
    fn into_cluster(self, call: &Call, security: Option<Security>, address: Ipv4Addr) -> Cluster {
        let (groups, fleets) = match self.collection {
            Collection::Groups(groups) => (groups, Vec::new()),
            Collection::Fleets(fleets) => (Vec::new(), fleets),
        };
        Cluster {
            account: call.account().to_owned(),
            region: call.region().to_owned(),
            id: identifier::cluster(),
            name: self.name,
            state: ClusterState::Starting,
            reason: Some(StateReason::message("Provisioning the cluster's endpoints")),
            created_at: call.now(),
            ready_at: None,
            ended_at: None,
            release_label: self.release.to_string(),
            applications: self.applications,
            tags: self.tags,
            service_role: self.service_role,
            instance_profile: self.instance_profile,
            security,
            configurations: self.configurations,
            groups,
            fleets,
            machine: self.machine,
            keep_alive: self.keep_alive,
            termination_protected: self.termination_protected,
            idle_timeout: self.idle_timeout,
            idle_timeout_set_at: None,
            log_uri: self.log_uri,
            step_concurrency: self.step_concurrency,
            managed_scaling: self.managed_scaling,
            address,
            node: None,
        }
    }
}

/// Whose the steps are that come with the cluster. For a runtime role the caller needs what
/// `AddJobFlowSteps` asks for, on the cluster that is to be: `RunJobFlow` has no condition key for it.
fn submitter(
    emr: &Emr,
    call: &Call,
    cluster: &Cluster,
    role_arn: Option<String>,
) -> Result<Submitter, AwsError> {
    if let Some(role_arn) = &role_arn {
        let context = tag::resource_context(&cluster.tags)
            .with("elasticmapreduce:ExecutionRoleArn", role_arn.clone());
        let action = "elasticmapreduce:AddJobFlowSteps";
        let _permit = call.authorize(action, &cluster.arn(), context)?;
    }
    let parameter = "StepExecutionRoleArn";
    Ok(Submitter::checked(emr, call, cluster, role_arn, parameter)?)
}

/// The rules of the named security configuration, as they are now.
fn security(
    snapshot: &Snapshot,
    call: &Call,
    launch: &Launch,
) -> Result<Option<Security>, EmrError> {
    let Some(name) = &launch.security_configuration else {
        return Ok(None);
    };
    let key = SecurityConfiguration::key_of(call.account(), call.region(), name);
    let configuration = snapshot
        .get::<SecurityConfiguration>(&key)
        .ok_or_else(|| EmrError::LaunchWithoutSecurityConfiguration(name.clone()))?;
    let first = Release::FIRST_WITH_RUNTIME_ROLES;
    if launch.release < first && SecurityDocument::read(&configuration.document)?.runtime_roles() {
        return Err(EmrError::validation(format!(
            "The security configuration '{name}' enables runtime roles, which need {first} or \
             later; the cluster's release is {}.",
            launch.release
        )));
    }
    Ok(Some(Security {
        name: name.clone(),
        document: configuration.document.clone(),
    }))
}

/// Asks whether the caller may pass the roles, then whether they can do their work.
fn pass_roles(emr: &Emr, call: &Call, launch: &Launch) -> Result<(), AwsError> {
    pass_service_role(emr, call, &role_arn(emr, call, &launch.service_role)?)?;
    let profile_role = profile_role_arn(emr, call, &launch.instance_profile)?;
    pass_role(call, &profile_role, EC2)?;
    match &launch.machine.auto_scaling_role {
        Some(role) => pass_auto_scaling_role(call, &role_arn(emr, call, role)?),
        None => Ok(()),
    }
}

/// The service must be able to take the role for a cluster of the account.
fn pass_service_role(emr: &Emr, call: &Call, role_arn: &str) -> Result<(), AwsError> {
    pass_role(call, role_arn, ELASTIC_MAP_REDUCE)?;
    // The cluster has no id yet; trust policies name all clusters of the account (EMR Management
    // Guide, "Service role for Amazon EMR").
    let clusters = format!(
        "arn:aws:elasticmapreduce:{}:{}:cluster/*",
        call.region(),
        call.account()
    );
    let wish = ServiceSession {
        role_arn,
        service: ELASTIC_MAP_REDUCE,
        name: "lakeward",
        source: OnBehalfOf {
            arn: Some(&clusters),
            account: Some(call.account()),
        },
        at: call.now(),
    };
    match emr.identity.service_session(&wish) {
        Ok(_) => Ok(()),
        Err(error) if !error.is_sender_fault() => Err(error),
        Err(_) => {
            let message = format!("EMR service role {role_arn} is invalid");
            Err(EmrError::validation(message).into())
        }
    }
}

/// It is only kept and shown, so what it may do isn't asked.
fn pass_auto_scaling_role(call: &Call, role_arn: &str) -> Result<(), AwsError> {
    pass_role(call, role_arn, AUTO_SCALING)?;
    if Role::find(call.snapshot(), role_arn).is_some() {
        return Ok(());
    }
    Err(EmrError::validation(format!("Auto-scaling role {role_arn} is invalid")).into())
}

fn pass_role(call: &Call, role_arn: &str, service: &str) -> Result<(), AwsError> {
    let role = Role::find(call.snapshot(), role_arn);
    let context = role
        .map_or_else(Context::new, |role| role.tag_context())
        .with("iam:PassedToService", service);
    let _permit = call.authorize("iam:PassRole", role_arn, context)?;
    Ok(())
}

/// The ARN of a role, which may be given by name. A role that isn't there gets the ARN it
/// would have, so that the answer to someone who may not pass it doesn't tell.
fn role_arn(emr: &Emr, call: &Call, given: &str) -> Result<String, EmrError> {
    if given.starts_with("arn:") {
        return own_role(call, given);
    }
    let prefix = format!("{}/", call.account());
    let roles = emr.store.snapshot().scan::<Role>(&prefix);
    let named = roles
        .iter()
        .find(|role| role.name.eq_ignore_ascii_case(given));
    Ok(named.map_or_else(
        || format!("arn:aws:iam::{}:role/{given}", call.account()),
        |role| role.arn(),
    ))
}

/// A role of another account can't be passed.
fn own_role(call: &Call, arn: &str) -> Result<String, EmrError> {
    let account = Arn::parse(arn).map(|arn| arn.account);
    if account.is_ok_and(|account| account == call.account()) {
        Ok(arn.to_owned())
    } else {
        Err(EmrError::validation(format!(
            "'{arn}' is not the ARN of a role of account {}.",
            call.account()
        )))
    }
}

/// The role in the instance profile, which is given by name or ARN.
fn profile_role_arn(emr: &Emr, call: &Call, given: &str) -> Result<String, EmrError> {
    let foreign = given.starts_with("arn:")
        && Arn::parse(given).map_or(true, |arn| arn.account != call.account());
    Some(given)
        .filter(|_| !foreign)
        .and_then(|profile| emr.identity.instance_profile_role(call.account(), profile))
        .ok_or_else(|| EmrError::validation(format!("Invalid InstanceProfile: {given}.")))
}
