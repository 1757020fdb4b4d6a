//! Tags of roots, units, accounts and policies.

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
    iam::{Nothing, Tag, tag_list},
    inventory,
    organizations::{Organization, OrganizationPolicy, ResourceTags, error, naming, tree::Node},
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("TagResource", identity, tag)
        .operation("UntagResource", identity, untag)
        .operation("ListTagsForResource", identity, list)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagResource {
    resource_id: String,
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Untag {
    resource_id: String,
    tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    resource_id: String,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagList {
    tags: Vec<Tag>,
    next_token: Option<String>,
}

fn ask(visit: &Visit<'_>, action: &str, id: &str, context: Context) -> Result<(), AwsError> {
    let permit = if id.starts_with("p-") {
        visit.ask_on_policy(action, id, context)
    } else {
        visit.ask_on(action, id, context)
    };
    permit.map(|_permit| ())
}

fn check_exists(
    snapshot: &Snapshot,
    organization: &Organization,
    id: &str,
) -> Result<(), AwsError> {
    let policy = OrganizationPolicy::find(snapshot, &organization.id, id);
    if policy
        .as_ref()
        .is_some_and(|policy| policy.is_aws_managed())
    {
        return Err(error::invalid(
            "TARGET_NOT_SUPPORTED",
            "You can't tag a policy that is managed by AWS.",
        ));
    }
    if policy.is_some() || Node::find(snapshot, organization, id).is_some() {
        return Ok(());
    }
    Err(error::not_found("Target"))
}

async fn tag(identity: Arc<Identity>, call: Call, input: TagResource) -> Result<Nothing, AwsError> {
    let tags = naming::tag_map(input.tags)?;
    let id = input.resource_id;
    let context = inventory::request_tags(&tags);
    ask(&Visit::new(&call), "TagResource", &id, context)?;
    amend(&identity, &call, |change, organization| {
        check_exists(change, organization, &id)?;
        let mut all = ResourceTags::of(change, &organization.id, &id);
        all.extend(tags);
        naming::check_tags(&all)?;
        ResourceTags::put(change, &organization.id, &id, all);
        Ok(Nothing)
    })
    .await
}

async fn untag(identity: Arc<Identity>, call: Call, input: Untag) -> Result<Nothing, AwsError> {
    let id = input.resource_id;
    let context = Context::new().with_all("aws:TagKeys", input.tag_keys.iter().cloned());
    ask(&Visit::new(&call), "UntagResource", &id, context)?;
    amend(&identity, &call, |change, organization| {
        check_exists(change, organization, &id)?;
        let mut tags = ResourceTags::of(change, &organization.id, &id);
        tags.retain(|key, _| !input.tag_keys.contains(key));
        ResourceTags::put(change, &organization.id, &id, tags);
        Ok(Nothing)
    })
    .await
}

async fn list(_identity: Arc<Identity>, call: Call, input: List) -> Result<TagList, AwsError> {
    let visit = Visit::new(&call);
    ask(
        &visit,
        "ListTagsForResource",
        &input.resource_id,
        Context::new(),
    )?;
    let organization = visit.managed()?;
    check_exists(call.snapshot(), &organization, &input.resource_id)?;
    let tags = ResourceTags::of(call.snapshot(), &organization.id, &input.resource_id);
    let keys: Vec<String> = tags.keys().cloned().collect();
    let (keys, next_token) = input.paging.page(keys, |key| key)?;
    let given = tags.into_iter().filter(|(key, _)| keys.contains(key));
    Ok(TagList {
        tags: tag_list(&given.collect()),
        next_token,
    })
}
