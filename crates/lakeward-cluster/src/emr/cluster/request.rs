//! `RunJobFlow`'s input and what may stand in it.
//!
//! Fields that describe machines and networks have no effect on a machine of one's own; they are
//! kept and shown again. Every other field that isn't built is refused by name.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::emr::{
    cluster::{
        application::{self, Application},
        auto_termination::{self, AutoTermination},
        bootstrap,
        configuration::{self, Configuration},
        instance::{self, Collection, fleet::FleetInput, group::GroupInput},
        log,
        machine::{self, Machine, Network, Placement},
        scaling::ManagedScaling,
        setting, unbuilt,
    },
    error::EmrError,
    release::Release,
    step::{
        self,
        config::{Ordered, StepConfig},
    },
    tag::{self, Tag},
};

/// `RunJobFlowInput`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RunJobFlowInput {
    pub name: String,
    pub instances: Instances,
    pub release_label: Option<String>,
    pub ami_version: Option<String>,
    #[serde(default)]
    pub applications: Vec<Application>,
    #[serde(default)]
    pub configurations: Vec<Configuration>,
    #[serde(default)]
    pub bootstrap_actions: Vec<Value>,
    pub log_uri: Option<String>,
    pub visible_to_all_users: Option<bool>,
    pub job_flow_role: Option<String>,
    pub service_role: Option<String>,
    pub auto_scaling_role: Option<String>,
    #[serde(default)]
    pub tags: Vec<Tag>,
    pub security_configuration: Option<String>,
    #[serde(default)]
    pub steps: Vec<StepConfig>,
    pub step_execution_role_arn: Option<String>,
    pub step_concurrency_level: Option<i64>,
    pub auto_termination_policy: Option<AutoTermination>,
    pub managed_scaling_policy: Option<ManagedScaling>,
    pub scale_down_behavior: Option<String>,
    pub repo_upgrade_on_boot: Option<String>,
    pub ebs_root_volume_size: Option<u32>,
    pub ebs_root_volume_iops: Option<u32>,
    pub ebs_root_volume_throughput: Option<u32>,
    #[serde(flatten)]
    pub unbuilt: Map<String, Value>,
}

/// `JobFlowInstancesConfig`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Instances {
    #[serde(default)]
    pub instance_groups: Vec<GroupInput>,
    #[serde(default)]
    pub instance_fleets: Vec<FleetInput>,
    pub master_instance_type: Option<String>,
    pub slave_instance_type: Option<String>,
    pub instance_count: Option<u32>,
    #[serde(default)]
    pub keep_job_flow_alive_when_no_steps: bool,
    #[serde(default)]
    pub termination_protected: bool,
    #[serde(default)]
    pub unhealthy_node_replacement: bool,
    pub placement: Option<Placement>,
    #[serde(default)]
    pub ec2_subnet_ids: Vec<String>,
    #[serde(flatten)]
    pub network: Network,
    #[serde(flatten)]
    pub unbuilt: Map<String, Value>,
}

/// A request that kept to the rules.
#[derive(Debug)]
pub(crate) struct Launch {
    pub name: String,
    pub release: Release,
    pub applications: Vec<String>,
    pub configurations: Vec<Configuration>,
    pub tags: Vec<Tag>,
    pub service_role: String,
    pub instance_profile: String,
    pub security_configuration: Option<String>,
    pub collection: Collection,
    pub machine: Machine,
    pub keep_alive: bool,
    pub termination_protected: bool,
    pub idle_timeout: Option<u32>,
    pub steps: Vec<Ordered>,
    /// The runtime role of these steps.
    pub step_role: Option<String>,
    pub log_uri: Option<String>,
    pub step_concurrency: u32,
    pub managed_scaling: Option<ManagedScaling>,
}

impl RunJobFlowInput {
    /// Checks every rule that needs nothing but the request.
    pub(crate) fn validate(self) -> Result<Launch, EmrError> {
        unbuilt::refuse("", &self.unbuilt)?;
        unbuilt::refuse("Instances.", &self.instances.unbuilt)?;
        bootstrap::refuse(&self.bootstrap_actions)?;
        setting::check_visible(self.visible_to_all_users.unwrap_or(true))?;
        machine::check_name("The cluster's Name", &self.name)?;
        let release = self.release()?;
        configuration::validate(&self.configurations)?;
        let collection = instance::collection(&self.instances)?;
        let of_fleets = matches!(collection, Collection::Fleets(_));
        if let Some(policy) = &self.managed_scaling_policy {
            policy.check(of_fleets)?;
        }
        let tags = self.tags()?;
        let step_role = self.step_execution_role_arn.filter(|role| !role.is_empty());
        if step_role.is_some() && self.steps.is_empty() {
            return Err(EmrError::validation(
                "StepExecutionRoleArn is the runtime role of the request's Steps, and there are \
                 none. Leave it out; steps that are added later have a role of their own.",
            ));
        }
        let step_concurrency = setting::step_concurrency(self.step_concurrency_level.unwrap_or(1))?;
        Ok(Launch {
            release,
            collection,
            applications: application::names(&self.applications)?,
            tags,
            steps: step::config::validate(self.steps, step_concurrency)?,
            step_role,
            keep_alive: self.instances.keep_job_flow_alive_when_no_steps,
            termination_protected: self.instances.termination_protected,
            idle_timeout: auto_termination::idle_timeout(self.auto_termination_policy, release)?,
            log_uri: log::uri(self.log_uri)?,
            step_concurrency,
            machine: Machine {
                ebs_root_volume_size: self.ebs_root_volume_size,
                ebs_root_volume_iops: self.ebs_root_volume_iops,
                ebs_root_volume_throughput: self.ebs_root_volume_throughput,
                scale_down_behavior: machine::scale_down(self.scale_down_behavior)?,
                repo_upgrade_on_boot: machine::repo_upgrade(self.repo_upgrade_on_boot)?,
                auto_scaling_role: self.auto_scaling_role.filter(|role| !role.is_empty()),
                ..self.instances.machine(of_fleets)?
            },
            name: self.name,
            configurations: self.configurations,
            service_role: required(
                self.service_role,
                "ServiceRole is required for creating cluster.",
            )?,
            instance_profile: required(
                self.job_flow_role,
                "InstanceProfile is required for creating cluster.",
            )?,
            security_configuration: self.security_configuration.filter(|name| !name.is_empty()),
            managed_scaling: self.managed_scaling_policy,
        })
    }

    fn tags(&self) -> Result<Vec<Tag>, EmrError> {
        tag::merge(&[], &self.tags).map_err(|error| EmrError::validation(error.to_string()))
    }

    fn release(&self) -> Result<Release, EmrError> {
        match (&self.ami_version, &self.release_label) {
            (Some(ami), Some(label)) => Err(EmrError::validation(format!(
                "Only one AMI version and release label may be specified. Provided AMI: {ami}, \
                 release label: {label}."
            ))),
            (Some(_), None) => Err(EmrError::Unsupported("AmiVersion".to_owned())),
            (None, Some(label)) => Release::known(label),
            (None, None) => Err(EmrError::validation(
                "ReleaseLabel is required for creating cluster, for example emr-6.10.0.",
            )),
        }
    }
}

impl Instances {
    fn machine(self, of_fleets: bool) -> Result<Machine, EmrError> {
        let machine =
            machine::machine(self.network, self.ec2_subnet_ids, self.placement, of_fleets)?;
        Ok(Machine {
            unhealthy_node_replacement: self.unhealthy_node_replacement,
            ..machine
        })
    }
}

fn required(value: Option<String>, message: &str) -> Result<String, EmrError> {
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| EmrError::validation(message))
}

#[cfg(test)]
mod tests;
