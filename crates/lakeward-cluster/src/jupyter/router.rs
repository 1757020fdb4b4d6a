//! The addresses of one cluster's Jupyter gateway.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get, post};
use axum::{Json, Router, middleware};
use lakeward_session::{RuntimeRoles, SessionRegistry};
use serde_json::{Value, json};

use super::authentication::authenticate;
use super::error::GatewayError;
use super::{channels, kernels, specifications};

/// One cluster's gateway.
pub(super) struct Gateway {
    pub cluster_id: String,
    pub roles: Arc<dyn RuntimeRoles>,
    pub sessions: Arc<SessionRegistry>,
}

/// The routes. Every one of them asks for a login, also those that do not exist.
pub(super) fn router(gateway: Gateway) -> Router {
    let gateway = Arc::new(gateway);
    let limit = gateway.sessions.limits().request_bytes;
    Router::new()
        .route("/api", get(version))
        .route("/api/kernelspecs", get(specifications::list))
        .route("/api/kernelspecs/{name}", get(specifications::show))
        .route("/kernelspecs/{name}/{file}", get(specifications::file))
        .route("/api/kernels", get(kernels::list).post(kernels::create))
        .route(
            "/api/kernels/{id}",
            get(kernels::show).delete(kernels::delete),
        )
        .route("/api/kernels/{id}/interrupt", post(kernels::interrupt))
        .route("/api/kernels/{id}/restart", post(kernels::restart))
        .route("/api/kernels/{id}/channels", get(channels::connect))
        .route("/api/sessions", any(no_sessions))
        .route("/api/sessions/{*rest}", any(no_sessions))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(limit))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&gateway),
            authenticate,
        ))
        .with_state(gateway)
}

/// The release of Enterprise Gateway whose contract is served.
async fn version() -> Json<Value> {
    Json(json!({ "version": env!("CARGO_PKG_VERSION"), "gateway_version": "3.3.0" }))
}

/// Sessions join notebooks to kernels, and the notebooks are elsewhere.
async fn no_sessions() -> GatewayError {
    GatewayError::NotBuilt("sessions are kept by the Jupyter server that uses this gateway and are")
}

async fn no_route() -> GatewayError {
    GatewayError::NoRoute
}

async fn no_method() -> GatewayError {
    GatewayError::NoMethod
}
