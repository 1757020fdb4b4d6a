use jiff::Timestamp;
use lakeward_store::Record;
use serde::{Deserialize, Serialize};

/// What became of a request for a new account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountRequest {
    /// The organization.
    pub organization: String,
    /// `car-…`
    pub id: String,
    /// The name that was asked for.
    pub name: String,
    /// The account, or why there is none, as the API spells it.
    pub outcome: Result<String, String>,
    /// When it was asked for, and done.
    pub at: Timestamp,
}

impl Record for AccountRequest {
    const KIND: &'static str = "organization-account-request";

    fn key(&self) -> String {
        format!("{}/{}", self.organization, self.id)
    }
}
