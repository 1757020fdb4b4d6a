//! Security configurations: what a cluster enforces, written once and named by clusters.

mod document;
mod operation;

pub use document::SecurityDocument;
pub(crate) use operation::{create, delete, describe, list};

use jiff::Timestamp;
use lakeward_store::Record;
use serde::{Deserialize, Serialize};

/// A named security configuration of an account and region.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SecurityConfiguration {
    /// The owner.
    pub account: String,
    /// The region it was made in.
    pub region: String,
    /// Unique within account and region.
    pub name: String,
    /// The JSON text, with the generated external id in it.
    pub document: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl SecurityConfiguration {
    /// The key of the configuration `name`.
    #[must_use]
    pub fn key_of(account: &str, region: &str, name: &str) -> String {
        format!("{account}/{region}/{name}")
    }
}

impl Record for SecurityConfiguration {
    const KIND: &'static str = "emr-security-configuration";

    fn key(&self) -> String {
        Self::key_of(&self.account, &self.region, &self.name)
    }
}
