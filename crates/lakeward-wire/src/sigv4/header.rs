use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{
    HeaderMap,
    header::{AUTHORIZATION, DATE},
};
use sha2::{Digest, Sha256};

use super::{
    ALGORITHM, CLOCK_SKEW, SignedRequest,
    claim::{Place, signed_headers},
    date::SignedAt,
    incomplete,
    scope::credential,
};
use crate::{AwsError, Secret};

/// The one value of a header.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, AwsError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(incomplete(format!(
            "the header '{name}' is given more than once"
        ))),
        (Some(value), None) => value
            .to_str()
            .map(Some)
            .map_err(|_| incomplete(format!("the header '{name}' is not plain text"))),
    }
}

/// Reads the Authorization header's claims.
pub(super) fn read(value: &str, headers: &HeaderMap) -> Result<SignedRequest, AwsError> {
    let fields = Fields::read(value)?;
    let amz_date = single(headers, "x-amz-date")?;
    let date = amz_date.map_or_else(|| single(headers, DATE.as_str()), |date| Ok(Some(date)))?;
    let (Some(credentials), Some(signature), Some(names), Some(date)) = (
        fields.credential,
        fields.signature,
        fields.signed_headers,
        date,
    ) else {
        return Err(fields.missing(date.is_some(), value));
    };
    let (access_key_id, scope) = credential(credentials)?;
    let signed_at = match amz_date {
        Some(_) => SignedAt::basic(date, &scope),
        None => SignedAt::header(date, &scope),
    }?;
    Ok(SignedRequest {
        access_key_id,
        scope,
        session_token: single(headers, "x-amz-security-token")?
            .map(|token| Secret::new(token.to_owned())),
        place: Place::Header,
        credential: credentials.to_owned(),
        signed_headers: signed_headers(names)?,
        signature: signature.to_owned(),
        signed_at,
        life: CLOCK_SKEW,
    })
}

/// The parts of an Authorization header.
#[derive(Default)]
struct Fields<'a> {
    credential: Option<&'a str>,
    signature: Option<&'a str>,
    signed_headers: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn read(value: &'a str) -> Result<Self, AwsError> {
        let mut fields = Self::default();
        let (algorithm, rest) = value.split_once(' ').unwrap_or((value, ""));
        if algorithm != ALGORITHM {
            if algorithm.starts_with("AWS4") {
                return Err(incomplete(format!(
                    "Unsupported AWS 'algorithm': '{algorithm}'."
                )));
            }
            // Another scheme: it has none of the parts.
            return Ok(fields);
        }
        for part in rest.split(',').map(str::trim) {
            let Some((name, text)) = part.split_once('=') else {
                return Err(incomplete(format!(
                    "'{part}' not a valid key=value pair (missing equal-sign) in Authorization header{}",
                    hashed(value)
                )));
            };
            let field = match name {
                "Credential" => &mut fields.credential,
                "Signature" => &mut fields.signature,
                "SignedHeaders" => &mut fields.signed_headers,
                _ => continue,
            };
            if field.replace(text).is_some() {
                return Err(incomplete(format!(
                    "Authorization header has '{name}' more than once"
                )));
            }
        }
        Ok(fields)
    }

    fn missing(&self, dated: bool, value: &str) -> AwsError {
        let mut texts: Vec<String> = [
            ("Credential", self.credential),
            ("Signature", self.signature),
            ("SignedHeaders", self.signed_headers),
        ]
        .iter()
        .filter(|(_, field)| field.is_none())
        .map(|(name, _)| format!("Authorization header requires '{name}' parameter."))
        .collect();
        if !dated {
            texts.push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".to_owned());
        }
        incomplete(format!("{}{}", texts.join(" "), hashed(value)))
    }
}

/// Lets the caller see which header is meant, without repeating it.
fn hashed(value: &str) -> String {
    let hash = BASE64_STANDARD.encode(Sha256::digest(value.as_bytes()));
    format!(" (Hashed with SHA-256 and encoded with Base64) Authorization={hash}")
}

/// True when the header is there at all.
pub(super) fn is_present(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION)
}
