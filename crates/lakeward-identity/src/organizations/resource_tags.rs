use lakeward_store::{Change, Record, Snapshot};
use serde::{Deserialize, Serialize};

use crate::inventory::Tags;

/// The tags of a root, unit, account or policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResourceTags {
    /// The organization.
    pub organization: String,
    /// The id of what is tagged.
    pub resource: String,
    /// Tags by key.
    pub tags: Tags,
}

impl ResourceTags {
    pub(crate) fn of(snapshot: &Snapshot, organization: &str, resource: &str) -> Tags {
        snapshot
            .get::<Self>(&key(organization, resource))
            .map(|own| own.tags.clone())
            .unwrap_or_default()
    }

    pub(crate) fn put(change: &mut Change<'_>, organization: &str, resource: &str, tags: Tags) {
        if tags.is_empty() {
            change.delete::<Self>(&key(organization, resource));
            return;
        }
        change.put(Self {
            organization: organization.to_owned(),
            resource: resource.to_owned(),
            tags,
        });
    }
}

fn key(organization: &str, resource: &str) -> String {
    format!("{organization}/{resource}")
}

impl Record for ResourceTags {
    const KIND: &'static str = "organization-tags";

    fn key(&self) -> String {
        key(&self.organization, &self.resource)
    }
}
