use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use lakeward_store::{Record, Snapshot};
use serde::{Deserialize, Serialize};

use crate::{StoredPolicy, aws_managed_policies, inventory::Tags};

/// A managed policy: an account's own, or one of AWS's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ManagedPolicy {
    /// The owning account; `aws` for AWS's own.
    pub account: String,
    /// The name, as given; unique in the account without regard to case.
    pub name: String,
    /// `ANPA…`
    pub id: String,
    /// `/` or `/division/`.
    pub path: String,
    /// Free text.
    pub description: Option<String>,
    /// The versions kept, by their number: `v1` is 1.
    pub versions: BTreeMap<u32, PolicyVersion>,
    /// The number of the version in force.
    pub default_version: u32,
    /// The number of the version made last, deleted or not: numbers aren't used again.
    pub latest_version: u32,
    /// Tags by key.
    pub tags: Tags,
    /// When it was made.
    pub created: Timestamp,
    /// When its default version last changed.
    pub updated: Timestamp,
}

/// One version of a managed policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// What it says.
    pub policy: StoredPolicy,
    /// When it was made.
    pub created: Timestamp,
}

impl ManagedPolicy {
    /// The account of AWS's own policies.
    pub const AWS: &'static str = "aws";

    /// `arn:aws:iam::account:policy/path/name`.
    #[must_use]
    pub fn arn(&self) -> String {
        Self::arn_of(&self.account, &self.path, &self.name)
    }

    pub(crate) fn arn_of(account: &str, path: &str, name: &str) -> String {
        format!("arn:aws:iam::{account}:policy{path}{name}")
    }

    /// Finds a policy by its ARN: one of AWS's, or of any account of this instance.
    #[must_use]
    pub fn find(snapshot: &Snapshot, arn: &str) -> Option<Arc<Self>> {
        aws_managed_policies::find(arn).or_else(|| snapshot.get::<Self>(arn))
    }

    /// The policies of one account, in the order of their ARNs.
    pub(crate) fn of_account(snapshot: &Snapshot, account: &str) -> Vec<Arc<Self>> {
        snapshot.scan(&format!("arn:aws:iam::{account}:policy/"))
    }

    /// The version in force.
    #[must_use]
    pub fn default_policy(&self) -> Option<&StoredPolicy> {
        let version = self.versions.get(&self.default_version)?;
        Some(&version.policy)
    }
}

impl Record for ManagedPolicy {
    const KIND: &'static str = "managed-policy";

    fn key(&self) -> String {
        self.arn()
    }
}
