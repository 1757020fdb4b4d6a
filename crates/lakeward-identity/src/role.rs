use jiff::Timestamp;
use lakeward_policy::{Arn, Context};
use lakeward_store::{Record, Snapshot};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

use crate::{
    StoredPolicy,
    inventory::{self, InlinePolicies, Tags},
};

/// An IAM role.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Role {
    /// The owning account.
    pub account: String,
    /// The name, as given; unique without regard to case.
    pub name: String,
    /// `AROA…`; a role made again under the same name has another.
    pub id: String,
    /// `/` or `/division/`.
    pub path: String,
    /// Who may assume it.
    pub trust: StoredPolicy,
    /// Inline policies by name.
    pub policies: InlinePolicies,
    /// ARNs of the managed policies attached.
    #[serde(default)]
    pub attached: BTreeSet<String>,
    /// ARN of the managed policy that is the permissions boundary.
    #[serde(default)]
    pub boundary: Option<String>,
    /// Tags by key.
    pub tags: Tags,
    /// Free text.
    pub description: Option<String>,
    /// Longest session, seconds.
    pub max_session_duration: u32,
    /// When it was made.
    pub created: Timestamp,
}

impl Role {
    /// `arn:aws:iam::account:role/path/name`.
    #[must_use]
    pub fn arn(&self) -> String {
        format!(
            "arn:aws:iam::{}:role{}{}",
            self.account, self.path, self.name
        )
    }

    /// The `aws:ResourceTag/…` and `iam:ResourceTag/…` keys of a question about this role.
    #[must_use]
    pub fn tag_context(&self) -> Context {
        inventory::resource_tags(&self.tags)
    }

    pub(crate) fn key_of(account: &str, name: &str) -> String {
        format!("{account}/{}", name.to_ascii_lowercase())
    }

    /// Finds a role by its whole ARN.
    #[must_use]
    pub fn find(snapshot: &Snapshot, arn: &str) -> Option<Arc<Self>> {
        let parsed = Arn::parse(arn).ok()?;
        let (_, name) = parsed.resource.rsplit_once('/')?;
        snapshot
            .get::<Self>(&Self::key_of(&parsed.account, name))
            .filter(|role| role.arn() == arn)
    }
}

impl Record for Role {
    const KIND: &'static str = "role";

    fn key(&self) -> String {
        Self::key_of(&self.account, &self.name)
    }
}
