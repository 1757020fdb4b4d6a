use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use http::Request;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{AwsError, Secret};

mod random;
mod refusals;
mod vectors;

const BODY: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";

/// A request signed by AWS's own signer.
fn signed(uri: &str, body: &[u8], secret: &str, at: Timestamp) -> Request<()> {
    let mut request = Request::post(uri)
        .header("host", "sts.us-east-1.amazonaws.com")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(())
        .unwrap();
    let identity = Credentials::new("AKIDEXAMPLE", secret, None, None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("sts")
        .time(SystemTime::from(at))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let signable = SignableRequest::new("POST", uri, headers, SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request
}

fn check(request: Request<()>, body: &[u8], now: Timestamp) -> Result<(), AwsError> {
    let (parts, ()) = request.into_parts();
    let claim = SignedRequest::parse(&parts.uri, &parts.headers)?;
    claim.verify(&parts, body, &Secret::new("wJalr".into()), now)
}

fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

const URI: &str = "https://sts.us-east-1.amazonaws.com/";

#[test]
fn awss_own_signer_is_believed() {
    check(signed(URI, BODY, "wJalr", noon()), BODY, noon()).unwrap();
    let odd = "https://sts.us-east-1.amazonaws.com/a%20b/c?z=1&a=x%2Fy&empty=";
    check(signed(odd, BODY, "wJalr", noon()), BODY, noon()).unwrap();
}

#[test]
fn a_wrong_secret_is_a_mismatch() {
    let error = check(signed(URI, BODY, "other", noon()), BODY, noon()).unwrap_err();
    assert_eq!(error.code, "SignatureDoesNotMatch");
    assert_eq!(error.status, 403);
}

#[test]
fn an_altered_body_is_a_mismatch() {
    let error = check(
        signed(URI, BODY, "wJalr", noon()),
        b"Action=CreateUser",
        noon(),
    )
    .unwrap_err();
    assert_eq!(error.code, "SignatureDoesNotMatch");
}

#[test]
fn an_old_or_future_date_is_refused_and_says_so() {
    let request = || signed(URI, BODY, "wJalr", noon());
    let later = noon() + SignedDuration::from_mins(16);
    let error = check(request(), BODY, later).unwrap_err();
    assert!(
        error.message.starts_with(
            "Signature expired: 20261121T120000Z is now earlier than 20261121T120100Z"
        ),
        "{}",
        error.message
    );
    let earlier = noon() - SignedDuration::from_mins(16);
    let error = check(request(), BODY, earlier).unwrap_err();
    assert!(error.message.starts_with("Signature not yet current"));
}

#[test]
fn a_target_added_after_signing_is_refused() {
    let mut request = signed(URI, BODY, "wJalr", noon());
    let target = "ElasticMapReduce.TerminateJobFlows".parse().unwrap();
    request.headers_mut().insert("x-amz-target", target);
    let error = check(request, BODY, noon()).unwrap_err();
    assert_eq!(error.code, "SignatureDoesNotMatch");
    assert!(error.message.contains("x-amz-target"));
}

#[test]
fn an_unsigned_request_is_missing_its_token() {
    let request = Request::post(URI).body(()).unwrap();
    let error = check(request, BODY, noon()).unwrap_err();
    assert_eq!(error.code, "MissingAuthenticationToken");
}
