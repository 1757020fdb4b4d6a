//! Scaling policies. A cluster is one machine, so a managed policy has no effect: it is checked,
//! kept and shown. A policy of an instance group's own would promise instances, and is refused.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use crate::emr::{
    Emr,
    cluster::{Cluster, ClusterInput, permitted, permitted_job_flow},
    error::EmrError,
};

/// `ManagedScalingPolicy`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ManagedScaling {
    /// How far the cluster might grow and shrink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compute_limits: Option<ComputeLimits>,
    /// 1 for speed, 100 for thrift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utilization_performance_index: Option<u8>,
    /// `DEFAULT` or `ADVANCED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling_strategy: Option<ScalingStrategy>,
}

/// `ScalingStrategy`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScalingStrategy {
    /// By AWS's own measure.
    Default,
    /// By the utilization-performance index.
    Advanced,
}

/// `ComputeLimits`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ComputeLimits {
    /// What the numbers count.
    pub unit_type: UnitType,
    /// The least.
    pub minimum_capacity_units: u32,
    /// The most.
    pub maximum_capacity_units: u32,
    /// The most On-Demand ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_on_demand_capacity_units: Option<u32>,
    /// The most in the core group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_core_capacity_units: Option<u32>,
}

/// `ComputeLimitsUnitType`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnitType {
    /// Weighted capacity, for fleets.
    InstanceFleetUnits,
    /// Instances, for groups.
    Instances,
    /// Cores, for groups.
    #[serde(rename = "VCPU")]
    Vcpu,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutManagedInput {
    cluster_id: String,
    managed_scaling_policy: ManagedScaling,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetManagedOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    managed_scaling_policy: Option<ManagedScaling>,
}

/// What of an auto-scaling policy's request decides who may ask.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AutoScalingInput {
    cluster_id: String,
    instance_group_id: String,
}

impl ManagedScaling {
    /// Checks the numbers (`ComputeLimits`, EMR API Reference).
    pub(crate) fn check(&self, of_fleets: bool) -> Result<(), EmrError> {
        let refuse = |message: &str| Err(EmrError::validation(message));
        let Some(limits) = &self.compute_limits else {
            return refuse("ManagedScalingPolicy.ComputeLimits is required.");
        };
        if (limits.unit_type == UnitType::InstanceFleetUnits) != of_fleets {
            return refuse(
                "The UnitType InstanceFleetUnits is for clusters of instance fleets, Instances \
                 and VCPU for those of instance groups.",
            );
        }
        let most = limits.maximum_capacity_units;
        if limits.minimum_capacity_units == 0 || limits.minimum_capacity_units > most {
            return refuse(
                "MinimumCapacityUnits must be at least 1 and not above MaximumCapacityUnits.",
            );
        }
        let parts = [
            limits.maximum_on_demand_capacity_units,
            limits.maximum_core_capacity_units,
        ];
        if parts.into_iter().flatten().any(|part| part > most) {
            return refuse(
                "MaximumOnDemandCapacityUnits and MaximumCoreCapacityUnits must not be above \
                 MaximumCapacityUnits.",
            );
        }
        self.check_index()
    }

    fn check_index(&self) -> Result<(), EmrError> {
        let advanced = self.scaling_strategy == Some(ScalingStrategy::Advanced);
        match self.utilization_performance_index {
            Some(_) if !advanced => Err(EmrError::validation(
                "UtilizationPerformanceIndex needs the ScalingStrategy ADVANCED.",
            )),
            Some(0 | 101..) => Err(EmrError::validation(
                "UtilizationPerformanceIndex must be between 1 and 100.",
            )),
            _ => Ok(()),
        }
    }
}

/// `PutManagedScalingPolicy`
pub(crate) async fn put_managed(
    emr: Arc<Emr>,
    call: Call,
    input: PutManagedInput,
) -> Result<serde_json::Value, AwsError> {
    let action = "elasticmapreduce:PutManagedScalingPolicy";
    let cluster = permitted(&emr, &call, action, &input.cluster_id)?;
    let policy = input.managed_scaling_policy;
    policy.check(cluster.has_fleets())?;
    emr.modify(&cluster, |cluster| cluster.managed_scaling = Some(policy))
        .await?;
    Ok(serde_json::json!({}))
}

/// `GetManagedScalingPolicy`: no policy for a cluster without one.
pub(crate) async fn get_managed(
    emr: Arc<Emr>,
    call: Call,
    input: ClusterInput,
) -> Result<GetManagedOutput, AwsError> {
    let action = "elasticmapreduce:GetManagedScalingPolicy";
    let cluster = permitted(&emr, &call, action, &input.cluster_id)?;
    Ok(GetManagedOutput {
        managed_scaling_policy: cluster.managed_scaling.clone(),
    })
}

/// `RemoveManagedScalingPolicy`: no error when there is none.
pub(crate) async fn remove_managed(
    emr: Arc<Emr>,
    call: Call,
    input: ClusterInput,
) -> Result<serde_json::Value, AwsError> {
    let action = "elasticmapreduce:RemoveManagedScalingPolicy";
    let cluster = permitted(&emr, &call, action, &input.cluster_id)?;
    emr.modify(&cluster, |cluster| cluster.managed_scaling = None)
        .await?;
    Ok(serde_json::json!({}))
}

/// `PutAutoScalingPolicy`: refused.
pub(crate) async fn put_automatic(
    emr: Arc<Emr>,
    call: Call,
    input: AutoScalingInput,
) -> Result<serde_json::Value, AwsError> {
    let action = "elasticmapreduce:PutAutoScalingPolicy";
    let cluster = permitted_job_flow(&emr, &call, action, &input.cluster_id)?;
    check_group(&cluster, &input.instance_group_id)?;
    Err(
        EmrError::Unsupported("An automatic scaling policy (a cluster is one machine)".to_owned())
            .into(),
    )
}

/// `RemoveAutoScalingPolicy`: there never is one to remove, which is no error.
pub(crate) async fn remove_automatic(
    emr: Arc<Emr>,
    call: Call,
    input: AutoScalingInput,
) -> Result<serde_json::Value, AwsError> {
    let action = "elasticmapreduce:RemoveAutoScalingPolicy";
    let cluster = permitted_job_flow(&emr, &call, action, &input.cluster_id)?;
    check_group(&cluster, &input.instance_group_id)?;
    Ok(serde_json::json!({}))
}

fn check_group(cluster: &Cluster, id: &str) -> Result<(), EmrError> {
    if cluster.groups.iter().any(|group| group.id == id) {
        Ok(())
    } else {
        Err(EmrError::NoSuchInstanceGroup(id.to_owned()).of_older_operation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn check(policy: Value, of_fleets: bool) -> Result<(), EmrError> {
        serde_json::from_value::<ManagedScaling>(policy)
            .unwrap()
            .check(of_fleets)
    }

    fn limits(minimum: u32, maximum: u32) -> Value {
        json!({"ComputeLimits": {"UnitType": "Instances",
            "MinimumCapacityUnits": minimum, "MaximumCapacityUnits": maximum}})
    }

    #[test]
    fn limits_keep_to_the_rules() {
        assert!(check(limits(1, 10), false).is_ok());
        assert!(check(limits(2, 2), false).is_ok());
        assert!(check(limits(0, 10), false).is_err());
        assert!(check(limits(3, 2), false).is_err());
        assert!(check(json!({}), false).is_err());
        for part in ["MaximumOnDemandCapacityUnits", "MaximumCoreCapacityUnits"] {
            let mut policy = limits(1, 10);
            policy["ComputeLimits"][part] = json!(10);
            assert!(check(policy.clone(), false).is_ok());
            policy["ComputeLimits"][part] = json!(11);
            assert!(check(policy, false).is_err());
        }
    }

    #[test]
    fn units_fit_the_collection() {
        let mut fleet = limits(1, 10);
        fleet["ComputeLimits"]["UnitType"] = json!("InstanceFleetUnits");
        assert!(check(fleet.clone(), true).is_ok());
        assert!(check(fleet, false).is_err());
        assert!(check(limits(1, 10), true).is_err());
    }

    #[test]
    fn the_index_needs_its_strategy() {
        let mut policy = limits(1, 10);
        policy["UtilizationPerformanceIndex"] = json!(50);
        assert!(check(policy.clone(), false).is_err());
        policy["ScalingStrategy"] = json!("ADVANCED");
        assert!(check(policy.clone(), false).is_ok());
        policy["UtilizationPerformanceIndex"] = json!(101);
        assert!(check(policy, false).is_err());
    }
}
