use jiff::Timestamp;
use lakeward_store::Record;
use serde::{Deserialize, Serialize};

/// How an account came into its organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JoinedMethod {
    /// It was there before.
    Invited,
    /// The organization made it.
    Created,
}

/// An account's place in its organization. An account is in at most one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Membership {
    /// The account.
    pub account: String,
    /// `o-…`
    pub organization: String,
    /// The root or unit that holds it.
    pub parent: String,
    /// How it came in.
    pub joined_method: JoinedMethod,
    /// When it came in.
    pub joined: Timestamp,
}

impl Record for Membership {
    const KIND: &'static str = "organization-membership";

    fn key(&self) -> String {
        self.account.clone()
    }
}
