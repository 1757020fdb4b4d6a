//! Groups and their instances.

use serde::{Deserialize, Serialize};

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
