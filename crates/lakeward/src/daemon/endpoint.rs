//! The one TLS endpoint of all AWS APIs: S3 goes to the gate, everything else to the dispatcher.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use lakeward_gate::{GateService, Hosts};
use lakeward_identity::{Front, Identity};
use lakeward_wire::{Secret, listener::Peer, sigv4::SignedRequest};
use tokio::time::timeout;

use super::Settings;

/// How much of a document is read, and for how long. Inputs of everything but S3 are documents.
struct Patience {
    bytes: usize,
    time: Duration,
}

/// For a caller whose key is known.
const KNOWN: Patience = Patience {
    bytes: 4 << 20,
    time: Duration::from_secs(60),
};
/// For anyone else: enough to name the operation that is refused.
const UNKNOWN: Patience = Patience {
    bytes: 64 << 10,
    time: Duration::from_secs(10),
};

#[derive(Clone)]
struct Doors {
    identity: Arc<Identity>,
    front: Arc<Front>,
    s3: GateService,
}

pub(super) fn router(identity: Arc<Identity>, front: Arc<Front>, s3: GateService) -> Router {
    Router::new().fallback(answer).with_state(Doors {
        identity,
        front,
        s3,
    })
}

/// The host names whose first label is a bucket.
pub(super) fn bucket_hosts(region: &str) -> Hosts {
    Hosts::new([
        "s3.amazonaws.com".to_owned(),
        format!("s3.{region}.amazonaws.com"),
        "s3.localhost".to_owned(),
    ])
}

/// The names the endpoint's certificate is for.
pub(super) fn names(settings: &Settings) -> Vec<String> {
    let region = &settings.region;
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "*.amazonaws.com".to_owned(),
        format!("*.{region}.amazonaws.com"),
        "*.s3.amazonaws.com".to_owned(),
        format!("*.s3.{region}.amazonaws.com"),
        "*.s3.localhost".to_owned(),
    ];
    let ip = settings.endpoint.ip().to_string();
    if !names.contains(&ip) {
        names.push(ip);
    }
    names
}

async fn answer(State(doors): State<Doors>, request: Request) -> Response {
    let peer = request
        .extensions()
        .get::<Peer>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    if is_s3(request.headers()) {
        let answer = doors
            .s3
            .serve(request.map(s3s::Body::http_body_unsync), peer)
            .await;
        return answer.map(Body::new);
    }
    let (parts, body) = request.into_parts();
    let patience = doors.patience(&parts.headers);
    let collected = timeout(patience.time, Limited::new(body, patience.bytes).collect()).await;
    match collected {
        Ok(Ok(collected)) => {
            let request = http::Request::from_parts(parts, collected.to_bytes());
            doors.front.serve(request, peer).await.map(Body::from)
        }
        Ok(Err(_)) => {
            let text = format!(
                "the body broke off, or is larger than {} bytes",
                patience.bytes
            );
            (StatusCode::PAYLOAD_TOO_LARGE, text).into_response()
        }
        Err(_) => {
            let text = format!(
                "the body did not arrive within {} s",
                patience.time.as_secs()
            );
            (StatusCode::REQUEST_TIMEOUT, text).into_response()
        }
    }
}

impl Doors {
    /// Whether to read much for a request, before its signature can be verified.
    fn patience(&self, headers: &HeaderMap) -> Patience {
        let known = SignedRequest::parse(headers).is_ok_and(|claim| {
            let token = claim.session_token.as_ref().map(Secret::expose);
            self.identity
                .authenticate(&claim.access_key_id, token, Timestamp::now())
                .is_ok()
        });
        if known { KNOWN } else { UNKNOWN }
    }
}

/// The signature names the service. An unsigned request is S3's unless it has a target or a form.
fn is_s3(headers: &HeaderMap) -> bool {
    if headers.contains_key(header::AUTHORIZATION) {
        return SignedRequest::parse(headers).map_or_else(
            |_| !is_document(headers),
            |claim| claim.scope.service == "s3",
        );
    }
    !is_document(headers)
}

fn is_document(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    headers.contains_key("x-amz-target")
        || kind.starts_with("application/x-www-form-urlencoded")
        || kind.starts_with("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_documents_are_not_taken_for_s3() {
        let headers = |name: &'static str, value: &str| {
            HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
        };
        assert!(is_s3(&HeaderMap::new()));
        assert!(!is_s3(&headers("x-amz-target", "AWSGlue.GetTable")));
        assert!(!is_s3(&headers(
            "content-type",
            "application/x-www-form-urlencoded"
        )));
        assert!(is_s3(&headers("content-type", "application/octet-stream")));
    }
}
