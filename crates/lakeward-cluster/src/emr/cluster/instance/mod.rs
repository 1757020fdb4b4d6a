//! What a cluster consists of, and the operations that show it.

pub(crate) mod change;
pub(crate) mod ebs;
pub(crate) mod fleet;
pub(crate) mod fleets;
pub(crate) mod group;
pub(crate) mod groups;
pub(crate) mod list;
pub(crate) mod record;

use crate::emr::{
    cluster::{
        instance::record::{Instance, InstanceFleet, InstanceGroup, InstanceRole},
        request::Instances,
    },
    error::EmrError,
    identifier,
};

/// The instances of a cluster, as groups or as fleets.
#[derive(Debug)]
pub(crate) enum Collection {
    Groups(Vec<InstanceGroup>),
    Fleets(Vec<InstanceFleet>),
}

/// What was asked for, in exactly one of the three ways.
pub(crate) fn collection(instances: &Instances) -> Result<Collection, EmrError> {
    let by_type = instances.master_instance_type.is_some()
        || instances.slave_instance_type.is_some()
        || instances.instance_count.is_some();
    let by_group = !instances.instance_groups.is_empty();
    let by_fleet = !instances.instance_fleets.is_empty();
    match (by_type, by_group, by_fleet) {
        (true, false, false) => group::groups_by_type(instances).map(Collection::Groups),
        (false, true, false) => group::groups(&instances.instance_groups).map(Collection::Groups),
        (false, false, true) => fleet::fleets(&instances.instance_fleets).map(Collection::Fleets),
        (false, false, false) => Err(EmrError::validation(
            "Instances must say what the cluster consists of: InstanceGroups, InstanceFleets, or \
             MasterInstanceType and InstanceCount.",
        )),
        _ => Err(EmrError::validation(
            "Instances takes either InstanceGroups, or InstanceFleets, or MasterInstanceType, \
             SlaveInstanceType and InstanceCount.",
        )),
    }
}

impl InstanceRole {
    /// The name of a group or fleet that was given none.
    fn usual_name(self) -> &'static str {
        match self {
            Self::Master => "Primary",
            Self::Core => "Core",
            Self::Task => "Task",
        }
    }

    /// The instances that there are: a cluster is one machine, its primary.
    fn instances(self) -> Vec<Instance> {
        match self {
            Self::Master => vec![Instance {
                id: identifier::instance(),
                ec2_id: identifier::ec2_instance(),
            }],
            Self::Core | Self::Task => Vec::new(),
        }
    }
}
