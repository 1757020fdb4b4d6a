//! The instance fleets of a new cluster.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::emr::{
    cluster::{
        configuration::{self, Configuration},
        instance::{
            ebs::EbsConfiguration,
            group::{check_bid, check_type},
            record::{FleetType, InstanceFleet, InstanceRole},
        },
        machine::check_name,
        unbuilt,
    },
    error::EmrError,
    identifier,
};

/// With an allocation strategy, as many types as AWS takes (`InstanceFleetConfig`).
const MOST_TYPES: usize = 30;
const MOST_UNITS: u32 = 4_000;
const SPOT_MINUTES: std::ops::RangeInclusive<u32> = 5..=1_440;
const SPOT_STRATEGIES: [&str; 5] = [
    "capacity-optimized",
    "capacity-optimized-prioritized",
    "diversified",
    "lowest-price",
    "price-capacity-optimized",
];
const ON_DEMAND_STRATEGIES: [&str; 2] = ["lowest-price", "prioritized"];
const TIMEOUT_ACTIONS: [&str; 2] = ["SWITCH_TO_ON_DEMAND", "TERMINATE_CLUSTER"];

/// `InstanceFleetConfig`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FleetInput {
    pub name: Option<String>,
    pub instance_fleet_type: InstanceRole,
    #[serde(default)]
    pub target_on_demand_capacity: u32,
    #[serde(default)]
    pub target_spot_capacity: u32,
    #[serde(default)]
    pub instance_type_configs: Vec<TypeInput>,
    pub launch_specifications: Option<Value>,
    pub resize_specifications: Option<Value>,
    pub context: Option<String>,
    #[serde(flatten)]
    pub unbuilt: Map<String, Value>,
}

/// `InstanceTypeConfig`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TypeInput {
    pub instance_type: String,
    pub weighted_capacity: Option<u32>,
    pub bid_price: Option<String>,
    pub bid_price_as_percentage_of_on_demand_price: Option<f64>,
    pub priority: Option<f64>,
    #[serde(default)]
    pub configurations: Vec<Configuration>,
    #[serde(default)]
    pub ebs_configuration: EbsConfiguration,
    #[serde(flatten)]
    pub unbuilt: Map<String, Value>,
}

/// The fleets of a list.
pub(crate) fn fleets(inputs: &[FleetInput]) -> Result<Vec<InstanceFleet>, EmrError> {
    let count = |role| {
        let of_role = inputs
            .iter()
            .filter(|fleet| fleet.instance_fleet_type == role);
        of_role.count()
    };
    if count(InstanceRole::Master) != 1 {
        return Err(EmrError::validation(
            "Instances must have exactly one instance fleet with the InstanceFleetType MASTER.",
        ));
    }
    if count(InstanceRole::Core) > 1 || count(InstanceRole::Task) > 1 {
        return Err(EmrError::validation(
            "Instances can have at most one instance fleet of each InstanceFleetType.",
        ));
    }
    inputs.iter().map(fleet).collect()
}

fn fleet(input: &FleetInput) -> Result<InstanceFleet, EmrError> {
    unbuilt::refuse("Instances.InstanceFleets.", &input.unbuilt)?;
    check_targets(input)?;
    check_specifications(input.launch_specifications.as_ref())?;
    check_specifications(input.resize_specifications.as_ref())?;
    let role = input.instance_fleet_type;
    let configs = &input.instance_type_configs;
    if configs.is_empty() || configs.len() > MOST_TYPES {
        return Err(EmrError::validation(format!(
            "An instance fleet needs 1 to {MOST_TYPES} InstanceTypeConfigs."
        )));
    }
    for text in [&input.name, &input.context].into_iter().flatten() {
        check_name("A Name or Context of an instance fleet", text)?;
    }
    let name = input.name.as_deref().unwrap_or(role.usual_name());
    let types = configs.iter().map(|config| fleet_type(config, role));
    Ok(InstanceFleet {
        id: identifier::instance_fleet(),
        name: name.to_owned(),
        role,
        on_demand: input.target_on_demand_capacity,
        spot: input.target_spot_capacity,
        types: types.collect::<Result<_, _>>()?,
        launch: input.launch_specifications.clone(),
        resize: input.resize_specifications.clone(),
        context: input.context.clone(),
        instances: role.instances(),
    })
}

/// A primary fleet is one instance, the others are some (`InstanceFleetConfig`).
fn check_targets(input: &FleetInput) -> Result<(), EmrError> {
    let targets = (input.target_on_demand_capacity, input.target_spot_capacity);
    let primary = input.instance_fleet_type == InstanceRole::Master;
    match targets {
        (0, 1) | (1, 0) => Ok(()),
        _ if primary => Err(EmrError::validation(
            "The MASTER instance fleet takes either a TargetOnDemandCapacity or a \
             TargetSpotCapacity, and it must be 1.",
        )),
        (0, 0) => Err(EmrError::validation(
            "An instance fleet needs a TargetOnDemandCapacity or a TargetSpotCapacity above 0.",
        )),
        (on_demand, spot) if on_demand > MOST_UNITS || spot > MOST_UNITS => {
            Err(EmrError::validation(format!(
                "The target capacities of an instance fleet can be at most {MOST_UNITS}."
            )))
        }
        _ => Ok(()),
    }
}

fn fleet_type(input: &TypeInput, role: InstanceRole) -> Result<FleetType, EmrError> {
    unbuilt::refuse(
        "Instances.InstanceFleets.InstanceTypeConfigs.",
        &input.unbuilt,
    )?;
    check_type(&input.instance_type)?;
    configuration::validate(&input.configurations)?;
    input.ebs_configuration.check()?;
    let weight = input.weighted_capacity.unwrap_or(1);
    if weight == 0 || (role == InstanceRole::Master && weight != 1) {
        return Err(EmrError::validation(
            "WeightedCapacity must be at least 1, and 1 in the MASTER instance fleet.",
        ));
    }
    if let Some(price) = &input.bid_price {
        check_bid(price)?;
    }
    let percentage = input.bid_price_as_percentage_of_on_demand_price;
    if input.bid_price.is_some() && percentage.is_some() {
        return Err(EmrError::validation(
            "Only one of BidPrice and BidPriceAsPercentageOfOnDemandPrice may be specified.",
        ));
    }
    if [percentage, input.priority]
        .into_iter()
        .flatten()
        .any(|n| n < 0.0)
    {
        return Err(EmrError::validation(
            "BidPriceAsPercentageOfOnDemandPrice and Priority must not be negative.",
        ));
    }
    Ok(FleetType {
        instance_type: input.instance_type.clone(),
        weight,
        bid_price: input.bid_price.clone(),
        bid_price_percentage: percentage,
        priority: input.priority,
        configurations: input.configurations.clone(),
        ebs: input.ebs_configuration.clone(),
    })
}

/// `InstanceFleetProvisioningSpecifications` or `InstanceFleetResizingSpecifications`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Specifications {
    #[serde(alias = "SpotResizeSpecification")]
    spot_specification: Option<Spot>,
    #[serde(alias = "OnDemandResizeSpecification")]
    on_demand_specification: Option<OnDemand>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Spot {
    timeout_duration_minutes: Option<u32>,
    timeout_action: Option<String>,
    block_duration_minutes: Option<u32>,
    allocation_strategy: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct OnDemand {
    timeout_duration_minutes: Option<u32>,
    allocation_strategy: Option<String>,
    #[serde(rename = "CapacityReservationOptions")]
    _capacity_reservation_options: Option<Map<String, Value>>,
}

fn check_specifications(given: Option<&Value>) -> Result<(), EmrError> {
    let Some(given) = given else { return Ok(()) };
    let read = Specifications::deserialize(given).map_err(|error| {
        EmrError::validation(format!(
            "The specifications of an instance fleet are not valid: {error}."
        ))
    })?;
    if let Some(spot) = read.spot_specification {
        check_minutes(spot.timeout_duration_minutes)?;
        check_minutes(spot.block_duration_minutes)?;
        one_of(
            "TimeoutAction",
            spot.timeout_action.as_deref(),
            &TIMEOUT_ACTIONS,
        )?;
        let strategy = spot.allocation_strategy.as_deref();
        one_of("AllocationStrategy", strategy, &SPOT_STRATEGIES)?;
    }
    if let Some(on_demand) = read.on_demand_specification {
        check_minutes(on_demand.timeout_duration_minutes)?;
        let strategy = on_demand.allocation_strategy.as_deref();
        one_of("AllocationStrategy", strategy, &ON_DEMAND_STRATEGIES)?;
    }
    Ok(())
}

fn check_minutes(minutes: Option<u32>) -> Result<(), EmrError> {
    match minutes {
        Some(minutes) if !SPOT_MINUTES.contains(&minutes) => Err(EmrError::validation(
            "The minutes in the specifications of an instance fleet must be between 5 and 1440.",
        )),
        _ => Ok(()),
    }
}

fn one_of(field: &str, given: Option<&str>, known: &[&str]) -> Result<(), EmrError> {
    match given {
        Some(given) if !known.contains(&given) => Err(EmrError::validation(format!(
            "{field} '{given}' is not one of {}.",
            known.join(", ")
        ))),
        _ => Ok(()),
    }
}
