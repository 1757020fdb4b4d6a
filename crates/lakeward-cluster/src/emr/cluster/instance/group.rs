//! The instance groups of a new cluster.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::emr::{
    cluster::{
        configuration::{self, Configuration},
        instance::record::{Instance, InstanceGroup, InstanceRole, Market},
        request::Instances,
    },
    error::EmrError,
    identifier,
};

const MOST_GROUPS: usize = 50;
const MOST_INSTANCES: u32 = 4_000;

/// `InstanceGroupConfig`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GroupInput {
    pub name: Option<String>,
    #[serde(default)]
    pub market: Market,
    pub instance_role: InstanceRole,
    pub bid_price: Option<String>,
    pub instance_type: String,
    pub instance_count: u32,
    #[serde(default)]
    pub configurations: Vec<Configuration>,
    #[serde(default, rename = "EbsConfiguration")]
    pub _ebs_configuration: Option<Value>,
    #[serde(flatten)]
    pub unbuilt: Map<String, Value>,
}

/// The groups that were asked for, one of the two ways.
pub(crate) fn groups(instances: &Instances) -> Result<Vec<InstanceGroup>, EmrError> {
    let given_by_type = instances.master_instance_type.is_some()
        || instances.slave_instance_type.is_some()
        || instances.instance_count.is_some();
    if given_by_type && !instances.instance_groups.is_empty() {
        return Err(EmrError::validation(
            "Instances takes either InstanceGroups, or MasterInstanceType, SlaveInstanceType and \
             InstanceCount.",
        ));
    }
    let groups = if given_by_type {
        groups_by_type(instances)?
    } else {
        instances
            .instance_groups
            .iter()
            .map(group)
            .collect::<Result<_, _>>()?
    };
    check_groups(&groups)?;
    Ok(groups)
}

fn groups_by_type(instances: &Instances) -> Result<Vec<InstanceGroup>, EmrError> {
    let primary = instances
        .master_instance_type
        .clone()
        .ok_or_else(|| EmrError::validation("Instances needs a MasterInstanceType."))?;
    let count = instances.instance_count.unwrap_or(1);
    let others = count
        .checked_sub(1)
        .ok_or_else(|| EmrError::validation("InstanceCount must be at least 1."))?;
    let core = instances
        .slave_instance_type
        .clone()
        .unwrap_or_else(|| primary.clone());
    let mut groups = vec![instance_group(InstanceRole::Master, primary, 1)];
    if others > 0 {
        groups.push(instance_group(InstanceRole::Core, core, others));
    }
    Ok(groups)
}

fn group(input: &GroupInput) -> Result<InstanceGroup, EmrError> {
    configuration::validate(&input.configurations)?;
    let mut group = instance_group(
        input.instance_role,
        input.instance_type.clone(),
        input.instance_count,
    );
    if let Some(name) = &input.name {
        group.name.clone_from(name);
    }
    group.market = input.market;
    group.bid_price.clone_from(&input.bid_price);
    Ok(group)
}

fn instance_group(role: InstanceRole, instance_type: String, requested: u32) -> InstanceGroup {
    let (name, instances) = match role {
        InstanceRole::Master => (
            "Primary",
            vec![Instance {
                id: identifier::instance(),
                ec2_id: identifier::ec2_instance(),
            }],
        ),
        InstanceRole::Core => ("Core", Vec::new()),
        InstanceRole::Task => ("Task", Vec::new()),
    };
    InstanceGroup {
        id: identifier::instance_group(),
        name: name.to_owned(),
        role,
        market: Market::OnDemand,
        bid_price: None,
        instance_type,
        requested,
        instances,
    }
}

fn check_groups(groups: &[InstanceGroup]) -> Result<(), EmrError> {
    let of = |role| groups.iter().filter(move |group| group.role == role);
    let primaries: Vec<_> = of(InstanceRole::Master).collect();
    match primaries.as_slice() {
        [primary] if primary.requested == 1 => {}
        [primary] if primary.requested == 3 => {
            return Err(EmrError::Unsupported(
                "A cluster with three primary instances".to_owned(),
            ));
        }
        [_] => {
            return Err(EmrError::validation(
                "The MASTER instance group must have exactly 1 instance.",
            ));
        }
        _ => {
            return Err(EmrError::validation(
                "Instances must have exactly one instance group with the InstanceRole MASTER.",
            ));
        }
    }
    if of(InstanceRole::Core).count() > 1 {
        return Err(EmrError::validation(
            "Instances can have at most one instance group with the InstanceRole CORE.",
        ));
    }
    let too_many = groups.iter().any(|group| group.requested > MOST_INSTANCES);
    if too_many || groups.len() > MOST_GROUPS {
        return Err(EmrError::validation(format!(
            "Instances can have at most {MOST_GROUPS} instance groups of at most {MOST_INSTANCES} \
             instances each."
        )));
    }
    Ok(())
}
