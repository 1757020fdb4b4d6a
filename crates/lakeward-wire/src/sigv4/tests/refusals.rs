//! Codes and texts of what is refused, and the cache of keys.

use http::Uri;

use super::*;
use crate::sigv4::key::SigningKey;

const CREDENTIAL: &str = "AKIDEXAMPLE/20261121/us-east-1/iam/aws4_request";

/// A presigned URL of a service, with its own signature.
fn presigned(service: &str, expires: &str, more: &str) -> Request<()> {
    let credential = CREDENTIAL.replace("iam", service).replace('/', "%2F");
    let uri = format!(
        "https://{service}.amazonaws.com/?Action=GetCallerIdentity&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date=20261121T120000Z&X-Amz-SignedHeaders=host{expires}{more}&X-Amz-Signature="
    );
    let request = |signature: &str| {
        Request::get(format!("{uri}{signature}"))
            .header("host", format!("{service}.amazonaws.com"))
            .body(())
            .unwrap()
    };
    let (parts, ()) = request("0").into_parts();
    let claim = SignedRequest::parse(&parts.uri, &parts.headers);
    let Ok(claim) = claim else {
        return request("0");
    };
    let whole = canonical::Request::from(&parts);
    let canonical = whole.canonical(&claim.signed_headers, &["X-Amz-Signature"], &key::hash(b""));
    let to_sign = claim.string_to_sign(&canonical.unwrap());
    let key = SigningKey::derive(&Secret::new("wJalr".into()), &claim.scope).unwrap();
    request(&key.sign(to_sign.as_bytes()).unwrap())
}

fn refused(request: Request<()>, body: &[u8], now: Timestamp) -> (String, String) {
    let error = check(request, body, now).unwrap_err();
    (error.code.into_owned(), error.message)
}

fn later(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

#[test]
fn a_presigned_url_lives_as_long_as_it_says() {
    let url = || presigned("iam", "&X-Amz-Expires=60", "");
    check(url(), b"", later(60)).unwrap();
    check(url(), b"", later(-900)).unwrap();
    let (code, message) = refused(url(), b"", later(61));
    assert_eq!(code, "SignatureDoesNotMatch");
    assert_eq!(
        message,
        "Signature expired: 20261121T120000Z is now earlier than 20261121T120001Z (20261121T120101Z - 1 min.)"
    );
    let (_, message) = refused(url(), b"", later(-901));
    assert!(message.starts_with("Signature not yet current: 20261121T120000Z is still later than"));
    let week = || presigned("iam", "&X-Amz-Expires=604800", "");
    check(week(), b"", later(604_800)).unwrap();
    refused(week(), b"", later(604_801));
}

#[test]
fn sts_takes_every_presigned_url_for_a_quarter_of_an_hour() {
    for expires in ["", "&X-Amz-Expires=60", "&X-Amz-Expires=604800"] {
        let url = || presigned("sts", expires, "");
        check(url(), b"", later(900)).unwrap();
        refused(url(), b"", later(901));
    }
}

#[test]
fn a_presigned_urls_life_is_between_a_second_and_a_week() {
    for expires in ["0", "-1", "604801", "1.5", "", "x", "99999999999999999999"] {
        let url = presigned("sts", &format!("&X-Amz-Expires={expires}"), "");
        let (code, message) = refused(url, b"", noon());
        assert_eq!(code, "IncompleteSignature", "{expires}");
        assert!(message.contains("X-Amz-Expires"), "{message}");
    }
}

#[test]
fn a_presigned_url_is_for_its_own_body() {
    let url = || presigned("sts", "", "");
    let (code, _) = refused(url(), b"Action=AssumeRole", noon());
    assert_eq!(code, "SignatureDoesNotMatch");
    let (_, message) = refused(
        presigned("sts", "", "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"),
        b"",
        noon(),
    );
    assert!(message.contains("'UNSIGNED-PAYLOAD'"), "{message}");
    let own = format!("&X-Amz-Content-Sha256={}", key::hash(b""));
    check(presigned("sts", "", &own), b"", noon()).unwrap();
}

#[test]
fn plus_and_space_are_one_value_in_signature_and_form() {
    let url = presigned("sts", "", "&Name=a%2Bb");
    check(
        url.clone_with(|uri| uri.replace("a%2Bb", "a%2bb")),
        b"",
        noon(),
    )
    .unwrap();
    refused(
        url.clone_with(|uri| uri.replace("a%2Bb", "a+b")),
        b"",
        noon(),
    );
}

trait CloneWith {
    fn clone_with(&self, edit: impl Fn(String) -> String) -> Self;
}

impl CloneWith for Request<()> {
    fn clone_with(&self, edit: impl Fn(String) -> String) -> Self {
        let mut request = self.clone();
        *request.uri_mut() = edit(self.uri().to_string()).parse().unwrap();
        request
    }
}

#[test]
fn what_is_said_twice_is_refused() {
    let url = presigned("sts", "", "");
    let header = signed(URI, BODY, "wJalr", noon());
    let authorization = header.headers()["authorization"].clone();
    let mut both = url.clone();
    both.headers_mut()
        .insert("authorization", authorization.clone());
    let (code, message) = refused(both, b"", noon());
    assert_eq!(code, "IncompleteSignature");
    assert!(message.contains("only one"), "{message}");

    for name in [
        "X-Amz-Signature",
        "X-Amz-Date",
        "X-Amz-Credential",
        "X-Amz-SignedHeaders",
    ] {
        let twice = url.clone_with(|uri| format!("{uri}&{name}=1"));
        let (code, message) = refused(twice, b"", noon());
        assert_eq!(code, "IncompleteSignature");
        assert!(message.contains(&format!("'{name}'")), "{message}");
    }
    for name in ["x-amz-date", "x-amz-security-token"] {
        let mut dated = url.clone();
        dated
            .headers_mut()
            .insert(name, "20261121T120000Z".parse().unwrap());
        assert_eq!(refused(dated, b"", noon()).0, "IncompleteSignature");
    }
    for name in ["authorization", "x-amz-date", "host"] {
        let mut twice = signed(URI, BODY, "wJalr", noon());
        let value = twice.headers()[name].clone();
        twice.headers_mut().append(name, value);
        let (code, message) = refused(twice, BODY, noon());
        assert_eq!(code, "IncompleteSignature", "{name}");
        assert!(message.contains("more than once"), "{message}");
    }
}

fn with_authorization(value: &str) -> (String, String) {
    let mut request = signed(URI, BODY, "wJalr", noon());
    request
        .headers_mut()
        .insert("authorization", value.parse().unwrap());
    refused(request, BODY, noon())
}

#[test]
fn malformed_headers_say_what_is_missing() {
    let good =
        format!("AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders=host, Signature=00");
    let (code, message) = with_authorization("Basic dXNlcg==");
    assert_eq!(code, "IncompleteSignature");
    assert!(
        message.starts_with("Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. (Hashed with SHA-256 and encoded with Base64) Authorization="),
        "{message}"
    );
    assert!(!message.contains("dXNlcg"), "{message}");
    for (edit, with, code, text) in [
        (
            "AWS4-HMAC-SHA256",
            "AWS4-ECDSA-P256-SHA256",
            "IncompleteSignature",
            "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'.",
        ),
        (
            ", Signature=00",
            "",
            "IncompleteSignature",
            "Authorization header requires 'Signature' parameter.",
        ),
        (
            ", Signature=00",
            ", Signature",
            "IncompleteSignature",
            "'Signature' not a valid key=value pair (missing equal-sign)",
        ),
        (
            ", Signature=00",
            ", Signature=00, Signature=01",
            "IncompleteSignature",
            "'Signature' more than once",
        ),
        (
            "/iam",
            "",
            "IncompleteSignature",
            "Credential must have exactly 5 slash-delimited elements",
        ),
        (
            "aws4_request",
            "aws5_request",
            "SignatureDoesNotMatch",
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
        ),
        (
            "20261121",
            "20261120",
            "SignatureDoesNotMatch",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261120' != '20261121', from '20261121T120000Z'.",
        ),
        (
            "SignedHeaders=host",
            "SignedHeaders=x-amz-date",
            "SignatureDoesNotMatch",
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        ),
        (
            "SignedHeaders=host",
            "SignedHeaders=host;host",
            "IncompleteSignature",
            "'SignedHeaders' must be in lower case",
        ),
        (
            "SignedHeaders=host",
            "SignedHeaders=host",
            "SignatureDoesNotMatch",
            "'x-amz-date' must be a 'SignedHeader'",
        ),
        (
            "SignedHeaders=host",
            "SignedHeaders=host;x-amz-date;x-gone",
            "IncompleteSignature",
            "'x-gone' is not in the request",
        ),
    ] {
        let (found, message) = with_authorization(&good.replace(edit, with));
        assert_eq!(found, code, "{message}");
        assert!(message.contains(text), "{message}");
    }
}

#[test]
fn a_date_is_needed_and_may_be_the_date_header() {
    let undated = || {
        let mut request = signed(URI, BODY, "wJalr", noon());
        request.headers_mut().remove("x-amz-date");
        request
    };
    let (code, message) = refused(undated(), BODY, noon());
    assert_eq!(code, "IncompleteSignature");
    assert!(message.starts_with(
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
    ));
    let mut unsigned = undated();
    let date = "Sat, 21 Nov 2026 12:00:00 GMT";
    unsigned.headers_mut().insert("date", date.parse().unwrap());
    let (_, message) = refused(unsigned, BODY, noon());
    assert!(
        message.starts_with("'date' must be a 'SignedHeader'"),
        "{message}"
    );
    let mut wrong = undated();
    wrong
        .headers_mut()
        .insert("x-amz-date", "now".parse().unwrap());
    let (code, message) = refused(wrong, BODY, noon());
    assert_eq!(code, "IncompleteSignature");
    assert!(message.starts_with("Date must be in ISO-8601 'basic format'. Got 'now'."));
}

#[test]
fn presigned_urls_say_what_is_missing() {
    let whole = presigned("sts", "", "").uri().to_string();
    for name in [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
    ] {
        let (path, query) = whole.split_once('?').unwrap();
        let rest: Vec<&str> = query
            .split('&')
            .filter(|pair| !pair.starts_with(name))
            .collect();
        let uri: Uri = format!("{path}?{}", rest.join("&")).parse().unwrap();
        let request = Request::get(uri)
            .header("host", "sts.amazonaws.com")
            .body(())
            .unwrap();
        let (code, message) = refused(request, b"", noon());
        assert_eq!(code, "IncompleteSignature");
        // Without a signature of its own the prefix of another name is gone, too.
        assert!(
            message.starts_with("AWS query-string parameters must include 'X-Amz-"),
            "{message}"
        );
        assert!(
            message.ends_with("Re-examine the query-string parameters."),
            "{message}"
        );
    }
}

#[test]
fn a_key_is_derived_once_and_forgotten_with_its_secret() {
    let keys = SigningKeys::default();
    let verify = |secret: &str, signer: &str| {
        let (parts, ()) = signed(URI, BODY, signer, noon()).into_parts();
        let claim = SignedRequest::parse(&parts.uri, &parts.headers).unwrap();
        keys.verify(&claim, &parts, BODY, &Secret::new(secret.into()), noon())
    };
    assert!(verify("old", "other").is_err());
    assert_eq!(keys.len(), 0, "strangers leave nothing");
    verify("old", "old").unwrap();
    verify("old", "old").unwrap();
    assert_eq!(keys.len(), 1);
    // The secret was rotated: what was derived from the old one is worth nothing.
    assert!(verify("new", "old").is_err());
    verify("new", "new").unwrap();
    assert!(verify("old", "new").is_err());
    verify("old", "old").unwrap();
    assert_eq!(keys.len(), 1);
}
