//! Groups, fleets and their instances.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::emr::cluster::{configuration::Configuration, instance::ebs::EbsConfiguration};

/// A group of instances that was asked for.
///
/// In this release a cluster is one machine, its primary. Core and task groups are kept and shown
/// with what was requested and nothing running.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceGroup {
    /// `ig-…`
    pub id: String,
    /// For people.
    pub name: String,
    /// What its instances are for.
    pub role: InstanceRole,
    /// `ON_DEMAND` or `SPOT`.
    pub market: Market,
    /// As given, for Spot instances.
    pub bid_price: Option<String>,
    /// As given.
    pub instance_type: String,
    /// How many were asked for.
    pub requested: u32,
    /// Those that are there.
    pub instances: Vec<Instance>,
    /// What this group's applications were configured with, over the cluster's.
    #[serde(default)]
    pub configurations: Vec<Configuration>,
    /// The volumes that were asked for.
    #[serde(default)]
    pub ebs: EbsConfiguration,
}

/// A fleet that was asked for. Like a group, it is kept and shown; only a primary is there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceFleet {
    /// `if-…`
    pub id: String,
    /// For people.
    pub name: String,
    /// What its instances are for.
    pub role: InstanceRole,
    /// On-Demand units that were asked for.
    pub on_demand: u32,
    /// Spot units that were asked for.
    pub spot: u32,
    /// The instance types to choose from.
    pub types: Vec<FleetType>,
    /// `LaunchSpecifications`, as given.
    pub launch: Option<Value>,
    /// `ResizeSpecifications`, as given.
    pub resize: Option<Value>,
    /// As given.
    pub context: Option<String>,
    /// Those that are there.
    pub instances: Vec<Instance>,
}

/// An instance type of a fleet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FleetType {
    /// As given.
    pub instance_type: String,
    /// How many units one instance counts.
    pub weight: u32,
    /// As given, for Spot instances.
    pub bid_price: Option<String>,
    /// As given, in per cent.
    pub bid_price_percentage: Option<f64>,
    /// As given.
    pub priority: Option<f64>,
    /// What its instances' applications were configured with, over the cluster's.
    pub configurations: Vec<Configuration>,
    /// The volumes that were asked for.
    pub ebs: EbsConfiguration,
}

/// One instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Instance {
    /// `ci-…`
    pub id: String,
    /// `i-…`
    pub ec2_id: String,
}

/// AWS's `InstanceRoleType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InstanceRole {
    /// The primary.
    Master,
    /// Core nodes.
    Core,
    /// Task nodes.
    Task,
}

/// AWS's `MarketType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Market {
    /// The default.
    #[default]
    OnDemand,
    /// Spot instances.
    Spot,
}

impl InstanceFleet {
    /// All units that were asked for.
    pub(crate) fn requested(&self) -> u32 {
        self.on_demand.saturating_add(self.spot)
    }

    /// On which market its units would be bought.
    pub(crate) fn market(&self) -> Market {
        if self.on_demand == 0 && self.spot > 0 {
            Market::Spot
        } else {
            Market::OnDemand
        }
    }
}
