//! What a request to the gateway leaves in the audit trail.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::Method;

use super::error::GatewayError;
use super::router::Gateway;
use crate::visit::{Door, Trace, Visitor};

const DOOR: Door = Door {
    service: "jupyter",
    operation,
};

/// A request's record. Clients ask for their kernels every few seconds; such a reading request
/// leaves a record only when it is refused. Joining a kernel is no reading request.
pub(super) fn trace_of(request: &Request) -> Trace {
    Trace::of(request, &DOOR)
}

impl Gateway {
    /// Leaves the record, or refuses to answer without one.
    pub fn close(&self, trace: &Trace, visitor: Visitor<'_>, response: Response) -> Response {
        match trace.record(&*self.roles, &self.cluster_id, visitor, &response) {
            Ok(()) => response,
            Err(error) => GatewayError::Unrecorded(error.message).into_response(),
        }
    }
}

/// The request's name in records.
fn operation(method: &Method, parts: &[&str]) -> &'static str {
    match (method, parts) {
        (&Method::GET, ["api"]) => "GetGatewayVersion",
        (&Method::GET, ["api", "kernelspecs"]) => "ListKernelSpecs",
        (&Method::GET, ["api", "kernelspecs", _]) => "GetKernelSpec",
        (&Method::GET, ["kernelspecs", _, _]) => "GetKernelSpecFile",
        (&Method::GET, ["api", "kernels"]) => "ListKernels",
        (&Method::POST, ["api", "kernels"]) => "CreateKernel",
        (&Method::GET, ["api", "kernels", _]) => "GetKernel",
        (&Method::DELETE, ["api", "kernels", _]) => "DeleteKernel",
        (&Method::POST, ["api", "kernels", _, "interrupt"]) => "InterruptKernel",
        (&Method::POST, ["api", "kernels", _, "restart"]) => "RestartKernel",
        (&Method::GET, ["api", "kernels", _, "channels"]) => "ConnectKernel",
        (&Method::GET, ["api", "sessions", ..]) => "GetNotebookSessions",
        (_, ["api", "sessions", ..]) => "ChangeNotebookSessions",
        _ => "Unknown",
    }
}
