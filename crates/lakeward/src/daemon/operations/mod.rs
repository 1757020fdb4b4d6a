//! What those who run an instance look at: metrics for Prometheus, and whether it is up and ready.
//! Served without TLS and without a login, on loopback unless told otherwise; nothing here names a
//! person, a role or an object.

mod health;
mod metrics;
mod process;
mod requests;

pub(super) use health::Health;
pub(super) use metrics::{Metrics, Sources};

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};

#[derive(Clone)]
struct Operations {
    metrics: Arc<Metrics>,
    health: Arc<Health>,
}

pub(super) fn router(metrics: Arc<Metrics>, health: Arc<Health>) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readiness))
        .with_state(Operations { metrics, health })
}

async fn scrape(State(operations): State<Operations>) -> Response {
    match operations.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics can't be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn readiness(State(operations): State<Operations>) -> Response {
    let report = operations.health.report().await;
    let status = match report.ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(report)).into_response()
}
