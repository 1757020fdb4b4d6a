//! Pages for people, at the addresses of Livy's own: what a login has on the cluster, its statements
//! and its logs. They show and change nothing.

mod markup;

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderName, header};
use maud::Markup;

use super::error::LivyError;
use super::router::Livy;
use super::sessions::Caller;

/// Lines of a log on its page.
const LOG_LINES: usize = 1000;

/// What a page may do in a browser: nothing but be looked at. It shows what sessions print.
const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; \
         form-action 'none'",
    ),
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

/// A page to be sent.
struct Page(Markup);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        (HEADERS, self.0.into_string()).into_response()
    }
}

/// Where the page of a session is, on a Livy at `base`.
pub(super) fn session_page(base: &str, id: u32) -> String {
    format!("{base}/ui/session/{id}")
}

/// Where the log of a session is, on a Livy at `base`.
pub(super) fn session_log(base: &str, id: u32) -> String {
    format!("{base}/ui/session/{id}/log")
}

/// Where the log of a batch is, on a Livy at `base`.
pub(super) fn batch_log(base: &str, id: u32) -> String {
    format!("{base}/ui/batch/{id}/log")
}

/// Everything that the login has here.
pub(super) async fn overview(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
) -> impl IntoResponse {
    Page(markup::overview(
        &livy.cluster_id,
        &login,
        &livy.sessions.owned_by(&login),
        &livy.sessions.batches_of(&login),
        &livy.sessions.kernels_owned_by(&login),
    ))
}

/// One session and its statements.
pub(super) async fn session(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(session): Path<String>,
) -> Result<impl IntoResponse, LivyError> {
    Ok(Page(markup::session(&*livy.session(&login, &session)?)))
}

/// The end of a session's log.
pub(super) async fn log_of_session(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(session): Path<String>,
) -> Result<impl IntoResponse, LivyError> {
    let session = livy.session(&login, &session)?;
    let title = format!("Log of session {}", session.id);
    Ok(Page(markup::log(&title, &session.log_tail(LOG_LINES))))
}

/// The end of a batch's log.
pub(super) async fn log_of_batch(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(batch): Path<String>,
) -> Result<impl IntoResponse, LivyError> {
    let batch = livy.batch(&login, &batch)?;
    let first = batch.log(0, 0).1.saturating_sub(LOG_LINES);
    let title = format!("Log of batch {}", batch.id());
    Ok(Page(markup::log(&title, &batch.log(first, LOG_LINES).0)))
}

/// Leads to the login's session or batch with that application id, as YARN writes it.
pub(super) async fn application(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
    Path(application): Path<String>,
) -> Result<Redirect, LivyError> {
    let sessions = livy.sessions.owned_by(&login);
    let session = sessions
        .iter()
        .find(|session| session.application_id() == application)
        .map(|session| session_page("", session.id));
    let batches = livy.sessions.batches_of(&login);
    let batch = || {
        let found = batches
            .iter()
            .find(|batch| batch.application_id() == application)?;
        Some(batch_log("", found.id()))
    };
    let place = session.or_else(batch);
    place
        .map(|place| Redirect::to(&place))
        .ok_or(LivyError::NoSession(application))
}
