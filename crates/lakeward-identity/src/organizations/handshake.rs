use jiff::Timestamp;
use lakeward_store::Record;
use serde::{Deserialize, Serialize};

use super::Organization;

/// Where an invitation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HandshakeState {
    /// It waits for the account's answer.
    Open,
    /// The account joined.
    Accepted,
    /// The account didn't want to.
    Declined,
    /// The organization took it back.
    Canceled,
    /// Nobody answered in time.
    Expired,
}

/// An invitation of an account into an organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Handshake {
    /// `h-…`
    pub id: String,
    /// Who invites.
    pub organization: String,
    /// Who is invited.
    pub account: String,
    /// Free text.
    pub notes: Option<String>,
    /// Where it stands; an open one may have expired since, see [`Handshake::state_at`].
    pub state: HandshakeState,
    /// When it was made.
    pub requested: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
}

impl Handshake {
    /// Where it stands now.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> HandshakeState {
        match self.state {
            HandshakeState::Open if self.expires <= now => HandshakeState::Expired,
            state => state,
        }
    }

    /// `arn:aws:organizations::management:handshake/o-…/invite/h-…`.
    #[must_use]
    pub fn arn(&self, organization: &Organization) -> String {
        Self::arn_of(organization, &self.id)
    }

    /// The ARN of a handshake that need not exist.
    pub(crate) fn arn_of(organization: &Organization, id: &str) -> String {
        format!(
            "arn:aws:organizations::{}:handshake/{}/invite/{id}",
            organization.management_account, organization.id
        )
    }
}

impl Record for Handshake {
    const KIND: &'static str = "organization-handshake";

    fn key(&self) -> String {
        self.id.clone()
    }
}
