//! `GetAccountAuthorizationDetails`: everything that grants something in an account, in one list.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lakeward_store::Snapshot;
use lakeward_wire::{AwsError, iso};
use serde::{Deserialize, Serialize};

use super::{
    boundaries::BoundaryView,
    instance_profiles::{self, ProfileView},
    managed::usage::Usage,
    paging::{self, End},
    tags::{Tag, tag_list},
    target::Target,
    url_encoded,
};
use crate::{
    Call, Group, Identity, ManagedPolicy, PolicyVersion, Role, Service, User, aws_managed_policies,
    inventory::InlinePolicies,
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service.operation("GetAccountAuthorizationDetails", identity, get)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
enum Kind {
    User,
    Group,
    Role,
    LocalManagedPolicy,
    #[serde(rename = "AWSManagedPolicy")]
    AwsManagedPolicy,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Get {
    #[serde(default)]
    filter: BTreeSet<Kind>,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct InlineView {
    policy_name: String,
    policy_document: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedView {
    policy_name: String,
    policy_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserDetail {
    path: String,
    user_name: String,
    user_id: String,
    arn: String,
    create_date: String,
    user_policy_list: Vec<InlineView>,
    group_list: BTreeSet<String>,
    attached_managed_policies: Vec<AttachedView>,
    permissions_boundary: Option<BoundaryView>,
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupDetail {
    path: String,
    group_name: String,
    group_id: String,
    arn: String,
    create_date: String,
    group_policy_list: Vec<InlineView>,
    attached_managed_policies: Vec<AttachedView>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleDetail {
    path: String,
    role_name: String,
    role_id: String,
    arn: String,
    create_date: String,
    assume_role_policy_document: String,
    instance_profile_list: Vec<ProfileView>,
    role_policy_list: Vec<InlineView>,
    attached_managed_policies: Vec<AttachedView>,
    permissions_boundary: Option<BoundaryView>,
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VersionView {
    document: String,
    version_id: String,
    is_default_version: bool,
    create_date: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyDetail {
    policy_name: String,
    policy_id: String,
    arn: String,
    path: String,
    default_version_id: String,
    attachment_count: u32,
    permissions_boundary_usage_count: u32,
    is_attachable: bool,
    description: Option<String>,
    create_date: String,
    update_date: String,
    policy_version_list: Vec<VersionView>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Details {
    user_detail_list: Vec<UserDetail>,
    group_detail_list: Vec<GroupDetail>,
    role_detail_list: Vec<RoleDetail>,
    policies: Vec<PolicyDetail>,
}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    details: Details,
    #[serde(flatten)]
    end: End,
}

/// Something that grants. All kinds are one list for paging.
enum Entity {
    User(Arc<User>),
    Group(Arc<Group>),
    Role(Arc<Role>),
    Policy(Arc<ManagedPolicy>),
}

impl Entity {
    /// Where it is in the list.
    fn key(&self) -> String {
        match self {
            Self::User(user) => format!("0{}", user.name.to_ascii_lowercase()),
            Self::Group(group) => format!("1{}", group.name.to_ascii_lowercase()),
            Self::Role(role) => format!("2{}", role.name.to_ascii_lowercase()),
            Self::Policy(policy) => format!("3{}", policy.arn()),
        }
    }
}

async fn get(_identity: Arc<Identity>, call: Call, input: Get) -> Result<Answer, AwsError> {
    let action = "iam:GetAccountAuthorizationDetails";
    let _permit = Target::new("*".to_owned()).authorize(&call, action)?;
    let (snapshot, account) = (call.snapshot(), call.account());
    let usage = Usage::in_account(snapshot, account);
    let mut entities = entities(snapshot, account, &usage, &input.filter);
    entities.sort_by_cached_key(Entity::key);
    let list = format!(
        "GetAccountAuthorizationDetails {account} {:?}",
        input.filter
    );
    let marker = input.marker.as_deref();
    let page = paging::cut(&list, marker, input.max_items, entities, Entity::key)?;
    let mut details = Details::default();
    for entity in &page.items {
        details.add(snapshot, &usage, entity);
    }
    Ok(Answer {
        details,
        end: page.end,
    })
}

/// What is asked for. Of AWS's own policies, all when they alone are asked for by name, otherwise
/// those that the account uses.
fn entities(
    snapshot: &Snapshot,
    account: &str,
    usage: &Usage,
    filter: &BTreeSet<Kind>,
) -> Vec<Entity> {
    let within = format!("{account}/");
    let wants = |kind| filter.is_empty() || filter.contains(&kind);
    let mut entities = Vec::new();
    if wants(Kind::User) {
        entities.extend(snapshot.scan(&within).into_iter().map(Entity::User));
    }
    if wants(Kind::Group) {
        entities.extend(snapshot.scan(&within).into_iter().map(Entity::Group));
    }
    if wants(Kind::Role) {
        entities.extend(snapshot.scan(&within).into_iter().map(Entity::Role));
    }
    if wants(Kind::LocalManagedPolicy) {
        let own = ManagedPolicy::of_account(snapshot, account);
        entities.extend(own.into_iter().map(Entity::Policy));
    }
    if wants(Kind::AwsManagedPolicy) {
        let used = aws_managed_policies::all()
            .filter(|policy| !filter.is_empty() || usage.of(&policy.arn()).any());
        entities.extend(used.cloned().map(Entity::Policy));
    }
    entities
}

impl Details {
    fn add(&mut self, snapshot: &Snapshot, usage: &Usage, entity: &Entity) {
        match entity {
            Entity::User(user) => self.user_detail_list.push(user_detail(user)),
            Entity::Group(group) => self.group_detail_list.push(group_detail(group)),
            Entity::Role(role) => self.role_detail_list.push(role_detail(snapshot, role)),
            Entity::Policy(policy) => self.policies.push(policy_detail(usage, policy)),
        }
    }
}

fn inline(policies: &InlinePolicies) -> Vec<InlineView> {
    let view = |(name, policy): (&String, &crate::StoredPolicy)| InlineView {
        policy_name: name.clone(),
        policy_document: url_encoded(policy.text()),
    };
    policies.iter().map(view).collect()
}

fn attached(arns: &BTreeSet<String>) -> Vec<AttachedView> {
    let view = |arn: &String| AttachedView {
        policy_name: arn.rsplit('/').next().unwrap_or_default().to_owned(),
        policy_arn: arn.clone(),
    };
    arns.iter().map(view).collect()
}

fn user_detail(user: &User) -> UserDetail {
    UserDetail {
        path: user.path.clone(),
        user_name: user.name.clone(),
        user_id: user.id.clone(),
        arn: user.arn(),
        create_date: iso(user.created),
        user_policy_list: inline(&user.policies),
        group_list: user.groups.clone(),
        attached_managed_policies: attached(&user.attached),
        permissions_boundary: BoundaryView::of(user.boundary.as_ref()),
        tags: tag_list(&user.tags),
    }
}

fn group_detail(group: &Group) -> GroupDetail {
    GroupDetail {
        path: group.path.clone(),
        group_name: group.name.clone(),
        group_id: group.id.clone(),
        arn: group.arn(),
        create_date: iso(group.created),
        group_policy_list: inline(&group.policies),
        attached_managed_policies: attached(&group.attached),
    }
}

fn role_detail(snapshot: &Snapshot, role: &Role) -> RoleDetail {
    let profiles = instance_profiles::holding(snapshot, role);
    RoleDetail {
        path: role.path.clone(),
        role_name: role.name.clone(),
        role_id: role.id.clone(),
        arn: role.arn(),
        create_date: iso(role.created),
        assume_role_policy_document: url_encoded(&role.trust.shown(snapshot)),
        instance_profile_list: profiles
            .iter()
            .map(|profile| instance_profiles::view(snapshot, profile))
            .collect(),
        role_policy_list: inline(&role.policies),
        attached_managed_policies: attached(&role.attached),
        permissions_boundary: BoundaryView::of(role.boundary.as_ref()),
        tags: tag_list(&role.tags),
    }
}

fn policy_detail(usage: &Usage, policy: &ManagedPolicy) -> PolicyDetail {
    let uses = usage.of(&policy.arn());
    PolicyDetail {
        policy_name: policy.name.clone(),
        policy_id: policy.id.clone(),
        arn: policy.arn(),
        path: policy.path.clone(),
        default_version_id: format!("v{}", policy.default_version),
        attachment_count: uses.attached,
        permissions_boundary_usage_count: uses.boundary,
        is_attachable: true,
        description: policy.description.clone(),
        create_date: iso(policy.created),
        update_date: iso(policy.updated),
        policy_version_list: versions(policy.default_version, &policy.versions),
    }
}

fn versions(default: u32, versions: &BTreeMap<u32, PolicyVersion>) -> Vec<VersionView> {
    let view = |(number, version): (&u32, &PolicyVersion)| VersionView {
        document: url_encoded(version.policy.text()),
        version_id: format!("v{number}"),
        is_default_version: *number == default,
        create_date: iso(version.created),
    };
    versions.iter().rev().map(view).collect()
}
