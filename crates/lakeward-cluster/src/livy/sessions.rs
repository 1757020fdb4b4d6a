//! Operations on sessions.

use std::sync::Arc;

use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::answer;
use super::authentication::may_be;
use super::error::LivyError;
use super::paging::Page;
use super::request::{CreateSession, read};
use super::router::Livy;
use crate::opened::Opened;
use lakeward_session::{Login, Session};

/// The parts below a session with which Livy takes jars and jobs.
pub(super) const JOB_ROUTES: [&str; 10] = [
    "submit-job",
    "run-job",
    "upload-jar",
    "upload-pyfile",
    "upload-file",
    "add-jar",
    "add-pyfile",
    "add-file",
    "jobs/{job}",
    "jobs/{job}/cancel",
];

pub(super) type Caller = Extension<Arc<Login>>;
pub(super) type Body = Result<Bytes, BytesRejection>;
pub(super) type Paging = Result<Query<Page>, QueryRejection>;

impl Livy {
    /// The caller's own session of that number or name. Someone else's is as good as none. Being
    /// asked for counts as the owner's heartbeat.
    pub fn session(&self, login: &Login, text: &str) -> Result<Arc<Session>, LivyError> {
        let found = match text.parse() {
            Ok(id) => self.sessions.find(login, id),
            Err(_) => self
                .sessions
                .owned_by(login)
                .into_iter()
                .find(|session| session.request.name.as_deref() == Some(text)),
        };
        let session = found.ok_or_else(|| LivyError::NoSession(text.to_owned()))?;
        session.heard();
        Ok(session)
    }

    /// A login works as itself and as nobody else.
    pub fn refuse_impersonation(
        &self,
        login: &Login,
        proxy_user: Option<&str>,
    ) -> Result<(), LivyError> {
        match proxy_user.filter(|other| !may_be(login, other)) {
            Some(other) => Err(LivyError::Impersonation {
                user: login.username.clone(),
                other: other.to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// The body, or the reason why it is not there.
    pub fn body(&self, body: Body) -> Result<Bytes, LivyError> {
        body.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                LivyError::TooLarge(self.sessions.limits().request_bytes)
            }
            _ => LivyError::Malformed("the request body did not arrive whole".to_owned()),
        })
    }
}

/// The page that was asked for.
pub(super) fn page(paging: Paging) -> Result<Page, LivyError> {
    paging
        .map(|Query(page)| page)
        .map_err(|rejection| LivyError::Malformed(rejection.body_text()))
}

pub(super) async fn list(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    paging: Paging,
) -> Result<Json<Value>, LivyError> {
    let own = livy.sessions.owned_by(&login);
    let (from, count) = page(paging)?.of_list(own.len());
    let shown: Vec<Value> = own
        .iter()
        .skip(from)
        .take(count)
        .map(|session| answer::session(session, &livy.base))
        .collect();
    Ok(Json(json!({
        "from": from,
        "total": own.len(),
        "sessions": shown,
    })))
}

pub(super) async fn create(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    body: Body,
) -> Result<Response, LivyError> {
    let body: CreateSession = read(&livy.body(body)?)?;
    livy.refuse_impersonation(&login, body.proxy_user.as_deref())?;
    let session = livy.sessions.open(&login, body.into_request()?)?;
    // Also when the time for the call is over while the record is being written.
    let opened = Opened::new(|| livy.sessions.end(&session, UNKEPT));
    let kept = livy.roles.keep(session.record()).await;
    kept.map_err(|error| LivyError::Unrecorded(error.message))?;
    opened.keep();
    let location = [(header::LOCATION, format!("/sessions/{}", session.id))];
    let object = Json(answer::session(&session, &livy.base));
    Ok((StatusCode::CREATED, location, object).into_response())
}

/// Why a session ends whose number nobody would learn.
pub(super) const UNKEPT: &str = "its record can't be kept";

pub(super) async fn show(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(session): Path<String>,
) -> Result<Json<Value>, LivyError> {
    let session = livy.session(&login, &session)?;
    Ok(Json(answer::session(&session, &livy.base)))
}

pub(super) async fn state(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(session): Path<String>,
) -> Result<Json<Value>, LivyError> {
    let session = livy.session(&login, &session)?;
    Ok(Json(json!({ "id": session.id, "state": session.state() })))
}

pub(super) async fn log(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(session): Path<String>,
    paging: Paging,
) -> Result<Json<Value>, LivyError> {
    let session = livy.session(&login, &session)?;
    let (from, count) = page(paging)?.of_log(session.log(0, 0).1);
    let (lines, total) = session.log(from, count);
    Ok(Json(json!({
        "id": session.id,
        "from": from,
        "total": total,
        "log": lines,
    })))
}

pub(super) async fn connect(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(session): Path<String>,
) -> Result<Json<Value>, LivyError> {
    let session = livy.session(&login, &session)?;
    session.touch();
    Ok(Json(answer::session(&session, &livy.base)))
}

pub(super) async fn delete(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(session): Path<String>,
) -> Result<Json<Value>, LivyError> {
    let session = livy.session(&login, &session)?;
    livy.sessions.end(&session, "its owner deleted it");
    // As Livy does: its place is free when this is answered.
    session.gone_in_time().await;
    Ok(Json(json!({ "msg": "deleted" })))
}

pub(super) async fn stop(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(session): Path<String>,
) -> Result<StatusCode, LivyError> {
    let session = livy.session(&login, &session)?;
    livy.sessions.end(&session, "its owner stopped it");
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn interrupt(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(session): Path<String>,
) -> Result<Json<Value>, LivyError> {
    livy.session(&login, &session)?.interrupt();
    Ok(Json(json!({ "msg": "interrupted" })))
}

/// Jobs and uploads are a part of Livy that is not built.
pub(super) async fn refuse_jobs(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(parts): Path<Vec<(String, String)>>,
) -> Result<(), LivyError> {
    let session = parts.first().map(|(_, value)| value.as_str());
    livy.session(&login, session.unwrap_or_default())?;
    Err(LivyError::NotBuilt(
        "jobs and uploads are for a JVM; use statements or batches. They are",
    ))
}
