//! The AWS endpoint as one enclosure sees it: the daemon's own, for the services that the cluster
//! allows.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use lakeward_wire::listener::Peer;
use lakeward_wire::sigv4::SignedRequest;
use lakeward_wire::{AwsError, Protocol};
use tokio_rustls::rustls::ServerConfig;

use super::incident::IncidentKind;
use super::occupant::Occupant;
use super::settings::Network;

/// The daemon's endpoint for all AWS services.
#[derive(Clone)]
pub struct AwsEndpoint {
    /// Its port; enclosures find it at the same one of their own loopback address.
    pub port: u16,
    /// Its certificate and key.
    pub tls: Arc<ServerConfig>,
    /// What answers.
    pub router: Router,
}

/// Who may ask what through one enclosure's endpoint.
#[derive(Clone)]
pub(super) struct Guard {
    pub cluster_id: Arc<str>,
    /// What requests come from, in the eyes of those who answer: the cluster.
    pub address: IpAddr,
    pub network: Arc<Network>,
    pub occupant: Arc<Occupant>,
}

/// The endpoint behind the guard.
pub(super) fn guarded(router: Router, guard: Guard) -> Router {
    router.layer(from_fn_with_state(guard, admit))
}

/// The name that the signature is for decides, here as in the endpoint itself: a request that is
/// signed for one service is not answered by another, not even what needs no signature.
async fn admit(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let claimed = SignedRequest::parse(request.uri(), request.headers());
    let service = claimed.as_ref().map(|claim| claim.scope.service.as_str());
    if let Ok(service) = service
        && guard.network.services.contains(service)
    {
        let address = SocketAddr::new(guard.address, 0);
        request.extensions_mut().insert(Peer(address));
        return next.run(request).await;
    }
    let service = printable(service.unwrap_or("an unsigned request"));
    let incidents = &guard.occupant.incidents;
    incidents.add(IncidentKind::Service, 1, &service);
    let text = format!(
        "the sessions of cluster {} may not reach {service}: it allows {} (a cluster is started with the Configurations \
         property allowed-services of the classification lakeward-network)",
        guard.cluster_id,
        guard.network.services_text(),
    );
    refuse(request.uri(), request.headers(), &service, text)
}

/// A service's name as it was sent, without what could mean something in an answer or a log.
fn printable(name: &str) -> String {
    name.chars()
        .filter(|character| character.is_ascii_alphanumeric() || " -_.".contains(*character))
        .take(64)
        .collect()
}

/// The refusal in the form that the client's protocol has for it.
fn refuse(uri: &Uri, headers: &HeaderMap, service: &str, text: String) -> Response {
    let id = hex::encode(rand::random::<[u8; 16]>());
    let mut response = match protocol(uri, headers, service) {
        Some(protocol) => protocol
            .encode("", &id, Err(AwsError::access_denied(text)))
            .map(Body::from),
        None => s3_refusal(&id, &text),
    };
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// None stands for S3's.
fn protocol(uri: &Uri, headers: &HeaderMap, service: &str) -> Option<Protocol> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let query = uri.query().unwrap_or_default();
    let is_form = kind.starts_with("application/x-www-form-urlencoded")
        || query.split('&').any(|part| part.starts_with("Action="));
    if service == "s3" {
        None
    } else if is_form {
        Some(Protocol::Query {
            version: "",
            namespace: "",
        })
    } else {
        Some(Protocol::RestJson)
    }
}

/// The text holds nothing that XML would not show as it is; see [`printable`].
fn s3_refusal(id: &str, text: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>{text}</Message><RequestId>{id}</RequestId></Error>"
    );
    let mut response = Response::new(Body::from(body));
    let xml = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, xml);
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use axum::Extension;
    use axum::body::to_bytes;
    use tower::ServiceExt as _;

    use super::*;
    use crate::settings::ClusterSettings;

    fn guard(services: &str) -> (Guard, Router) {
        let properties = BTreeMap::from([("allowed-services".to_owned(), services.to_owned())]);
        let configurations = BTreeMap::from([("lakeward-network".to_owned(), properties)]);
        let settings = ClusterSettings::read(&configurations).unwrap();
        let guard = Guard {
            cluster_id: "j-TEST".into(),
            address: "127.87.0.9".parse().unwrap(),
            network: Arc::new(settings.network),
            occupant: Arc::default(),
        };
        let inner = Router::new()
            .fallback(|Extension(peer): Extension<Peer>| async move { peer.0.ip().to_string() });
        let router = guarded(inner, guard.clone());
        (guard, router)
    }

    fn signed(service: &str, kind: &str) -> Request {
        let scope = format!("AKIA/20260101/us-east-1/{service}/aws4_request");
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={}",
            "0".repeat(64)
        );
        Request::post("/")
            .header("authorization", authorization)
            .header("x-amz-date", "20260101T000000Z")
            .header("content-type", kind)
            .extension(Peer("127.0.0.1:1".parse().unwrap()))
            .body(Body::empty())
            .unwrap()
    }

    async fn ask(router: &Router, request: Request) -> (StatusCode, String) {
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn allowed_services_are_reached_in_the_clusters_name() {
        let (_, router) = guard("s3,glue");
        for service in ["s3", "glue"] {
            let answer = ask(&router, signed(service, "application/json")).await;
            assert_eq!(answer, (StatusCode::OK, "127.87.0.9".to_owned()));
        }
    }

    #[tokio::test]
    async fn other_services_are_refused_in_their_own_form() {
        let (guard, router) = guard("glue");
        for (service, kind, form) in [
            ("s3", "application/xml", "<Code>AccessDenied</Code>"),
            (
                "iam",
                "application/x-www-form-urlencoded",
                "<Code>AccessDenied</Code>",
            ),
            (
                "elasticmapreduce",
                "application/x-amz-json-1.1",
                "AccessDeniedException",
            ),
            ("<script>", "application/json", "AccessDeniedException"),
        ] {
            let (status, body) = ask(&router, signed(service, kind)).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
            for part in [form, "j-TEST", "allows glue", "lakeward-network"] {
                assert!(body.contains(part), "{service}: {body}");
            }
            assert!(!body.contains("<script>"), "{body}");
        }
        tokio::time::timeout(
            std::time::Duration::from_secs(5),
            guard.occupant.incidents.added(),
        )
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn what_is_not_signed_reaches_nothing() {
        let (_, router) = guard("glue,s3,sts");
        for path in ["/", "/bucket/key", "/?Action=AssumeRoleWithWebIdentity"] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            assert_eq!(
                ask(&router, request).await.0,
                StatusCode::FORBIDDEN,
                "{path}"
            );
        }
    }
}
