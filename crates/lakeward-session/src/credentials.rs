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
use super::registry::SessionRegistry;

/// The endpoint's path; the session's key follows it.
pub(super) const PATH: &str = "/session-credentials";

/// The endpoint, to be served on a loopback address.
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
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let Some(session) = endpoint.sessions.with_token(&key, token) else {
        let message = "the authorization token opens no session's credentials";
        return refuse(StatusCode::UNAUTHORIZED, "InvalidToken", message);
    };
    // One at a time for a session, so that it cannot keep the daemon busy with role chains.
    let _turn = session.minting.lock().await;
    let owner = session.owner.clone();
    let roles = Arc::clone(&endpoint.roles);
    let minted = tokio::task::spawn_blocking(move || roles.credentials(&owner)).await;
    let minted = minted.unwrap_or_else(|error| Err(AwsError::internal(error)));
    endpoint.sessions.counters().keys(minted.is_ok());
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
