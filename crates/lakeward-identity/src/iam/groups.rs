//! Groups.

use std::sync::Arc;

use lakeward_store::{Change, Snapshot};
use lakeward_wire::{AwsError, iso};
use serde::{Deserialize, Serialize};

use super::{
    Nothing, error, naming,
    paging::{End, Page},
    target::Target,
};
use crate::{Call, ChangeRefused, Group, Identity, Service, User, identifier};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreateGroup", identity, create_group)
        .operation("ListGroups", identity, list_groups)
        .operation("UpdateGroup", identity, update_group)
        .operation("DeleteGroup", identity, delete_group)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateGroup {
    group_name: String,
    path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateGroup {
    group_name: String,
    new_path: Option<String>,
    new_group_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GroupName {
    group_name: String,
}

/// A group as IAM answers it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GroupView {
    path: String,
    group_name: String,
    group_id: String,
    arn: String,
    create_date: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupAnswer {
    group: GroupView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupList {
    groups: Vec<GroupView>,
    #[serde(flatten)]
    end: End,
}

impl GroupView {
    pub(super) fn of(group: &Group) -> Self {
        Self {
            path: group.path.clone(),
            group_name: group.name.clone(),
            group_id: group.id.clone(),
            arn: group.arn(),
            create_date: iso(group.created),
        }
    }
}

pub(super) fn find(snapshot: &Snapshot, account: &str, name: &str) -> Result<Arc<Group>, AwsError> {
    snapshot
        .get::<Group>(&Group::key_of(account, name))
        .ok_or_else(|| error::no_such("group", name))
}

async fn create_group(
    identity: Arc<Identity>,
    call: Call,
    input: CreateGroup,
) -> Result<GroupAnswer, AwsError> {
    naming::check_name("groupName", &input.group_name, 128)?;
    let path = naming::check_path(input.path)?;
    let arn = naming::arn(call.account(), "group", &path, &input.group_name);
    let _permit = Target::new(arn).authorize(&call, "iam:CreateGroup")?;
    let group = Group {
        account: call.account().to_owned(),
        id: identifier::unique("AGPA", identifier::UNIQUE_LENGTH),
        path,
        policies: Default::default(),
        attached: Default::default(),
        created: call.now(),
        name: input.group_name,
    };
    let answer = GroupAnswer {
        group: GroupView::of(&group),
    };
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            check_free(change, &group.account, &group.name)?;
            change.put(group);
            Ok(())
        })
        .await?;
    Ok(answer)
}

fn check_free(snapshot: &Snapshot, account: &str, name: &str) -> Result<(), AwsError> {
    match find(snapshot, account, name) {
        Ok(_) => Err(error::exists("Group", name)),
        Err(_) => Ok(()),
    }
}

async fn list_groups(
    _identity: Arc<Identity>,
    call: Call,
    page: Page,
) -> Result<GroupList, AwsError> {
    let arn = naming::arn(call.account(), "group", page.prefix(), "*");
    let _permit = Target::new(arn).authorize(&call, "iam:ListGroups")?;
    let groups = call
        .snapshot()
        .scan::<Group>(&format!("{}/", call.account()));
    let under = groups
        .into_iter()
        .filter(|group| group.path.starts_with(page.prefix()));
    let list = format!("ListGroups {}", call.account());
    let key = |group: &Arc<Group>| Group::key_of("", &group.name);
    let (groups, end) = page
        .cut(&list, under, key)?
        .show(|group| GroupView::of(&group));
    Ok(GroupList { groups, end })
}

/// Whoever renames or moves a group needs leave for both names ("Renaming an IAM group").
async fn update_group(
    identity: Arc<Identity>,
    call: Call,
    input: UpdateGroup,
) -> Result<Nothing, AwsError> {
    let old = find(call.snapshot(), call.account(), &input.group_name).ok();
    let name = input
        .new_group_name
        .unwrap_or_else(|| input.group_name.clone());
    naming::check_name("newGroupName", &name, 128)?;
    let kept = old.map(|group| group.path.clone());
    let path = naming::check_path(input.new_path.or(kept))?;
    let _permit = Target::group(&call, &input.group_name).authorize(&call, "iam:UpdateGroup")?;
    let arn = naming::arn(call.account(), "group", &path, &name);
    let _new = Target::new(arn).authorize(&call, "iam:UpdateGroup")?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let group = find(change, &account, &input.group_name)?;
            if !group.name.eq_ignore_ascii_case(&name) {
                check_free(change, &account, &name)?;
            }
            rename(change, &group, name, path);
            Ok(())
        })
        .await?;
    Ok(Nothing)
}

fn rename(change: &mut Change<'_>, group: &Group, name: String, path: String) {
    if name != group.name {
        let members: Vec<_> = group.members(change).collect();
        for member in members {
            let mut user: User = (*member).clone();
            user.leave(&group.name);
            user.groups.insert(name.clone());
            change.put(user);
        }
        change.delete::<Group>(&Group::key_of(&group.account, &group.name));
    }
    change.put(Group {
        name,
        path,
        ..group.clone()
    });
}

async fn delete_group(
    identity: Arc<Identity>,
    call: Call,
    input: GroupName,
) -> Result<Nothing, AwsError> {
    let _permit = Target::group(&call, &input.group_name).authorize(&call, "iam:DeleteGroup")?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let group = find(change, &account, &input.group_name)?;
            if group.members(change).next().is_some() {
                return Err(error::in_use("remove users from group").into());
            }
            error::check_no_policies(&group.policies, &group.attached)?;
            change.delete::<Group>(&Group::key_of(&account, &group.name));
            Ok(())
        })
        .await?;
    Ok(Nothing)
}
