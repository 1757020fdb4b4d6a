//! Instance profiles: what the machines of a cluster hold, a role each.

use std::sync::Arc;

use lakeward_store::{Change, Snapshot};
use lakeward_wire::{AwsError, iso};
use serde::{Deserialize, Serialize};

use super::{
    Nothing, error, naming,
    paging::{self, End, Page},
    roles,
    tags::{self, Tag, tag_list, tag_map},
    target::Target,
};
use crate::{
    Call, ChangeRefused, Identity, InstanceProfile, Role, Service, identifier, inventory::Tags,
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreateInstanceProfile", identity, create)
        .operation("GetInstanceProfile", identity, get)
        .operation("ListInstanceProfiles", identity, list)
        .operation("ListInstanceProfilesForRole", identity, list_for_role)
        .operation("DeleteInstanceProfile", identity, delete)
        .operation("AddRoleToInstanceProfile", identity, add_role)
        .operation("RemoveRoleFromInstanceProfile", identity, remove_role)
        .operation("TagInstanceProfile", identity, tag)
        .operation("UntagInstanceProfile", identity, untag)
        .operation("ListInstanceProfileTags", identity, list_tags)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    instance_profile_name: String,
    path: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ForRole {
    role_name: String,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagging {
    instance_profile_name: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Untagging {
    instance_profile_name: String,
    #[serde(default)]
    tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListTags {
    instance_profile_name: String,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ProfileView {
    path: String,
    instance_profile_name: String,
    instance_profile_id: String,
    arn: String,
    create_date: String,
    roles: Vec<roles::RoleView>,
    tags: Vec<Tag>,
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
    #[serde(flatten)]
    end: End,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagsAnswer {
    tags: Vec<Tag>,
    #[serde(flatten)]
    end: End,
}

pub(super) fn view(snapshot: &Snapshot, profile: &InstanceProfile) -> ProfileView {
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
        roles: role
            .iter()
            .map(|role| roles::RoleView::listed(snapshot, role))
            .collect(),
        tags: tag_list(&profile.tags),
    }
}

/// The profiles that hold a role, in order of their names.
pub(super) fn holding(snapshot: &Snapshot, role: &Role) -> Vec<Arc<InstanceProfile>> {
    let mut profiles = snapshot.scan::<InstanceProfile>(&format!("{}/", role.account));
    profiles.retain(|profile| profile.role.as_ref() == Some(&role.name));
    profiles
}

fn resource(call: &Call, name: &str) -> Target {
    let target = match find(call.snapshot(), call.account(), name) {
        Err(_) => Target::new(naming::arn(call.account(), "instance-profile", "/", name)),
        Ok(profile) => profile
            .tags
            .iter()
            .fold(Target::new(profile.arn()), |target, (key, value)| {
                target.with(&format!("aws:ResourceTag/{key}"), value)
            }),
    };
    target.shown_as(format!("instance profile {name}"))
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

/// Changes a profile of the caller's account.
async fn edit(
    identity: &Identity,
    call: &Call,
    name: &str,
    edit: impl FnOnce(&mut Change<'_>, &mut InstanceProfile) -> Result<(), AwsError> + Send,
) -> Result<Nothing, AwsError> {
    identity
        .store()
        .change(|change| -> Result<_, ChangeRefused> {
            let mut profile = (*find(change, call.account(), name)?).clone();
            edit(change, &mut profile)?;
            change.put(profile);
            Ok(Nothing)
        })
        .await
        .map_err(AwsError::from)
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
    let tags = tag_map(input.tags)?;
    let _permit = Target::tagged(arn, &tags).authorize(&call, "iam:CreateInstanceProfile")?;
    let profile = InstanceProfile {
        account: call.account().to_owned(),
        name,
        id: identifier::unique("AIPA", identifier::UNIQUE_LENGTH),
        path,
        role: None,
        tags,
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
        .scan::<InstanceProfile>(&format!("{}/", call.account()))
        .into_iter()
        .filter(|profile| profile.path.starts_with(page.prefix()));
    let list = format!("ListInstanceProfiles {}", call.account());
    let (instance_profiles, end) = page
        .cut(&list, profiles, |profile| profile.name.to_ascii_lowercase())?
        .show(|profile| view(call.snapshot(), &profile));
    Ok(ProfileList {
        instance_profiles,
        end,
    })
}

async fn list_for_role(
    _identity: Arc<Identity>,
    call: Call,
    input: ForRole,
) -> Result<ProfileList, AwsError> {
    let name = &input.role_name;
    let _permit = Target::role(&call, name).authorize(&call, "iam:ListInstanceProfilesForRole")?;
    let role = roles::find(call.snapshot(), call.account(), name)?;
    let list = format!("ListInstanceProfilesForRole {}", role.arn());
    let (instance_profiles, end) = paging::cut(
        &list,
        input.marker.as_deref(),
        input.max_items,
        holding(call.snapshot(), &role),
        |profile| profile.name.to_ascii_lowercase(),
    )?
    .show(|profile| view(call.snapshot(), &profile));
    Ok(ProfileList {
        instance_profiles,
        end,
    })
}

async fn delete(identity: Arc<Identity>, call: Call, input: Named) -> Result<Nothing, AwsError> {
    let name = input.instance_profile_name;
    let _permit = resource(&call, &name).authorize(&call, "iam:DeleteInstanceProfile")?;
    let account = call.account();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let profile = find(change, account, &name)?;
            if profile.role.is_some() {
                return Err(error::in_use("remove roles from instance profile").into());
            }
            change.delete::<InstanceProfile>(&InstanceProfile::key_of(account, &name));
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
    edit(&identity, &call, &name, |change, profile| {
        let role = roles::find(change, &profile.account, &input.role_name)?;
        roles::check_modifiable(&role)?;
        if profile.role.is_some() {
            return Err(error::limit("InstanceSessionsPerInstanceProfile: 1"));
        }
        profile.role = Some(role.name.clone());
        Ok(())
    })
    .await
}

async fn remove_role(
    identity: Arc<Identity>,
    call: Call,
    input: WithRole,
) -> Result<Nothing, AwsError> {
    let name = input.instance_profile_name;
    let _permit = resource(&call, &name).authorize(&call, "iam:RemoveRoleFromInstanceProfile")?;
    edit(&identity, &call, &name, |_, profile| {
        profile
            .role
            .take_if(|role| role.eq_ignore_ascii_case(&input.role_name))
            .map(|_| ())
            .ok_or_else(|| error::no_such("role", &input.role_name))
    })
    .await
}

async fn tag(identity: Arc<Identity>, call: Call, input: Tagging) -> Result<Nothing, AwsError> {
    let name = input.instance_profile_name;
    let new: Tags = tag_map(input.tags)?;
    let _permit = resource(&call, &name)
        .with_tags(&new)
        .authorize(&call, "iam:TagInstanceProfile")?;
    edit(&identity, &call, &name, |_, profile| {
        tags::merge(&mut profile.tags, new)
    })
    .await
}

async fn untag(identity: Arc<Identity>, call: Call, input: Untagging) -> Result<Nothing, AwsError> {
    let name = input.instance_profile_name;
    let _permit = resource(&call, &name)
        .with_tag_keys(&input.tag_keys)
        .authorize(&call, "iam:UntagInstanceProfile")?;
    edit(&identity, &call, &name, |_, profile| {
        tags::remove(&mut profile.tags, &input.tag_keys);
        Ok(())
    })
    .await
}

async fn list_tags(
    _identity: Arc<Identity>,
    call: Call,
    input: ListTags,
) -> Result<TagsAnswer, AwsError> {
    let name = input.instance_profile_name;
    let _permit = resource(&call, &name).authorize(&call, "iam:ListInstanceProfileTags")?;
    let profile = find(call.snapshot(), call.account(), &name)?;
    let list = format!("ListInstanceProfileTags {}", profile.arn());
    let marker = input.marker.as_deref();
    let tags = tag_list(&profile.tags);
    let page = paging::cut(&list, marker, input.max_items, tags, |tag| tag.key.clone())?;
    Ok(TagsAnswer {
        tags: page.items,
        end: page.end,
    })
}
