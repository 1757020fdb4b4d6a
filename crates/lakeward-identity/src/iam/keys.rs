//! Access keys of users and of the account's root.

use std::sync::Arc;

use lakeward_store::Snapshot;
use lakeward_wire::{AwsError, Secret, iso};
use serde::{Deserialize, Serialize};

use super::{
    Nothing, error, naming,
    paging::{self, End},
    target::Target,
    users,
};
use crate::{AccessKey, Call, ChangeRefused, Identity, KeyStatus, Service, caller::Kind};

/// The quota of a user and of a root ("IAM and AWS STS quotas").
const KEYS_PER_USER: usize = 2;

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreateAccessKey", identity, create_access_key)
        .operation("ListAccessKeys", identity, list_access_keys)
        .operation("UpdateAccessKey", identity, update_access_key)
        .operation("DeleteAccessKey", identity, delete_access_key)
        .operation("GetAccessKeyLastUsed", identity, get_access_key_last_used)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OwnerName {
    user_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeysOf {
    user_name: Option<String>,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyOf {
    user_name: Option<String>,
    access_key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateKey {
    user_name: Option<String>,
    access_key_id: String,
    status: KeyStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyId {
    access_key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewKey {
    user_name: Option<String>,
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
    user_name: Option<String>,
    access_key_id: String,
    status: KeyStatus,
    create_date: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyList {
    access_key_metadata: Vec<KeyMetadata>,
    #[serde(flatten)]
    end: End,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LastUsedAnswer {
    user_name: Option<String>,
    access_key_last_used: LastUsed,
}

/// A key's last use; without a date and `N/A` when this process has seen none.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LastUsed {
    last_used_date: Option<String>,
    service_name: String,
    region: String,
}

/// Whose keys an operation is about: a user's, or without a name the root's of the account.
struct Owner(Option<String>);

impl Owner {
    /// The user named, or the caller.
    fn of(call: &Call, named: Option<String>) -> Result<Self, AwsError> {
        if named.is_none() && matches!(call.caller().kind, Kind::Root) {
            return Ok(Self(None));
        }
        users::named_or_caller(call, named).map(|name| Self(Some(name)))
    }

    fn target(&self, call: &Call) -> Target {
        match &self.0 {
            Some(name) => Target::user(call, name),
            None => Target::new(format!("arn:aws:iam::{}:root", call.account())),
        }
    }

    /// The owner's name as it was given when it was made.
    fn find(&self, snapshot: &Snapshot, account: &str) -> Result<Option<String>, AwsError> {
        let name = self.0.as_ref();
        name.map(|name| users::find(snapshot, account, name).map(|user| user.name.clone()))
            .transpose()
    }
}

/// The long-term keys of a user or of the root.
pub(super) fn of(
    snapshot: &Snapshot,
    account: &str,
    user: Option<&str>,
) -> impl Iterator<Item = Arc<AccessKey>> + use<> {
    let (account, user) = (account.to_owned(), user.map(str::to_owned));
    snapshot
        .scan::<AccessKey>("")
        .into_iter()
        .filter(move |key| key.account == account && key.user == user)
}

async fn create_access_key(
    identity: Arc<Identity>,
    call: Call,
    input: OwnerName,
) -> Result<NewKeyAnswer, AwsError> {
    let owner = Owner::of(&call, input.user_name)?;
    let _permit = owner
        .target(&call)
        .authorize(&call, "iam:CreateAccessKey")?;
    let (account, now) = (call.account().to_owned(), call.now());
    let key = identity
        .store()
        .change(|change| -> Result<AccessKey, ChangeRefused> {
            let user = owner.find(change, &account)?;
            if of(change, &account, user.as_deref()).count() >= KEYS_PER_USER {
                return Err(error::limit(&format!("AccessKeysPerUser: {KEYS_PER_USER}")).into());
            }
            let key = AccessKey::generate(&account, user, now);
            change.put(key.clone());
            Ok(key)
        })
        .await?;
    Ok(NewKeyAnswer {
        access_key: NewKey {
            user_name: key.user,
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
    input: KeysOf,
) -> Result<KeyList, AwsError> {
    let owner = Owner::of(&call, input.user_name)?;
    let _permit = owner.target(&call).authorize(&call, "iam:ListAccessKeys")?;
    let user = owner.find(call.snapshot(), call.account())?;
    let list = format!("ListAccessKeys {} {user:?}", call.account());
    let keys = of(call.snapshot(), call.account(), user.as_deref());
    let (marker, id) = (input.marker.as_deref(), |key: &Arc<AccessKey>| {
        key.id.clone()
    });
    let page = paging::cut(&list, marker, input.max_items, keys, id)?;
    let (access_key_metadata, end) = page.show(|key| KeyMetadata {
        user_name: key.user.clone(),
        access_key_id: key.id.clone(),
        status: key.status,
        create_date: iso(key.created),
    });
    Ok(KeyList {
        access_key_metadata,
        end,
    })
}

async fn update_access_key(
    identity: Arc<Identity>,
    call: Call,
    input: UpdateKey,
) -> Result<Nothing, AwsError> {
    let owner = Owner::of(&call, input.user_name)?;
    let _permit = owner
        .target(&call)
        .authorize(&call, "iam:UpdateAccessKey")?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let user = owner.find(change, &account)?;
            let key = find(change, &account, user.as_deref(), &input.access_key_id)?;
            change.put(AccessKey {
                status: input.status,
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
    let owner = Owner::of(&call, input.user_name)?;
    let _permit = owner
        .target(&call)
        .authorize(&call, "iam:DeleteAccessKey")?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let user = owner.find(change, &account)?;
            let key = find(change, &account, user.as_deref(), &input.access_key_id)?;
            change.delete::<AccessKey>(&key.id);
            Ok(())
        })
        .await?;
    Ok(Nothing)
}

/// The key's owner is what the caller needs leave for; a key that isn't the account's has none.
async fn get_access_key_last_used(
    identity: Arc<Identity>,
    call: Call,
    input: KeyId,
) -> Result<LastUsedAnswer, AwsError> {
    let key = call
        .snapshot()
        .get::<AccessKey>(&input.access_key_id)
        .filter(|key| key.account == call.account());
    let anyone = naming::arn(call.account(), "user", "/", "*");
    let target = match &key {
        Some(key) => Owner(key.user.clone()).target(&call),
        None => Target::new(anyone.clone()),
    };
    // The key's id doesn't tell whose it is; neither does a refusal.
    let target = target.shown_as(anyone);
    let _permit = target.authorize(&call, "iam:GetAccessKeyLastUsed")?;
    let key = key.ok_or_else(|| no_such(&input.access_key_id))?;
    let used = identity.key_usage().last(&key.id);
    let unknown = || "N/A".to_owned();
    Ok(LastUsedAnswer {
        user_name: key.user.clone(),
        access_key_last_used: LastUsed {
            last_used_date: used.as_ref().map(|used| iso(used.at)),
            service_name: used
                .as_ref()
                .map_or_else(unknown, |used| used.service.clone()),
            region: used.map_or_else(unknown, |used| used.region),
        },
    })
}

fn find(
    snapshot: &Snapshot,
    account: &str,
    user: Option<&str>,
    id: &str,
) -> Result<Arc<AccessKey>, AwsError> {
    snapshot
        .get::<AccessKey>(id)
        .filter(|key| key.account == account && key.user.as_deref() == user)
        .ok_or_else(|| no_such(id))
}

fn no_such(id: &str) -> AwsError {
    AwsError::new(
        404,
        "NoSuchEntity",
        format!("The Access Key with id {id} cannot be found."),
    )
}
