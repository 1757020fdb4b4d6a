//! The credentials endpoint: a session's token opens fresh keys of its runtime role.
//!
//! The answer is the container credential provider's (AWS SDKs and Tools Reference Guide,
//! "Container credential provider"), which every AWS client knows and asks again before the keys
//! expire. So a session needs no key in its environment, and a revoked role ends at the next
//! renewal.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, header};
use lakeward_wire::AwsError;
use serde::Serialize;

use super::authority::{RoleCredentials, RuntimeRoles};
use super::incident::IncidentKind;
use super::occupant::Occupant;
use super::registry::SessionRegistry;
use super::session::Session;

/// The endpoint's path; the session's key follows it.
pub(super) const PATH: &str = "/session-credentials";

/// What stands for the key in an enclosure: its endpoint is one session's.
pub(super) const OWN: &str = "own";

/// The endpoint of all sessions that have no enclosure, to be served on a loopback address.
pub fn router(sessions: Arc<SessionRegistry>, roles: Arc<dyn RuntimeRoles>) -> Router {
    Router::new()
        .route(&format!("{PATH}/{{session}}"), get(answer))
        .with_state(Endpoint { sessions, roles })
}

#[derive(Clone)]
struct Endpoint {
    sessions: Arc<SessionRegistry>,
    roles: Arc<dyn RuntimeRoles>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerCredentials<'a> {
    role_arn: &'a str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal<'a> {
    code: &'a str,
    message: &'a str,
}

async fn answer(
    State(endpoint): State<Endpoint>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Response {
    match endpoint.sessions.with_token(&key, token(&headers)) {
        Some(session) => mint(session, endpoint.roles).await,
        None => unknown(),
    }
}

/// The endpoint inside one enclosure: it knows the session, which must show its token too. The token
/// of any other session opens nothing here.
pub(super) fn router_of(occupant: Arc<Occupant>, roles: Arc<dyn RuntimeRoles>) -> Router {
    Router::new()
        .route(&format!("{PATH}/{OWN}"), get(answer_own))
        .with_state((occupant, roles))
}

async fn answer_own(
    State((occupant, roles)): State<(Arc<Occupant>, Arc<dyn RuntimeRoles>)>,
    headers: HeaderMap,
) -> Response {
    let session = occupant.session();
    match session.filter(|session| session.is_opened_by(token(&headers))) {
        Some(session) => mint(session, roles).await,
        None => {
            occupant.incidents.add(IncidentKind::Credentials, 1, "");
            unknown()
        }
    }
}

fn token(headers: &HeaderMap) -> &str {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn unknown() -> Response {
    let message = "the authorization token opens no session's credentials";
    refuse(StatusCode::UNAUTHORIZED, "InvalidToken", message)
}

/// Fresh keys of the session's role.
async fn mint(session: Arc<Session>, roles: Arc<dyn RuntimeRoles>) -> Response {
    // One at a time for a session, so that it cannot keep the daemon busy with role chains.
    let _turn = session.minting.lock().await;
    let owner = session.owner.clone();
    let minted = tokio::task::spawn_blocking(move || roles.credentials(&owner)).await;
    let minted = minted.unwrap_or_else(|error| Err(AwsError::internal(error)));
    session.counters.keys(minted.is_ok());
    match minted {
        Ok(credentials) => grant(&credentials),
        Err(error) => {
            tracing::info!(session = session.id, code = %error.code, "session keys refused");
            let status = if error.is_access_denied() {
                StatusCode::FORBIDDEN
            } else {
                error.status
            };
            refuse(status, &error.code, &error.message)
        }
    }
}

fn grant(credentials: &RoleCredentials) -> Response {
    let body = ContainerCredentials {
        role_arn: &credentials.role_arn,
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose(),
        token: credentials.session_token.expose(),
        expiration: lakeward_wire::iso(credentials.expires_at),
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(Refusal { code, message })).into_response()
}
