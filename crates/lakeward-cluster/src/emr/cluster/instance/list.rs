//! `ListInstances`.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use crate::emr::{
    Emr,
    cluster::{
        Cluster, InstanceRole,
        instance::{
            groups::exclusive,
            record::{Instance, Market},
        },
        permitted,
        status::{Status, instance_state},
    },
    error::EmrError,
    marker,
};

const STATES: [&str; 5] = [
    "AWAITING_FULFILLMENT",
    "PROVISIONING",
    "BOOTSTRAPPING",
    "RUNNING",
    "TERMINATED",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListInstancesInput {
    cluster_id: String,
    instance_group_id: Option<String>,
    #[serde(default)]
    instance_group_types: Vec<InstanceRole>,
    instance_fleet_id: Option<String>,
    instance_fleet_type: Option<InstanceRole>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_group_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_fleet_id: Option<String>,
    market: Market,
    instance_type: String,
    ebs_volumes: [(); 0],
}

/// A group or a fleet, as far as its instances show it.
struct Home<'a> {
    group_id: Option<&'a str>,
    fleet_id: Option<&'a str>,
    role: InstanceRole,
    market: Market,
    instance_type: &'a str,
    instances: &'a [Instance],
}

/// `ListInstances`: those that are there, which is the primary.
pub(crate) async fn instances(
    emr: Arc<Emr>,
    call: Call,
    input: ListInstancesInput,
) -> Result<ListInstancesOutput, AwsError> {
    let action = "elasticmapreduce:ListInstances";
    let cluster = permitted(&emr, &call, action, &input.cluster_id)?;
    marker::refuse(input.marker.as_deref())?;
    input.check(&cluster)?;
    let homes = homes(&cluster);
    let wanted = homes.iter().filter(|home| input.wants(&cluster, home));
    let instances = wanted.flat_map(|home| {
        let each = home.instances.iter();
        each.map(|instance| InstanceDescription::of(&cluster, home, instance))
    });
    Ok(ListInstancesOutput {
        instances: instances.collect(),
    })
}

fn homes(cluster: &Cluster) -> Vec<Home<'_>> {
    let groups = cluster.groups.iter().map(|group| Home {
        group_id: Some(&group.id),
        fleet_id: None,
        role: group.role,
        market: group.market,
        instance_type: &group.instance_type,
        instances: &group.instances,
    });
    let fleets = cluster.fleets.iter().map(|fleet| Home {
        group_id: None,
        fleet_id: Some(&fleet.id),
        role: fleet.role,
        market: fleet.market(),
        // The first is the one that is asked for first.
        instance_type: fleet
            .types
            .first()
            .map_or("", |one| one.instance_type.as_str()),
        instances: &fleet.instances,
    });
    groups.chain(fleets).collect()
}

impl ListInstancesInput {
    /// Refuses filters for what the cluster isn't made of, and states that there aren't.
    fn check(&self, cluster: &Cluster) -> Result<(), EmrError> {
        let for_fleets = self.instance_fleet_id.is_some() || self.instance_fleet_type.is_some();
        let for_groups = self.instance_group_id.is_some() || !self.instance_group_types.is_empty();
        if for_fleets && !cluster.has_fleets() {
            return Err(exclusive("groups"));
        }
        if for_groups && cluster.has_fleets() {
            return Err(exclusive("fleets"));
        }
        let unknown = |state: &&String| !STATES.contains(&state.as_str());
        match self.instance_states.iter().find(unknown) {
            Some(state) => Err(EmrError::invalid_request(format!(
                "'{state}' is not an instance state."
            ))),
            None => Ok(()),
        }
    }

    fn wants(&self, cluster: &Cluster, home: &Home<'_>) -> bool {
        let state = instance_state(cluster.state);
        let is =
            |wanted: &Option<String>, id: Option<&str>| wanted.is_none() || wanted.as_deref() == id;
        is(&self.instance_group_id, home.group_id)
            && is(&self.instance_fleet_id, home.fleet_id)
            && self
                .instance_fleet_type
                .is_none_or(|role| role == home.role)
            && (self.instance_group_types.is_empty()
                || self.instance_group_types.contains(&home.role))
            && (self.instance_states.is_empty()
                || self.instance_states.iter().any(|wanted| wanted == state))
    }
}

impl InstanceDescription {
    fn of(cluster: &Cluster, home: &Home<'_>, instance: &Instance) -> Self {
        Self {
            id: instance.id.clone(),
            ec2_instance_id: instance.ec2_id.clone(),
            public_dns_name: "",
            private_dns_name: cluster.address.to_string(),
            private_ip_address: cluster.address.to_string(),
            status: Status::of_instance(cluster),
            instance_group_id: home.group_id.map(str::to_owned),
            instance_fleet_id: home.fleet_id.map(str::to_owned),
            market: home.market,
            instance_type: home.instance_type.to_owned(),
            ebs_volumes: [],
        }
    }
}
