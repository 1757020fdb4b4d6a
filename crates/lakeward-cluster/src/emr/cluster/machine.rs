//! What a request says about machines and networks. It has no effect on a machine of one's own; it
//! is kept and shown again.

use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Placement {
    pub availability_zone: Option<String>,
}

/// What was said about machines and networks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Key pair, subnet and security groups.
    pub network: Network,
    /// The zone.
    pub availability_zone: Option<String>,
    /// Size of the root volume in GiB.
    pub ebs_root_volume_size: Option<u32>,
    /// How instances would leave.
    pub scale_down_behavior: Option<String>,
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
