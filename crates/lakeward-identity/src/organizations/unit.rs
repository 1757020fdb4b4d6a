use std::sync::Arc;

use lakeward_store::{Record, Snapshot};
use serde::{Deserialize, Serialize};

/// An organizational unit: a folder of accounts and further units.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrganizationalUnit {
    /// The organization.
    pub organization: String,
    /// `ou-…`
    pub id: String,
    /// The root or unit that holds it.
    pub parent: String,
    /// The name; unique within its parent.
    pub name: String,
}

impl OrganizationalUnit {
    pub(crate) fn find(snapshot: &Snapshot, organization: &str, id: &str) -> Option<Arc<Self>> {
        snapshot.get::<Self>(&format!("{organization}/{id}"))
    }
}

impl Record for OrganizationalUnit {
    const KIND: &'static str = "organizational-unit";

    fn key(&self) -> String {
        format!("{}/{}", self.organization, self.id)
    }
}
