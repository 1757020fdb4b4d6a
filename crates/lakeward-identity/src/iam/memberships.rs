//! Who is in which group.

use std::sync::Arc;

use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{
    Nothing, error,
    groups::{self, GroupView},
    paging::{self, End},
    target::Target,
    users::{self, UserView},
};
use crate::{Call, ChangeRefused, Group, Identity, Service, User};

/// Groups that one user may be in ("IAM and AWS STS quotas").
const GROUPS_PER_USER: usize = 10;

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("GetGroup", identity, get_group)
        .operation("AddUserToGroup", identity, add_user)
        .operation("RemoveUserFromGroup", identity, remove_user)
        .operation("ListGroupsForUser", identity, list_groups_for_user)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Member {
    group_name: String,
    user_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfGroup {
    group_name: String,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfUser {
    user_name: String,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupWithUsers {
    group: GroupView,
    users: Vec<UserView>,
    #[serde(flatten)]
    end: End,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupList {
    groups: Vec<GroupView>,
    #[serde(flatten)]
    end: End,
}

async fn get_group(
    _identity: Arc<Identity>,
    call: Call,
    input: OfGroup,
) -> Result<GroupWithUsers, AwsError> {
    let _permit = Target::group(&call, &input.group_name).authorize(&call, "iam:GetGroup")?;
    let group = groups::find(call.snapshot(), call.account(), &input.group_name)?;
    let list = format!("GetGroup {}", group.arn());
    let (marker, members) = (input.marker.as_deref(), group.members(call.snapshot()));
    let key = |user: &Arc<User>| User::key_of("", &user.name);
    let (users, end) = paging::cut(&list, marker, input.max_items, members, key)?
        .show(|user| UserView::listed(&user));
    Ok(GroupWithUsers {
        group: GroupView::of(&group),
        users,
        end,
    })
}

async fn add_user(identity: Arc<Identity>, call: Call, input: Member) -> Result<Nothing, AwsError> {
    let _permit = Target::group(&call, &input.group_name).authorize(&call, "iam:AddUserToGroup")?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let group = groups::find(change, &account, &input.group_name)?;
            let mut user: User = (*users::find(change, &account, &input.user_name)?).clone();
            user.groups.insert(group.name.clone());
            if user.groups.len() > GROUPS_PER_USER {
                return Err(error::limit(&format!("GroupsPerUser: {GROUPS_PER_USER}")).into());
            }
            change.put(user);
            Ok(())
        })
        .await?;
    Ok(Nothing)
}

async fn remove_user(
    identity: Arc<Identity>,
    call: Call,
    input: Member,
) -> Result<Nothing, AwsError> {
    let target = Target::group(&call, &input.group_name);
    let _permit = target.authorize(&call, "iam:RemoveUserFromGroup")?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let group = groups::find(change, &account, &input.group_name)?;
            let mut user: User = (*users::find(change, &account, &input.user_name)?).clone();
            if !user.leave(&group.name) {
                return Err(error::no_such("user", &input.user_name).into());
            }
            change.put(user);
            Ok(())
        })
        .await?;
    Ok(Nothing)
}

async fn list_groups_for_user(
    _identity: Arc<Identity>,
    call: Call,
    input: OfUser,
) -> Result<GroupList, AwsError> {
    let target = Target::user(&call, &input.user_name);
    let _permit = target.authorize(&call, "iam:ListGroupsForUser")?;
    let user = users::find(call.snapshot(), call.account(), &input.user_name)?;
    let groups = user
        .groups
        .iter()
        .filter_map(|name| groups::find(call.snapshot(), call.account(), name).ok());
    let list = format!("ListGroupsForUser {}", user.arn());
    let key = |group: &Arc<Group>| group.name.clone();
    let (groups, end) = paging::cut(&list, input.marker.as_deref(), input.max_items, groups, key)?
        .show(|group| GroupView::of(&group));
    Ok(GroupList { groups, end })
}
