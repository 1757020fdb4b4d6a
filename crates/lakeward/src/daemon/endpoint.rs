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
use http::{HeaderMap, StatusCode, Uri, header};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use lakeward_gate::{GateService, Hosts};
use lakeward_identity::{Front, Identity};
use lakeward_wire::{Secret, listener::Peer, sigv4::SignedRequest};
use tokio::{sync::watch, time::timeout};

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

/// The requests that are being answered, whichever listener they came to.
#[derive(Clone, Default)]
pub(super) struct Underway(watch::Sender<()>);

impl Underway {
    /// Counts a request for as long as what this gives is kept.
    fn begun(&self) -> impl Send + use<> {
        self.0.subscribe()
    }

    /// Waits until there is none.
    pub async fn ended(&self) {
        self.0.closed().await;
    }
}

#[derive(Clone)]
struct Doors {
    identity: Arc<Identity>,
    front: Arc<Front>,
    s3: GateService,
    underway: Underway,
}

pub(super) fn router(
    identity: &Arc<Identity>,
    front: &Arc<Front>,
    s3: GateService,
    underway: &Underway,
) -> Router {
    Router::new().fallback(answer).with_state(Doors {
        identity: Arc::clone(identity),
        front: Arc::clone(front),
        s3,
        underway: underway.clone(),
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
    let _begun = doors.underway.begun();
    let peer = request
        .extensions()
        .get::<Peer>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    if is_s3(request.uri(), request.headers()) {
        let answer = doors
            .s3
            .serve(request.map(s3s::Body::http_body_unsync), peer)
            .await;
        return answer.map(Body::new);
    }
    let (parts, body) = request.into_parts();
    let patience = doors.patience(&parts.uri, &parts.headers);
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
    fn patience(&self, uri: &Uri, headers: &HeaderMap) -> Patience {
        let known = SignedRequest::parse(uri, headers).is_ok_and(|claim| {
            let token = claim.session_token.as_ref().map(Secret::expose);
            self.identity
                .authenticate(&claim.access_key_id, token, Timestamp::now())
                .is_ok()
        });
        if known { KNOWN } else { UNKNOWN }
    }
}

/// The signature names the service. Without one that can be read a request is S3's unless it has a
/// target, a form or an action.
fn is_s3(uri: &Uri, headers: &HeaderMap) -> bool {
    SignedRequest::parse(uri, headers).map_or_else(
        |_| !is_document(uri, headers),
        |claim| claim.scope.service == "s3",
    )
}

fn is_document(uri: &Uri, headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let mut parameters = uri.query().unwrap_or_default().split('&');
    headers.contains_key("x-amz-target")
        || kind.starts_with("application/x-www-form-urlencoded")
        || kind.starts_with("application/json")
        || parameters.any(|parameter| parameter.starts_with("Action="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_documents_are_not_taken_for_s3() {
        let headers = |name: &'static str, value: &str| {
            HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
        };
        let s3 = |uri: &str, headers: &HeaderMap| is_s3(&uri.parse().unwrap(), headers);
        assert!(s3("/", &HeaderMap::new()));
        assert!(!s3("/", &headers("x-amz-target", "AWSGlue.GetTable")));
        assert!(!s3(
            "/",
            &headers("content-type", "application/x-www-form-urlencoded")
        ));
        assert!(s3(
            "/",
            &headers("content-type", "application/octet-stream")
        ));
        assert!(!s3("/?Action=GetCallerIdentity", &HeaderMap::new()));
    }

    #[test]
    fn a_presigned_url_names_its_service() {
        let presigned = |service: &str| {
            let uri = format!(
                "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20260101%2Fus-east-1%2F{service}%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
            );
            is_s3(&uri.parse().unwrap(), &HeaderMap::new())
        };
        assert!(presigned("s3"));
        assert!(!presigned("sts"));
    }
}
