//! `ListInstanceFleets`.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_wire::AwsError;
use serde::Serialize;
use serde_json::Value;

use crate::emr::{
    Emr,
    cluster::{
        Cluster, InstanceRole,
        configuration::Configuration,
        instance::{
            ebs,
            groups::{ListInstanceGroupsInput, exclusive},
            record::{FleetType, InstanceFleet, Market},
        },
        permitted,
        status::Status,
    },
    marker,
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListInstanceFleetsOutput {
    instance_fleets: Vec<FleetDescription>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FleetDescription {
    id: String,
    name: String,
    status: Status,
    instance_fleet_type: InstanceRole,
    target_on_demand_capacity: u32,
    target_spot_capacity: u32,
    provisioned_on_demand_capacity: usize,
    provisioned_spot_capacity: usize,
    instance_type_specifications: Vec<TypeDescription>,
    #[serde(skip_serializing_if = "Option::is_none")]
    launch_specifications: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resize_specifications: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TypeDescription {
    instance_type: String,
    weighted_capacity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    bid_price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bid_price_as_percentage_of_on_demand_price: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<f64>,
    configurations: Vec<Configuration>,
    ebs_block_devices: Vec<ebs::Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ebs_optimized: Option<bool>,
}

/// `ListInstanceFleets`
pub(crate) async fn instance_fleets(
    emr: Arc<Emr>,
    call: Call,
    input: ListInstanceGroupsInput,
) -> Result<ListInstanceFleetsOutput, AwsError> {
    let action = "elasticmapreduce:ListInstanceFleets";
    let cluster = permitted(&emr, &call, action, &input.cluster_id)?;
    marker::refuse(input.marker.as_deref())?;
    if !cluster.has_fleets() {
        return Err(exclusive("groups").into());
    }
    let fleets = cluster.fleets.iter();
    Ok(ListInstanceFleetsOutput {
        instance_fleets: fleets
            .map(|fleet| FleetDescription::of(&cluster, fleet))
            .collect(),
    })
}

impl FleetDescription {
    fn of(cluster: &Cluster, fleet: &InstanceFleet) -> Self {
        let there = fleet.instances.len();
        let provisioned = |market: Market| {
            if cluster.state.is_ready() && fleet.market() == market {
                there
            } else {
                0
            }
        };
        Self {
            id: fleet.id.clone(),
            name: fleet.name.clone(),
            status: Status::of_collection(cluster, fleet.requested(), there),
            instance_fleet_type: fleet.role,
            target_on_demand_capacity: fleet.on_demand,
            target_spot_capacity: fleet.spot,
            provisioned_on_demand_capacity: provisioned(Market::OnDemand),
            provisioned_spot_capacity: provisioned(Market::Spot),
            instance_type_specifications: fleet.types.iter().map(TypeDescription::of).collect(),
            launch_specifications: fleet.launch.clone(),
            resize_specifications: fleet.resize.clone(),
            context: fleet.context.clone(),
        }
    }
}

impl TypeDescription {
    fn of(one: &FleetType) -> Self {
        Self {
            instance_type: one.instance_type.clone(),
            weighted_capacity: one.weight,
            bid_price: one.bid_price.clone(),
            bid_price_as_percentage_of_on_demand_price: one.bid_price_percentage,
            priority: one.priority,
            configurations: one.configurations.clone(),
            ebs_block_devices: one.ebs.shown(),
            ebs_optimized: one.ebs.ebs_optimized,
        }
    }
}
