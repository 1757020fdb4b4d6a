//! AWS's public test vectors, see `tests/vectors`.

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use serde::Deserialize;

use super::*;
use crate::sigv4::{
    canonical::{Request, encoded, normalized},
    claim::SignedRequest,
    key::{SigningKey, hash},
    query::Query,
};

#[derive(Deserialize)]
struct Vector {
    name: String,
    context: Option<Context>,
    header: Option<Signed>,
    query: Option<Signed>,
}

#[derive(Deserialize)]
struct Context {
    credentials: Keys,
    expiration_in_seconds: i64,
    normalize: bool,
    timestamp: Timestamp,
}

#[derive(Deserialize)]
struct Keys {
    secret_access_key: String,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Signed {
    request: String,
    canonical_request: String,
    string_to_sign: Option<String>,
    signature: Option<String>,
}

/// A request as the vectors write them: their paths and queries may have spaces.
struct Raw<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: HeaderMap,
    body: &'a str,
}

impl<'a> Raw<'a> {
    fn read(text: &'a str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let (first, rest) = head.split_once('\n').unwrap();
        let (method, target) = first.split_once(' ').unwrap();
        let target = target.strip_suffix(" HTTP/1.1").unwrap_or(target);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        let mut last: Option<(HeaderName, String)> = None;
        let mut keep = |header: Option<(HeaderName, String)>| {
            if let Some((name, value)) = header {
                headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
        };
        for line in rest.lines().filter(|line| !line.is_empty()) {
            if line.starts_with(' ') {
                let (_, value) = last.as_mut().unwrap();
                value.push(' ');
                value.push_str(line);
                continue;
            }
            let (name, value) = line.split_once(':').unwrap();
            keep(last.replace((name.parse().unwrap(), value.trim().to_owned())));
        }
        keep(last);
        Self {
            method,
            path,
            query,
            headers,
            body,
        }
    }

    /// As it would come over the wire.
    fn uri(&self) -> Uri {
        let question = if self.query.is_empty() { "" } else { "?" };
        format!("{}{question}{}", self.path, self.query)
            .replace(' ', "%20")
            .parse()
            .unwrap()
    }

    fn canonical(&self, normalize: bool) -> Request<'_> {
        Request {
            method: self.method,
            path: match normalize {
                true => encoded(&normalized(self.path)),
                false => encoded(self.path),
            },
            query: Query::read(self.query),
            headers: &self.headers,
            authority: None,
        }
    }
}

fn vectors() -> Vec<Vector> {
    let text = include_str!("../../../tests/vectors/sigv4.json");
    serde_json::from_str(text).unwrap()
}

fn check_vector(name: &str, signed: &Signed, context: &Context, in_query: bool) {
    let raw = Raw::read(&signed.request);
    let claim = SignedRequest::parse(&raw.uri(), &raw.headers)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let place = if in_query {
        Place::Query
    } else {
        Place::Header
    };
    assert_eq!(claim.place, place, "{name}");
    let token = claim.session_token.as_ref().map(Secret::expose);
    assert_eq!(token, context.credentials.token.as_deref(), "{name}");

    let request = raw.canonical(context.normalize);
    let mut without = vec!["X-Amz-Signature"];
    if !signed.canonical_request.contains("Security-Token") {
        without.push("X-Amz-Security-Token");
    }
    let payload = hash(raw.body.as_bytes());
    let canonical = request.canonical(&claim.signed_headers, &without, &payload);
    let canonical = String::from_utf8(canonical.unwrap()).unwrap();
    assert_eq!(canonical, signed.canonical_request, "{name}");
    let string_to_sign = claim.string_to_sign(canonical.as_bytes());
    assert_eq!(
        Some(&string_to_sign),
        signed.string_to_sign.as_ref(),
        "{name}"
    );

    let secret = Secret::new(context.credentials.secret_access_key.clone());
    let key = SigningKey::derive(&secret, &claim.scope).unwrap();
    let signature = key.sign(string_to_sign.as_bytes()).unwrap();
    assert_eq!(Some(&signature), signed.signature.as_ref(), "{name}");
    assert_eq!(signature, claim.signature, "{name}");
    assert!(
        claim.is_signed_by(&key, &request, &payload).unwrap(),
        "{name}"
    );
    if in_query {
        let life = claim.life.as_secs();
        assert_eq!(life, context.expiration_in_seconds, "{name}");
    }
    check_whole(name, &raw, &claim, &secret, context);
}

/// The whole way, for requests that HTTP can carry as the vectors write them.
fn check_whole(
    name: &str,
    raw: &Raw<'_>,
    claim: &SignedRequest,
    secret: &Secret,
    context: &Context,
) {
    if raw.path.contains(' ') {
        return;
    }
    let mut request = http::Request::builder()
        .method(raw.method)
        .uri(raw.uri())
        .body(())
        .unwrap();
    *request.headers_mut() = raw.headers.clone();
    let (parts, ()) = request.into_parts();
    let believed = claim.verify(&parts, raw.body.as_bytes(), secret, context.timestamp);
    let same = context.normalize || normalized(raw.path) == raw.path;
    assert_eq!(believed.is_ok(), same, "{name}: {believed:?}");
    let other = claim.verify(&parts, b"other", secret, context.timestamp);
    assert!(other.is_err(), "{name}");
}

#[test]
fn every_vector_is_verified() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 40);
    let mut checked = 0;
    for vector in &vectors {
        let Some(context) = &vector.context else {
            continue;
        };
        for (signed, in_query) in [(&vector.header, false), (&vector.query, true)] {
            let signed = signed.as_ref().unwrap();
            check_vector(&vector.name, signed, context, in_query);
            checked += 1;
        }
    }
    assert_eq!(checked, 76);
}

/// Two vectors have no context: they show how a path is encoded once more.
#[test]
fn encoded_paths_are_encoded_again() {
    for name in ["double-encode-path", "double-url-encode"] {
        let vectors = vectors();
        let vector = vectors.iter().find(|vector| vector.name == name).unwrap();
        let signed = vector.header.as_ref().unwrap();
        let raw = Raw::read(&signed.request);
        let expected = signed.canonical_request.lines().nth(1).unwrap();
        assert_eq!(raw.canonical(true).path, expected, "{name}");
    }
}
