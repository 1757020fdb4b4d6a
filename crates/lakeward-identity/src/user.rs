use jiff::Timestamp;
use lakeward_policy::{Arn, Context};
use lakeward_store::{Record, Snapshot};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

use crate::inventory::{self, InlinePolicies, Tags};

/// An IAM user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// The owning account.
    pub account: String,
    /// The name, as given; unique without regard to case.
    pub name: String,
    /// `AIDA…`
    pub id: String,
    /// `/` or `/division/`.
    pub path: String,
    /// Inline policies by name.
    pub policies: InlinePolicies,
    /// ARNs of the managed policies attached.
    #[serde(default)]
    pub attached: BTreeSet<String>,
    /// ARN of the managed policy that is the permissions boundary.
    #[serde(default)]
    pub boundary: Option<String>,
    /// Names of the groups it is in.
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// Tags by key.
    pub tags: Tags,
    /// When it was made.
    pub created: Timestamp,
}

impl User {
    /// `arn:aws:iam::account:user/path/name`.
    #[must_use]
    pub fn arn(&self) -> String {
        format!(
            "arn:aws:iam::{}:user{}{}",
            self.account, self.path, self.name
        )
    }

    /// The `aws:ResourceTag/…` and `iam:ResourceTag/…` keys of a question about this user.
    #[must_use]
    pub fn tag_context(&self) -> Context {
        inventory::resource_tags(&self.tags)
    }

    pub(crate) fn key_of(account: &str, name: &str) -> String {
        format!("{account}/{}", name.to_ascii_lowercase())
    }

    /// Finds a user by its whole ARN.
    #[must_use]
    pub fn find(snapshot: &Snapshot, arn: &str) -> Option<Arc<Self>> {
        let parsed = Arn::parse(arn).ok()?;
        let (_, name) = parsed.resource.rsplit_once('/')?;
        snapshot
            .get::<Self>(&Self::key_of(&parsed.account, name))
            .filter(|user| user.arn() == arn)
    }

    /// Takes it out of a group; false when it wasn't in it.
    pub(crate) fn leave(&mut self, group: &str) -> bool {
        let before = self.groups.len();
        self.groups.retain(|name| !name.eq_ignore_ascii_case(group));
        self.groups.len() < before
    }

    /// True when it is in the group of this name.
    pub(crate) fn is_in(&self, group: &str) -> bool {
        self.groups
            .iter()
            .any(|name| name.eq_ignore_ascii_case(group))
    }
}

impl Record for User {
    const KIND: &'static str = "user";

    fn key(&self) -> String {
        Self::key_of(&self.account, &self.name)
    }
}
