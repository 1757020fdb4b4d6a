//! What a request to the gateway leaves in the audit trail.

use axum::extract::Request;
use http::Method;

use crate::visit::Trace;

/// A request's record. Clients ask for their kernels every few seconds; such a reading request
/// leaves a record only when it is refused. Joining a kernel is no reading request.
pub(super) fn trace_of(request: &Request) -> Trace {
    let operation = operation(request.method(), request.uri().path());
    let is_reading = request.method() == Method::GET && operation != "ConnectKernel";
    Trace::of(request, operation, is_reading)
}

/// The request's name in records.
fn operation(method: &Method, path: &str) -> &'static str {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match (method, parts.as_slice()) {
        (&Method::GET, ["api"]) => "GetGatewayVersion",
        (&Method::GET, ["api", "kernelspecs"]) => "ListKernelSpecs",
        (&Method::GET, ["api", "kernelspecs", _]) => "GetKernelSpec",
        (&Method::GET, ["api", "kernels"]) => "ListKernels",
        (&Method::POST, ["api", "kernels"]) => "CreateKernel",
        (&Method::GET, ["api", "kernels", _]) => "GetKernel",
        (&Method::DELETE, ["api", "kernels", _]) => "DeleteKernel",
        (&Method::POST, ["api", "kernels", _, "interrupt"]) => "InterruptKernel",
        (&Method::POST, ["api", "kernels", _, "restart"]) => "RestartKernel",
        (&Method::GET, ["api", "kernels", _, "channels"]) => "ConnectKernel",
        _ => "Unknown",
    }
}
