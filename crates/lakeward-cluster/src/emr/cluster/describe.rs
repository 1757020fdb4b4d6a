//! `DescribeCluster`.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_wire::AwsError;
use serde::Serialize;

use crate::emr::{
    Emr,
    cluster::{
        Cluster, ClusterInput,
        application::{self, Served},
        configuration::Configuration,
        machine::Network,
        permitted,
        status::Status,
    },
    tag::Tag,
};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    log_uri: Option<String>,
    release_label: String,
    auto_terminate: bool,
    termination_protected: bool,
    unhealthy_node_replacement: bool,
    visible_to_all_users: bool,
    applications: Vec<Served>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    ebs_root_volume_iops: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ebs_root_volume_throughput: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_scaling_role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repo_upgrade_on_boot: Option<String>,
    cluster_arn: String,
    step_concurrency_level: u32,
    placement_groups: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Ec2Attributes {
    #[serde(flatten)]
    network: Network,
    requested_ec2_subnet_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ec2_availability_zone: Option<String>,
    requested_ec2_availability_zones: Vec<String>,
    iam_instance_profile: String,
}

/// `DescribeCluster`
pub(crate) async fn describe(
    emr: Arc<Emr>,
    call: Call,
    input: ClusterInput,
) -> Result<DescribeClusterOutput, AwsError> {
    let action = "elasticmapreduce:DescribeCluster";
    let cluster = permitted(&emr, &call, action, &input.cluster_id)?;
    Ok(DescribeClusterOutput {
        cluster: Description::of(&cluster),
    })
}

impl Description {
    fn of(cluster: &Cluster) -> Self {
        let machine = &cluster.machine;
        Self {
            id: cluster.id.clone(),
            name: cluster.name.clone(),
            status: Status::of_cluster(cluster),
            ec2_instance_attributes: Ec2Attributes::of(cluster),
            instance_collection_type: if cluster.has_fleets() {
                "INSTANCE_FLEET"
            } else {
                "INSTANCE_GROUP"
            },
            log_uri: cluster.log_uri.clone(),
            release_label: cluster.release_label.clone(),
            auto_terminate: !cluster.keep_alive,
            termination_protected: cluster.termination_protected,
            unhealthy_node_replacement: machine.unhealthy_node_replacement,
            visible_to_all_users: true,
            applications: application::served(&cluster.applications),
            tags: cluster.tags.clone(),
            service_role: cluster.service_role.clone(),
            normalized_instance_hours: 0,
            master_public_dns_name: cluster.address.to_string(),
            configurations: cluster.configurations.clone(),
            security_configuration: cluster.security.as_ref().map(|rules| rules.name.clone()),
            scale_down_behavior: machine.scale_down_behavior.clone(),
            ebs_root_volume_size: machine.ebs_root_volume_size,
            ebs_root_volume_iops: machine.ebs_root_volume_iops,
            ebs_root_volume_throughput: machine.ebs_root_volume_throughput,
            auto_scaling_role: machine.auto_scaling_role.clone(),
            repo_upgrade_on_boot: machine.repo_upgrade_on_boot.clone(),
            cluster_arn: cluster.arn(),
            step_concurrency_level: cluster.step_concurrency,
            placement_groups: [],
        }
    }
}

impl Ec2Attributes {
    fn of(cluster: &Cluster) -> Self {
        let machine = &cluster.machine;
        Self {
            requested_ec2_subnet_ids: machine.subnets.clone(),
            network: machine.network.clone(),
            ec2_availability_zone: machine.availability_zone.clone(),
            requested_ec2_availability_zones: machine.availability_zones.clone(),
            iam_instance_profile: cluster.instance_profile.clone(),
        }
    }
}
