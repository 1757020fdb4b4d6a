//! Every way to sign an S3 request, with AWS's own signer as the client.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod world;

use std::time::{Duration, SystemTime};

use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
        SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use bytes::Bytes;
use http::{Method, Request, Uri};
use lakeward_client::Credentials;
use serde_json::json;
use sha2::{Digest, Sha256};
use world::{REGION, Reply, World, blobs, world};

const HOST: &str = "s3.us-east-1.amazonaws.com";
const SIGNED_CHUNKS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

/// A request without its signature.
struct Draft<'a> {
    method: Method,
    path: &'a str,
    headers: Vec<(&'static str, String)>,
    body: SignableBody<'a>,
    at: SystemTime,
    /// The life of a presigned URL in seconds.
    expires: Option<u64>,
}

impl<'a> Draft<'a> {
    fn new(method: Method, path: &'a str) -> Self {
        Self {
            method,
            path,
            headers: vec![("host", HOST.to_owned())],
            body: SignableBody::UnsignedPayload,
            at: SystemTime::now(),
            expires: None,
        }
    }

    fn presigned(method: Method, path: &'a str, expires: u64) -> Self {
        Self {
            expires: Some(expires),
            ..Self::new(method, path)
        }
    }

    fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    fn at(mut self, at: SystemTime) -> Self {
        self.at = at;
        self
    }

    fn settings(&self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        match self.expires {
            Some(seconds) => {
                settings.signature_location = SignatureLocation::QueryParams;
                settings.expires_in = Some(Duration::from_secs(seconds));
            }
            None => settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256,
        }
        settings
    }

    /// The signed request and its signature.
    fn sign(self, who: &Credentials) -> (Request<Bytes>, String) {
        let token = who.session_token().map(str::to_owned);
        let (id, secret) = (who.access_key_id(), who.secret_access_key());
        let identity =
            aws_credential_types::Credentials::new(id, secret, token, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name("s3")
            .time(self.at)
            .settings(self.settings())
            .build()
            .unwrap()
            .into();
        let uri = format!("https://{HOST}{}", self.path);
        let mut request = Request::builder().method(self.method.clone()).uri(&uri);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let mut request = request.body(Bytes::new()).unwrap();
        let headers = self.headers.iter().map(|(name, value)| (*name, &**value));
        let signable =
            SignableRequest::new(self.method.as_str(), &uri, headers, self.body).unwrap();
        let (instructions, signature) = sign(signable, &params).unwrap().into_parts();
        instructions.apply_to_request_http1x(&mut request);
        (request, signature)
    }
}

fn with_body(request: Request<Bytes>, body: impl Into<Bytes>) -> Request<Bytes> {
    let body = body.into();
    let (mut parts, _) = request.into_parts();
    parts.headers.insert("content-length", body.len().into());
    Request::from_parts(parts, body)
}

async fn bucket() -> World {
    let world = world().await;
    world.put(&world.root, "/lake", "").await.expect(200);
    world
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// Signatures of what follows the head of a request: chunks and trailers.
struct Chain<'a> {
    who: &'a Credentials,
    at: SystemTime,
    date: String,
    previous: String,
}

impl<'a> Chain<'a> {
    fn of(who: &'a Credentials, at: SystemTime, request: &Request<Bytes>, seed: String) -> Self {
        let date = request.headers()["x-amz-date"].to_str().unwrap().to_owned();
        Self {
            who,
            at,
            date,
            previous: seed,
        }
    }

    fn next(&mut self, algorithm: &str, hashes: &str) -> String {
        let scope = format!("{}/{REGION}/s3/aws4_request", &self.date[..8]);
        let to_sign = format!(
            "{algorithm}\n{}\n{scope}\n{}\n{hashes}",
            self.date, self.previous
        );
        let key = v4::generate_signing_key(self.who.secret_access_key(), self.at, REGION, "s3");
        self.previous = v4::calculate_signature(key, to_sign.as_bytes());
        self.previous.clone()
    }

    fn chunk(&mut self, data: &str) -> String {
        let hash = |text: &str| hex::encode(Sha256::digest(text));
        let hashes = format!("{}\n{}", hash(""), hash(data));
        let signature = self.next("AWS4-HMAC-SHA256-PAYLOAD", &hashes);
        let size = data.len();
        format!("{size:x};chunk-signature={signature}\r\n{data}\r\n")
    }

    fn last_chunk(&mut self) -> String {
        // The line end after the trailers, or without them after the chunk, is the caller's.
        let chunk = self.chunk("");
        chunk.strip_suffix("\r\n").unwrap().to_owned()
    }

    fn trailer(&mut self, name: &str, value: &str) -> String {
        let hash = hex::encode(Sha256::digest(format!("{name}:{value}\n")));
        let signature = self.next("AWS4-HMAC-SHA256-TRAILER", &hash);
        format!("{name}:{value}\r\nx-amz-trailer-signature:{signature}\r\n")
    }
}

fn chunked<'a>(who: &'a Credentials, path: &str, kind: &'a str) -> (Request<Bytes>, Chain<'a>) {
    let at = SystemTime::now();
    let mut draft = Draft::new(Method::PUT, path)
        .at(at)
        .header("content-encoding", "aws-chunked")
        .header("x-amz-decoded-content-length", 10);
    draft.body = if kind == SIGNED_CHUNKS {
        SignableBody::Precomputed(kind.to_owned())
    } else {
        draft = draft.header("x-amz-trailer", "x-amz-checksum-crc32");
        SignableBody::StreamingSignedPayloadTrailer
    };
    let (request, seed) = draft.sign(who);
    let chain = Chain::of(who, at, &request, seed);
    (request, chain)
}

/// Sends ten bytes in chunks that `make` writes.
async fn upload(world: &World, kind: &str, make: impl FnOnce(&mut Chain<'_>) -> String) -> Reply {
    let (request, mut chain) = chunked(&world.root, "/lake/k", kind);
    let body = make(&mut chain);
    world.send(with_body(request, body)).await
}

#[tokio::test]
async fn signed_chunks_are_verified_one_by_one() {
    let world = bucket().await;
    let good = |chain: &mut Chain<'_>| {
        let data = chain.chunk("hello") + &chain.chunk("world");
        data + &chain.last_chunk() + "\r\n"
    };
    upload(&world, SIGNED_CHUNKS, good).await.expect(200);
    let got = world.get(&world.root, "/lake/k", &[]).await.expect(200);
    assert_eq!(got.body, "helloworld");

    type Make = Box<dyn FnOnce(&mut Chain<'_>) -> String>;
    let bodies: [(&str, Make); 7] = [
        (
            "altered",
            Box::new(move |chain| good(chain).replace("world", "w0rld")),
        ),
        (
            "reordered",
            Box::new(|chain| {
                let (first, second) = (chain.chunk("hello"), chain.chunk("world"));
                second + &first + &chain.last_chunk() + "\r\n"
            }),
        ),
        (
            "unsigned",
            Box::new(|_| "5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n".to_owned()),
        ),
        (
            "of another request",
            Box::new(move |chain| {
                chain.previous = "0".repeat(64);
                good(chain)
            }),
        ),
        (
            "too few",
            Box::new(|chain| chain.chunk("hello") + &chain.last_chunk() + "\r\n"),
        ),
        ("cut off", Box::new(|chain| chain.chunk("hello"))),
        (
            "too many",
            Box::new(|chain| {
                let data = chain.chunk("hello") + &chain.chunk("world!");
                data + &chain.last_chunk() + "\r\n"
            }),
        ),
    ];
    for (what, make) in bodies {
        let reply = upload(&world, SIGNED_CHUNKS, make).await;
        assert!(
            reply.status.is_client_error(),
            "{what}: {} {}",
            reply.status,
            reply.text()
        );
    }
    assert_eq!(blobs(world.folder.path()), 1);
}

#[tokio::test]
async fn signed_trailers_are_verified() {
    const KIND: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
    let world = bucket().await;
    let crc32 = |chain: &mut Chain<'_>, value: &str| {
        let data = chain.chunk("helloworld") + &chain.last_chunk();
        data + &chain.trailer("x-amz-checksum-crc32", value) + "\r\n"
    };
    // The CRC-32 of `helloworld`.
    let good = |chain: &mut Chain<'_>| crc32(chain, "+esgrQ==");
    upload(&world, KIND, good).await.expect(200);
    let wrong = upload(&world, KIND, |chain| crc32(chain, "AAAAAA==")).await;
    assert_eq!(wrong.expect(400).code(), "BadDigest");
    let altered = upload(&world, KIND, |chain| {
        good(chain).replace("+esgrQ==", "AAAAAA==")
    })
    .await;
    assert_eq!(altered.expect(403).code(), "SignatureDoesNotMatch");
    let unsigned = upload(&world, KIND, |chain| {
        let body = good(chain);
        let (kept, _) = body.split_once("x-amz-trailer-signature").unwrap();
        format!("{kept}\r\n")
    });
    assert!(unsigned.await.status.is_client_error());
    let missing = upload(&world, KIND, |chain| {
        chain.chunk("helloworld") + &chain.last_chunk() + "\r\n"
    });
    assert_eq!(missing.await.expect(400).code(), "MalformedTrailerError");
    assert_eq!(blobs(world.folder.path()), 1);
}

#[tokio::test]
async fn unsigned_payloads_are_taken() {
    let world = bucket().await;
    let (request, _) = Draft::new(Method::PUT, "/lake/k").sign(&world.root);
    world.send(with_body(request, "hello")).await.expect(200);
    let (request, _) = Draft::presigned(Method::PUT, "/lake/j", 60).sign(&world.root);
    world.send(with_body(request, "hello")).await.expect(200);
    assert_eq!(blobs(world.folder.path()), 2);
}

#[tokio::test]
async fn presigned_urls_live_as_long_as_they_say() {
    let world = bucket().await;
    world.put(&world.root, "/lake/k", "x").await.expect(200);
    let now = SystemTime::now();
    for (at, expires, answer) in [
        (now, 60, ""),
        (now - minutes(60), 7200, ""),
        (now - minutes(6 * 24 * 60), 604_800, ""),
        (now + minutes(10), 60, ""),
        (now - minutes(2), 60, "AccessDenied: Request has expired"),
        (now + minutes(20), 60, "RequestTimeTooSkewed: "),
        (
            now,
            604_801,
            "AuthorizationQueryParametersError: X-Amz-Expires must be less than a week",
        ),
    ] {
        let (request, _) = Draft::presigned(Method::GET, "/lake/k", expires)
            .at(at)
            .sign(&world.root);
        let reply = world.send(request).await;
        if answer.is_empty() {
            assert_eq!(reply.expect(200).body, "x", "{expires}");
        } else {
            let found = format!("{}: {}", reply.code(), reply.one("Message"));
            assert!(found.starts_with(answer), "{found}");
        }
    }
}

#[tokio::test]
async fn a_presigned_url_needs_its_own_token_and_no_second_signature() {
    let world = bucket().await;
    world.put(&world.root, "/lake/k", "x").await.expect(200);
    let allow = json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]);
    let one = world.role("one", allow.clone()).await;
    let other = world.role("other", allow).await;
    let url = |who: &Credentials| {
        let (request, _) = Draft::presigned(Method::GET, "/lake/k", 60).sign(who);
        request.uri().to_string()
    };
    let ask = |url: String| {
        let request = Request::get(url.parse::<Uri>().unwrap()).header("host", HOST);
        world.send(request.body(Bytes::new()).unwrap())
    };
    ask(url(&one)).await.expect(200);
    let token = |url: &str| {
        let (_, rest) = url.split_once("X-Amz-Security-Token=").unwrap();
        rest.split('&').next().unwrap().to_owned()
    };
    let swapped = url(&one).replace(&token(&url(&one)), &token(&url(&other)));
    assert_eq!(
        ask(swapped).await.expect(403).code(),
        "SignatureDoesNotMatch"
    );
    let bare = Credentials::permanent(one.access_key_id(), one.secret_access_key());
    assert!(ask(url(&bare)).await.status.is_client_error());
    for name in [
        "Signature",
        "Date",
        "Expires",
        "Credential",
        "SignedHeaders",
    ] {
        let twice = format!("{}&X-Amz-{name}=1", url(&one));
        assert!(ask(twice).await.status.is_client_error(), "{name}");
    }
}

#[tokio::test]
async fn odd_keys_are_signed_as_they_are() {
    let world = bucket().await;
    let root = &world.root;
    let keys = [
        "a b",
        "a+b",
        "a%b",
        "a//b",
        "folder/",
        "...",
        "a/.b/..c",
        "é/ü/日本",
        "~-_.!*'()",
        "a=b&c?d#e",
        "q\"uote<>",
        "a:b@c,d;e$f",
        "%2F%20",
        "back\\slash",
    ];
    for key in keys {
        let path = format!("/lake/{}", encoded(key));
        let put = world.put(root, &path, key.to_owned()).await;
        assert_eq!(put.status, 200, "{key}: {}", put.text());
        let got = world.get(root, &path, &[]).await;
        assert_eq!(got.text(), key);
        let (request, _) = Draft::presigned(Method::GET, &path, 60).sign(root);
        assert_eq!(world.send(request).await.text(), key);
    }
    let listed = world
        .get(root, "/lake?list-type=2&encoding-type=url", &[])
        .await
        .expect(200);
    assert_eq!(listed.all("Key").len(), keys.len());
    for prefix in ["a b", "a+b", "é/"] {
        let path = format!(
            "/lake?list-type=2&prefix={}",
            encoded(prefix).replace('/', "%2F")
        );
        let listed = world.get(root, &path, &[]).await.expect(200);
        assert_eq!(listed.all("Key").len(), 1, "{prefix}");
    }
}

/// A key in a path, as S3's clients encode it.
fn encoded(key: &str) -> String {
    key.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
