use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use super::incomplete;
use crate::AwsError;

/// RFC 3986: everything but the unreserved characters.
pub(super) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The parameters that carry a signature.
const AUTHENTICATION: [&str; 8] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    SIGNATURE,
    "X-Amz-SignedHeaders",
    "X-Amz-Content-Sha256",
];
/// The one parameter that can't be signed.
pub(super) const SIGNATURE: &str = "X-Amz-Signature";

/// True for a parameter that says who signed, not what is asked for.
pub(crate) fn is_authentication(name: &str) -> bool {
    AUTHENTICATION.contains(&name)
}

/// A query string, decoded as forms are: `+` is a space. What the signature covers and what an
/// operation reads must be decoded alike, or one could be changed without the other.
#[derive(Debug, Clone)]
pub(super) struct Query(Vec<(Vec<u8>, Vec<u8>)>);

impl Query {
    pub(super) fn read(raw: &str) -> Self {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(name), decode(value))
                })
                .collect(),
        )
    }

    /// True when any parameter belongs to a signature.
    pub(super) fn is_signed(&self) -> bool {
        AUTHENTICATION
            .iter()
            .any(|name| self.values(name).next().is_some())
    }

    /// The one value of a parameter.
    pub(super) fn single(&self, name: &str) -> Result<Option<&str>, AwsError> {
        let mut values = self.values(name);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(incomplete(format!(
                "the query-string parameter '{name}' is given more than once"
            )));
        }
        std::str::from_utf8(value).map(Some).map_err(|_| {
            incomplete(format!(
                "the query-string parameter '{name}' is not UTF-8 text"
            ))
        })
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let wanted = name.as_bytes().to_owned();
        let named = self.0.iter().filter(move |(name, _)| *name == wanted);
        named.map(|(_, value)| value.as_slice())
    }

    /// The canonical query string, without some parameters.
    pub(super) fn canonical(&self, without: &[&str]) -> String {
        let kept = |name: &[u8]| !without.iter().any(|other| other.as_bytes() == name);
        let mut pairs: Vec<(String, String)> = self
            .0
            .iter()
            .filter(|(name, _)| kept(name))
            .map(|(name, value)| (encode(name), encode(value)))
            .collect();
        pairs.sort();
        let joined: Vec<String> = pairs
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        joined.join("&")
    }
}

fn decode(text: &str) -> Vec<u8> {
    let spaced: Vec<u8> = text
        .bytes()
        .map(|byte| if byte == b'+' { b' ' } else { byte })
        .collect();
    percent_decode(&spaced).collect()
}

fn encode(bytes: &[u8]) -> String {
    percent_encode(bytes, RESERVED).to_string()
}
