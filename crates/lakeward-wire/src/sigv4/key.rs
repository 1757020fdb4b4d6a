use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use jiff::Timestamp;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Scope, SignedRequest};
use crate::{AwsError, Secret};

/// Keys that are remembered. Each takes some hundred bytes.
const CAPACITY: usize = 10_000;

/// A key for one access key, day, region and service. Its memory is wiped when it is dropped.
pub(super) struct SigningKey {
    key: Zeroizing<[u8; 32]>,
    /// The SHA-256 of the secret that the key was derived from.
    origin: [u8; 32],
}

impl SigningKey {
    pub(super) fn derive(secret: &Secret, scope: &Scope) -> Result<Self, AwsError> {
        let seed = Secret::new(format!("AWS4{}", secret.expose()));
        let date = mac(seed.expose().as_bytes(), scope.date.as_bytes())?;
        let region = mac(&*date, scope.region.as_bytes())?;
        let service = mac(&*region, scope.service.as_bytes())?;
        Ok(Self {
            key: mac(&*service, b"aws4_request")?,
            origin: fingerprint(secret),
        })
    }

    fn is_of(&self, secret: &Secret) -> bool {
        self.origin.ct_eq(&fingerprint(secret)).into()
    }

    /// The signature of a string to sign, in hexadecimal.
    pub(super) fn sign(&self, string_to_sign: &[u8]) -> Result<String, AwsError> {
        Ok(hex::encode(*mac(&*self.key, string_to_sign)?))
    }
}

/// Signing keys that have verified a request, remembered for the day that they are good for.
///
/// A key is used again only with the secret that it was derived from, so that a rotated secret is
/// felt at once. Only a verified signature enters a key: strangers can't displace them.
pub struct SigningKeys {
    keys: Cache<String, Arc<SigningKey>>,
}

impl Default for SigningKeys {
    fn default() -> Self {
        Self {
            keys: Cache::new(CAPACITY),
        }
    }
}

impl SigningKeys {
    /// Checks a request as [`SignedRequest::verify`] does.
    ///
    /// # Errors
    /// The same.
    pub fn verify(
        &self,
        claim: &SignedRequest,
        parts: &Parts,
        body: &[u8],
        secret: &Secret,
        now: Timestamp,
    ) -> Result<(), AwsError> {
        let name = claim.credential();
        let known = self.keys.get(name).filter(|key| key.is_of(secret));
        if let Some(key) = known {
            return claim.verify_with(&key, parts, body, now);
        }
        let key = SigningKey::derive(secret, &claim.scope)?;
        claim.verify_with(&key, parts, body, now)?;
        self.keys.insert(name.to_owned(), Arc::new(key));
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

/// The SHA-256 of some bytes, in hexadecimal.
pub(super) fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn fingerprint(secret: &Secret) -> [u8; 32] {
    Sha256::digest(secret.expose().as_bytes()).into()
}

fn mac(key: &[u8], message: &[u8]) -> Result<Zeroizing<[u8; 32]>, AwsError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(AwsError::internal)?;
    mac.update(message);
    Ok(Zeroizing::new(mac.finalize().into_bytes().into()))
}
