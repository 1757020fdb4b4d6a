//! `AddJobFlowSteps`.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_policy::Arn;
use lakeward_store::Change;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use crate::emr::{
    Emr,
    chain::RoleChain,
    cluster::{Cluster, arn, find},
    error::EmrError,
    identifier,
    object::ObjectAddress,
    release::Release,
    security_configuration::SecurityDocument,
    step::{
        Step, StepState,
        config::{MOST_STEPS, Ordered, StepConfig, validate},
    },
};

/// Steps that are over stay on record until there are so many.
const MOST_KEPT: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AddInput {
    job_flow_id: String,
    steps: Vec<StepConfig>,
    execution_role_arn: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AddOutput {
    step_ids: Vec<String>,
}

/// Who submits, and what the steps are to run under.
pub(crate) struct Submitter {
    pub role_arn: Option<String>,
    /// The role's unique id, once the cluster was seen to be able to assume it.
    role_id: Option<String>,
    pub caller_arn: String,
    pub source_identity: Option<String>,
}

/// `AddJobFlowSteps`: all of them or none.
pub(crate) async fn add(emr: Arc<Emr>, call: Call, input: AddInput) -> Result<AddOutput, AwsError> {
    let (cluster, mut context) = find(&emr, &call, &input.job_flow_id);
    // An empty one names no role, to a policy as well.
    let role_arn = input.execution_role_arn.filter(|role| !role.is_empty());
    if let Some(role) = &role_arn {
        context.insert("elasticmapreduce:ExecutionRoleArn", vec![role.clone()]);
    }
    let resource = arn(&call, &input.job_flow_id);
    let _permit = call.authorize("elasticmapreduce:AddJobFlowSteps", &resource, context)?;
    let cluster = cluster.ok_or(EmrError::NoSuchJobFlow)?;
    if !cluster.state.is_live() {
        return Err(EmrError::Finished.into());
    }
    let ordered = validate(input.steps, cluster.step_concurrency)?;
    let submitter = Submitter::checked(&emr, &call, &cluster, role_arn, "ExecutionRoleArn")?;
    let key = Cluster::key_of(&cluster.account, &cluster.id);
    let step_ids = emr
        .store
        .change(|change| {
            let current = change.get::<Cluster>(&key).ok_or(EmrError::NoSuchJobFlow)?;
            if !current.state.is_live() {
                return Err(EmrError::Finished);
            }
            submitter.record(change, &current, ordered, call.now())
        })
        .await?;
    emr.work_on(key);
    Ok(AddOutput { step_ids })
}

/// The rules about runtime roles (EMR Management Guide, "Runtime roles for Amazon EMR steps").
fn check_role(
    cluster: &Cluster,
    rules: &SecurityDocument,
    role_arn: Option<&str>,
    parameter: &str,
) -> Result<(), EmrError> {
    let Some(role_arn) = role_arn else {
        return if rules.runtime_roles() {
            Err(EmrError::validation(format!(
                "Runtime roles are required for this cluster. Please specify the role using the \
                 {parameter} parameter."
            )))
        } else {
            Ok(())
        };
    };
    if !rules.runtime_roles() {
        return Err(EmrError::validation(format!(
            "Runtime roles are not supported on this cluster. Please remove the {parameter} \
             parameter, or start a cluster with a security configuration in which \
             EnableApplicationScopedIAMRole is true."
        )));
    }
    let first = Release::FIRST_WITH_RUNTIME_ROLES;
    if cluster.release_label.parse::<Release>()? < first {
        return Err(EmrError::validation(format!(
            "Runtime roles are not supported on this cluster. Its release is {}; they need {first} \
             or later.",
            cluster.release_label
        )));
    }
    let is_role = Arn::parse(role_arn)
        .is_ok_and(|parsed| parsed.service == "iam" && parsed.resource.starts_with("role/"));
    if is_role {
        Ok(())
    } else {
        let shown: String = role_arn.escape_debug().take(200).collect();
        Err(EmrError::validation(format!(
            "{parameter} '{shown}' is not the ARN of an IAM role."
        )))
    }
}

impl Submitter {
    /// The caller, with a role that keeps to the cluster's rules and that the cluster can assume.
    /// `parameter` is what the operation calls the role.
    ///
    /// # Errors
    /// `ValidationException` that says what to change.
    pub(crate) fn checked(
        emr: &Emr,
        call: &Call,
        cluster: &Cluster,
        role_arn: Option<String>,
        parameter: &str,
    ) -> Result<Self, EmrError> {
        let rules = cluster.security_rules()?;
        check_role(cluster, &rules, role_arn.as_deref(), parameter)?;
        let mut submitter = Self {
            role_arn,
            role_id: None,
            caller_arn: call.caller_arn(),
            source_identity: call.source_identity().map(ToOwned::to_owned),
        };
        submitter.role_id = submitter.check_chain(emr, call, cluster, &rules)?;
        Ok(submitter)
    }

    /// Whether the cluster can assume the role now, and the role's unique id. It is asked again when
    /// a step runs.
    fn check_chain(
        &self,
        emr: &Emr,
        call: &Call,
        cluster: &Cluster,
        rules: &SecurityDocument,
    ) -> Result<Option<String>, EmrError> {
        let Some(role_arn) = &self.role_arn else {
            return Ok(None);
        };
        let chain = RoleChain {
            cluster,
            rules,
            role_arn,
            caller_arn: &self.caller_arn,
            source_identity: self.source_identity.as_deref(),
            now: call.now(),
        };
        match chain.assume(&emr.identity) {
            Err(EmrError::InvalidRequest(message)) => Err(EmrError::Validation(message)),
            assumed => assumed.map(|keys| Some(keys.role_id().to_owned())),
        }
    }

    /// Puts steps behind those that are there.
    pub(crate) fn record(
        &self,
        change: &mut Change<'_>,
        cluster: &Cluster,
        ordered: Vec<Ordered>,
        now: jiff::Timestamp,
    ) -> Result<Vec<String>, EmrError> {
        cluster.check_spark()?;
        let there = Step::of_cluster(change, &cluster.id);
        let active = there.iter().filter(|step| step.state.is_active()).count();
        if active + ordered.len() > MOST_STEPS {
            return Err(EmrError::validation(
                "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') \
                 for cluster exceeded.",
            ));
        }
        drop_oldest(change, &there, ordered.len());
        let next = there.last().map_or(0, |step| step.number + 1);
        let mut ids = Vec::new();
        for (number, ordered) in (next..).zip(ordered) {
            let step = self.step(cluster, number, ordered, now);
            ids.push(step.id.clone());
            change.put(step);
        }
        Ok(ids)
    }

    fn step(&self, cluster: &Cluster, number: u64, ordered: Ordered, now: jiff::Timestamp) -> Step {
        let id = identifier::step();
        let logs = cluster.log_uri.as_deref().and_then(ObjectAddress::parse);
        Step {
            cluster_id: cluster.id.clone(),
            log_uri: logs.map(|logs| {
                let folder = format!("{}/steps/{id}/", cluster.id);
                logs.under(&folder).to_string()
            }),
            id,
            number,
            name: ordered.name,
            action_on_failure: ordered.action_on_failure,
            args: ordered.args,
            role_arn: self.role_arn.clone(),
            role_id: self.role_id.clone(),
            caller_arn: self.caller_arn.clone(),
            source_identity: self.source_identity.clone(),
            state: StepState::Pending,
            note: None,
            failure: None,
            created_at: now,
            started_at: None,
            ended_at: None,
        }
    }
}

/// Makes room for `coming` steps among those that are over.
fn drop_oldest(change: &mut Change<'_>, there: &[Arc<Step>], coming: usize) {
    let excess = (there.len() + coming).saturating_sub(MOST_KEPT);
    let over = there.iter().filter(|step| !step.state.is_active());
    for step in over.take(excess) {
        change.delete::<Step>(&lakeward_store::Record::key(&**step));
    }
}
