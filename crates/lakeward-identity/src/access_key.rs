use jiff::Timestamp;
use lakeward_store::Record;
use lakeward_wire::Secret;
use serde::{Deserialize, Serialize};

use crate::identifier;

/// Whether a long-term key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyStatus {
    /// It may.
    Active,
    /// It may not, until it is activated again.
    Inactive,
}

/// A long-term access key of a user, or of an account's root.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccessKey {
    /// `AKIA…`
    pub id: String,
    /// The owner's account.
    pub account: String,
    /// The owner's name; `None` is the account's root.
    pub user: Option<String>,
    /// SigV4 needs the secret itself, so the state folder holds it; the folder is private.
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub secret: Secret,
    /// Whether it may sign.
    pub status: KeyStatus,
    /// When it was made.
    pub created: Timestamp,
}

impl AccessKey {
    /// A fresh active key.
    #[must_use]
    pub fn generate(account: &str, user: Option<String>, created: Timestamp) -> Self {
        Self {
            id: identifier::unique("AKIA", 16),
            account: account.to_owned(),
            user,
            secret: Secret::new(identifier::secret()),
            status: KeyStatus::Active,
            created,
        }
    }
}

impl Record for AccessKey {
    const KIND: &'static str = "access-key";

    fn key(&self) -> String {
        self.id.clone()
    }
}
