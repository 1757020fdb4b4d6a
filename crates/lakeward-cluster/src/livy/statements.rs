//! Operations on statements.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::StatementObject;
use super::error::LivyError;
use super::request::{Complete, CreateStatement, language, read};
use super::router::Livy;
use super::sessions::{Body, Caller, Paging, page};
use lakeward_session::{Language, Statement};

/// Candidates shown for one completion.
const CANDIDATES: usize = 1000;

#[derive(Serialize)]
pub(super) struct StatementList {
    total_statements: usize,
    statements: Vec<StatementObject>,
}

pub(super) async fn list(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(session): Path<String>,
    paging: Paging,
) -> Result<Json<StatementList>, LivyError> {
    let page = page(paging)?;
    let mut all: Vec<Statement> = livy.session(&login, &session)?.statements();
    if page
        .order
        .as_deref()
        .is_some_and(|order| order.eq_ignore_ascii_case("desc"))
    {
        all.reverse();
    }
    let total = all.len();
    let (from, count) = page.of_list(total);
    let shown = all.into_iter().skip(from).take(count);
    Ok(Json(StatementList {
        total_statements: total,
        statements: shown.map(StatementObject::from).collect(),
    }))
}

pub(super) async fn create(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(session): Path<String>,
    body: Body,
) -> Result<Response, LivyError> {
    let session = livy.session(&login, &session)?;
    let body: CreateStatement = read(&livy.body(body)?)?;
    let language = language(body.kind.as_deref(), &session.request.kind)?;
    let statement = session.submit_in(language, body.code)?;
    let place = format!("/sessions/{}/statements/{}", session.id, statement.id);
    let object = Json(StatementObject::from(statement));
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], object).into_response())
}

pub(super) async fn show(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path((session, statement)): Path<(String, String)>,
) -> Result<Json<StatementObject>, LivyError> {
    let session = livy.session(&login, &session)?;
    let statement = session.statement(number(&statement)?);
    Ok(Json(statement.ok_or(LivyError::NoStatement)?.into()))
}

pub(super) async fn cancel(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path((session, statement)): Path<(String, String)>,
) -> Result<Json<Value>, LivyError> {
    let session = livy.session(&login, &session)?;
    if session.cancel(number(&statement)?) {
        Ok(Json(json!({ "msg": "canceled" })))
    } else {
        Err(LivyError::NoStatement)
    }
}

pub(super) async fn complete(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(session): Path<String>,
    body: Body,
) -> Result<Json<Value>, LivyError> {
    let session = livy.session(&login, &session)?;
    let body: Complete = read(&livy.body(body)?)?;
    let cursor = body.cursor()?;
    let candidates = match language(body.kind.as_deref(), &session.request.kind)? {
        Language::Python => session.complete(body.code, cursor).await,
        Language::Sql => Vec::new(),
    };
    let candidates = candidates.get(..CANDIDATES).unwrap_or(&candidates);
    Ok(Json(json!({ "candidates": candidates })))
}

fn number(text: &str) -> Result<u64, LivyError> {
    text.parse().map_err(|_| LivyError::NoStatement)
}
