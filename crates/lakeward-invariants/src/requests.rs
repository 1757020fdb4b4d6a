use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, request::Parts};
use jiff::Timestamp;
use lakeward_wire::{
    Protocol, Secret,
    sigv4::{SignedRequest, SigningKeys},
};
use quick_xml::{Reader, events::Event};
use serde::Deserialize;
use serde_json::Value;

const QUERY: Protocol = Protocol::Query {
    version: "2010-05-08",
    namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
};
const JSON: Protocol = Protocol::AwsJson {
    target: "com.example.v1.Service_1",
};

/// Reads a request as it is written down: method and target, headers, an empty line and the body.
fn request(data: &[u8]) -> Option<(Parts, Bytes)> {
    let text = std::str::from_utf8(data).ok()?;
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let request = Request::builder()
        .method(method)
        .uri(target.parse::<Uri>().ok()?);
    let (mut parts, ()) = request.body(()).ok()?.into_parts();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let name: HeaderName = name.parse().ok()?;
        let value = HeaderValue::from_str(value.trim()).ok()?;
        parts.headers.append(name, value);
    }
    Some((parts, Bytes::copy_from_slice(body.as_bytes())))
}

/// No request is believed whose signer didn't know the secret, and the cache of keys changes nothing.
///
/// # Panics
/// One is.
pub fn signature(data: &[u8]) {
    let Some((parts, body)) = request(data) else {
        return;
    };
    let Ok(claim) = SignedRequest::parse(&parts.uri, &parts.headers) else {
        return;
    };
    let secret = Secret::new("a secret that nobody has signed with".to_owned());
    let now = Timestamp::from_second(1_795_262_400).unwrap_or_default();
    let refused = claim.verify(&parts, &body, &secret, now);
    assert!(refused.is_err(), "a stranger was believed");
    let remembered = SigningKeys::default().verify(&claim, &parts, &body, &secret, now);
    assert_eq!(remembered, refused);
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    name: String,
    limit: Option<u32>,
    enabled: Option<bool>,
    since: Option<Timestamp>,
    tags: Vec<BTreeMap<String, String>>,
    attributes: BTreeMap<String, String>,
    rows: Vec<Vec<i64>>,
}

/// A form is read or refused, and whatever it holds is answered as XML that can be read.
///
/// # Panics
/// The answer is no XML.
pub fn query_form(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (query, body) = text.split_once('\n').unwrap_or(("", text));
    let Ok(uri) = format!("/?{query}").parse::<Uri>() else {
        return;
    };
    let body = Bytes::copy_from_slice(body.as_bytes());
    let Ok(incoming) = QUERY.decode(&uri, &HeaderMap::new(), &body) else {
        return;
    };
    let parameters = incoming.parameters();
    let values = parameters.as_object().into_iter().flatten();
    for (_, value) in values {
        let answer = QUERY.encode("Echo", "id", Ok(serde_json::json!({"Value": value})));
        if answer.status() == 200 {
            read_xml(answer.body());
        }
    }
    if let Err(error) = incoming.read::<Input>() {
        read_xml(QUERY.encode("Echo", "id", Err(error)).body());
    }
}

fn read_xml(body: &[u8]) {
    let mut reader = Reader::from_reader(body);
    let mut buffer = Vec::new();
    loop {
        let event = reader.read_event_into(&mut buffer);
        assert!(event.is_ok(), "an answer is no XML: {event:?}");
        if matches!(event, Ok(Event::Eof)) {
            return;
        }
        buffer.clear();
    }
}

/// A JSON input is read or refused; what was read is read again from its own text.
///
/// # Panics
/// It isn't.
pub fn json_request(data: &[u8]) {
    let (target, body) = match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => data.split_at(at),
        None => (data, &b""[..]),
    };
    let mut headers = HeaderMap::new();
    let Ok(target) = HeaderValue::from_bytes(target) else {
        return;
    };
    headers.insert("x-amz-target", target);
    let decode = |body: Bytes| JSON.decode(&Uri::from_static("/"), &headers, &body);
    let Ok(incoming) = decode(Bytes::copy_from_slice(body)) else {
        return;
    };
    let parameters: Value = incoming.parameters();
    let again = decode(parameters.to_string().into());
    let again = again.map(|again| again.operation);
    assert_eq!(again, Ok(incoming.operation.clone()));
    let _ = incoming.read::<Input>();
}
