//! Where accounts and units hang, and moving accounts.

use std::sync::Arc;

use lakeward_policy::Context;
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{
    paging::Paging,
    visit::{Visit, amend},
};
use crate::{
    Call, Identity, Service,
    iam::Nothing,
    organizations::{
        Membership, Organization, error,
        tree::{self, Node},
    },
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("ListParents", identity, list_parents)
        .operation("ListChildren", identity, list_children)
        .operation("MoveAccount", identity, move_account)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListParents {
    child_id: String,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListChildren {
    parent_id: String,
    child_type: String,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Move {
    account_id: String,
    source_parent_id: String,
    destination_parent_id: String,
}

/// A parent or child.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PlaceView {
    id: String,
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ParentList {
    parents: Vec<PlaceView>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ChildList {
    children: Vec<PlaceView>,
    next_token: Option<String>,
}

async fn list_parents(
    _identity: Arc<Identity>,
    call: Call,
    input: ListParents,
) -> Result<ParentList, AwsError> {
    let visit = Visit::new(&call);
    let _permit = visit.ask_on("ListParents", &input.child_id, Context::new())?;
    let organization = visit.managed()?;
    let child = Node::find(call.snapshot(), &organization, &input.child_id);
    let id = match child {
        Some(Node::Account(member)) => member.parent.clone(),
        Some(Node::Unit(unit)) => unit.parent.clone(),
        Some(Node::Root) | None => return Err(error::not_found("Child")),
    };
    let r#type = Node::parent(call.snapshot(), &organization, &id)
        .map_or("ORGANIZATIONAL_UNIT", |parent| parent.kind());
    let parents = vec![PlaceView { id, r#type }];
    let (parents, next_token) = input.paging.page(parents, |parent| &parent.id)?;
    Ok(ParentList {
        parents,
        next_token,
    })
}

async fn list_children(
    _identity: Arc<Identity>,
    call: Call,
    input: ListChildren,
) -> Result<ChildList, AwsError> {
    let visit = Visit::new(&call);
    let _permit = visit.ask_on("ListChildren", &input.parent_id, Context::new())?;
    let organization = visit.managed()?;
    let parent = &*input.parent_id;
    Node::parent(call.snapshot(), &organization, parent)
        .ok_or_else(|| error::not_found("Parent"))?;
    let children = children(call.snapshot(), &organization, parent, &input.child_type)?;
    let (children, next_token) = input.paging.page(children, |child| &child.id)?;
    Ok(ChildList {
        children,
        next_token,
    })
}

fn children(
    snapshot: &Snapshot,
    organization: &Organization,
    parent: &str,
    kind: &str,
) -> Result<Vec<PlaceView>, AwsError> {
    let place = |id: &str, r#type| PlaceView {
        id: id.to_owned(),
        r#type,
    };
    match kind {
        "ACCOUNT" => Ok(tree::members(snapshot, organization)
            .iter()
            .filter(|member| member.parent == parent)
            .map(|member| place(&member.account, "ACCOUNT"))
            .collect()),
        "ORGANIZATIONAL_UNIT" => Ok(tree::units(snapshot, organization)
            .iter()
            .filter(|unit| unit.parent == parent)
            .map(|unit| place(&unit.id, "ORGANIZATIONAL_UNIT"))
            .collect()),
        _ => Err(error::invalid(
            "INVALID_ENUM",
            "ChildType must be ACCOUNT or ORGANIZATIONAL_UNIT.",
        )),
    }
}

async fn move_account(
    identity: Arc<Identity>,
    call: Call,
    input: Move,
) -> Result<Nothing, AwsError> {
    let visit = Visit::new(&call);
    for id in [
        &input.account_id,
        &input.source_parent_id,
        &input.destination_parent_id,
    ] {
        let _permit = visit.ask_on("MoveAccount", id, Context::new())?;
    }
    amend(&identity, &call, |change, organization| {
        let member = tree::member(change, organization, &input.account_id)
            .ok_or_else(|| error::not_found("Account"))?;
        Node::parent(change, organization, &input.source_parent_id)
            .filter(|_| member.parent == input.source_parent_id)
            .ok_or_else(|| error::not_found("SourceParent"))?;
        Node::parent(change, organization, &input.destination_parent_id)
            .ok_or_else(|| error::not_found("DestinationParent"))?;
        if member.parent == input.destination_parent_id {
            return Err(error::refused(
                "DuplicateAccountException",
                "That account is already present in the specified destination.",
            ));
        }
        change.put(Membership {
            parent: input.destination_parent_id,
            ..(*member).clone()
        });
        Ok(Nothing)
    })
    .await
}
