use http::{
    HeaderMap, Uri,
    header::{AUTHORIZATION, DATE},
    request::Parts,
};
use jiff::{SignedDuration, Timestamp};
use subtle::ConstantTimeEq;

use super::{
    ALGORITHM, Scope, canonical,
    date::SignedAt,
    header, incomplete,
    key::{SigningKey, hash},
    mismatch, presigned,
    query::{Query, SIGNATURE},
};
use crate::{AwsError, Secret};

/// Where a request carries its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the Authorization header.
    Header,
    /// In the query string: a presigned URL.
    Query,
}

/// What a signature claims. Nothing is believed until it has been verified.
#[derive(Debug, Clone)]
pub struct SignedRequest {
    /// The access key id.
    pub access_key_id: String,
    /// Date, region and service of the signing key.
    pub scope: Scope,
    /// The temporary credential's token, if one was sent. It may be unsigned: whoever verifies must
    /// check that it belongs to the key.
    pub session_token: Option<Secret>,
    /// Where the signature is.
    pub place: Place,
    /// Access key id and scope, as they were sent.
    pub(super) credential: String,
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: String,
    pub(super) signed_at: SignedAt,
    /// How old the signature may be.
    pub(super) life: SignedDuration,
}

impl SignedRequest {
    /// Reads the signature's claims, in the Authorization header or the query string.
    ///
    /// # Errors
    /// `MissingAuthenticationToken` (403) without either; `IncompleteSignature` (400) when it is
    /// malformed or ambiguous; `SignatureDoesNotMatch` (403) when scope and date don't fit.
    pub fn parse(uri: &Uri, headers: &HeaderMap) -> Result<Self, AwsError> {
        let query = Query::read(uri.query().unwrap_or_default());
        match (header::is_present(headers), query.is_signed()) {
            (true, true) => Err(incomplete(
                "the request has authentication parameters in both the Authorization header and the query string; only one of them is allowed",
            )),
            (false, true) => presigned::read(&query, headers),
            (false, false) => Err(AwsError::new(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            )),
            (true, false) => {
                let value = header::single(headers, AUTHORIZATION.as_str())?;
                header::read(value.unwrap_or_default(), headers)
            }
        }
    }

    /// Access key id and scope, as they were sent.
    pub(super) fn credential(&self) -> &str {
        &self.credential
    }

    /// Checks date, coverage, payload and signature with the secret that belongs to the access key.
    ///
    /// # Errors
    /// `SignatureDoesNotMatch` (403) for a wrong secret, an altered request or an old date;
    /// `IncompleteSignature` (400) for a signed header that isn't there.
    pub fn verify(
        &self,
        parts: &Parts,
        body: &[u8],
        secret: &Secret,
        now: Timestamp,
    ) -> Result<(), AwsError> {
        self.verify_with(&SigningKey::derive(secret, &self.scope)?, parts, body, now)
    }

    pub(super) fn verify_with(
        &self,
        key: &SigningKey,
        parts: &Parts,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), AwsError> {
        self.signed_at.check(self.life, now)?;
        self.check_coverage(&parts.headers)?;
        let request = canonical::Request::from(parts);
        let payload = hash(body);
        check_payload(&request, &payload)?;
        if self.is_signed_by(key, &request, &payload)? {
            return Ok(());
        }
        Err(mismatch(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        ))
    }

    /// Some signers add the session token to the URL when it is already signed.
    pub(super) fn is_signed_by(
        &self,
        key: &SigningKey,
        request: &canonical::Request<'_>,
        payload: &str,
    ) -> Result<bool, AwsError> {
        let unsigned: &[&[&str]] = match (self.place, &self.session_token) {
            (Place::Query, Some(_)) => &[&[SIGNATURE], &[SIGNATURE, "X-Amz-Security-Token"]],
            (Place::Query, None) => &[&[SIGNATURE]],
            (Place::Header, _) => &[&[]],
        };
        for without in unsigned {
            let canonical = request.canonical(&self.signed_headers, without, payload)?;
            let expected = key.sign(self.string_to_sign(&canonical).as_bytes())?;
            if bool::from(expected.as_bytes().ct_eq(self.signature.as_bytes())) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn string_to_sign(&self, canonical: &[u8]) -> String {
        let date = &self.signed_at.text;
        format!("{ALGORITHM}\n{date}\n{}\n{}", self.scope, hash(canonical))
    }

    /// What changes a request's meaning must be signed. The session token needn't be: it is worth
    /// nothing without its own key.
    fn check_coverage(&self, headers: &HeaderMap) -> Result<(), AwsError> {
        let dated = headers.contains_key("x-amz-date");
        let date = match self.place {
            Place::Header if !dated => DATE.as_str(),
            _ => "x-amz-date",
        };
        let signed = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        for name in [date, "x-amz-target"] {
            header::single(headers, name)?;
            if headers.contains_key(name) && !signed(name) {
                return Err(mismatch(format!(
                    "'{name}' must be a 'SignedHeader' in the AWS Authorization."
                )));
            }
        }
        header::single(headers, "host").map(drop)
    }
}

/// Every service but S3 verifies the body that it got: a hash that the request declares must be that
/// body's, and `UNSIGNED-PAYLOAD` is none.
fn check_payload(request: &canonical::Request<'_>, payload: &str) -> Result<(), AwsError> {
    let declared = [
        header::single(request.headers, "x-amz-content-sha256")?,
        request.query.single("X-Amz-Content-Sha256")?,
    ];
    match declared.into_iter().flatten().find(|text| *text != payload) {
        None => Ok(()),
        Some(text) => Err(mismatch(format!(
            "The provided 'x-amz-content-sha256' ('{}') does not match what was computed from the body; this service requires the body's SHA-256.",
            text.chars().take(64).collect::<String>()
        ))),
    }
}

/// Reads the names of the signed headers, which are in order, once each.
pub(super) fn signed_headers(value: &str) -> Result<Vec<String>, AwsError> {
    let names: Vec<String> = value.split(';').map(str::to_owned).collect();
    let lower = |name: &String| *name == name.to_ascii_lowercase();
    let ascending = names.is_sorted_by(|one, next| one < next);
    if !ascending || !names.iter().all(lower) {
        return Err(incomplete(
            "'SignedHeaders' must be in lower case, in order and without repetition",
        ));
    }
    if !names.iter().any(|name| name == "host") {
        return Err(mismatch(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        ));
    }
    Ok(names)
}
