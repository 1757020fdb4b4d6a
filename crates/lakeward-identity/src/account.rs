use jiff::Timestamp;
use lakeward_store::{Record, Snapshot};
use serde::{Deserialize, Serialize};

/// One AWS account of this instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its name, for people.
    #[serde(default)]
    pub name: Option<String>,
    /// The address of its owner; unique in this instance.
    #[serde(default)]
    pub email: Option<String>,
    /// The alias that stands for the id; unique in this instance.
    #[serde(default)]
    pub alias: Option<String>,
}

impl Account {
    /// An account that has nothing but its id.
    #[must_use]
    pub fn new(id: impl Into<String>, created: Timestamp) -> Self {
        Self {
            id: id.into(),
            created,
            name: None,
            email: None,
            alias: None,
        }
    }

    /// Its name, or its id when it was given none.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    /// Its owner's address, or one that can't exist when it was given none.
    #[must_use]
    pub fn address(&self) -> String {
        self.email
            .clone()
            .unwrap_or_else(|| format!("{}@account.invalid", self.id))
    }

    /// The account whose alias this is.
    pub(crate) fn with_alias(snapshot: &Snapshot, alias: &str) -> Option<String> {
        let accounts = snapshot.scan::<Self>("");
        let account = accounts
            .iter()
            .find(|account| account.alias.as_deref() == Some(alias))?;
        Some(account.id.clone())
    }
}

impl Record for Account {
    const KIND: &'static str = "account";

    fn key(&self) -> String {
        self.id.clone()
    }
}
