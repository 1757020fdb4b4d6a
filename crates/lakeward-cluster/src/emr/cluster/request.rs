//! `RunJobFlow`'s input and what may stand in it.
//!
//! Fields that describe machines and networks have no effect on a machine of one's own; they are
//! kept and shown again. Every other field that isn't built is refused by name.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::emr::{
    cluster::{
        InstanceGroup,
        application::{self, Application},
        auto_termination::{self, AutoTermination},
        configuration::{self, Configuration},
        instance::group::{self, GroupInput},
        machine::{Machine, Network, Placement},
        unbuilt,
    },
    error::EmrError,
    release::Release,
    step::{
        self,
        config::{Ordered, StepConfig},
    },
    tag::{self, Tag},
};

const LONGEST_NAME: usize = 256;

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
    pub visible_to_all_users: Option<bool>,
    pub job_flow_role: Option<String>,
    pub service_role: Option<String>,
    #[serde(default)]
    pub tags: Vec<Tag>,
    pub security_configuration: Option<String>,
    #[serde(default)]
    pub steps: Vec<StepConfig>,
    pub step_execution_role_arn: Option<String>,
    pub step_concurrency_level: Option<u32>,
    pub auto_termination_policy: Option<AutoTermination>,
    pub scale_down_behavior: Option<String>,
    pub ebs_root_volume_size: Option<u32>,
    #[serde(flatten)]
    pub unbuilt: Map<String, Value>,
}

/// `JobFlowInstancesConfig`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Instances {
    #[serde(default)]
    pub instance_groups: Vec<GroupInput>,
    pub master_instance_type: Option<String>,
    pub slave_instance_type: Option<String>,
    pub instance_count: Option<u32>,
    #[serde(default)]
    pub keep_job_flow_alive_when_no_steps: bool,
    #[serde(default)]
    pub termination_protected: bool,
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
    pub groups: Vec<InstanceGroup>,
    pub machine: Machine,
    pub keep_alive: bool,
    pub termination_protected: bool,
    pub idle_timeout: Option<u32>,
    pub steps: Vec<Ordered>,
}

impl RunJobFlowInput {
    /// Checks every rule that needs nothing but the request.
    pub(crate) fn validate(self) -> Result<Launch, EmrError> {
        self.refuse_unbuilt()?;
        if self.name.chars().count() > LONGEST_NAME {
            return Err(EmrError::validation(format!(
                "The cluster's Name is longer than {LONGEST_NAME} characters."
            )));
        }
        let release = self.release()?;
        configuration::validate(&self.configurations)?;
        let idle_timeout = auto_termination::idle_timeout(self.auto_termination_policy)?;
        let applications = application::names(&self.applications)?;
        let groups = group::groups(&self.instances)?;
        let tags =
            tag::merge(&[], &self.tags).map_err(|error| EmrError::validation(error.to_string()))?;
        let alive = self.instances.keep_job_flow_alive_when_no_steps;
        let protected = self.instances.termination_protected;
        let mut machine = self.instances.machine();
        machine.ebs_root_volume_size = self.ebs_root_volume_size;
        machine.scale_down_behavior = self.scale_down_behavior;
        refuse_step_role(self.step_execution_role_arn.as_deref())?;
        let steps = step::config::validate(self.steps, 1)?;
        Ok(Launch {
            steps,
            name: self.name,
            release,
            applications,
            configurations: self.configurations,
            tags,
            service_role: required(
                self.service_role,
                "ServiceRole is required for creating cluster.",
            )?,
            instance_profile: required(
                self.job_flow_role,
                "InstanceProfile is required for creating cluster.",
            )?,
            security_configuration: self.security_configuration.filter(|name| !name.is_empty()),
            groups,
            machine,
            keep_alive: alive,
            termination_protected: protected,
            idle_timeout,
        })
    }

    fn refuse_unbuilt(&self) -> Result<(), EmrError> {
        unbuilt::refuse("", &self.unbuilt)?;
        unbuilt::refuse("Instances.", &self.instances.unbuilt)?;
        for group in &self.instances.instance_groups {
            unbuilt::refuse("Instances.InstanceGroups.", &group.unbuilt)?;
        }
        if self.visible_to_all_users == Some(false) {
            return Err(EmrError::Unsupported(
                "VisibleToAllUsers = false (IAM policies decide who sees a cluster)".to_owned(),
            ));
        }
        if !matches!(self.step_concurrency_level, None | Some(1)) {
            return Err(EmrError::Unsupported(
                "A StepConcurrencyLevel above 1".to_owned(),
            ));
        }
        Ok(())
    }

    fn release(&self) -> Result<Release, EmrError> {
        match (&self.ami_version, &self.release_label) {
            (Some(ami), Some(label)) => Err(EmrError::validation(format!(
                "Only one AMI version and release label may be specified. Provided AMI: {ami}, \
                 release label: {label}."
            ))),
            (Some(_), None) => Err(EmrError::Unsupported("AmiVersion".to_owned())),
            (None, Some(label)) => label.parse(),
            (None, None) => Err(EmrError::validation(
                "ReleaseLabel is required for creating cluster, for example emr-6.10.0.",
            )),
        }
    }
}

impl Instances {
    fn machine(self) -> Machine {
        let mut network = self.network;
        if network.ec2_subnet_id.is_none() {
            network.ec2_subnet_id = self.ec2_subnet_ids.into_iter().next();
        }
        Machine {
            network,
            availability_zone: self.placement.and_then(|place| place.availability_zone),
            ..Machine::default()
        }
    }
}

/// Runtime roles are for steps that are added to a running cluster (EMR Management Guide, "Runtime
/// roles for Amazon EMR steps").
fn refuse_step_role(role_arn: Option<&str>) -> Result<(), EmrError> {
    if role_arn.is_none_or(str::is_empty) {
        return Ok(());
    }
    Err(EmrError::Unsupported(
        "StepExecutionRoleArn (add the steps with AddJobFlowSteps and its ExecutionRoleArn)"
            .to_owned(),
    ))
}

fn required(value: Option<String>, message: &str) -> Result<String, EmrError> {
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| EmrError::validation(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request() -> Value {
        json!({
            "Name": "demo-emr-cluster",
            "ReleaseLabel": "emr-6.10.0",
            "Applications": [{"Name": "Spark"}, {"Name": "livy"}, {"Name": "Hive"}],
            "Instances": {
                "InstanceGroups": [
                    {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
                    {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 2,
                     "EbsConfiguration": {"EbsOptimized": true}}
                ],
                "KeepJobFlowAliveWhenNoSteps": true,
                "Ec2SubnetId": "subnet-1"
            },
            "JobFlowRole": "profile",
            "ServiceRole": "service",
            "VisibleToAllUsers": true,
            "SecurityConfiguration": "runtime-roles",
            "AutoTerminationPolicy": {"IdleTimeout": 7200},
            "Tags": [{"Key": "team", "Value": "red"}],
            "Steps": [], "BootstrapActions": []
        })
    }

    fn validate(request: Value) -> Result<Launch, EmrError> {
        serde_json::from_value::<RunJobFlowInput>(request)
            .unwrap()
            .validate()
    }

    /// `request()` with `value` at the JSON pointer's place.
    fn with(pointer: &str, value: Value) -> Value {
        let mut request = request();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        request.pointer_mut(parent).unwrap()[field] = value;
        request
    }

    #[test]
    fn a_usual_request_is_understood() {
        let launch = validate(request()).unwrap();
        assert_eq!(launch.release.to_string(), "emr-6.10.0");
        assert_eq!(launch.applications, ["Spark", "Livy", "Hive"]);
        assert_eq!(launch.idle_timeout, Some(7200));
        assert_eq!(
            launch.machine.network.ec2_subnet_id.as_deref(),
            Some("subnet-1")
        );
        assert_eq!(launch.groups.len(), 2);
        assert_eq!(launch.groups[0].instances.len(), 1);
        assert!(launch.groups[1].instances.is_empty());
        assert_eq!(launch.groups[1].requested, 2);
    }

    #[test]
    fn groups_can_be_given_by_type_and_count() {
        let instances = json!({"MasterInstanceType": "m5.xlarge", "InstanceCount": 3});
        let launch = validate(with("/Instances", instances)).unwrap();
        let counts: Vec<_> = launch.groups.iter().map(|group| group.requested).collect();
        assert_eq!(counts, [1, 2]);
        let none = json!({"MasterInstanceType": "m5.xlarge", "InstanceCount": 0});
        assert!(validate(with("/Instances", none)).is_err());
    }

    #[test]
    fn what_is_not_built_is_refused_by_name() {
        for (pointer, value, name) in [
            (
                "/Steps",
                json!([{"Name": "s", "HadoopJarStep": {"Jar": "s3://b/a.jar"}}]),
                "'s3://b/a.jar'",
            ),
            (
                "/StepExecutionRoleArn",
                json!("arn:aws:iam::1:role/r"),
                "StepExecutionRoleArn",
            ),
            (
                "/BootstrapActions",
                json!([{"Name": "b"}]),
                "'BootstrapActions'",
            ),
            (
                "/KerberosAttributes",
                json!({"Realm": "R"}),
                "'KerberosAttributes'",
            ),
            ("/LogUri", json!("s3://b/logs"), "'LogUri'"),
            (
                "/ManagedScalingPolicy",
                json!({"ComputeLimits": {}}),
                "'ManagedScalingPolicy'",
            ),
            ("/SessionEnabled", json!(true), "'SessionEnabled'"),
            ("/VisibleToAllUsers", json!(false), "VisibleToAllUsers"),
            ("/StepConcurrencyLevel", json!(5), "StepConcurrencyLevel"),
            (
                "/Instances/InstanceFleets",
                json!([{"InstanceFleetType": "MASTER"}]),
                "'Instances.InstanceFleets'",
            ),
            (
                "/Instances/InstanceGroups/1/AutoScalingPolicy",
                json!({"Rules": []}),
                "AutoScalingPolicy",
            ),
            (
                "/Instances/InstanceGroups/0/InstanceCount",
                json!(3),
                "three primary",
            ),
            ("/Applications/0/Args", json!(["x"]), "'Applications.Args'"),
            ("/Applications/0/Name", json!("HBase"), "HBase"),
            (
                "/Configurations",
                json!([{"Classification": "spark-defaults", "Properties": {"a": "b"}}]),
                "spark-defaults",
            ),
        ] {
            let error = validate(with(pointer, value)).unwrap_err();
            assert!(
                matches!(error, EmrError::Unsupported(_)),
                "{pointer}: {error}"
            );
            let text = error.to_string();
            assert!(text.contains(name), "{text}");
            assert!(
                text.contains("isn't supported by this release of Lakeward"),
                "{text}"
            );
        }
    }

    #[test]
    fn broken_requests_are_refused() {
        for (pointer, value) in [
            ("/ReleaseLabel", json!("6.10")),
            ("/ReleaseLabel", json!(null)),
            ("/AmiVersion", json!("3.1")),
            ("/ServiceRole", json!("")),
            ("/JobFlowRole", json!(null)),
            ("/Name", json!("n".repeat(257))),
            ("/Applications/0/Name", json!("Sparkle")),
            ("/AutoTerminationPolicy", json!({"IdleTimeout": 59})),
            ("/AutoTerminationPolicy", json!({"IdleTimeout": 604_801})),
            ("/Instances/InstanceGroups", json!([])),
            ("/Instances/InstanceGroups/1/InstanceRole", json!("MASTER")),
            ("/Instances/InstanceGroups/0/InstanceCount", json!(2)),
            (
                "/Instances/InstanceGroups/1/InstanceCount",
                json!(4_000_000_000_u32),
            ),
            ("/Instances/MasterInstanceType", json!("m5.xlarge")),
            ("/Tags", json!([{"Key": "aws:x"}])),
        ] {
            assert!(
                validate(with(pointer, value.clone())).is_err(),
                "{pointer} = {value}"
            );
        }
        let default = validate(with("/AutoTerminationPolicy", json!({}))).unwrap();
        assert_eq!(default.idle_timeout, Some(3600));
    }
}
