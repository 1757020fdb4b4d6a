use std::sync::Arc;

use lakeward_store::Snapshot;
use lakeward_wire::{AwsError, iso};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::{Nothing, Page, Tag, error, naming, tag_list, tag_map, target::Target};
use crate::{
    Call, ChangeRefused, Identity, InstanceProfile, Role, Service, StoredPolicy, identifier,
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreateRole", identity, create_role)
        .operation("GetRole", identity, get_role)
        .operation("ListRoles", identity, list_roles)
        .operation("DeleteRole", identity, delete_role)
        .operation(
            "UpdateAssumeRolePolicy",
            identity,
            update_assume_role_policy,
        )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateRole {
    role_name: String,
    path: Option<String>,
    assume_role_policy_document: String,
    description: Option<String>,
    max_session_duration: Option<u32>,
    #[serde(default)]
    tags: Vec<Tag>,
    permissions_boundary: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleName {
    role_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateTrust {
    role_name: String,
    policy_document: String,
}

/// A role as IAM answers it; the trust policy is percent-encoded there.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleView {
    path: String,
    role_name: String,
    role_id: String,
    arn: String,
    create_date: String,
    assume_role_policy_document: String,
    description: Option<String>,
    max_session_duration: u32,
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleAnswer {
    role: RoleView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleList {
    roles: Vec<RoleView>,
    is_truncated: bool,
}

pub(super) fn view(role: &Role) -> RoleView {
    RoleView {
        path: role.path.clone(),
        role_name: role.name.clone(),
        role_id: role.id.clone(),
        arn: role.arn(),
        create_date: iso(role.created),
        assume_role_policy_document: utf8_percent_encode(role.trust.text(), NON_ALPHANUMERIC)
            .to_string(),
        description: role.description.clone(),
        max_session_duration: role.max_session_duration,
        tags: tag_list(&role.tags),
    }
}

pub(super) fn find(snapshot: &Snapshot, account: &str, name: &str) -> Result<Arc<Role>, AwsError> {
    snapshot
        .get::<Role>(&Role::key_of(account, name))
        .ok_or_else(|| error::no_such("role", name))
}

async fn create_role(
    identity: Arc<Identity>,
    call: Call,
    input: CreateRole,
) -> Result<RoleAnswer, AwsError> {
    naming::check_name("roleName", &input.role_name, 64)?;
    let path = naming::check_path(input.path)?;
    let arn = naming::arn(call.account(), "role", &path, &input.role_name);
    let tags = tag_map(input.tags)?;
    let _permit = Target::tagged(arn, &tags).authorize(&call, "iam:CreateRole")?;
    if input.permissions_boundary.is_some() {
        return Err(error::invalid(
            "PermissionsBoundary is not implemented by this server; leave it out",
        ));
    }
    let max_session_duration = input.max_session_duration.unwrap_or(3600);
    if !(3600..=43_200).contains(&max_session_duration) {
        return Err(error::invalid(
            "MaxSessionDuration must be between 3600 and 43200 seconds",
        ));
    }
    let role = Role {
        account: call.account().to_owned(),
        id: identifier::unique("AROA", 17),
        path,
        trust: StoredPolicy::trust(input.assume_role_policy_document).map_err(error::malformed)?,
        policies: Default::default(),
        tags,
        description: input.description,
        max_session_duration,
        created: call.now(),
        name: input.role_name,
    };
    let answer = RoleAnswer { role: view(&role) };
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            if find(change, &role.account, &role.name).is_ok() {
                return Err(error::exists("Role", &role.name).into());
            }
            change.put(role);
            Ok(())
        })
        .await?;
    Ok(answer)
}

async fn get_role(
    _identity: Arc<Identity>,
    call: Call,
    input: RoleName,
) -> Result<RoleAnswer, AwsError> {
    let _permit = Target::role(&call, &input.role_name).authorize(&call, "iam:GetRole")?;
    let role = find(call.snapshot(), call.account(), &input.role_name)?;
    Ok(RoleAnswer { role: view(&role) })
}

async fn list_roles(
    _identity: Arc<Identity>,
    call: Call,
    page: Page,
) -> Result<RoleList, AwsError> {
    let arn = naming::arn(call.account(), "role", page.prefix(), "*");
    let _permit = Target::new(arn).authorize(&call, "iam:ListRoles")?;
    let roles = call
        .snapshot()
        .scan::<Role>(&format!("{}/", call.account()));
    Ok(RoleList {
        roles: roles
            .iter()
            .filter(|role| role.path.starts_with(page.prefix()))
            .map(|role| view(role))
            .collect(),
        is_truncated: false,
    })
}

async fn delete_role(
    identity: Arc<Identity>,
    call: Call,
    input: RoleName,
) -> Result<Nothing, AwsError> {
    let _permit = Target::role(&call, &input.role_name).authorize(&call, "iam:DeleteRole")?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let role = find(change, &account, &input.role_name)?;
            if !role.policies.is_empty() {
                return Err(error::in_use("delete policies").into());
            }
            let profiles = change.scan::<InstanceProfile>(&format!("{account}/"));
            if profiles
                .iter()
                .any(|profile| profile.role.as_ref() == Some(&role.name))
            {
                return Err(error::in_use("remove roles from instance profile").into());
            }
            change.delete::<Role>(&Role::key_of(&account, &role.name));
            Ok(())
        })
        .await?;
    Ok(Nothing)
}

async fn update_assume_role_policy(
    identity: Arc<Identity>,
    call: Call,
    input: UpdateTrust,
) -> Result<Nothing, AwsError> {
    let target = Target::role(&call, &input.role_name);
    let _permit = target.authorize(&call, "iam:UpdateAssumeRolePolicy")?;
    let trust = StoredPolicy::trust(input.policy_document).map_err(error::malformed)?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let role = find(change, &account, &input.role_name)?;
            change.put(Role {
                trust,
                ..(*role).clone()
            });
            Ok(())
        })
        .await?;
    Ok(Nothing)
}
