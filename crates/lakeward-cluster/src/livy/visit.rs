//! What a request to Livy leaves in the audit trail.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::Method;

use super::error::LivyError;
use super::router::Livy;
use crate::visit::Trace;
use lakeward_session::Login;

/// A request's record. Notebooks ask for their session's state every second; such a reading
/// request leaves a record only when it is refused.
pub(super) fn trace_of(request: &Request) -> Trace {
    let operation = operation(request.method(), request.uri().path());
    Trace::of(request, operation, request.method() == Method::GET)
}

impl Livy {
    /// Leaves the record, or refuses to answer without one.
    pub fn close(&self, trace: &Trace, login: Option<&Login>, response: Response) -> Response {
        match trace.record(&*self.roles, &self.cluster_id, login, response.status()) {
            Ok(()) => response,
            Err(error) => LivyError::Unrecorded(error.message).into_response(),
        }
    }
}

/// The request's name in records.
fn operation(method: &Method, path: &str) -> &'static str {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match (method, parts.as_slice()) {
        (&Method::GET, [] | ["ui", ..]) => "GetPage",
        (&Method::GET, ["metrics", "ping"]) => "Ping",
        (&Method::GET, ["version"]) => "GetVersion",
        (&Method::GET, ["sessions"]) => "ListSessions",
        (&Method::POST, ["sessions"]) => "CreateSession",
        (&Method::GET, ["sessions", _]) => "GetSession",
        (&Method::DELETE, ["sessions", _]) => "DeleteSession",
        (&Method::GET, ["sessions", _, "state"]) => "GetSessionState",
        (&Method::GET, ["sessions", _, "log"]) => "GetSessionLog",
        (&Method::POST, ["sessions", _, "connect"]) => "ConnectSession",
        (&Method::POST, ["sessions", _, "stop"]) => "StopSession",
        (&Method::POST, ["sessions", _, "interrupt"]) => "InterruptSession",
        (&Method::POST, ["sessions", _, "completion"]) => "CompleteCode",
        (&Method::GET, ["sessions", _, "statements"]) => "ListStatements",
        (&Method::POST, ["sessions", _, "statements"]) => "CreateStatement",
        (&Method::GET, ["sessions", _, "statements", _]) => "GetStatement",
        (&Method::POST, ["sessions", _, "statements", _, "cancel"]) => "CancelStatement",
        (&Method::GET, ["batches"]) => "ListBatches",
        (&Method::POST, ["batches"]) => "CreateBatch",
        (&Method::GET, ["batches", _]) => "GetBatch",
        (&Method::DELETE, ["batches", _]) => "DeleteBatch",
        (&Method::GET, ["batches", _, "state"]) => "GetBatchState",
        (&Method::GET, ["batches", _, "log"]) => "GetBatchLog",
        _ => "Unknown",
    }
}
