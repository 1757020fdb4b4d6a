use std::sync::Arc;

use lakeward_store::{Change, Snapshot};
use lakeward_wire::{AwsError, iso};
use serde::{Deserialize, Serialize};

use super::{Nothing, Page, Tag, error, naming, tag_list, tag_map, target::Target};
use crate::{AccessKey, Call, Identity, Service, User, caller::Kind, identifier};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreateUser", identity, create_user)
        .operation("GetUser", identity, get_user)
        .operation("ListUsers", identity, list_users)
        .operation("DeleteUser", identity, delete_user)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateUser {
    user_name: String,
    path: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
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

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserView {
    path: String,
    user_name: String,
    user_id: String,
    arn: String,
    create_date: String,
    tags: Vec<Tag>,
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
    is_truncated: bool,
}

fn view(user: &User) -> UserView {
    UserView {
        path: user.path.clone(),
        user_name: user.name.clone(),
        user_id: user.id.clone(),
        arn: user.arn(),
        create_date: iso(user.created),
        tags: tag_list(&user.tags),
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
    let _permit = Target::tagged(arn, &tags).authorize(&call, "iam:CreateUser")?;
    let user = User {
        account: call.account().to_owned(),
        id: identifier::unique("AIDA", 17),
        path,
        policies: Default::default(),
        tags,
        created: call.now(),
        name: input.user_name,
    };
    let answer = UserAnswer { user: view(&user) };
    identity
        .store()
        .change(|change| insert(change, user))
        .await?;
    Ok(answer)
}

fn insert(change: &mut Change<'_>, user: User) -> Result<(), crate::ChangeRefused> {
    if find(change, &user.account, &user.name).is_ok() {
        return Err(error::exists("User", &user.name).into());
    }
    change.put(user);
    Ok(())
}

async fn get_user(
    _identity: Arc<Identity>,
    call: Call,
    input: GetUser,
) -> Result<UserAnswer, AwsError> {
    let name = named_or_caller(&call, input.user_name)?;
    let _permit = Target::user(&call, &name).authorize(&call, "iam:GetUser")?;
    let user = find(call.snapshot(), call.account(), &name)?;
    Ok(UserAnswer { user: view(&user) })
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
    Ok(UserList {
        users: users
            .iter()
            .filter(|user| user.path.starts_with(page.prefix()))
            .map(|user| view(user))
            .collect(),
        is_truncated: false,
    })
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
        .change(|change| -> Result<(), crate::ChangeRefused> {
            let user = find(change, &account, &input.user_name)?;
            if !user.policies.is_empty() {
                return Err(error::in_use("delete policies").into());
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
    let (account, name) = (user.account.clone(), user.name.clone());
    snapshot
        .scan::<AccessKey>("")
        .into_iter()
        .filter(move |key| key.account == account && key.user.as_deref() == Some(&*name))
}
