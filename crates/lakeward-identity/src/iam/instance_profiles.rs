use std::sync::Arc;

use lakeward_store::Snapshot;
use lakeward_wire::{AwsError, iso};
use serde::{Deserialize, Serialize};

use super::{Nothing, Page, error, naming, roles, target::Target};
use crate::{Call, ChangeRefused, Identity, InstanceProfile, Role, Service, identifier};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreateInstanceProfile", identity, create)
        .operation("GetInstanceProfile", identity, get)
        .operation("ListInstanceProfiles", identity, list)
        .operation("DeleteInstanceProfile", identity, delete)
        .operation("AddRoleToInstanceProfile", identity, add_role)
        .operation("RemoveRoleFromInstanceProfile", identity, remove_role)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    instance_profile_name: String,
    path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    instance_profile_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WithRole {
    instance_profile_name: String,
    role_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProfileView {
    path: String,
    instance_profile_name: String,
    instance_profile_id: String,
    arn: String,
    create_date: String,
    roles: Vec<roles::RoleView>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProfileAnswer {
    instance_profile: ProfileView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProfileList {
    instance_profiles: Vec<ProfileView>,
    is_truncated: bool,
}

fn view(snapshot: &Snapshot, profile: &InstanceProfile) -> ProfileView {
    let role = profile
        .role
        .as_deref()
        .and_then(|name| snapshot.get::<Role>(&Role::key_of(&profile.account, name)));
    ProfileView {
        path: profile.path.clone(),
        instance_profile_name: profile.name.clone(),
        instance_profile_id: profile.id.clone(),
        arn: profile.arn(),
        create_date: iso(profile.created),
        roles: role.iter().map(|role| roles::view(role)).collect(),
    }
}

fn resource(call: &Call, name: &str) -> Target {
    Target::new(find(call.snapshot(), call.account(), name).map_or_else(
        |_| naming::arn(call.account(), "instance-profile", "/", name),
        |profile| profile.arn(),
    ))
}

fn find(snapshot: &Snapshot, account: &str, name: &str) -> Result<Arc<InstanceProfile>, AwsError> {
    snapshot
        .get::<InstanceProfile>(&InstanceProfile::key_of(account, name))
        .ok_or_else(|| {
            AwsError::new(
                404,
                "NoSuchEntity",
                format!("Instance Profile {name} cannot be found."),
            )
        })
}

async fn create(
    identity: Arc<Identity>,
    call: Call,
    input: Create,
) -> Result<ProfileAnswer, AwsError> {
    let name = input.instance_profile_name;
    naming::check_name("instanceProfileName", &name, 128)?;
    let path = naming::check_path(input.path)?;
    let arn = naming::arn(call.account(), "instance-profile", &path, &name);
    let _permit = Target::new(arn).authorize(&call, "iam:CreateInstanceProfile")?;
    let profile = InstanceProfile {
        account: call.account().to_owned(),
        name,
        id: identifier::unique("AIPA", 17),
        path,
        role: None,
        created: call.now(),
    };
    let answer = ProfileAnswer {
        instance_profile: view(call.snapshot(), &profile),
    };
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            if find(change, &profile.account, &profile.name).is_ok() {
                return Err(error::exists("Instance Profile", &profile.name).into());
            }
            change.put(profile);
            Ok(())
        })
        .await?;
    Ok(answer)
}

async fn get(
    _identity: Arc<Identity>,
    call: Call,
    input: Named,
) -> Result<ProfileAnswer, AwsError> {
    let name = input.instance_profile_name;
    let _permit = resource(&call, &name).authorize(&call, "iam:GetInstanceProfile")?;
    let profile = find(call.snapshot(), call.account(), &name)?;
    Ok(ProfileAnswer {
        instance_profile: view(call.snapshot(), &profile),
    })
}

async fn list(_identity: Arc<Identity>, call: Call, page: Page) -> Result<ProfileList, AwsError> {
    let arn = naming::arn(call.account(), "instance-profile", page.prefix(), "*");
    let _permit = Target::new(arn).authorize(&call, "iam:ListInstanceProfiles")?;
    let profiles = call
        .snapshot()
        .scan::<InstanceProfile>(&format!("{}/", call.account()));
    Ok(ProfileList {
        instance_profiles: profiles
            .iter()
            .filter(|profile| profile.path.starts_with(page.prefix()))
            .map(|profile| view(call.snapshot(), profile))
            .collect(),
        is_truncated: false,
    })
}

async fn delete(identity: Arc<Identity>, call: Call, input: Named) -> Result<Nothing, AwsError> {
    let name = input.instance_profile_name;
    let _permit = resource(&call, &name).authorize(&call, "iam:DeleteInstanceProfile")?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let profile = find(change, &account, &name)?;
            if profile.role.is_some() {
                return Err(error::in_use("remove roles from instance profile").into());
            }
            change.delete::<InstanceProfile>(&InstanceProfile::key_of(&account, &name));
            Ok(())
        })
        .await?;
    Ok(Nothing)
}

async fn add_role(
    identity: Arc<Identity>,
    call: Call,
    input: WithRole,
) -> Result<Nothing, AwsError> {
    let name = input.instance_profile_name;
    let _permit = resource(&call, &name).authorize(&call, "iam:AddRoleToInstanceProfile")?;
    let _pass = Target::role(&call, &input.role_name)
        .with("iam:PassedToService", "ec2.amazonaws.com")
        .authorize(&call, "iam:PassRole")?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let profile = find(change, &account, &name)?;
            let role = roles::find(change, &account, &input.role_name)?;
            if profile.role.is_some() {
                return Err(error::limit("InstanceSessionsPerInstanceProfile: 1").into());
            }
            change.put(InstanceProfile {
                role: Some(role.name.clone()),
                ..(*profile).clone()
            });
            Ok(())
        })
        .await?;
    Ok(Nothing)
}

async fn remove_role(
    identity: Arc<Identity>,
    call: Call,
    input: WithRole,
) -> Result<Nothing, AwsError> {
    let name = input.instance_profile_name;
    let _permit = resource(&call, &name).authorize(&call, "iam:RemoveRoleFromInstanceProfile")?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let profile = find(change, &account, &name)?;
            if profile
                .role
                .as_ref()
                .is_none_or(|role| !role.eq_ignore_ascii_case(&input.role_name))
            {
                return Err(error::no_such("role", &input.role_name).into());
            }
            change.put(InstanceProfile {
                role: None,
                ..(*profile).clone()
            });
            Ok(())
        })
        .await?;
    Ok(Nothing)
}
