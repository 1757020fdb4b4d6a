//! Verification of Signature Version 4 in the Authorization header.
//!
//! Rules and error codes follow "Signature Version 4 signing process" and "Troubleshooting
//! Signature Version 4" of the IAM User Guide. S3 is verified by the `s3s` crate instead, because
//! its payload forms differ.

mod canonical;
mod header;

pub use header::{Scope, SignedRequest};

use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{AwsError, Secret};

/// A signature may be this much older or newer than the server's clock.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(15);

impl SignedRequest {
    /// Checks date and signature with the secret that belongs to the access key.
    ///
    /// # Errors
    /// `SignatureDoesNotMatch` (403) for a wrong secret, an altered request or an old date.
    pub fn verify(
        &self,
        parts: &Parts,
        body: &[u8],
        secret: &Secret,
        now: Timestamp,
    ) -> Result<(), AwsError> {
        self.check_date(now)?;
        self.check_coverage(parts)?;
        let canonical = canonical::request(parts, &self.signed_headers, &hash(body))?;
        let string_to_sign = format!(
            "AWS4-HMAC-SHA256\n{}\n{}\n{}",
            self.amz_date,
            self.scope,
            hash(canonical.as_bytes())
        );
        let key = signing_key(secret, &self.scope)?;
        let expected = hex::encode(mac(&key, string_to_sign.as_bytes())?);
        if bool::from(expected.as_bytes().ct_eq(self.signature.as_bytes())) {
            Ok(())
        } else {
            Err(mismatch(
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
            ))
        }
    }

    /// What changes a request's meaning must be signed.
    fn check_coverage(&self, parts: &Parts) -> Result<(), AwsError> {
        const MEANING: [&str; 3] = ["x-amz-date", "x-amz-security-token", "x-amz-target"];
        let signed = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        let unsigned = |name: &&&str| parts.headers.contains_key(**name) && !signed(name);
        match MEANING.iter().find(unsigned) {
            Some(name) => Err(mismatch(format!(
                "the header `{name}` must be among SignedHeaders"
            ))),
            None => Ok(()),
        }
    }

    fn check_date(&self, now: Timestamp) -> Result<(), AwsError> {
        let age = now.duration_since(self.signed_at);
        if age > CLOCK_SKEW {
            return Err(mismatch(format!(
                "Signature expired: {} is now earlier than {} ({} - 15 min.)",
                self.amz_date,
                stamp(now - CLOCK_SKEW),
                stamp(now),
            )));
        }
        if age < -CLOCK_SKEW {
            return Err(mismatch(format!(
                "Signature not yet current: {} is still later than {} ({} + 15 min.)",
                self.amz_date,
                stamp(now + CLOCK_SKEW),
                stamp(now),
            )));
        }
        Ok(())
    }
}

fn mismatch(message: impl Into<String>) -> AwsError {
    AwsError::new(403, "SignatureDoesNotMatch", message)
}

fn stamp(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn signing_key(secret: &Secret, scope: &Scope) -> Result<Vec<u8>, AwsError> {
    let seed = Secret::new(format!("AWS4{}", secret.expose()));
    let date = mac(seed.expose().as_bytes(), scope.date.as_bytes())?;
    let region = mac(&date, scope.region.as_bytes())?;
    let service = mac(&region, scope.service.as_bytes())?;
    mac(&service, b"aws4_request")
}

fn mac(key: &[u8], message: &[u8]) -> Result<Vec<u8>, AwsError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(AwsError::internal)?;
    mac.update(message);
    Ok(mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests;
