use jiff::Timestamp;
use lakeward_policy::Context;
use lakeward_store::Record;
use serde::{Deserialize, Serialize};

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
}

impl Record for User {
    const KIND: &'static str = "user";

    fn key(&self) -> String {
        Self::key_of(&self.account, &self.name)
    }
}
