use std::fmt;

use http::{HeaderMap, header::AUTHORIZATION};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::{AwsError, Secret};

/// The credential scope: what a signature is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// `YYYYMMDD`.
    pub date: String,
    /// The region signed for.
    pub region: String,
    /// The service's signing name.
    pub service: String,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/aws4_request",
            self.date, self.region, self.service
        )
    }
}

/// What the Authorization header claims. Nothing is believed until it has been verified.
#[derive(Debug, Clone)]
pub struct SignedRequest {
    /// The access key id.
    pub access_key_id: String,
    /// Date, region and service of the signing key.
    pub scope: Scope,
    /// The temporary credential's token, if one was sent.
    pub session_token: Option<Secret>,
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: String,
    pub(super) amz_date: String,
    pub(super) signed_at: Timestamp,
}

impl SignedRequest {
    /// Reads the Authorization header.
    ///
    /// # Errors
    /// `MissingAuthenticationToken` (403) without the header, `IncompleteSignature` (400) when it
    /// is malformed.
    pub fn parse(headers: &HeaderMap) -> Result<Self, AwsError> {
        let Some(value) = text(headers, AUTHORIZATION.as_str()) else {
            return Err(AwsError::new(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ));
        };
        let Some(fields) = value.strip_prefix("AWS4-HMAC-SHA256") else {
            return Err(incomplete(
                "the Authorization header does not begin with AWS4-HMAC-SHA256",
            ));
        };
        let field = |name: &str| {
            fields
                .split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(|| {
                    incomplete(&format!("Authorization header requires '{name}' parameter"))
                })
        };
        let (access_key_id, scope) = credential(field("Credential")?)?;
        let signed_headers = signed_headers(field("SignedHeaders")?)?;
        let amz_date = text(headers, "x-amz-date")
            .ok_or_else(|| incomplete("the request has no X-Amz-Date header"))?
            .to_owned();
        let signed_at = timestamp(&amz_date)?;
        if !amz_date.starts_with(&scope.date) {
            return Err(incomplete("the date in Credential differs from X-Amz-Date"));
        }
        Ok(Self {
            access_key_id,
            scope,
            session_token: text(headers, "x-amz-security-token")
                .map(|token| Secret::new(token.to_owned())),
            signed_headers,
            signature: field("Signature")?.to_owned(),
            amz_date,
            signed_at,
        })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn incomplete(why: &str) -> AwsError {
    AwsError::new(400, "IncompleteSignature", why)
}

fn credential(value: &str) -> Result<(String, Scope), AwsError> {
    let mut parts = value.split('/');
    match (
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
    ) {
        (Some(key), Some(date), Some(region), Some(service), Some("aws4_request"), None)
            if !key.is_empty() =>
        {
            Ok((
                key.to_owned(),
                Scope {
                    date: date.to_owned(),
                    region: region.to_owned(),
                    service: service.to_owned(),
                },
            ))
        }
        _ => Err(incomplete(
            "Credential must be <access key id>/<date>/<region>/<service>/aws4_request",
        )),
    }
}

fn signed_headers(value: &str) -> Result<Vec<String>, AwsError> {
    let names: Vec<String> = value.split(';').map(str::to_owned).collect();
    let sorted = names.is_sorted() && names.iter().all(|name| *name == name.to_ascii_lowercase());
    if sorted && names.iter().any(|name| name == "host") {
        Ok(names)
    } else {
        Err(incomplete(
            "SignedHeaders must be sorted, in lower case, and contain host",
        ))
    }
}

fn timestamp(text: &str) -> Result<Timestamp, AwsError> {
    DateTime::strptime("%Y%m%dT%H%M%SZ", text)
        .and_then(|at| at.to_zoned(TimeZone::UTC))
        .map(|at| at.timestamp())
        .map_err(|_| incomplete("X-Amz-Date must look like 20261121T100000Z"))
}
