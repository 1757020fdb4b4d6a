//! Temporary credentials that nothing has to store: the token carries the session, sealed with a
//! key that only this instance has, and the secret is derived from the key id.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use lakeward_store::Record;
use lakeward_wire::Secret;
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::caller::RoleSession;

/// The key that seals session tokens. Made at first start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SigningKey {
    #[serde(serialize_with = "Secret::serialize_exposed")]
    key: Secret,
}

impl Record for SigningKey {
    const KIND: &'static str = "signing-key";

    fn key(&self) -> String {
        Self::KEY.to_owned()
    }
}

/// What a token says, once its seal has been checked.
#[derive(Serialize, Deserialize)]
pub(crate) struct Claim {
    /// The access key id the token was issued with.
    pub(crate) access_key_id: String,
    /// The session.
    pub(crate) session: RoleSession,
}

impl SigningKey {
    pub(crate) const KEY: &'static str = "session-token";

    pub(crate) fn generate() -> Self {
        let bytes: [u8; 32] = rand::rng().random();
        Self {
            key: Secret::new(BASE64_URL_SAFE_NO_PAD.encode(bytes)),
        }
    }

    /// The secret access key of a temporary key id.
    pub(crate) fn secret(&self, access_key_id: &str) -> Secret {
        let seal = self.mac("secret-access-key", access_key_id.as_bytes());
        let text = BASE64_URL_SAFE_NO_PAD.encode(seal.finalize().into_bytes());
        Secret::new(text)
    }

    /// Seals a claim into a session token.
    pub(crate) fn seal(&self, claim: &Claim) -> Result<Secret, serde_json::Error> {
        let payload = serde_json::to_vec(claim)?;
        let seal = self.mac("session-token", &payload).finalize().into_bytes();
        Ok(Secret::new(format!(
            "{}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(payload),
            BASE64_URL_SAFE_NO_PAD.encode(seal)
        )))
    }

    /// Opens a token; `None` when it was not sealed here.
    pub(crate) fn open(&self, token: &str) -> Option<Claim> {
        let (payload, seal) = token.split_once('.')?;
        let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
        let seal = BASE64_URL_SAFE_NO_PAD.decode(seal).ok()?;
        self.mac("session-token", &payload)
            .verify_slice(&seal)
            .ok()?;
        serde_json::from_slice(&payload).ok()
    }

    fn mac(&self, purpose: &str, message: &[u8]) -> Hmac<Sha256> {
        // HMAC takes keys of any length, so this can't fail; an empty key would seal nothing.
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.expose().as_bytes())
            .unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
        mac.update(purpose.as_bytes());
        mac.update(b"\0");
        mac.update(message);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> Claim {
        Claim {
            access_key_id: "ASIAX".into(),
            session: RoleSession::for_tests("arn:aws:iam::111122223333:role/r"),
        }
    }

    #[test]
    fn a_sealed_token_opens_and_an_altered_one_does_not() {
        let key = SigningKey::generate();
        let token = key.seal(&claim()).unwrap();
        assert_eq!(key.open(token.expose()).unwrap().access_key_id, "ASIAX");
        let (payload, seal) = token.expose().split_once('.').unwrap();
        let forged = serde_json::to_vec(&Claim {
            access_key_id: "ASIAY".into(),
            ..claim()
        })
        .unwrap();
        assert!(
            key.open(&format!("{}.{seal}", BASE64_URL_SAFE_NO_PAD.encode(forged)))
                .is_none()
        );
        assert!(key.open(&format!("{payload}.")).is_none());
        assert!(key.open("").is_none());
        assert!(SigningKey::generate().open(token.expose()).is_none());
    }
}
