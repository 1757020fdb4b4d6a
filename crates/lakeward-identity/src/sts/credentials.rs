//! Temporary keys, and how every operation that issues them shows them.

use jiff::{SignedDuration, Timestamp};
use lakeward_wire::{AwsError, Secret, iso};
use serde::Serialize;

use crate::{Identity, session::Session, token::Claim};

/// Fresh temporary keys.
pub(crate) struct Issued {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Secret,
    pub(crate) session_token: Secret,
    pub(crate) expires_at: Timestamp,
}

/// The `Credentials` of an answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Credentials {
    access_key_id: String,
    #[serde(serialize_with = "Secret::serialize_exposed")]
    secret_access_key: Secret,
    #[serde(serialize_with = "Secret::serialize_exposed")]
    session_token: Secret,
    expiration: String,
}

impl From<Issued> for Credentials {
    fn from(issued: Issued) -> Self {
        Self {
            access_key_id: issued.access_key_id,
            secret_access_key: issued.secret_access_key,
            session_token: issued.session_token,
            expiration: iso(issued.expires_at),
        }
    }
}

impl Identity {
    /// Keys for a session. Nothing is stored: the token carries it.
    pub(crate) fn issue(&self, session: Session) -> Result<Issued, AwsError> {
        let signing_key = self.signing_key();
        let claim = Claim {
            access_key_id: signing_key.temporary_id(),
            session,
        };
        let session_token = signing_key.seal(&claim).map_err(AwsError::internal)?;
        Ok(Issued {
            secret_access_key: signing_key.secret(&claim.access_key_id),
            session_token,
            expires_at: claim.session.expires_at(),
            access_key_id: claim.access_key_id,
        })
    }
}

/// `seconds` later.
pub(super) fn after(at: Timestamp, seconds: u32) -> Timestamp {
    at + SignedDuration::from_secs(i64::from(seconds))
}

/// There are no MFA devices, so nobody can be asked for a code.
pub(super) fn refuse_mfa(serial: Option<&String>, code: Option<&String>) -> Result<(), AwsError> {
    if serial.is_none() && code.is_none() {
        return Ok(());
    }
    Err(AwsError::new(
        400,
        "ValidationError",
        "MFA devices are not implemented by this server; leave out SerialNumber and TokenCode",
    ))
}
