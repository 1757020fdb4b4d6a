//! Tags of users, roles and managed policies: the same three operations for each.

use std::{collections::BTreeMap, sync::Arc};

use lakeward_store::{Change, Snapshot};
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{
    Nothing, error, managed,
    paging::{self, End},
    roles,
    target::Target,
    users,
};
use crate::{
    Call, ChangeRefused, Identity, ManagedPolicy, Role, Service, User,
    inventory::{self, Tags, folded},
};

/// Tags that one thing may have ("IAM and AWS STS quotas").
const MOST: usize = 50;

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("TagUser", identity, |i, c, input: Tagging| {
            tag(i, c, input, Tagged::User)
        })
        .operation("UntagUser", identity, |i, c, input: Untagging| {
            untag(i, c, input, Tagged::User)
        })
        .operation("ListUserTags", identity, |i, c, input: Listing| {
            list(i, c, input, Tagged::User)
        })
        .operation("TagRole", identity, |i, c, input: Tagging| {
            tag(i, c, input, Tagged::Role)
        })
        .operation("UntagRole", identity, |i, c, input: Untagging| {
            untag(i, c, input, Tagged::Role)
        })
        .operation("ListRoleTags", identity, |i, c, input: Listing| {
            list(i, c, input, Tagged::Role)
        })
        .operation("TagPolicy", identity, |i, c, input: Tagging| {
            tag(i, c, input, Tagged::Policy)
        })
        .operation("UntagPolicy", identity, |i, c, input: Untagging| {
            untag(i, c, input, Tagged::Policy)
        })
        .operation("ListPolicyTags", identity, |i, c, input: Listing| {
            list(i, c, input, Tagged::Policy)
        })
}

/// A tag as IAM's requests and answers have it.
#[derive(Deserialize, Serialize, Clone)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tag {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// The tags of a request. IAM refuses keys that differ in case only, and those that AWS reserves.
pub(crate) fn tag_map(tags: Vec<Tag>) -> Result<Tags, AwsError> {
    if inventory::repeats(tags.iter().map(|tag| &*tag.key)) {
        return Err(error::duplicate_tags());
    }
    if tags.len() > MOST {
        return Err(error::invalid(
            "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50",
        ));
    }
    tags.iter().try_for_each(check)?;
    Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

fn check(tag: &Tag) -> Result<(), AwsError> {
    let allowed = |text: &str| {
        text.chars()
            .all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c))
    };
    if !(1..=128).contains(&tag.key.chars().count()) || !allowed(&tag.key) {
        return Err(error::invalid(
            "The tag key must have 1 to 128 characters: letters, numbers, spaces and _.:/=+-@",
        ));
    }
    if tag.value.chars().count() > 256 || !allowed(&tag.value) {
        return Err(error::invalid(
            "The tag value must have at most 256 characters: letters, numbers, spaces and _.:/=+-@",
        ));
    }
    if folded(&tag.key).starts_with("aws:") {
        return Err(AwsError::new(
            400,
            "InvalidInput",
            "Tag keys that begin with aws: are reserved for AWS's use",
        ));
    }
    Ok(())
}

pub(crate) fn tag_list(tags: &Tags) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag {
            key: key.clone(),
            value: value.clone(),
        })
        .collect()
}

/// Adds tags; one whose key differs in case only is replaced.
pub(crate) fn merge(tags: &mut Tags, new: Tags) -> Result<(), AwsError> {
    remove(tags, new.keys());
    tags.extend(new);
    if tags.len() > MOST {
        return Err(AwsError::new(
            409,
            "LimitExceeded",
            "The number of tags has reached the maximum limit.",
        ));
    }
    Ok(())
}

/// Removes the tags of these keys, in whatever case; those that aren't there are no fault.
pub(crate) fn remove<'k>(tags: &mut Tags, keys: impl IntoIterator<Item = &'k String>) {
    for key in keys {
        let key = folded(key);
        tags.retain(|own, _| folded(own) != key);
    }
}

/// What has tags.
#[derive(Clone, Copy)]
enum Tagged {
    User,
    Role,
    Policy,
}

impl Tagged {
    fn noun(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Role => "Role",
            Self::Policy => "Policy",
        }
    }

    fn target(self, call: &Call, name: &str) -> Target {
        match self {
            Self::User => Target::user(call, name),
            Self::Role => Target::role(call, name),
            Self::Policy => Target::policy(call, name),
        }
    }

    fn tags(self, snapshot: &Snapshot, account: &str, name: &str) -> Result<Tags, AwsError> {
        Ok(match self {
            Self::User => users::find(snapshot, account, name)?.tags.clone(),
            Self::Role => roles::find(snapshot, account, name)?.tags.clone(),
            Self::Policy => managed::find(snapshot, name)?.tags.clone(),
        })
    }

    fn edit(
        self,
        change: &mut Change<'_>,
        account: &str,
        name: &str,
        edit: impl FnOnce(&mut Tags) -> Result<(), AwsError>,
    ) -> Result<(), ChangeRefused> {
        match self {
            Self::User => {
                let mut user: User = (*users::find(change, account, name)?).clone();
                edit(&mut user.tags)?;
                change.put(user);
            }
            Self::Role => {
                let mut role: Role = (*roles::find(change, account, name)?).clone();
                edit(&mut role.tags)?;
                change.put(role);
            }
            Self::Policy => {
                let mut policy: ManagedPolicy = managed::find_own(change, account, name)?;
                edit(&mut policy.tags)?;
                change.put(policy);
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagging {
    #[serde(
        rename = "UserName|RoleName|PolicyArn",
        alias = "UserName",
        alias = "RoleName",
        alias = "PolicyArn"
    )]
    name: String,
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Untagging {
    #[serde(
        rename = "UserName|RoleName|PolicyArn",
        alias = "UserName",
        alias = "RoleName",
        alias = "PolicyArn"
    )]
    name: String,
    tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    #[serde(
        rename = "UserName|RoleName|PolicyArn",
        alias = "UserName",
        alias = "RoleName",
        alias = "PolicyArn"
    )]
    name: String,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagsAnswer {
    tags: Vec<Tag>,
    #[serde(flatten)]
    end: End,
}

async fn tag(
    identity: Arc<Identity>,
    call: Call,
    input: Tagging,
    tagged: Tagged,
) -> Result<Nothing, AwsError> {
    let tags = tag_map(input.tags)?;
    let _permit = tagged
        .target(&call, &input.name)
        .with_tags(&tags)
        .authorize(&call, &format!("iam:Tag{}", tagged.noun()))?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| tagged.edit(change, &account, &input.name, |own| merge(own, tags)))
        .await?;
    Ok(Nothing)
}

async fn untag(
    identity: Arc<Identity>,
    call: Call,
    input: Untagging,
    tagged: Tagged,
) -> Result<Nothing, AwsError> {
    let _permit = tagged
        .target(&call, &input.name)
        .with_tag_keys(&input.tag_keys)
        .authorize(&call, &format!("iam:Untag{}", tagged.noun()))?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| {
            tagged.edit(change, &account, &input.name, |own| {
                remove(own, &input.tag_keys);
                Ok(())
            })
        })
        .await?;
    Ok(Nothing)
}

async fn list(
    _identity: Arc<Identity>,
    call: Call,
    input: Listing,
    tagged: Tagged,
) -> Result<TagsAnswer, AwsError> {
    let noun = tagged.noun();
    let _permit = tagged
        .target(&call, &input.name)
        .authorize(&call, &format!("iam:List{noun}Tags"))?;
    let tags: BTreeMap<_, _> = tagged.tags(call.snapshot(), call.account(), &input.name)?;
    let list = format!("List{noun}Tags {} {}", call.account(), input.name);
    let marker = input.marker.as_deref();
    let page = paging::cut(&list, marker, input.max_items, tag_list(&tags), |tag| {
        tag.key.clone()
    })?;
    Ok(TagsAnswer {
        tags: page.items,
        end: page.end,
    })
}
