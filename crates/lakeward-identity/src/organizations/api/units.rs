//! Organizational units.

use std::sync::Arc;

use lakeward_policy::Context;
use lakeward_store::{Change, Snapshot};
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{
    entry,
    paging::Paging,
    visit::{Visit, amend},
};
use crate::{
    Call, Identity, Service,
    iam::{Nothing, Tag},
    inventory,
    organizations::{
        Organization, OrganizationalUnit, ResourceTags, error, naming,
        tree::{self, Node},
    },
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreateOrganizationalUnit", identity, create)
        .operation("UpdateOrganizationalUnit", identity, update)
        .operation("DeleteOrganizationalUnit", identity, delete)
        .operation("DescribeOrganizationalUnit", identity, describe)
        .operation("ListOrganizationalUnitsForParent", identity, list)
}

/// The most units of an organization ("Quotas for AWS Organizations").
const MOST_UNITS: usize = 2000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    parent_id: String,
    name: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Update {
    organizational_unit_id: String,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UnitId {
    organizational_unit_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ForParent {
    parent_id: String,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UnitView {
    id: String,
    arn: String,
    name: String,
    path: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UnitAnswer {
    organizational_unit: UnitView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UnitList {
    organizational_units: Vec<UnitView>,
    next_token: Option<String>,
}

fn view(snapshot: &Snapshot, organization: &Organization, unit: &OrganizationalUnit) -> UnitView {
    UnitView {
        id: unit.id.clone(),
        arn: organization.target_arn(&unit.id),
        name: unit.name.clone(),
        path: tree::path(snapshot, organization, &unit.id),
    }
}

fn find(
    snapshot: &Snapshot,
    organization: &Organization,
    id: &str,
) -> Result<Arc<OrganizationalUnit>, AwsError> {
    OrganizationalUnit::find(snapshot, &organization.id, id)
        .ok_or_else(|| error::not_found("OrganizationalUnit"))
}

async fn create(
    identity: Arc<Identity>,
    call: Call,
    input: Create,
) -> Result<UnitAnswer, AwsError> {
    let tags = naming::tag_map(input.tags)?;
    let context = inventory::request_tags(&tags);
    let _permit =
        Visit::new(&call).ask_on("CreateOrganizationalUnit", &input.parent_id, context)?;
    naming::check_text("Name", &input.name, 128)?;
    naming::check_tags(&tags)?;
    amend(&identity, &call, |change, organization| {
        check_room(change, organization, &input.parent_id)?;
        check_name(change, organization, &input.parent_id, &input.name)?;
        let root = organization.root.trim_start_matches("r-");
        let unit = OrganizationalUnit {
            organization: organization.id.clone(),
            id: naming::fresh(&format!("ou-{root}"), 8),
            parent: input.parent_id,
            name: input.name,
        };
        entry::furnish(change, organization, &unit.id);
        ResourceTags::put(change, &organization.id, &unit.id, tags);
        change.put(unit.clone());
        let organizational_unit = view(change, organization, &unit);
        Ok(UnitAnswer {
            organizational_unit,
        })
    })
    .await
}

fn check_room(
    snapshot: &Snapshot,
    organization: &Organization,
    parent: &str,
) -> Result<(), AwsError> {
    Node::parent(snapshot, organization, parent).ok_or_else(|| error::not_found("Parent"))?;
    let line = tree::line_to(snapshot, organization, parent).unwrap_or_default();
    if line.len() > tree::DEEPEST {
        return Err(error::constraint(
            "OU_DEPTH_LIMIT_EXCEEDED",
            "You have exceeded the allowed depth of organizational units.",
        ));
    }
    if tree::units(snapshot, organization).len() >= MOST_UNITS {
        return Err(error::constraint(
            "OU_NUMBER_LIMIT_EXCEEDED",
            "You have exceeded the allowed number of organizational units.",
        ));
    }
    Ok(())
}

fn check_name(
    snapshot: &Snapshot,
    organization: &Organization,
    parent: &str,
    name: &str,
) -> Result<(), AwsError> {
    let same = |unit: &Arc<OrganizationalUnit>| unit.parent == parent && unit.name == name;
    if tree::units(snapshot, organization).iter().any(same) {
        return Err(error::refused(
            "DuplicateOrganizationalUnitException",
            "An organizational unit (OU) with the same name already exists.",
        ));
    }
    Ok(())
}

async fn update(
    identity: Arc<Identity>,
    call: Call,
    input: Update,
) -> Result<UnitAnswer, AwsError> {
    let id = input.organizational_unit_id;
    let _permit = Visit::new(&call).ask_on("UpdateOrganizationalUnit", &id, Context::new())?;
    amend(&identity, &call, |change: &mut Change<'_>, organization| {
        let mut unit = (*find(change, organization, &id)?).clone();
        if let Some(name) = input.name.filter(|name| *name != unit.name) {
            naming::check_text("Name", &name, 128)?;
            check_name(change, organization, &unit.parent, &name)?;
            unit.name = name;
            change.put(unit.clone());
        }
        let organizational_unit = view(change, organization, &unit);
        Ok(UnitAnswer {
            organizational_unit,
        })
    })
    .await
}

async fn delete(identity: Arc<Identity>, call: Call, input: UnitId) -> Result<Nothing, AwsError> {
    let id = input.organizational_unit_id;
    let _permit = Visit::new(&call).ask_on("DeleteOrganizationalUnit", &id, Context::new())?;
    amend(&identity, &call, |change, organization| {
        find(change, organization, &id)?;
        let members = tree::members(change, organization);
        let units = tree::units(change, organization);
        let empty = members.iter().all(|member| member.parent != id)
            && units.iter().all(|unit| unit.parent != id);
        if !empty {
            return Err(error::refused(
                "OrganizationalUnitNotEmptyException",
                "The specified organizational unit (OU) is not empty. Move all accounts to another root or to other OUs, remove all child OUs, and try the operation again.",
            ));
        }
        entry::forget(change, organization, &id);
        change.delete::<OrganizationalUnit>(&format!("{}/{id}", organization.id));
        Ok(Nothing)
    })
    .await
}

async fn describe(
    _identity: Arc<Identity>,
    call: Call,
    input: UnitId,
) -> Result<UnitAnswer, AwsError> {
    let visit = Visit::new(&call);
    let id = input.organizational_unit_id;
    let _permit = visit.ask_on("DescribeOrganizationalUnit", &id, Context::new())?;
    let organization = visit.managed()?;
    let unit = find(call.snapshot(), &organization, &id)?;
    Ok(UnitAnswer {
        organizational_unit: view(call.snapshot(), &organization, &unit),
    })
}

async fn list(
    _identity: Arc<Identity>,
    call: Call,
    input: ForParent,
) -> Result<UnitList, AwsError> {
    let visit = Visit::new(&call);
    let parent = input.parent_id;
    let _permit = visit.ask_on("ListOrganizationalUnitsForParent", &parent, Context::new())?;
    let organization = visit.managed()?;
    Node::parent(call.snapshot(), &organization, &parent)
        .ok_or_else(|| error::not_found("Parent"))?;
    let mut units = tree::units(call.snapshot(), &organization);
    units.retain(|unit| unit.parent == parent);
    let (units, next_token) = input.paging.page(units, |unit| &unit.id)?;
    let view = |unit: &Arc<OrganizationalUnit>| view(call.snapshot(), &organization, unit);
    Ok(UnitList {
        organizational_units: units.iter().map(view).collect(),
        next_token,
    })
}
