use jiff::Timestamp;
use lakeward_store::Record;
use serde::{Deserialize, Serialize};

use crate::inventory::Tags;

/// An instance profile: the role that a cluster's machines hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// The owning account.
    pub account: String,
    /// The name, as given.
    pub name: String,
    /// `AIPA…`
    pub id: String,
    /// `/` or `/division/`.
    pub path: String,
    /// The role's name, once added.
    pub role: Option<String>,
    /// Tags by key.
    #[serde(default)]
    pub tags: Tags,
    /// When it was made.
    pub created: Timestamp,
}

impl InstanceProfile {
    /// `arn:aws:iam::account:instance-profile/path/name`.
    #[must_use]
    pub fn arn(&self) -> String {
        format!(
            "arn:aws:iam::{}:instance-profile{}{}",
            self.account, self.path, self.name
        )
    }

    pub(crate) fn key_of(account: &str, name: &str) -> String {
        format!("{account}/{}", name.to_ascii_lowercase())
    }
}

impl Record for InstanceProfile {
    const KIND: &'static str = "instance-profile";

    fn key(&self) -> String {
        Self::key_of(&self.account, &self.name)
    }
}
