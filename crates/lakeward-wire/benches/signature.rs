//! Time of one signature's verification on one core, with a remembered key and with a new one.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::{hint::black_box, time::SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{Request, request::Parts};
use jiff::Timestamp;
use lakeward_wire::{
    Secret,
    sigv4::{SignedRequest, SigningKeys},
};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const URI: &str = "https://glue.us-east-1.amazonaws.com/";

fn signed(body: &[u8], now: Timestamp) -> Parts {
    let mut request = Request::post(URI)
        .header("host", "glue.us-east-1.amazonaws.com")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AWSGlue.GetTable")
        .header("user-agent", "aws-sdk-rust/1.3 os/linux lang/rust/1.95")
        .body(())
        .unwrap();
    let token = Some("t".repeat(600));
    let identity = Credentials::new("ASIAEXAMPLEEXAMPLE00", SECRET, token, None, "bench").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("glue")
        .time(SystemTime::from(now))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let signable = SignableRequest::new("POST", URI, headers, SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request.into_parts().0
}

fn bench(criterion: &mut Criterion) {
    let now = Timestamp::now();
    let body = br#"{"DatabaseName": "tpc", "Name": "dl_tpc_customer"}"#;
    let parts = signed(body, now);
    let secret = Secret::new(SECRET.to_owned());
    let keys = SigningKeys::default();
    let mut group = criterion.benchmark_group("signature");
    group.throughput(Throughput::Elements(1));
    group.bench_function("parse and verify, key remembered", |bencher| {
        bencher.iter(|| {
            let claim = SignedRequest::parse(black_box(&parts.uri), &parts.headers).unwrap();
            keys.verify(&claim, &parts, body, &secret, now).unwrap();
        });
    });
    group.bench_function("parse and verify, key derived", |bencher| {
        bencher.iter(|| {
            let claim = SignedRequest::parse(black_box(&parts.uri), &parts.headers).unwrap();
            claim.verify(&parts, body, &secret, now).unwrap();
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
