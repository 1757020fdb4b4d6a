//! What a request says about machines and networks. It has no effect on a machine of one's own; it
//! is kept and shown again.

use serde::{Deserialize, Serialize};

use crate::emr::error::EmrError;

const LONGEST_NAME: usize = 256;
const SCALE_DOWN: [&str; 2] = ["TERMINATE_AT_INSTANCE_HOUR", "TERMINATE_AT_TASK_COMPLETION"];

/// `PlacementType`
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Placement {
    pub availability_zone: Option<String>,
    pub availability_zones: Vec<String>,
}

/// What was said about machines and networks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Key pair, subnet and security groups.
    pub network: Network,
    /// The subnets that were offered.
    pub subnets: Vec<String>,
    /// The zone.
    pub availability_zone: Option<String>,
    /// The zones that were offered.
    pub availability_zones: Vec<String>,
    /// Size of the root volume in GiB.
    pub ebs_root_volume_size: Option<u32>,
    /// Operations per second of the root volume.
    pub ebs_root_volume_iops: Option<u32>,
    /// MiB per second of the root volume.
    pub ebs_root_volume_throughput: Option<u32>,
    /// How instances would leave.
    pub scale_down_behavior: Option<String>,
    /// The role that would scale instance groups, as given.
    pub auto_scaling_role: Option<String>,
    /// Whether unhealthy core nodes would be replaced.
    pub unhealthy_node_replacement: bool,
    /// `NONE`, when it was asked for.
    pub repo_upgrade_on_boot: Option<String>,
}

/// Key pair, subnet and security groups, under AWS's names.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Network {
    /// The key pair's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ec2_key_name: Option<String>,
    /// The subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ec2_subnet_id: Option<String>,
    /// Security group of the primary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emr_managed_master_security_group: Option<String>,
    /// Security group of the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emr_managed_slave_security_group: Option<String>,
    /// Security group for private subnets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_access_security_group: Option<String>,
    /// More groups of the primary.
    pub additional_master_security_groups: Vec<String>,
    /// More groups of the others.
    pub additional_slave_security_groups: Vec<String>,
}

/// The subnets, zones and names of a request, which a cluster of instance groups may have one of
/// each, and one of fleets several to choose from (`JobFlowInstancesConfig`).
pub(crate) fn machine(
    network: Network,
    subnets: Vec<String>,
    placement: Option<Placement>,
    of_fleets: bool,
) -> Result<Machine, EmrError> {
    let placement = placement.unwrap_or_default();
    let subnets = one_or_many("Ec2SubnetId", network.ec2_subnet_id.clone(), subnets)?;
    let zones = one_or_many(
        "AvailabilityZone",
        placement.availability_zone,
        placement.availability_zones,
    )?;
    if !of_fleets && (subnets.len() > 1 || zones.len() > 1) {
        return Err(EmrError::validation(
            "Several subnets or availability zones can be given to a cluster of instance fleets \
             only. Name one Ec2SubnetId.",
        ));
    }
    let machine = Machine {
        network: Network {
            ec2_subnet_id: subnets.first().cloned(),
            ..network
        },
        availability_zone: zones.first().cloned(),
        availability_zones: zones,
        subnets,
        ..Machine::default()
    };
    machine.check_names()?;
    Ok(machine)
}

/// The one that was named, or the several.
fn one_or_many(
    field: &str,
    one: Option<String>,
    mut many: Vec<String>,
) -> Result<Vec<String>, EmrError> {
    if one.is_some() && !many.is_empty() {
        return Err(EmrError::validation(format!(
            "Only one of {field} and {field}s may be specified."
        )));
    }
    many.extend(one);
    Ok(many)
}

impl Machine {
    fn check_names(&self) -> Result<(), EmrError> {
        let network = &self.network;
        let single = [
            &network.ec2_key_name,
            &network.emr_managed_master_security_group,
            &network.emr_managed_slave_security_group,
            &network.service_access_security_group,
        ];
        let many = [
            &self.subnets,
            &self.availability_zones,
            &network.additional_master_security_groups,
            &network.additional_slave_security_groups,
        ];
        let names = single.into_iter().flatten();
        for name in names.chain(many.into_iter().flatten()) {
            check_name("A name in Instances", name)?;
        }
        Ok(())
    }
}

/// Refuses a behaviour that AWS doesn't have.
pub(crate) fn scale_down(behavior: Option<String>) -> Result<Option<String>, EmrError> {
    match &behavior {
        Some(given) if !SCALE_DOWN.contains(&given.as_str()) => Err(EmrError::validation(format!(
            "ScaleDownBehavior '{given}' is not one of {}.",
            SCALE_DOWN.join(", ")
        ))),
        _ => Ok(behavior),
    }
}

/// Nothing is upgraded at boot, so only `NONE` can be asked for.
pub(crate) fn repo_upgrade(given: Option<String>) -> Result<Option<String>, EmrError> {
    match given.as_deref() {
        None | Some("NONE") => Ok(given),
        Some(other) => Err(EmrError::Unsupported(format!(
            "RepoUpgradeOnBoot = {other} (a cluster installs no packages)"
        ))),
    }
}

/// Refuses a name that is longer than AWS takes.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), EmrError> {
    if name.chars().count() > LONGEST_NAME {
        return Err(EmrError::validation(format!(
            "{what} is longer than {LONGEST_NAME} characters."
        )));
    }
    Ok(())
}
