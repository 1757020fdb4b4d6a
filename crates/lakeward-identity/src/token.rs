//! Temporary credentials that nothing has to store: the token carries the session, sealed with a
//! key that only this instance has, and the secret is derived from the key id.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use lakeward_store::Record;
use lakeward_wire::Secret;
use rand::Rng as _;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{identifier, session::Session};

/// The key that seals session tokens, and the one it took the place of. Made at first start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SigningKey {
    #[serde(flatten)]
    current: Material,
    /// Still opens what it sealed.
    #[serde(default)]
    previous: Option<Material>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Material {
    #[serde(serialize_with = "Secret::serialize_exposed")]
    key: Secret,
    /// The first character after `ASIA` of the key ids that belong to it: the secret of an id has
    /// to be known before its token has been read.
    #[serde(default)]
    mark: String,
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
    pub(crate) session: Session,
}

impl SigningKey {
    pub(crate) const KEY: &'static str = "session-token";
    const PREFIX: &'static str = "ASIA";

    pub(crate) fn generate() -> Self {
        Self {
            current: Material::generate(identifier::unique("", 1)),
            previous: None,
        }
    }

    /// A fresh key that still reads what this one sealed.
    pub(crate) fn rotated(&self) -> Self {
        let mut mark = identifier::unique("", 1);
        while mark == self.current.mark {
            mark = identifier::unique("", 1);
        }
        Self {
            current: Material::generate(mark),
            previous: Some(self.current.clone()),
        }
    }

    /// The id of new temporary keys, `ASIA…`.
    pub(crate) fn temporary_id(&self) -> String {
        let prefix = format!("{}{}", Self::PREFIX, self.current.mark);
        let length = 20 - prefix.len();
        identifier::unique(&prefix, length)
    }

    /// The secret access key of a temporary key id.
    pub(crate) fn secret(&self, access_key_id: &str) -> Secret {
        let material = self.material_of(access_key_id);
        let seal = material.mac("secret-access-key", access_key_id.as_bytes());
        let text = BASE64_URL_SAFE_NO_PAD.encode(seal.finalize().into_bytes());
        Secret::new(text)
    }

    /// Seals a claim into a session token.
    pub(crate) fn seal(&self, claim: &Claim) -> Result<Secret, serde_json::Error> {
        let payload = serde_json::to_vec(claim)?;
        let seal = self.current.mac("session-token", &payload);
        Ok(Secret::new(format!(
            "{}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(payload),
            BASE64_URL_SAFE_NO_PAD.encode(seal.finalize().into_bytes())
        )))
    }

    /// Opens a token; `None` when it was not sealed here.
    pub(crate) fn open(&self, token: &str) -> Option<Claim> {
        let (payload, seal) = token.split_once('.')?;
        let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
        let seal = BASE64_URL_SAFE_NO_PAD.decode(seal).ok()?;
        self.materials()
            .any(|material| material.sealed("session-token", &payload, &seal))
            .then(|| serde_json::from_slice(&payload).ok())?
    }

    /// Encrypts a message that only this instance can read again, and only for this purpose.
    /// The answer is text of the URL-safe Base64 alphabet; it can't be altered unnoticed.
    pub(crate) fn encrypt(&self, purpose: &str, message: &[u8]) -> String {
        let nonce: [u8; NONCE_LEN] = rand::rng().random();
        let mut sealed = message.to_vec();
        let done = self.current.cipher(purpose).is_some_and(|cipher| {
            let unique = Nonce::assume_unique_for_key(nonce);
            let purpose = Aad::from(purpose.as_bytes());
            cipher
                .seal_in_place_append_tag(unique, purpose, &mut sealed)
                .is_ok()
        });
        // Only a message of many gigabytes is refused; nothing then opens the answer.
        if !done {
            return String::new();
        }
        BASE64_URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())
    }

    /// The message that [`SigningKey::encrypt`] hid; `None` when it was not made here, was made
    /// for another purpose, or was altered.
    pub(crate) fn decrypt(&self, purpose: &str, encrypted: &str) -> Option<Vec<u8>> {
        let whole = BASE64_URL_SAFE_NO_PAD.decode(encrypted).ok()?;
        let (nonce, sealed) = whole.split_first_chunk::<NONCE_LEN>()?;
        self.materials().find_map(|material| {
            let mut sealed = sealed.to_vec();
            let message = material
                .cipher(purpose)?
                .open_in_place(
                    Nonce::assume_unique_for_key(*nonce),
                    Aad::from(purpose.as_bytes()),
                    &mut sealed,
                )
                .ok()?;
            Some(message.to_vec())
        })
    }

    fn materials(&self) -> impl Iterator<Item = &Material> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    fn material_of(&self, access_key_id: &str) -> &Material {
        let rest = access_key_id.strip_prefix(Self::PREFIX).unwrap_or_default();
        match &self.previous {
            Some(previous) if !rest.starts_with(&*self.current.mark) => previous,
            _ => &self.current,
        }
    }
}

impl Material {
    fn generate(mark: String) -> Self {
        let bytes: [u8; 32] = rand::rng().random();
        Self {
            key: Secret::new(BASE64_URL_SAFE_NO_PAD.encode(bytes)),
            mark,
        }
    }

    fn sealed(&self, purpose: &str, message: &[u8], seal: &[u8]) -> bool {
        self.mac(purpose, message).verify_slice(seal).is_ok()
    }

    /// Each purpose has a key of its own.
    fn cipher(&self, purpose: &str) -> Option<LessSafeKey> {
        let derived = self.mac("encryption", purpose.as_bytes()).finalize();
        UnboundKey::new(&CHACHA20_POLY1305, &derived.into_bytes())
            .map(LessSafeKey::new)
            .ok()
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
    use crate::RoleSession;

    fn claim() -> Claim {
        Claim {
            access_key_id: "ASIAX".into(),
            session: Session::Role(RoleSession::for_tests("arn:aws:iam::111122223333:role/r")),
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

    #[test]
    fn an_encrypted_message_is_read_here_and_for_its_purpose_only() {
        let key = SigningKey::generate();
        let hidden = key.encrypt("denial", b"why");
        assert_eq!(key.decrypt("denial", &hidden).unwrap(), b"why");
        assert_ne!(key.encrypt("denial", b"why"), hidden);
        assert!(key.decrypt("other", &hidden).is_none());
        assert!(SigningKey::generate().decrypt("denial", &hidden).is_none());
        for broken in ["", "AAAA", "*", &hidden[1..], &hidden[..hidden.len() - 1]] {
            assert!(key.decrypt("denial", broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn what_the_previous_key_sealed_is_still_read() {
        let old = SigningKey::generate();
        let id = old.temporary_id();
        assert_eq!(id.len(), 20);
        let (token, hidden) = (old.seal(&claim()).unwrap(), old.encrypt("p", b"m"));
        let new = old.rotated();
        assert!(new.open(token.expose()).is_some());
        assert_eq!(new.decrypt("p", &hidden).unwrap(), b"m");
        assert_eq!(new.secret(&id).expose(), old.secret(&id).expose());
        let own = new.temporary_id();
        assert_ne!(new.secret(&own).expose(), old.secret(&own).expose());
        assert!(new.rotated().open(token.expose()).is_none());
    }

    #[test]
    fn a_key_from_before_rotation_existed_is_read() {
        let key: SigningKey = serde_json::from_str(r#"{"key":"abc"}"#).unwrap();
        let read: SigningKey =
            serde_json::from_str(&serde_json::to_string(&key.rotated()).unwrap()).unwrap();
        assert_eq!(
            read.secret("ASIA7XXXXXXXXXXXXXXX").expose().len(),
            key.secret("ASIA7XXXXXXXXXXXXXXX").expose().len()
        );
        let token = key.seal(&claim()).unwrap();
        assert!(read.open(token.expose()).is_some());
    }
}
