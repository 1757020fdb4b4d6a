//! What a request on a cluster's address leaves in the audit trail.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{Method, header};
use lakeward_wire::listener::Peer;

use super::error::LivyError;
use super::router::Livy;
use lakeward_session::{Login, Visit};

/// A request, as far as its record needs it.
pub(super) struct Trace {
    operation: &'static str,
    is_reading: bool,
    source_ip: IpAddr,
    user_agent: Option<String>,
}

impl Trace {
    pub fn of(request: &Request) -> Self {
        let peer = request.extensions().get::<Peer>();
        let agent = request.headers().get(header::USER_AGENT);
        Self {
            operation: operation(request.method(), request.uri().path()),
            is_reading: request.method() == Method::GET,
            source_ip: peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip()),
            user_agent: agent.and_then(|agent| Some(agent.to_str().ok()?.to_owned())),
        }
    }

    /// Leaves the record, or refuses to answer without one. Notebooks ask for their session's
    /// state every second; such a reading request leaves a record only when it is refused.
    pub fn close(&self, livy: &Livy, login: Option<&Login>, response: Response) -> Response {
        let status = response.status();
        if self.is_reading && !status.is_client_error() && !status.is_server_error() {
            return response;
        }
        let visit = Visit {
            cluster_id: &livy.cluster_id,
            login,
            operation: self.operation,
            source_ip: self.source_ip,
            user_agent: self.user_agent.as_deref(),
            status: status.as_u16(),
        };
        match livy.roles.record(visit) {
            Ok(()) => response,
            Err(error) => LivyError::Unrecorded(error.message).into_response(),
        }
    }
}

/// The request's name in records.
fn operation(method: &Method, path: &str) -> &'static str {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match (method, parts.as_slice()) {
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
