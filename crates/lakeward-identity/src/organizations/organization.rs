use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use lakeward_store::{Record, Snapshot};
use serde::{Deserialize, Serialize};

use super::{Membership, PolicyType};

/// An organization with all features.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Organization {
    /// `o-…`
    pub id: String,
    /// The account that made it; the only one that changes it, and never limited by it.
    pub management_account: String,
    /// `r-…`, the root of the tree of accounts.
    pub root: String,
    /// The types of policies that are in force.
    pub enabled: BTreeSet<PolicyType>,
    /// When it was made.
    pub created: Timestamp,
}

impl Organization {
    /// The organization that an account is in.
    #[must_use]
    pub fn of(snapshot: &Snapshot, account: &str) -> Option<Arc<Self>> {
        let membership = snapshot.get::<Membership>(account)?;
        snapshot.get::<Self>(&membership.organization)
    }

    /// `arn:aws:organizations::management:organization/o-…`.
    #[must_use]
    pub fn arn(&self) -> String {
        self.arn_of("organization", "")
    }

    /// The ARN of the root, of a unit or of an account of this organization.
    #[must_use]
    pub fn target_arn(&self, target: &str) -> String {
        match target.split_once('-') {
            Some(("r", _)) => self.arn_of("root", target),
            Some(("ou", _)) => self.arn_of("ou", target),
            _ => self.arn_of("account", target),
        }
    }

    fn arn_of(&self, kind: &str, id: &str) -> String {
        let below = if id.is_empty() {
            String::new()
        } else {
            format!("/{id}")
        };
        format!(
            "arn:aws:organizations::{}:{kind}/{}{below}",
            self.management_account, self.id
        )
    }
}

impl Record for Organization {
    const KIND: &'static str = "organization";

    fn key(&self) -> String {
        self.id.clone()
    }
}
