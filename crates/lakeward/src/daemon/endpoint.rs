//! The one TLS endpoint of all AWS APIs: S3 goes to the gate, everything else to the dispatcher.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use lakeward_gate::{GateService, Hosts};
use lakeward_identity::Front;
use lakeward_wire::{listener::Peer, sigv4::SignedRequest};

use super::Settings;

/// Inputs of everything but S3 are documents; none is larger than this.
const DOCUMENT_LIMIT: usize = 4 << 20;

#[derive(Clone)]
struct Doors {
    front: Arc<Front>,
    s3: GateService,
}

pub(super) fn router(front: Arc<Front>, s3: GateService) -> Router {
    Router::new()
        .fallback(answer)
        .with_state(Doors { front, s3 })
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
    match Limited::new(body, DOCUMENT_LIMIT).collect().await {
        Ok(collected) => {
            let request = http::Request::from_parts(parts, collected.to_bytes());
            doors.front.serve(request, peer).await.map(Body::from)
        }
        Err(_) => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "the request's body broke off, or is larger than 4 MiB",
        )
            .into_response(),
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
