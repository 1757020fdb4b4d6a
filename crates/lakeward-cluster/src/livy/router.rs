//! The addresses of one cluster's Livy.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get, post};
use axum::{Router, middleware};

use super::authentication::authenticate;
use super::error::LivyError;
use super::lapsed::LapsedLogins;
use super::{about, batches, sessions, statements, ui};
use lakeward_session::{RuntimeRoles, SessionRegistry};

/// One cluster's Livy.
pub(super) struct Livy {
    pub cluster_id: String,
    /// `https://HOST:PORT` of this Livy.
    pub base: String,
    pub roles: Arc<dyn RuntimeRoles>,
    pub sessions: Arc<SessionRegistry>,
    pub lapsed: LapsedLogins,
}

/// The routes. Every one of them asks for a login, also those that do not exist.
pub(super) fn router(livy: Livy) -> Router {
    let livy = Arc::new(livy);
    let limit = livy.sessions.limits().request_bytes;
    let mut router = Router::new()
        .route("/", get(about::root))
        .route("/ui", get(about::root))
        .route("/ui/", get(ui::overview))
        .route("/ui/session/{session}", get(ui::session))
        .route("/ui/session/{session}/log", get(ui::log_of_session))
        .route("/ui/batch/{batch}/log", get(ui::log_of_batch))
        .route("/ui/application/{application}", get(ui::application))
        .route("/metrics/ping", get(about::ping))
        .route("/version", get(about::version))
        .route("/sessions", get(sessions::list).post(sessions::create))
        .route(
            "/sessions/{session}",
            get(sessions::show).delete(sessions::delete),
        )
        .route("/sessions/{session}/state", get(sessions::state))
        .route("/sessions/{session}/log", get(sessions::log))
        .route("/sessions/{session}/connect", post(sessions::connect))
        .route("/sessions/{session}/stop", post(sessions::stop))
        .route("/sessions/{session}/interrupt", post(sessions::interrupt))
        .route("/sessions/{session}/completion", post(statements::complete))
        .route(
            "/sessions/{session}/statements",
            get(statements::list).post(statements::create),
        )
        .route(
            "/sessions/{session}/statements/{statement}",
            get(statements::show),
        )
        .route(
            "/sessions/{session}/statements/{statement}/cancel",
            post(statements::cancel),
        )
        .route("/batches", get(batches::list).post(batches::create))
        .route(
            "/batches/{batch}",
            get(batches::show).delete(batches::delete),
        )
        .route("/batches/{batch}/state", get(batches::state))
        .route("/batches/{batch}/log", get(batches::log));
    for job in sessions::JOB_ROUTES {
        router = router.route(
            &format!("/sessions/{{session}}/{job}"),
            any(sessions::refuse_jobs),
        );
    }
    router
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(limit))
        .layer(middleware::from_fn(about::check_version))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&livy),
            authenticate,
        ))
        .with_state(livy)
}

async fn no_route() -> LivyError {
    LivyError::NoRoute
}

async fn no_method() -> LivyError {
    LivyError::NoMethod
}
