//! `AddInstanceGroups`, `AddInstanceFleet`, `ModifyInstanceGroups` and `ModifyInstanceFleet`.
//!
//! A cluster is one machine: what would change how many there are is refused, after the caller and
//! the groups and fleets that are named were checked. What changes nothing is done.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_policy::Context;
use lakeward_wire::AwsError;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::emr::{
    Emr,
    cluster::{Cluster, arn, instance::groups::exclusive, permitted, permitted_job_flow, unbuilt},
    error::EmrError,
};

const ONE_MACHINE: &str = "A change of the number of instances (a cluster is one machine, its \
                           primary; give sessions more memory or cores with its Configurations)";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AddGroupsInput {
    job_flow_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AddFleetInput {
    cluster_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ModifyGroupsInput {
    cluster_id: Option<String>,
    #[serde(default)]
    instance_groups: Vec<GroupChange>,
}

/// `InstanceGroupModifyConfig`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GroupChange {
    instance_group_id: String,
    instance_count: Option<u32>,
    #[serde(flatten)]
    unbuilt: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ModifyFleetInput {
    cluster_id: String,
    instance_fleet: FleetChange,
}

/// `InstanceFleetModifyConfig`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FleetChange {
    instance_fleet_id: String,
    target_on_demand_capacity: Option<u32>,
    target_spot_capacity: Option<u32>,
    #[serde(flatten)]
    unbuilt: Map<String, Value>,
}

/// `AddInstanceGroups`
pub(crate) async fn add_groups(
    emr: Arc<Emr>,
    call: Call,
    input: AddGroupsInput,
) -> Result<Value, AwsError> {
    let action = "elasticmapreduce:AddInstanceGroups";
    permitted_job_flow(&emr, &call, action, &input.job_flow_id)?;
    Err(EmrError::Unsupported(ONE_MACHINE.to_owned()).into())
}

/// `AddInstanceFleet`
pub(crate) async fn add_fleet(
    emr: Arc<Emr>,
    call: Call,
    input: AddFleetInput,
) -> Result<Value, AwsError> {
    let action = "elasticmapreduce:AddInstanceFleet";
    permitted(&emr, &call, action, &input.cluster_id)?;
    Err(EmrError::UnsupportedRequest(ONE_MACHINE.to_owned()).into())
}

/// `ModifyInstanceGroups`. Without a `ClusterId` the groups' own cluster is meant.
pub(crate) async fn modify_groups(
    emr: Arc<Emr>,
    call: Call,
    input: ModifyGroupsInput,
) -> Result<Value, AwsError> {
    let action = "elasticmapreduce:ModifyInstanceGroups";
    let named = input.cluster_id.or_else(|| {
        let first = input.instance_groups.first()?;
        owner(&emr, &call, &first.instance_group_id)
    });
    let Some(id) = named else {
        // Nobody's group: only who may change any cluster learns that.
        let _permit = call.authorize(action, &arn(&call, "*"), Context::new())?;
        return Err(EmrError::validation(
            "ModifyInstanceGroups needs the ClusterId, or InstanceGroups of a cluster.",
        )
        .into());
    };
    let cluster = permitted_job_flow(&emr, &call, action, &id)?;
    if cluster.has_fleets() {
        return Err(exclusive("fleets").of_older_operation().into());
    }
    for change in &input.instance_groups {
        let checked = change.check(&cluster);
        checked.map_err(EmrError::of_older_operation)?;
    }
    emr.modify(&cluster, |_| ()).await?;
    Ok(json!({}))
}

/// The caller's cluster that has the instance group.
fn owner(emr: &Emr, call: &Call, group_id: &str) -> Option<String> {
    let prefix = Cluster::key_of(call.account(), "");
    let clusters = emr.store.snapshot().scan::<Cluster>(&prefix);
    let owner = clusters.iter().find(|cluster| {
        let mut groups = cluster.groups.iter();
        cluster.region == call.region() && groups.any(|group| group.id == group_id)
    });
    owner.map(|cluster| cluster.id.clone())
}

impl GroupChange {
    fn check(&self, cluster: &Cluster) -> Result<(), EmrError> {
        let group = cluster
            .groups
            .iter()
            .find(|group| group.id == self.instance_group_id)
            .ok_or_else(|| EmrError::NoSuchInstanceGroup(self.instance_group_id.clone()))?;
        unbuilt::refuse("InstanceGroups.", &self.unbuilt)?;
        match self.instance_count {
            Some(count) if count != group.requested => {
                Err(EmrError::Unsupported(ONE_MACHINE.to_owned()))
            }
            _ => Ok(()),
        }
    }
}

/// `ModifyInstanceFleet`
pub(crate) async fn modify_fleet(
    emr: Arc<Emr>,
    call: Call,
    input: ModifyFleetInput,
) -> Result<Value, AwsError> {
    let action = "elasticmapreduce:ModifyInstanceFleet";
    let cluster = permitted(&emr, &call, action, &input.cluster_id)?;
    if !cluster.has_fleets() {
        return Err(exclusive("groups").into());
    }
    let change = input.instance_fleet;
    let fleet = cluster
        .fleets
        .iter()
        .find(|fleet| fleet.id == change.instance_fleet_id)
        .ok_or_else(|| EmrError::NoSuchInstanceFleet(change.instance_fleet_id.clone()))?;
    unbuilt::refuse("InstanceFleet.", &change.unbuilt).map_err(EmrError::of_newer_operation)?;
    let same = |asked: Option<u32>, now| asked.is_none_or(|asked| asked == now);
    if !same(change.target_on_demand_capacity, fleet.on_demand)
        || !same(change.target_spot_capacity, fleet.spot)
    {
        return Err(EmrError::UnsupportedRequest(ONE_MACHINE.to_owned()).into());
    }
    let unchanged = emr.modify(&cluster, |_| ()).await;
    unchanged.map_err(EmrError::of_newer_operation)?;
    Ok(json!({}))
}
