//! Operations on kernels.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::{StatusCode, header};
use lakeward_session::{Kernel, Login};
use lakeward_wire::listener::Departure;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::GatewayError;
use super::request::CreateKernel;
use super::router::Gateway;
use crate::opened::Opened;

/// How long a kernel may take to start; clients wait for a little longer.
const START: Duration = Duration::from_secs(40);

pub(super) type Caller = Extension<Arc<Login>>;

impl Gateway {
    /// The caller's own kernel of that id. Someone else's is as good as none.
    pub fn kernel(&self, login: &Login, id: &str) -> Result<Arc<Kernel>, GatewayError> {
        let found = Uuid::try_parse(id).ok();
        found
            .and_then(|found| self.sessions.find_kernel(login, found))
            .ok_or_else(|| GatewayError::NoKernel(id.chars().take(64).collect()))
    }

    /// The same, when it takes messages.
    pub async fn started(&self, login: &Login, id: &str) -> Result<Arc<Kernel>, GatewayError> {
        let kernel = self.kernel(login, id)?;
        match tokio::time::timeout(START, kernel.started()).await {
            Ok(started) => started?,
            Err(_) => return Err(GatewayError::NotReady(START.as_secs())),
        }
        Ok(kernel)
    }
}

/// A kernel as Jupyter's JSON shows it.
fn model(kernel: &Kernel) -> Value {
    json!({
        "id": kernel.id().to_string(),
        "name": kernel.name(),
        // Clients read it with a format that wants microseconds.
        "last_activity": kernel.active_at().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        "execution_state": kernel.state(),
        "connections": kernel.connections(),
    })
}

pub(super) async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(login): Caller,
) -> Json<Vec<Value>> {
    let own = gateway.sessions.kernels_owned_by(&login);
    Json(own.iter().map(|kernel| model(kernel)).collect())
}

pub(super) async fn create(
    State(gateway): State<Arc<Gateway>>,
    Extension(login): Caller,
    departure: Option<Extension<Departure>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, GatewayError> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            GatewayError::TooLarge(gateway.sessions.limits().request_bytes)
        }
        _ => GatewayError::Malformed("the request body did not arrive whole".to_owned()),
    })?;
    let request = CreateKernel::read(&body)?.into_request()?;
    let kernel = gateway.sessions.open_kernel(&login, request)?;
    // Also when nobody waits any more: a client that has left never learns its id.
    let starting = Opened::new(|| {
        let reason = "its start failed or was given up";
        gateway.sessions.end(kernel.session(), reason);
    });
    let id = kernel.id().to_string();
    tokio::select! {
        started = gateway.started(&login, &id) => started.map(drop)?,
        () = left(departure) => return Err(GatewayError::ClientLeft),
    }
    starting.keep();
    let location = [(header::LOCATION, format!("/api/kernels/{id}"))];
    Ok((StatusCode::CREATED, location, Json(model(&kernel))).into_response())
}

/// Waits until the client is gone.
async fn left(departure: Option<Extension<Departure>>) {
    match departure {
        Some(Extension(departure)) => departure.happened().await,
        None => std::future::pending().await,
    }
}

pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(login): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, GatewayError> {
    let kernel = gateway.kernel(&login, &id)?;
    Ok(Json(model(&kernel)))
}

pub(super) async fn delete(
    State(gateway): State<Arc<Gateway>>,
    Extension(login): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, GatewayError> {
    let kernel = gateway.kernel(&login, &id)?;
    gateway
        .sessions
        .end(kernel.session(), "its owner deleted it");
    kernel.session().gone_in_time().await;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn interrupt(
    State(gateway): State<Arc<Gateway>>,
    Extension(login): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, GatewayError> {
    gateway.started(&login, &id).await?.interrupt().await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn restart(
    State(gateway): State<Arc<Gateway>>,
    Extension(login): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, GatewayError> {
    let kernel = gateway.started(&login, &id).await?;
    kernel.restart().await?;
    Ok(Json(model(&kernel)))
}
