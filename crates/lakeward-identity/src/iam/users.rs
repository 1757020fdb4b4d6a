//! Users.

use std::sync::Arc;

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
};
use crate::{AccessKey, Call, ChangeRefused, Identity, Service, User, caller::Kind, identifier};

/// Users that one account may have ("IAM and AWS STS quotas").
const USERS_PER_ACCOUNT: usize = 5000;

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreateUser", identity, create_user)
        .operation("GetUser", identity, get_user)
        .operation("ListUsers", identity, list_users)
        .operation("UpdateUser", identity, update_user)
        .operation("DeleteUser", identity, delete_user)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateUser {
    user_name: String,
    path: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    permissions_boundary: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateUser {
    user_name: String,
    new_path: Option<String>,
    new_user_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UserName {
    user_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetUser {
    user_name: Option<String>,
}

/// A user as IAM answers it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserView {
    path: Option<String>,
    user_name: Option<String>,
    user_id: String,
    arn: String,
    create_date: String,
    permissions_boundary: Option<BoundaryView>,
    tags: Option<Vec<Tag>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserAnswer {
    user: UserView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserList {
    users: Vec<UserView>,
    #[serde(flatten)]
    end: End,
}

impl UserView {
    /// Lists leave out boundaries and tags.
    pub(super) fn listed(user: &User) -> Self {
        Self {
            path: Some(user.path.clone()),
            user_name: Some(user.name.clone()),
            user_id: user.id.clone(),
            arn: user.arn(),
            create_date: iso(user.created),
            permissions_boundary: None,
            tags: None,
        }
    }

    fn whole(user: &User) -> Self {
        Self {
            permissions_boundary: BoundaryView::of(user.boundary.as_ref()),
            tags: Some(tag_list(&user.tags)),
            ..Self::listed(user)
        }
    }

    /// The account's root, which has neither name nor path.
    fn root(call: &Call) -> Self {
        let account = call.snapshot().get::<crate::Account>(call.account());
        Self {
            path: None,
            user_name: None,
            user_id: call.account().to_owned(),
            arn: call.caller_arn(),
            create_date: iso(account.map_or_else(|| call.now(), |account| account.created)),
            permissions_boundary: None,
            tags: None,
        }
    }
}

/// The user an operation is about: the one named, or the caller.
pub(super) fn named_or_caller(call: &Call, named: Option<String>) -> Result<String, AwsError> {
    match (named, &call.caller().kind) {
        (Some(name), _) => Ok(name),
        (None, Kind::User(user)) => Ok(user.name.clone()),
        (None, _) => Err(error::invalid(
            "Must specify userName when calling with non-User credentials",
        )),
    }
}

pub(super) fn find(snapshot: &Snapshot, account: &str, name: &str) -> Result<Arc<User>, AwsError> {
    snapshot
        .get::<User>(&User::key_of(account, name))
        .ok_or_else(|| error::no_such("user", name))
}

async fn create_user(
    identity: Arc<Identity>,
    call: Call,
    input: CreateUser,
) -> Result<UserAnswer, AwsError> {
    naming::check_name("userName", &input.user_name, 64)?;
    let path = naming::check_path(input.path)?;
    let arn = naming::arn(call.account(), "user", &path, &input.user_name);
    let tags = tag_map(input.tags)?;
    let boundary = input.permissions_boundary;
    let target = Target::tagged(arn, &tags).with_boundary(boundary.as_deref());
    let _permit = target.clone().authorize(&call, "iam:CreateUser")?;
    if !tags.is_empty() {
        let _tags = target.authorize(&call, "iam:TagUser")?;
    }
    let user = User {
        account: call.account().to_owned(),
        id: identifier::unique("AIDA", identifier::UNIQUE_LENGTH),
        path,
        policies: Default::default(),
        attached: Default::default(),
        boundary,
        groups: Default::default(),
        tags,
        created: call.now(),
        name: input.user_name,
    };
    let answer = UserAnswer {
        user: UserView::whole(&user),
    };
    identity
        .store()
        .change(|change| insert(change, user))
        .await?;
    Ok(answer)
}

fn insert(change: &mut Change<'_>, user: User) -> Result<(), ChangeRefused> {
    check_free(change, &user.account, &user.name)?;
    if let Some(boundary) = &user.boundary {
        boundaries::check(change, &user.account, boundary)?;
    }
    let prefix = format!("{}/", user.account);
    if change.page::<User>(&prefix, "", USERS_PER_ACCOUNT).len() >= USERS_PER_ACCOUNT {
        return Err(error::limit(&format!("UsersPerAccount: {USERS_PER_ACCOUNT}")).into());
    }
    change.put(user);
    Ok(())
}

fn check_free(snapshot: &Snapshot, account: &str, name: &str) -> Result<(), AwsError> {
    match find(snapshot, account, name) {
        Ok(_) => Err(error::exists("User", name)),
        Err(_) => Ok(()),
    }
}

async fn get_user(
    _identity: Arc<Identity>,
    call: Call,
    input: GetUser,
) -> Result<UserAnswer, AwsError> {
    if input.user_name.is_none() && matches!(call.caller().kind, Kind::Root) {
        let _permit = Target::new(call.caller_arn()).authorize(&call, "iam:GetUser")?;
        let user = UserView::root(&call);
        return Ok(UserAnswer { user });
    }
    let name = named_or_caller(&call, input.user_name)?;
    let _permit = Target::user(&call, &name).authorize(&call, "iam:GetUser")?;
    let user = find(call.snapshot(), call.account(), &name)?;
    Ok(UserAnswer {
        user: UserView::whole(&user),
    })
}

async fn list_users(
    _identity: Arc<Identity>,
    call: Call,
    page: Page,
) -> Result<UserList, AwsError> {
    let arn = naming::arn(call.account(), "user", page.prefix(), "*");
    let _permit = Target::new(arn).authorize(&call, "iam:ListUsers")?;
    let users = call
        .snapshot()
        .scan::<User>(&format!("{}/", call.account()));
    let under = users
        .into_iter()
        .filter(|user| user.path.starts_with(page.prefix()));
    let list = format!("ListUsers {}", call.account());
    let key = |user: &Arc<User>| User::key_of("", &user.name);
    let (users, end) = page
        .cut(&list, under, key)?
        .show(|user| UserView::listed(&user));
    Ok(UserList { users, end })
}

/// Whoever renames or moves a user needs leave for both names ("Renaming an IAM user").
async fn update_user(
    identity: Arc<Identity>,
    call: Call,
    input: UpdateUser,
) -> Result<Nothing, AwsError> {
    let old = find(call.snapshot(), call.account(), &input.user_name).ok();
    let name = input
        .new_user_name
        .unwrap_or_else(|| input.user_name.clone());
    naming::check_name("newUserName", &name, 64)?;
    let kept = old.map(|user| user.path.clone());
    let path = naming::check_path(input.new_path.or(kept))?;
    let target = Target::user(&call, &input.user_name);
    let _permit = target.authorize(&call, "iam:UpdateUser")?;
    let arn = naming::arn(call.account(), "user", &path, &name);
    let _new = Target::new(arn).authorize(&call, "iam:UpdateUser")?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let user = find(change, &account, &input.user_name)?;
            if !user.name.eq_ignore_ascii_case(&name) {
                check_free(change, &account, &name)?;
            }
            rename(change, &user, name, path);
            Ok(())
        })
        .await?;
    Ok(Nothing)
}

/// The user keeps its id, policies and groups; its keys follow it.
fn rename(change: &mut Change<'_>, user: &User, name: String, path: String) {
    if name != user.name {
        let keys: Vec<_> = keys_of(change, user).collect();
        for key in keys {
            change.put(AccessKey {
                user: Some(name.clone()),
                ..(*key).clone()
            });
        }
        change.delete::<User>(&User::key_of(&user.account, &user.name));
    }
    change.put(User {
        name,
        path,
        ..user.clone()
    });
}

async fn delete_user(
    identity: Arc<Identity>,
    call: Call,
    input: UserName,
) -> Result<Nothing, AwsError> {
    let _permit = Target::user(&call, &input.user_name).authorize(&call, "iam:DeleteUser")?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let user = find(change, &account, &input.user_name)?;
            error::check_no_policies(&user.policies, &user.attached)?;
            if !user.groups.is_empty() {
                return Err(error::in_use("remove users from group").into());
            }
            if keys_of(change, &user).next().is_some() {
                return Err(error::in_use("delete access keys").into());
            }
            change.delete::<User>(&User::key_of(&account, &user.name));
            Ok(())
        })
        .await?;
    Ok(Nothing)
}

/// The long-term keys of a user.
pub(super) fn keys_of(snapshot: &Snapshot, user: &User) -> impl Iterator<Item = Arc<AccessKey>> {
    super::keys::of(snapshot, &user.account, Some(&user.name))
}
