//! `ListEntitiesForPolicy`.

use std::sync::Arc;

use lakeward_store::Snapshot;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{find, usage::Purpose};
use crate::{
    Call, Group, Identity, Role, Service, User,
    iam::{
        paging::{self, End},
        target::Target,
    },
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service.operation("ListEntitiesForPolicy", identity, list_entities)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
enum Kind {
    Group,
    Role,
    User,
    LocalManagedPolicy,
    #[serde(rename = "AWSManagedPolicy")]
    AwsManagedPolicy,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListEntities {
    policy_arn: String,
    entity_filter: Option<Kind>,
    path_prefix: Option<String>,
    policy_usage_filter: Option<Purpose>,
    marker: Option<String>,
    max_items: Option<u32>,
}

/// Something that uses a policy.
struct Entity {
    kind: Kind,
    name: String,
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupEntity {
    group_name: String,
    group_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleEntity {
    role_name: String,
    role_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserEntity {
    user_name: String,
    user_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entities {
    policy_groups: Vec<GroupEntity>,
    policy_users: Vec<UserEntity>,
    policy_roles: Vec<RoleEntity>,
    #[serde(flatten)]
    end: End,
}

impl ListEntities {
    fn wants(&self, kind: Kind, path: &str, attached: bool, boundary: bool) -> bool {
        let used = match self.policy_usage_filter {
            Some(Purpose::PermissionsPolicy) => attached,
            Some(Purpose::PermissionsBoundary) => boundary,
            None => attached || boundary,
        };
        used && self.entity_filter.is_none_or(|wanted| wanted == kind)
            && path.starts_with(self.path_prefix.as_deref().unwrap_or("/"))
    }

    /// All that use the policy, by kind and name.
    fn entities(&self, snapshot: &Snapshot, account: &str) -> Vec<Entity> {
        let (arn, prefix) = (&self.policy_arn, format!("{account}/"));
        let groups = snapshot.scan::<Group>(&prefix).into_iter();
        let groups = groups
            .filter(|group| {
                self.wants(
                    Kind::Group,
                    &group.path,
                    group.attached.contains(arn),
                    false,
                )
            })
            .map(|group| entity(Kind::Group, &group.name, &group.id));
        let roles = snapshot.scan::<Role>(&prefix).into_iter();
        let roles = roles
            .filter(|role| {
                let boundary = role.boundary.as_ref() == Some(arn);
                self.wants(
                    Kind::Role,
                    &role.path,
                    role.attached.contains(arn),
                    boundary,
                )
            })
            .map(|role| entity(Kind::Role, &role.name, &role.id));
        let users = snapshot.scan::<User>(&prefix).into_iter();
        let users = users
            .filter(|user| {
                let boundary = user.boundary.as_ref() == Some(arn);
                self.wants(
                    Kind::User,
                    &user.path,
                    user.attached.contains(arn),
                    boundary,
                )
            })
            .map(|user| entity(Kind::User, &user.name, &user.id));
        groups.chain(roles).chain(users).collect()
    }
}

fn entity(kind: Kind, name: &str, id: &str) -> Entity {
    Entity {
        kind,
        name: name.to_owned(),
        id: id.to_owned(),
    }
}

async fn list_entities(
    _identity: Arc<Identity>,
    call: Call,
    input: ListEntities,
) -> Result<Entities, AwsError> {
    let target = Target::policy(&call, &input.policy_arn);
    let _permit = target.authorize(&call, "iam:ListEntitiesForPolicy")?;
    find(call.snapshot(), &input.policy_arn)?;
    let list = format!("ListEntitiesForPolicy {}", input.policy_arn);
    let page = paging::cut(
        &list,
        input.marker.as_deref(),
        input.max_items,
        input.entities(call.snapshot(), call.account()),
        |entity| format!("{:?}/{}", entity.kind, entity.name.to_ascii_lowercase()),
    )?;
    let mut entities = Entities {
        policy_groups: Vec::new(),
        policy_users: Vec::new(),
        policy_roles: Vec::new(),
        end: page.end,
    };
    for entity in page.items {
        entities.add(entity);
    }
    Ok(entities)
}

impl Entities {
    fn add(&mut self, entity: Entity) {
        let Entity { kind, name, id } = entity;
        match kind {
            Kind::Group => self.policy_groups.push(GroupEntity {
                group_name: name,
                group_id: id,
            }),
            Kind::Role => self.policy_roles.push(RoleEntity {
                role_name: name,
                role_id: id,
            }),
            Kind::User => self.policy_users.push(UserEntity {
                user_name: name,
                user_id: id,
            }),
            Kind::LocalManagedPolicy | Kind::AwsManagedPolicy => {}
        }
    }
}
