//! `ListInstanceGroups`.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use crate::emr::{
    Emr,
    cluster::{
        Cluster, InstanceGroup, InstanceRole,
        configuration::Configuration,
        instance::{ebs, record::Market},
        permitted,
        status::Status,
    },
    error::EmrError,
    marker,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListInstanceGroupsInput {
    pub cluster_id: String,
    pub marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListInstanceGroupsOutput {
    instance_groups: Vec<GroupDescription>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupDescription {
    id: String,
    name: String,
    market: Market,
    instance_group_type: InstanceRole,
    #[serde(skip_serializing_if = "Option::is_none")]
    bid_price: Option<String>,
    instance_type: String,
    requested_instance_count: u32,
    running_instance_count: usize,
    status: Status,
    configurations: Vec<Configuration>,
    configurations_version: u32,
    last_successfully_applied_configurations: Vec<Configuration>,
    last_successfully_applied_configurations_version: u32,
    ebs_block_devices: Vec<ebs::Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ebs_optimized: Option<bool>,
    shrink_policy: serde_json::Map<String, serde_json::Value>,
}

/// `ListInstanceGroups`
pub(crate) async fn instance_groups(
    emr: Arc<Emr>,
    call: Call,
    input: ListInstanceGroupsInput,
) -> Result<ListInstanceGroupsOutput, AwsError> {
    let action = "elasticmapreduce:ListInstanceGroups";
    let cluster = permitted(&emr, &call, action, &input.cluster_id)?;
    marker::refuse(input.marker.as_deref())?;
    if cluster.has_fleets() {
        return Err(exclusive("fleets").into());
    }
    let groups = cluster.groups.iter();
    Ok(ListInstanceGroupsOutput {
        instance_groups: groups
            .map(|group| GroupDescription::of(&cluster, group))
            .collect(),
    })
}

/// The refusal to someone who asks for groups of fleets, or the other way round.
pub(crate) fn exclusive(used: &str) -> EmrError {
    EmrError::invalid_request(format!(
        "Instance fleets and instance groups are mutually exclusive. The EMR cluster specified in \
         the request uses instance {used}."
    ))
}

impl GroupDescription {
    fn of(cluster: &Cluster, group: &InstanceGroup) -> Self {
        let there = group.instances.len();
        Self {
            id: group.id.clone(),
            name: group.name.clone(),
            market: group.market,
            instance_group_type: group.role,
            bid_price: group.bid_price.clone(),
            instance_type: group.instance_type.clone(),
            requested_instance_count: group.requested,
            running_instance_count: if cluster.state.is_ready() { there } else { 0 },
            status: Status::of_collection(cluster, group.requested, there),
            configurations: group.configurations.clone(),
            configurations_version: 0,
            last_successfully_applied_configurations: Vec::new(),
            last_successfully_applied_configurations_version: 0,
            ebs_block_devices: group.ebs.shown(),
            ebs_optimized: group.ebs.ebs_optimized,
            shrink_policy: serde_json::Map::new(),
        }
    }
}
