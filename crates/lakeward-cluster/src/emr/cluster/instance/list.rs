//! `ListInstances`.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use crate::emr::{
    Emr,
    cluster::{
        Cluster, InstanceGroup, InstanceRole, arn, find,
        instance::record::{Instance, Market},
        status::{Status, instance_state},
    },
    error::EmrError,
    marker,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListInstancesInput {
    cluster_id: String,
    instance_group_id: Option<String>,
    #[serde(default)]
    instance_group_types: Vec<InstanceRole>,
    instance_fleet_id: Option<String>,
    instance_fleet_type: Option<String>,
    #[serde(default)]
    instance_states: Vec<String>,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListInstancesOutput {
    instances: Vec<InstanceDescription>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct InstanceDescription {
    id: String,
    ec2_instance_id: String,
    public_dns_name: &'static str,
    private_dns_name: String,
    private_ip_address: String,
    status: Status,
    instance_group_id: String,
    market: Market,
    instance_type: String,
    ebs_volumes: [(); 0],
}

/// `ListInstances`: those that are there, which is the primary.
pub(crate) async fn instances(
    emr: Arc<Emr>,
    call: Call,
    input: ListInstancesInput,
) -> Result<ListInstancesOutput, AwsError> {
    let (cluster, context) = find(&emr, &call, &input.cluster_id);
    let _permit = call.authorize(
        "elasticmapreduce:ListInstances",
        &arn(&call, &input.cluster_id),
        context,
    )?;
    let cluster = cluster.ok_or_else(|| EmrError::NoSuchCluster(input.cluster_id.clone()))?;
    marker::refuse(input.marker.as_deref())?;
    if input.instance_fleet_id.is_some() || input.instance_fleet_type.is_some() {
        let message = "Instance fleets and instance groups are mutually exclusive. The cluster \
                       uses instance groups.";
        return Err(EmrError::invalid_request(message).into());
    }
    let wanted = cluster
        .groups
        .iter()
        .filter(|group| input.wants(&cluster, group));
    let instances = wanted.flat_map(|group| {
        let each = group.instances.iter();
        each.map(|instance| InstanceDescription::of(&cluster, group, instance))
    });
    Ok(ListInstancesOutput {
        instances: instances.collect(),
    })
}

impl ListInstancesInput {
    fn wants(&self, cluster: &Cluster, group: &InstanceGroup) -> bool {
        let state = instance_state(cluster.state);
        self.instance_group_id
            .as_ref()
            .is_none_or(|id| *id == group.id)
            && (self.instance_group_types.is_empty()
                || self.instance_group_types.contains(&group.role))
            && (self.instance_states.is_empty()
                || self.instance_states.iter().any(|wanted| wanted == state))
    }
}

impl InstanceDescription {
    fn of(cluster: &Cluster, group: &InstanceGroup, instance: &Instance) -> Self {
        Self {
            id: instance.id.clone(),
            ec2_instance_id: instance.ec2_id.clone(),
            public_dns_name: "",
            private_dns_name: cluster.address.to_string(),
            private_ip_address: cluster.address.to_string(),
            status: Status::of_instance(cluster),
            instance_group_id: group.id.clone(),
            market: group.market,
            instance_type: group.instance_type.clone(),
            ebs_volumes: [],
        }
    }
}
