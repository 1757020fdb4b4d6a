//! Roles.

use std::sync::Arc;

use lakeward_policy::Quota;
use lakeward_store::{Change, Snapshot};
use lakeward_wire::{AwsError, iso};
use serde::{Deserialize, Serialize};

use super::{
    Nothing,
    boundaries::{self, BoundaryView},
    error, naming,
    paging::{End, Page},
    tags::{Tag, tag_list, tag_map},
    target::Target,
    url_encoded,
};
use crate::{
    Call, ChangeRefused, Identity, InstanceProfile, Role, Service, StoredPolicy, identifier,
};

/// Where the roles of AWS's services are; only the services make roles there.
const SERVICE_LINKED: &str = "/aws-service-role/";

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreateRole", identity, create_role)
        .operation("GetRole", identity, get_role)
        .operation("ListRoles", identity, list_roles)
        .operation("UpdateRole", identity, update_role)
        .operation("UpdateRoleDescription", identity, update_role_description)
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
struct UpdateRole {
    role_name: String,
    description: Option<String>,
    max_session_duration: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateDescription {
    role_name: String,
    description: String,
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
    permissions_boundary: Option<BoundaryView>,
    tags: Option<Vec<Tag>>,
    role_last_used: Option<LastUsed>,
}

/// When a role was last used, which isn't tracked: empty, as for a role that never was.
#[derive(Serialize)]
struct LastUsed {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleAnswer {
    role: RoleView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleList {
    roles: Vec<RoleView>,
    #[serde(flatten)]
    end: End,
}

/// An answer that has a body and nothing in it.
#[derive(Serialize)]
struct Empty {}

impl RoleView {
    /// Lists leave out boundaries, tags and the last use.
    pub(super) fn listed(snapshot: &Snapshot, role: &Role) -> Self {
        Self {
            path: role.path.clone(),
            role_name: role.name.clone(),
            role_id: role.id.clone(),
            arn: role.arn(),
            create_date: iso(role.created),
            assume_role_policy_document: url_encoded(&role.trust.shown(snapshot)),
            description: role.description.clone(),
            max_session_duration: role.max_session_duration,
            permissions_boundary: None,
            tags: None,
            role_last_used: None,
        }
    }

    pub(super) fn whole(snapshot: &Snapshot, role: &Role) -> Self {
        Self {
            permissions_boundary: BoundaryView::of(role.boundary.as_ref()),
            tags: Some(tag_list(&role.tags)),
            role_last_used: Some(LastUsed {}),
            ..Self::listed(snapshot, role)
        }
    }
}

pub(super) fn find(snapshot: &Snapshot, account: &str, name: &str) -> Result<Arc<Role>, AwsError> {
    snapshot
        .get::<Role>(&Role::key_of(account, name))
        .ok_or_else(|| error::no_such("role", name))
}

/// Refuses to change a service-linked role.
pub(super) fn check_modifiable(role: &Role) -> Result<(), AwsError> {
    if role.path.starts_with(SERVICE_LINKED) {
        return Err(error::protected_role(&role.name));
    }
    Ok(())
}

fn check_duration(seconds: u32) -> Result<u32, AwsError> {
    if (3600..=43_200).contains(&seconds) {
        return Ok(seconds);
    }
    Err(error::invalid(format!(
        "1 validation error detected: Value '{seconds}' at 'maxSessionDuration' failed to satisfy constraint: Member must have value between 3600 and 43200"
    )))
}

fn trust(text: String) -> Result<StoredPolicy, AwsError> {
    let trust = StoredPolicy::trust(text).map_err(error::malformed)?;
    error::check_quota(Quota::TrustPolicy, [trust.text()], "")?;
    Ok(trust)
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
    let boundary = input.permissions_boundary;
    let target = Target::tagged(arn, &tags).with_boundary(boundary.as_deref());
    let _permit = target.clone().authorize(&call, "iam:CreateRole")?;
    if !tags.is_empty() {
        let _tags = target.authorize(&call, "iam:TagRole")?;
    }
    if path.starts_with(SERVICE_LINKED) {
        return Err(error::invalid(
            "The path /aws-service-role/ is that of service-linked roles; CreateServiceLinkedRole makes them",
        ));
    }
    let role = Role {
        account: call.account().to_owned(),
        id: identifier::unique("AROA", identifier::UNIQUE_LENGTH),
        path,
        trust: trust(input.assume_role_policy_document)?,
        policies: Default::default(),
        attached: Default::default(),
        boundary,
        tags,
        description: input
            .description
            .map(naming::check_description)
            .transpose()?,
        max_session_duration: check_duration(input.max_session_duration.unwrap_or(3600))?,
        created: call.now(),
        name: input.role_name,
    };
    let role = identity
        .store()
        .change(|change| insert(change, role))
        .await?;
    Ok(RoleAnswer {
        role: RoleView::whole(call.snapshot(), &role),
    })
}

fn insert(change: &mut Change<'_>, mut role: Role) -> Result<Role, ChangeRefused> {
    if find(change, &role.account, &role.name).is_ok() {
        return Err(error::exists("Role", &role.name).into());
    }
    if let Some(boundary) = &role.boundary {
        boundaries::check(change, &role.account, boundary)?;
    }
    role.trust = bound(change, &role.trust)?;
    change.put(role.clone());
    Ok(role)
}

fn bound(snapshot: &Snapshot, trust: &StoredPolicy) -> Result<StoredPolicy, AwsError> {
    trust
        .bind_principals(snapshot)
        .map_err(error::unknown_principal)
}

async fn get_role(
    _identity: Arc<Identity>,
    call: Call,
    input: RoleName,
) -> Result<RoleAnswer, AwsError> {
    let _permit = Target::role(&call, &input.role_name).authorize(&call, "iam:GetRole")?;
    let role = find(call.snapshot(), call.account(), &input.role_name)?;
    Ok(RoleAnswer {
        role: RoleView::whole(call.snapshot(), &role),
    })
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
    let under = roles
        .into_iter()
        .filter(|role| role.path.starts_with(page.prefix()));
    let list = format!("ListRoles {}", call.account());
    let key = |role: &Arc<Role>| Role::key_of("", &role.name);
    let (roles, end) = page
        .cut(&list, under, key)?
        .show(|role| RoleView::listed(call.snapshot(), &role));
    Ok(RoleList { roles, end })
}

async fn update_role(
    identity: Arc<Identity>,
    call: Call,
    input: UpdateRole,
) -> Result<Empty, AwsError> {
    let _permit = Target::role(&call, &input.role_name).authorize(&call, "iam:UpdateRole")?;
    let description = input
        .description
        .map(naming::check_description)
        .transpose()?;
    let duration = input.max_session_duration.map(check_duration).transpose()?;
    edit(&identity, &call, &input.role_name, |role, _| {
        check_modifiable(role)?;
        if let Some(description) = description {
            role.description = Some(description);
        }
        role.max_session_duration = duration.unwrap_or(role.max_session_duration);
        Ok(())
    })
    .await?;
    Ok(Empty {})
}

/// The description is all of a service-linked role that may be changed.
async fn update_role_description(
    identity: Arc<Identity>,
    call: Call,
    input: UpdateDescription,
) -> Result<RoleAnswer, AwsError> {
    let target = Target::role(&call, &input.role_name);
    let _permit = target.authorize(&call, "iam:UpdateRoleDescription")?;
    let description = naming::check_description(input.description)?;
    let role = edit(&identity, &call, &input.role_name, |role, _| {
        role.description = Some(description);
        Ok(())
    })
    .await?;
    Ok(RoleAnswer {
        role: RoleView::whole(call.snapshot(), &role),
    })
}

async fn update_assume_role_policy(
    identity: Arc<Identity>,
    call: Call,
    input: UpdateTrust,
) -> Result<Nothing, AwsError> {
    let target = Target::role(&call, &input.role_name);
    let _permit = target.authorize(&call, "iam:UpdateAssumeRolePolicy")?;
    let trust = trust(input.policy_document)?;
    edit(&identity, &call, &input.role_name, |role, snapshot| {
        check_modifiable(role)?;
        role.trust = bound(snapshot, &trust)?;
        Ok(())
    })
    .await?;
    Ok(Nothing)
}

/// Changes a role of the caller's account and gives it back as it is then.
async fn edit(
    identity: &Identity,
    call: &Call,
    name: &str,
    edit: impl FnOnce(&mut Role, &Snapshot) -> Result<(), AwsError> + Send,
) -> Result<Role, AwsError> {
    let account = call.account().to_owned();
    let role = identity
        .store()
        .change(|change| -> Result<Role, ChangeRefused> {
            let mut role = (*find(change, &account, name)?).clone();
            edit(&mut role, change)?;
            change.put(role.clone());
            Ok(role)
        })
        .await?;
    Ok(role)
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
            check_modifiable(&role)?;
            error::check_no_policies(&role.policies, &role.attached)?;
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
