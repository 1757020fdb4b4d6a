//! `ListClusters`, `ListInstances` and `ListInstanceGroups`.

use std::{collections::BTreeMap, sync::Arc};

use lakeward_identity::Call;
use lakeward_policy::Context;
use lakeward_wire::{AwsError, epoch};
use serde::{Deserialize, Serialize};

use crate::emr::{
    Emr,
    cluster::{
        Cluster, InstanceGroup, InstanceRole, arn,
        configuration::Configuration,
        find,
        record::{Instance, Market},
        status::{Status, instance_state},
    },
    error::EmrError,
    marker::{self, Page, page},
};

const PAGE: usize = 50;

const STATES: [&str; 7] = [
    "STARTING",
    "BOOTSTRAPPING",
    "RUNNING",
    "WAITING",
    "TERMINATING",
    "TERMINATED",
    "TERMINATED_WITH_ERRORS",
];

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ListClustersInput {
    created_after: Option<f64>,
    created_before: Option<f64>,
    cluster_states: Vec<String>,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListClustersOutput {
    clusters: Vec<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    id: String,
    name: String,
    status: Status,
    normalized_instance_hours: u32,
    cluster_arn: String,
}

/// `ListClusters`: the youngest first.
pub(crate) async fn clusters(
    emr: Arc<Emr>,
    call: Call,
    input: ListClustersInput,
) -> Result<ListClustersOutput, AwsError> {
    let _permit = call.authorize("elasticmapreduce:ListClusters", "*", Context::new())?;
    for state in &input.cluster_states {
        if !STATES.contains(&state.as_str()) {
            let message = format!("'{state}' is not a cluster state.");
            return Err(EmrError::invalid_request(message).into());
        }
    }
    let sorted: BTreeMap<_, _> = emr
        .store
        .snapshot()
        .scan::<Cluster>(&Cluster::key_of(call.account(), ""))
        .into_iter()
        .filter(|cluster| cluster.region == call.region() && input.wants(cluster))
        .map(|cluster| (youngest_first(&cluster), cluster))
        .collect();
    let Page { items, marker } = page(sorted, input.marker.as_deref(), PAGE)?;
    Ok(ListClustersOutput {
        clusters: items.iter().map(|cluster| Summary::of(cluster)).collect(),
        marker,
    })
}

/// A text that sorts younger clusters before older ones.
fn youngest_first(cluster: &Cluster) -> String {
    let age = i64::MAX.saturating_sub(cluster.created_at.as_microsecond());
    format!("{age:020}{}", cluster.id)
}

impl ListClustersInput {
    fn wants(&self, cluster: &Cluster) -> bool {
        let created = epoch(cluster.created_at);
        self.created_after.is_none_or(|after| created > after)
            && self.created_before.is_none_or(|before| created < before)
            && (self.cluster_states.is_empty()
                || self
                    .cluster_states
                    .iter()
                    .any(|state| state == cluster.state.name()))
    }
}

impl Summary {
    fn of(cluster: &Cluster) -> Self {
        Self {
            id: cluster.id.clone(),
            name: cluster.name.clone(),
            status: Status::of_cluster(cluster),
            normalized_instance_hours: 0,
            cluster_arn: cluster.arn(),
        }
    }
}

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
