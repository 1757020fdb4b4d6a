use std::fmt::Write as _;

use http::{HeaderMap, request::Parts};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::AwsError;

/// RFC 3986: everything but the unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The canonical request of the signing process, with the payload's hash.
pub(super) fn request(parts: &Parts, signed: &[String], payload: &str) -> Result<String, AwsError> {
    let mut canonical = format!(
        "{}\n{}\n{}\n",
        parts.method,
        path(parts.uri.path()),
        query(parts.uri.query().unwrap_or_default()),
    );
    for name in signed {
        let value = header(&parts.headers, name, parts)?;
        let _ = writeln!(canonical, "{name}:{value}");
    }
    let _ = write!(canonical, "\n{}\n{payload}", signed.join(";"));
    Ok(canonical)
}

/// Every service but S3 encodes the already encoded path once more.
fn path(raw: &str) -> String {
    let encoded: Vec<String> = raw
        .split('/')
        .map(|segment| utf8_percent_encode(segment, RESERVED).to_string())
        .collect();
    encoded.join("/")
}

fn query(raw: &str) -> String {
    let mut pairs: Vec<(String, String)> = raw
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (recode(name), recode(value))
        })
        .collect();
    pairs.sort();
    let joined: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    joined.join("&")
}

fn recode(text: &str) -> String {
    let bytes: Vec<u8> = percent_decode_str(text).collect();
    percent_encoding::percent_encode(&bytes, RESERVED).to_string()
}

fn header(headers: &HeaderMap, name: &str, parts: &Parts) -> Result<String, AwsError> {
    let values: Vec<String> = headers
        .get_all(name)
        .iter()
        .map(|value| collapse(&String::from_utf8_lossy(value.as_bytes())))
        .collect();
    if !values.is_empty() {
        return Ok(values.join(","));
    }
    // HTTP/2 carries the host in the request target.
    match (name, parts.uri.authority()) {
        ("host", Some(authority)) => Ok(authority.to_string()),
        _ => Err(AwsError::new(
            400,
            "IncompleteSignature",
            format!("the signed header `{name}` is not in the request"),
        )),
    }
}

fn collapse(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}
