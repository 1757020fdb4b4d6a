//! What a request to Livy leaves in the audit trail.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::Method;

use super::error::LivyError;
use super::router::Livy;
use crate::visit::{Door, Trace, Visitor};

const DOOR: Door = Door {
    service: "livy",
    operation,
};

/// A request's record. Notebooks ask for their session's state every second; such a reading
/// request leaves a record only when it is refused.
pub(super) fn trace_of(request: &Request) -> Trace {
    Trace::of(request, &DOOR)
}

impl Livy {
    /// Leaves the record, or refuses to answer without one.
    pub fn close(&self, trace: &Trace, visitor: Visitor<'_>, response: Response) -> Response {
        match trace.record(&*self.roles, &self.cluster_id, visitor, &response) {
            Ok(()) => response,
            Err(error) => LivyError::Unrecorded(error.message).into_response(),
        }
    }
}

/// The request's name in records.
fn operation(method: &Method, parts: &[&str]) -> &'static str {
    match (method, parts) {
        (&Method::GET, [] | ["ui", ..]) => "GetPage",
        (&Method::GET, ["metrics", "ping"]) => "Ping",
        (&Method::GET, ["version"]) => "GetVersion",
        (&Method::GET, ["sessions"]) => "ListSessions",
        (&Method::POST, ["sessions"]) => "CreateSession",
        (&Method::GET, ["sessions", _]) => "GetSession",
        (&Method::DELETE, ["sessions", _]) => "DeleteSession",
        (&Method::GET, ["sessions", _, "state"]) => "GetSessionState",
        (&Method::GET, ["sessions", _, "log"]) => "GetSessionLog",
        (_, ["sessions", _, "submit-job" | "run-job"]) => "SubmitJob",
        (
            _,
            [
                "sessions",
                _,
                "upload-jar" | "upload-pyfile" | "upload-file",
            ],
        ) => "UploadFile",
        (_, ["sessions", _, "add-jar" | "add-pyfile" | "add-file"]) => "AddFile",
        (_, ["sessions", _, "jobs", _]) => "GetJob",
        (_, ["sessions", _, "jobs", _, "cancel"]) => "CancelJob",
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

#[cfg(test)]
mod tests {
    use super::super::sessions::JOB_ROUTES;
    use super::*;

    #[test]
    fn what_is_not_built_has_a_name_too() {
        for route in JOB_ROUTES {
            let path = format!("sessions/3/{route}");
            let parts: Vec<&str> = path.split('/').collect();
            assert_ne!(operation(&Method::POST, &parts), "Unknown", "{path}");
        }
    }
}
