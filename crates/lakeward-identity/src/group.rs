use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use lakeward_store::{Record, Snapshot};
use serde::{Deserialize, Serialize};

use crate::{User, inventory::InlinePolicies};

/// An IAM group: users that share policies. Who is in it is written with each user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Group {
    /// The owning account.
    pub account: String,
    /// The name, as given; unique without regard to case.
    pub name: String,
    /// `AGPA…`
    pub id: String,
    /// `/` or `/division/`.
    pub path: String,
    /// Inline policies by name.
    pub policies: InlinePolicies,
    /// ARNs of the managed policies attached.
    pub attached: BTreeSet<String>,
    /// When it was made.
    pub created: Timestamp,
}

impl Group {
    /// `arn:aws:iam::account:group/path/name`.
    #[must_use]
    pub fn arn(&self) -> String {
        format!(
            "arn:aws:iam::{}:group{}{}",
            self.account, self.path, self.name
        )
    }

    pub(crate) fn key_of(account: &str, name: &str) -> String {
        format!("{account}/{}", name.to_ascii_lowercase())
    }

    /// The users in it, by name.
    pub(crate) fn members(&self, snapshot: &Snapshot) -> impl Iterator<Item = Arc<User>> {
        let name = self.name.clone();
        snapshot
            .scan::<User>(&format!("{}/", self.account))
            .into_iter()
            .filter(move |user| user.is_in(&name))
    }
}

impl Record for Group {
    const KIND: &'static str = "group";

    fn key(&self) -> String {
        Self::key_of(&self.account, &self.name)
    }
}
