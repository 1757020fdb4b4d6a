//! `DescribeCluster`.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use crate::emr::{
    Emr,
    cluster::{Cluster, arn, configuration::Configuration, find, machine::Network, status::Status},
    error::EmrError,
    tag::Tag,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeClusterInput {
    cluster_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeClusterOutput {
    cluster: Description,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    id: String,
    name: String,
    status: Status,
    ec2_instance_attributes: Ec2Attributes,
    instance_collection_type: &'static str,
    release_label: String,
    auto_terminate: bool,
    termination_protected: bool,
    unhealthy_node_replacement: bool,
    visible_to_all_users: bool,
    applications: Vec<ApplicationName>,
    tags: Vec<Tag>,
    service_role: String,
    normalized_instance_hours: u32,
    master_public_dns_name: String,
    configurations: Vec<Configuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_configuration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale_down_behavior: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ebs_root_volume_size: Option<u32>,
    cluster_arn: String,
    step_concurrency_level: u32,
    placement_groups: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ApplicationName {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Ec2Attributes {
    #[serde(flatten)]
    network: Network,
    requested_ec2_subnet_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ec2_availability_zone: Option<String>,
    requested_ec2_availability_zones: [(); 0],
    iam_instance_profile: String,
}

/// `DescribeCluster`
pub(crate) async fn describe(
    emr: Arc<Emr>,
    call: Call,
    input: DescribeClusterInput,
) -> Result<DescribeClusterOutput, AwsError> {
    let (cluster, context) = find(&emr, &call, &input.cluster_id);
    let _permit = call.authorize(
        "elasticmapreduce:DescribeCluster",
        &arn(&call, &input.cluster_id),
        context,
    )?;
    let cluster = cluster.ok_or(EmrError::NoSuchCluster(input.cluster_id))?;
    Ok(DescribeClusterOutput {
        cluster: Description::of(&cluster),
    })
}

impl Description {
    fn of(cluster: &Cluster) -> Self {
        let applications = cluster.applications.iter().cloned();
        Self {
            id: cluster.id.clone(),
            name: cluster.name.clone(),
            status: Status::of_cluster(cluster),
            ec2_instance_attributes: Ec2Attributes::of(cluster),
            instance_collection_type: "INSTANCE_GROUP",
            release_label: cluster.release_label.clone(),
            auto_terminate: !cluster.keep_alive,
            termination_protected: cluster.termination_protected,
            unhealthy_node_replacement: false,
            visible_to_all_users: true,
            applications: applications.map(|name| ApplicationName { name }).collect(),
            tags: cluster.tags.clone(),
            service_role: cluster.service_role.clone(),
            normalized_instance_hours: 0,
            master_public_dns_name: cluster.address.to_string(),
            configurations: cluster.configurations.clone(),
            security_configuration: cluster.security.as_ref().map(|rules| rules.name.clone()),
            scale_down_behavior: cluster.machine.scale_down_behavior.clone(),
            ebs_root_volume_size: cluster.machine.ebs_root_volume_size,
            cluster_arn: cluster.arn(),
            step_concurrency_level: 1,
            placement_groups: [],
        }
    }
}

impl Ec2Attributes {
    fn of(cluster: &Cluster) -> Self {
        let machine = &cluster.machine;
        Self {
            requested_ec2_subnet_ids: machine.network.ec2_subnet_id.iter().cloned().collect(),
            network: machine.network.clone(),
            ec2_availability_zone: machine.availability_zone.clone(),
            requested_ec2_availability_zones: [],
            iam_instance_profile: cluster.instance_profile.clone(),
        }
    }
}
