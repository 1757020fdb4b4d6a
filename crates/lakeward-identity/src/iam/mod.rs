//! The IAM service: users, access keys, roles, inline policies and instance profiles.
//!
//! Names, limits and error codes follow the IAM API Reference.

mod error;
mod instance_profiles;
mod keys;
mod naming;
mod policies;
mod roles;
mod target;
mod users;

use std::sync::Arc;

use lakeward_wire::{AwsError, Protocol};
use serde::{Deserialize, Serialize};

use crate::{Identity, Service, inventory};

/// The IAM service table.
#[must_use]
pub fn service(identity: &Arc<Identity>) -> Service {
    let protocol = Protocol::Query {
        version: "2010-05-08",
        namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
    };
    let service = Service::new("iam", protocol);
    let service = users::operations(service, identity);
    let service = keys::operations(service, identity);
    let service = roles::operations(service, identity);
    let service = policies::operations(service, identity);
    instance_profiles::operations(service, identity)
}

/// An operation's output that carries nothing.
#[derive(Serialize)]
pub(crate) struct Nothing;

#[derive(Deserialize, Serialize, Clone)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tag {
    key: String,
    value: String,
}

/// The tags of a request; IAM refuses keys that differ in case only.
pub(crate) fn tag_map(tags: Vec<Tag>) -> Result<inventory::Tags, AwsError> {
    if inventory::repeats(tags.iter().map(|tag| &*tag.key)) {
        return Err(error::duplicate_tags());
    }
    Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

pub(crate) fn tag_list(tags: &inventory::Tags) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag {
            key: key.clone(),
            value: value.clone(),
        })
        .collect()
}

/// Paging of IAM lists. Everything fits one page here, so no marker is ever given out.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Page {
    path_prefix: Option<String>,
}

impl Page {
    pub(crate) fn prefix(&self) -> &str {
        self.path_prefix.as_deref().unwrap_or("/")
    }
}
