use std::{collections::BTreeSet, sync::Arc};

use lakeward_store::{Change, Record, Snapshot};
use serde::{Deserialize, Serialize};

/// The policies that are attached to a root, unit or account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attachments {
    /// The organization.
    pub organization: String,
    /// `r-…`, `ou-…` or an account.
    pub target: String,
    /// `p-…`
    pub policies: BTreeSet<String>,
}

impl Attachments {
    /// Those of a target; none when nothing was ever attached.
    pub(crate) fn of(snapshot: &Snapshot, organization: &str, target: &str) -> Option<Arc<Self>> {
        snapshot.get::<Self>(&format!("{organization}/{target}"))
    }

    pub(crate) fn ids(snapshot: &Snapshot, organization: &str, target: &str) -> BTreeSet<String> {
        Self::of(snapshot, organization, target)
            .map(|attachments| attachments.policies.clone())
            .unwrap_or_default()
    }

    /// Changes what is attached to a target.
    pub(crate) fn edit(
        change: &mut Change<'_>,
        organization: &str,
        target: &str,
        edit: impl FnOnce(&mut BTreeSet<String>),
    ) {
        let mut policies = Self::ids(change, organization, target);
        edit(&mut policies);
        change.put(Self {
            organization: organization.to_owned(),
            target: target.to_owned(),
            policies,
        });
    }
}

impl Record for Attachments {
    const KIND: &'static str = "organization-attachments";

    fn key(&self) -> String {
        format!("{}/{}", self.organization, self.target)
    }
}
