use std::sync::Arc;

use lakeward_store::Snapshot;
use lakeward_wire::{AwsError, Secret, iso};
use serde::{Deserialize, Serialize};

use super::{Nothing, error, target::Target, users};
use crate::{AccessKey, Call, ChangeRefused, Identity, KeyStatus, Service, User};

/// A user's quota ("IAM and AWS STS quotas").
const KEYS_PER_USER: usize = 2;

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreateAccessKey", identity, create_access_key)
        .operation("ListAccessKeys", identity, list_access_keys)
        .operation("UpdateAccessKey", identity, update_access_key)
        .operation("DeleteAccessKey", identity, delete_access_key)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OwnerName {
    user_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyOf {
    user_name: Option<String>,
    access_key_id: String,
    status: Option<KeyStatus>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewKey {
    user_name: String,
    access_key_id: String,
    status: KeyStatus,
    #[serde(serialize_with = "Secret::serialize_exposed")]
    secret_access_key: Secret,
    create_date: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewKeyAnswer {
    access_key: NewKey,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyMetadata {
    user_name: String,
    access_key_id: String,
    status: KeyStatus,
    create_date: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyList {
    access_key_metadata: Vec<KeyMetadata>,
    is_truncated: bool,
}

async fn create_access_key(
    identity: Arc<Identity>,
    call: Call,
    input: OwnerName,
) -> Result<NewKeyAnswer, AwsError> {
    let name = users::named_or_caller(&call, input.user_name)?;
    let _permit = Target::user(&call, &name).authorize(&call, "iam:CreateAccessKey")?;
    let (account, now) = (call.account().to_owned(), call.now());
    let key = identity
        .store()
        .change(|change| -> Result<AccessKey, ChangeRefused> {
            let user = users::find(change, &account, &name)?;
            if users::keys_of(change, &user).count() >= KEYS_PER_USER {
                return Err(error::limit(&format!("AccessKeysPerUser: {KEYS_PER_USER}")).into());
            }
            let key = AccessKey::generate(&account, Some(user.name.clone()), now);
            change.put(key.clone());
            Ok(key)
        })
        .await?;
    Ok(NewKeyAnswer {
        access_key: NewKey {
            user_name: name,
            access_key_id: key.id,
            status: key.status,
            secret_access_key: key.secret,
            create_date: iso(key.created),
        },
    })
}

async fn list_access_keys(
    _identity: Arc<Identity>,
    call: Call,
    input: OwnerName,
) -> Result<KeyList, AwsError> {
    let name = users::named_or_caller(&call, input.user_name)?;
    let _permit = Target::user(&call, &name).authorize(&call, "iam:ListAccessKeys")?;
    let user = users::find(call.snapshot(), call.account(), &name)?;
    let keys = users::keys_of(call.snapshot(), &user).map(|key| KeyMetadata {
        user_name: user.name.clone(),
        access_key_id: key.id.clone(),
        status: key.status,
        create_date: iso(key.created),
    });
    Ok(KeyList {
        access_key_metadata: keys.collect(),
        is_truncated: false,
    })
}

async fn update_access_key(
    identity: Arc<Identity>,
    call: Call,
    input: KeyOf,
) -> Result<Nothing, AwsError> {
    let name = users::named_or_caller(&call, input.user_name)?;
    let _permit = Target::user(&call, &name).authorize(&call, "iam:UpdateAccessKey")?;
    let status = input
        .status
        .ok_or_else(|| error::invalid("Status must be Active or Inactive"))?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let user = users::find(change, &account, &name)?;
            let key = key_of(change, &user, &input.access_key_id)?;
            change.put(AccessKey {
                status,
                ..(*key).clone()
            });
            Ok(())
        })
        .await?;
    Ok(Nothing)
}

async fn delete_access_key(
    identity: Arc<Identity>,
    call: Call,
    input: KeyOf,
) -> Result<Nothing, AwsError> {
    let name = users::named_or_caller(&call, input.user_name)?;
    let _permit = Target::user(&call, &name).authorize(&call, "iam:DeleteAccessKey")?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let user = users::find(change, &account, &name)?;
            let key = key_of(change, &user, &input.access_key_id)?;
            change.delete::<AccessKey>(&key.id);
            Ok(())
        })
        .await?;
    Ok(Nothing)
}

fn key_of(snapshot: &Snapshot, user: &User, id: &str) -> Result<Arc<AccessKey>, AwsError> {
    users::keys_of(snapshot, user)
        .find(|key| key.id == id)
        .ok_or_else(|| {
            AwsError::new(
                404,
                "NoSuchEntity",
                format!("The Access Key with id {id} cannot be found."),
            )
        })
}
