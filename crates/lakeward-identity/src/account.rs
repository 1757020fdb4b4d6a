use jiff::Timestamp;
use lakeward_store::Record;
use serde::{Deserialize, Serialize};

/// One AWS account of this instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
}

impl Record for Account {
    const KIND: &'static str = "account";

    fn key(&self) -> String {
        self.id.clone()
    }
}
