//! Operations on batches.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::answer;
use super::batch_request::CreateBatch;
use super::error::LivyError;
use super::request::read;
use super::router::Livy;
use super::sessions::{Body, Caller, Paging, UNKEPT, page};
use crate::opened::Opened;
use lakeward_session::{Batch, Login};

impl Livy {
    /// The caller's own batch of that number. Someone else's is as good as none.
    pub fn batch(&self, login: &Login, text: &str) -> Result<Batch, LivyError> {
        let id = text.parse().ok();
        id.and_then(|id| self.sessions.find_batch(login, id))
            .ok_or_else(|| LivyError::NoSession(text.to_owned()))
    }
}

pub(super) async fn list(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    paging: Paging,
) -> Result<Json<Value>, LivyError> {
    let own = livy.sessions.batches_of(&login);
    let (from, count) = page(paging)?.of_list(own.len());
    let shown: Vec<Value> = own
        .iter()
        .skip(from)
        .take(count)
        .map(|batch| answer::batch(batch, &livy.base))
        .collect();
    Ok(Json(
        json!({ "from": from, "total": own.len(), "sessions": shown }),
    ))
}

pub(super) async fn create(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    body: Body,
) -> Result<Response, LivyError> {
    let body: CreateBatch = read(&livy.body(body)?)?;
    livy.refuse_impersonation(&login, body.proxy_user.as_deref())?;
    let batch = livy.sessions.open_batch(&login, body.into_request()?)?;
    let opened = Opened::new(|| livy.sessions.end_batch(&batch, UNKEPT));
    let kept = livy.roles.keep(batch.record()).await;
    kept.map_err(|error| LivyError::Unrecorded(error.message))?;
    opened.keep();
    let location = [(header::LOCATION, format!("/batches/{}", batch.id()))];
    let object = Json(answer::batch(&batch, &livy.base));
    Ok((StatusCode::CREATED, location, object).into_response())
}

pub(super) async fn show(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(batch): Path<String>,
) -> Result<Json<Value>, LivyError> {
    Ok(Json(answer::batch(
        &livy.batch(&login, &batch)?,
        &livy.base,
    )))
}

pub(super) async fn state(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(batch): Path<String>,
) -> Result<Json<Value>, LivyError> {
    let batch = livy.batch(&login, &batch)?;
    Ok(Json(json!({ "id": batch.id(), "state": batch.state() })))
}

pub(super) async fn log(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(batch): Path<String>,
    paging: Paging,
) -> Result<Json<Value>, LivyError> {
    let batch = livy.batch(&login, &batch)?;
    let (from, count) = page(paging)?.of_log(batch.log(0, 0).1);
    let (lines, total) = batch.log(from, count);
    Ok(Json(
        json!({ "id": batch.id(), "from": from, "total": total, "log": lines }),
    ))
}

pub(super) async fn delete(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(batch): Path<String>,
) -> Result<Json<Value>, LivyError> {
    let batch = livy.batch(&login, &batch)?;
    livy.sessions.end_batch(&batch, "its owner deleted it");
    batch.gone_in_time().await;
    Ok(Json(json!({ "msg": "deleted" })))
}
