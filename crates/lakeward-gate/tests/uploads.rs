//! Uploads in chunks with a checksum behind them, as AWS's SDKs send them over TLS.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::{Duration, SystemTime};

use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use bytes::Bytes;
use http::Request;
use lakeward_client::Credentials;
use world::{REGION, blobs, world};

const HOST: &str = "s3.us-east-1.amazonaws.com";

/// `PUT path` of `hello` in two chunks, with a CRC32 as the trailer.
fn chunked(who: &Credentials, path: &str, crc32: &str, at: SystemTime) -> Request<Bytes> {
    let identity = aws_credential_types::Credentials::new(
        who.access_key_id(),
        who.secret_access_key(),
        None,
        None,
        "test",
    )
    .into();
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name("s3")
        .time(at)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let body = format!("3\r\nhel\r\n2\r\nlo\r\n0\r\nx-amz-checksum-crc32:{crc32}\r\n\r\n");
    let headers = [
        ("host", HOST),
        ("content-encoding", "gzip,aws-chunked"),
        ("x-amz-decoded-content-length", "5"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
    ];
    let uri = format!("https://{HOST}{path}");
    let signable = SignableRequest::new(
        "PUT",
        &uri,
        headers.into_iter(),
        SignableBody::StreamingUnsignedPayloadTrailer,
    )
    .unwrap();
    let mut request = Request::put(&uri).header("content-length", body.len());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut request = request.body(Bytes::from(body)).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request
}

#[tokio::test]
async fn the_checksum_behind_the_body_is_compared() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    let put = world
        .send(chunked(root, "/lake/k", "NhCmhg==", SystemTime::now()))
        .await
        .expect(200);
    assert_eq!(put.header("x-amz-checksum-crc32"), "NhCmhg==");
    let got = world.get(root, "/lake/k", &[]).await.expect(200);
    assert_eq!(got.body, "hello");
    assert_eq!(got.header("content-encoding"), "gzip");
    let wrong = world
        .send(chunked(root, "/lake/j", "NhCmhA==", SystemTime::now()))
        .await
        .expect(400);
    assert_eq!(wrong.code(), "BadDigest");
    world.get(root, "/lake/j", &[]).await.expect(404);
    assert_eq!(blobs(world.folder.path()), 1);
}

#[tokio::test]
async fn a_signature_is_good_for_a_quarter_of_an_hour() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    let signed = |at| chunked(root, "/lake/k", "NhCmhg==", at);
    let now = SystemTime::now();
    let minutes = |count: u64| Duration::from_secs(60 * count);
    for at in [now - minutes(20), now + minutes(20)] {
        let answer = world.send(signed(at)).await.expect(403);
        assert_eq!(answer.code(), "RequestTimeTooSkewed");
        assert!(
            answer
                .one("Message")
                .starts_with("The difference between the request time")
        );
    }
    world.send(signed(now - minutes(10))).await.expect(200);
}
