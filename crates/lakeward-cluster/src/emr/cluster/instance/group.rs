//! The instance groups of a new cluster.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::emr::{
    cluster::{
        configuration::{self, Configuration},
        instance::{
            ebs::EbsConfiguration,
            record::{InstanceGroup, InstanceRole, Market},
        },
        machine::check_name,
        request::Instances,
        unbuilt,
    },
    error::EmrError,
    identifier,
};

const MOST_GROUPS: usize = 50;
const MOST_INSTANCES: u32 = 4_000;
const LONGEST_TYPE: usize = 256;

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
    #[serde(default)]
    pub ebs_configuration: EbsConfiguration,
    #[serde(flatten)]
    pub unbuilt: Map<String, Value>,
}

/// The groups of a list.
pub(crate) fn groups(inputs: &[GroupInput]) -> Result<Vec<InstanceGroup>, EmrError> {
    let groups = inputs.iter().map(group).collect::<Result<Vec<_>, _>>()?;
    check_groups(&groups)?;
    Ok(groups)
}

/// The groups of a request that gives types and a count.
pub(crate) fn groups_by_type(instances: &Instances) -> Result<Vec<InstanceGroup>, EmrError> {
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
    check_groups(&groups)?;
    Ok(groups)
}

fn group(input: &GroupInput) -> Result<InstanceGroup, EmrError> {
    unbuilt::refuse("Instances.InstanceGroups.", &input.unbuilt)?;
    configuration::validate(&input.configurations)?;
    input.ebs_configuration.check()?;
    check_price(input.market, input.bid_price.as_deref())?;
    let mut group = instance_group(
        input.instance_role,
        input.instance_type.clone(),
        input.instance_count,
    );
    if let Some(name) = &input.name {
        check_name("The Name of an instance group", name)?;
        group.name.clone_from(name);
    }
    group.market = input.market;
    group.bid_price.clone_from(&input.bid_price);
    group.configurations.clone_from(&input.configurations);
    group.ebs.clone_from(&input.ebs_configuration);
    Ok(group)
}

/// A bid is a positive number, and is made for Spot instances only.
fn check_price(market: Market, price: Option<&str>) -> Result<(), EmrError> {
    let Some(price) = price else { return Ok(()) };
    if market == Market::OnDemand {
        return Err(EmrError::validation(
            "BidPrice can be given for the Market SPOT only.",
        ));
    }
    check_bid(price)
}

/// Refuses a bid that isn't a positive number of dollars.
pub(crate) fn check_bid(price: &str) -> Result<(), EmrError> {
    let amount = price.parse::<f64>().ok();
    if amount.is_some_and(|amount| amount.is_finite() && amount > 0.0) {
        Ok(())
    } else {
        Err(EmrError::validation(
            "BidPrice must be a positive number of US dollars, as in \"0.15\".",
        ))
    }
}

fn instance_group(role: InstanceRole, instance_type: String, requested: u32) -> InstanceGroup {
    InstanceGroup {
        id: identifier::instance_group(),
        name: role.usual_name().to_owned(),
        role,
        market: Market::OnDemand,
        bid_price: None,
        instance_type,
        requested,
        instances: role.instances(),
        configurations: Vec::new(),
        ebs: EbsConfiguration::default(),
    }
}

/// Refuses an instance type that no name could be.
pub(crate) fn check_type(instance_type: &str) -> Result<(), EmrError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    let fits = (1..=LONGEST_TYPE).contains(&instance_type.len());
    if fits && instance_type.bytes().all(plain) {
        Ok(())
    } else {
        Err(EmrError::validation(format!(
            "InstanceType '{}' is not valid.",
            instance_type.chars().take(100).collect::<String>()
        )))
    }
}

fn check_groups(groups: &[InstanceGroup]) -> Result<(), EmrError> {
    let of = |role| groups.iter().filter(move |group| group.role == role);
    let primaries: Vec<_> = of(InstanceRole::Master).collect();
    let [primary] = primaries.as_slice() else {
        return Err(EmrError::validation(
            "Instances must have exactly one instance group with the InstanceRole MASTER.",
        ));
    };
    check_primary(primary.requested)?;
    if of(InstanceRole::Core).count() > 1 {
        return Err(EmrError::validation(
            "Instances can have at most one instance group with the InstanceRole CORE.",
        ));
    }
    for group in groups {
        check_type(&group.instance_type)?;
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

/// Runtime roles don't work with several primaries, in AWS neither.
fn check_primary(requested: u32) -> Result<(), EmrError> {
    match requested {
        1 => Ok(()),
        3 => Err(EmrError::Unsupported(
            "A cluster with three primary instances".to_owned(),
        )),
        0 => Err(EmrError::validation(
            "The MASTER instance group must have exactly 1 instance.",
        )),
        // AWS's text: several primaries are three.
        _ => Err(EmrError::validation(
            "Master instance group must have exactly 3 instances for HA clusters.",
        )),
    }
}
