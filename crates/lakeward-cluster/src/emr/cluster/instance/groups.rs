//! `ListInstanceGroups`.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use crate::emr::{
    Emr,
    cluster::{
        Cluster, InstanceGroup, InstanceRole, arn, configuration::Configuration, find,
        instance::record::Market, status::Status,
    },
    error::EmrError,
    marker,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListInstanceGroupsInput {
    cluster_id: String,
    marker: Option<String>,
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
    ebs_block_devices: [(); 0],
    shrink_policy: serde_json::Map<String, serde_json::Value>,
}

/// `ListInstanceGroups`
pub(crate) async fn instance_groups(
    emr: Arc<Emr>,
    call: Call,
    input: ListInstanceGroupsInput,
) -> Result<ListInstanceGroupsOutput, AwsError> {
    let (cluster, context) = find(&emr, &call, &input.cluster_id);
    let _permit = call.authorize(
        "elasticmapreduce:ListInstanceGroups",
        &arn(&call, &input.cluster_id),
        context,
    )?;
    let cluster = cluster.ok_or(EmrError::NoSuchCluster(input.cluster_id))?;
    marker::refuse(input.marker.as_deref())?;
    let groups = cluster.groups.iter();
    Ok(ListInstanceGroupsOutput {
        instance_groups: groups
            .map(|group| GroupDescription::of(&cluster, group))
            .collect(),
    })
}

impl GroupDescription {
    fn of(cluster: &Cluster, group: &InstanceGroup) -> Self {
        let running = if cluster.state.is_ready() {
            group.instances.len()
        } else {
            0
        };
        Self {
            id: group.id.clone(),
            name: group.name.clone(),
            market: group.market,
            instance_group_type: group.role,
            bid_price: group.bid_price.clone(),
            instance_type: group.instance_type.clone(),
            requested_instance_count: group.requested,
            running_instance_count: running,
            status: Status::of_group(cluster, group),
            configurations: Vec::new(),
            configurations_version: 0,
            last_successfully_applied_configurations: Vec::new(),
            last_successfully_applied_configurations_version: 0,
            ebs_block_devices: [],
            shrink_policy: serde_json::Map::new(),
        }
    }
}
