//! RegisterResource, DeregisterResource, DescribeResource, ListResources.

use std::sync::Arc;

use lakeward_identity::{Call, Role};
use lakeward_policy::Context;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Empty, MOST_RESULTS, authorize};
use crate::Catalog;
use crate::access::Lake;
use crate::error::CatalogError;
use crate::location::Location;
use crate::page::page;
use crate::record::RegisteredLocation;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RegisterResourceInput {
    resource_arn: String,
    use_service_linked_role: Option<bool>,
    role_arn: Option<String>,
    with_federation: Option<bool>,
    hybrid_access_enabled: Option<bool>,
    with_privileged_access: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ResourceName {
    resource_arn: String,
}

/// A registered location on the wire.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ResourceInfo {
    resource_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    last_modified: f64,
    with_federation: bool,
    hybrid_access_enabled: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeResourceOutput {
    resource_info: ResourceInfo,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListResourcesInput {
    #[serde(default)]
    filter_condition_list: Vec<Value>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListResourcesOutput {
    resource_info_list: Vec<ResourceInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl From<&RegisteredLocation> for ResourceInfo {
    fn from(record: &RegisteredLocation) -> Self {
        Self {
            resource_arn: record.arn.clone(),
            role_arn: record.role_arn.clone(),
            last_modified: record.registered,
            with_federation: false,
            hybrid_access_enabled: false,
        }
    }
}

pub(crate) async fn register_resource(
    _: Arc<Catalog>,
    call: Call,
    input: RegisterResourceInput,
) -> Result<Empty, AwsError> {
    authorize(&call, "RegisterResource")?;
    let location = Location::from_arn(&input.resource_arn)?;
    check_registration(&input)?;
    if let Some(role) = &input.role_arn {
        let _permit = call.authorize("iam:PassRole", role, passing(&call, role))?;
    }
    let record = RegisteredLocation {
        account: call.account().to_owned(),
        path: location.path().to_owned(),
        arn: location.arn(),
        role_arn: input.role_arn,
        registered: lakeward_wire::epoch(call.now()),
    };
    let account = call.account();
    call.store()
        .change(|change| {
            if Lake::new(change, account)
                .registered_location(&location)
                .is_some()
            {
                return Err(CatalogError::AlreadyExists(
                    "Resource is already registered.".to_owned(),
                ));
            }
            change.put(record);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

/// What conditions on passing the role can ask about: the service, and the role's tags.
fn passing(call: &Call, role_arn: &str) -> Context {
    Role::find(call.snapshot(), role_arn)
        .map_or_else(Context::new, |role| role.tag_context())
        .with("iam:PassedToService", "lakeformation.amazonaws.com")
}

fn check_registration(input: &RegisterResourceInput) -> Result<(), CatalogError> {
    let unknown = [
        (input.with_federation, "WithFederation"),
        (input.hybrid_access_enabled, "HybridAccessEnabled"),
        (input.with_privileged_access, "WithPrivilegedAccess"),
    ];
    if let Some((_, member)) = unknown.iter().find(|(set, _)| *set == Some(true)) {
        return Err(CatalogError::invalid(format!(
            "{member} is not implemented"
        )));
    }
    let linked = input.use_service_linked_role == Some(true);
    if linked == input.role_arn.is_some() {
        return Err(CatalogError::invalid(
            "name either RoleArn or UseServiceLinkedRole",
        ));
    }
    Ok(())
}

fn not_registered() -> CatalogError {
    CatalogError::NotFound("Entity not found: the location is not registered.".to_owned())
}

pub(crate) async fn deregister_resource(
    _: Arc<Catalog>,
    call: Call,
    input: ResourceName,
) -> Result<Empty, AwsError> {
    authorize(&call, "DeregisterResource")?;
    let location = Location::from_arn(&input.resource_arn)?;
    let account = call.account();
    call.store()
        .change(|change| {
            let lake = Lake::new(change, account);
            lake.registered_location(&location)
                .ok_or_else(not_registered)?;
            let key = RegisteredLocation::key_of(account, location.path());
            change.delete::<RegisteredLocation>(&key);
            Ok::<_, CatalogError>(())
        })
        .await?;
    Ok(Empty {})
}

pub(crate) async fn describe_resource(
    _: Arc<Catalog>,
    call: Call,
    input: ResourceName,
) -> Result<DescribeResourceOutput, AwsError> {
    authorize(&call, "DescribeResource")?;
    let location = Location::from_arn(&input.resource_arn)?;
    let record = Lake::new(call.snapshot(), call.account())
        .registered_location(&location)
        .ok_or_else(not_registered)?;
    Ok(DescribeResourceOutput {
        resource_info: ResourceInfo::from(&*record),
    })
}

pub(crate) async fn list_resources(
    _: Arc<Catalog>,
    call: Call,
    input: ListResourcesInput,
) -> Result<ListResourcesOutput, AwsError> {
    authorize(&call, "ListResources")?;
    if !input.filter_condition_list.is_empty() {
        return Err(CatalogError::invalid("FilterConditionList is not implemented").into());
    }
    let records = Lake::new(call.snapshot(), call.account()).registered_locations();
    let infos = records
        .iter()
        .map(|record| (record.path.clone(), ResourceInfo::from(&**record)));
    let page = page(
        infos,
        input.max_results,
        input.next_token.as_deref(),
        MOST_RESULTS,
    )?;
    Ok(ListResourcesOutput {
        resource_info_list: page.items,
        next_token: page.next_token,
    })
}
