//! The gateway's errors, in the shape that Jupyter's servers give them.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use lakeward_session::SessionError;
use serde_json::json;

/// The answer to a call that was refused.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// No user name and password, or a pair that opens nothing (any more).
    #[error("authentication required: the user name and password are missing, wrong or expired")]
    Unauthenticated,
    /// A page of another site sent the request.
    #[error("requests from pages of other sites are refused")]
    ForeignOrigin,
    /// The caller has no such kernel.
    #[error("Kernel does not exist: {0}")]
    NoKernel(String),
    /// There is no specification of that name.
    #[error("No such kernel named {0}")]
    NoSpecification(String),
    /// There is no such address.
    #[error("no such resource")]
    NoRoute,
    /// The address does not take the method.
    #[error("method not allowed")]
    NoMethod,
    /// The gateway does not have that part.
    #[error("{0} not implemented by this service")]
    NotBuilt(&'static str),
    /// The request is not what the operation takes.
    #[error("{0}")]
    Malformed(String),
    /// The body is larger than the service takes.
    #[error("the request body is larger than {0} bytes")]
    TooLarge(usize),
    /// The request did not arrive, or its answer did not come, in time.
    #[error("the request took too long")]
    TooSlow,
    /// Nobody waits for the kernel any more.
    #[error("the client left before its kernel was ready; the kernel was ended")]
    ClientLeft,
    /// The kernel did not start in time.
    #[error("the kernel was not ready within {0} seconds and was ended; try again")]
    NotReady(u64),
    /// The audit trail can't be written.
    #[error("{0}")]
    Unrecorded(String),
    /// A kernel was refused, or is not what it should be.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl GatewayError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::NoKernel(_) | Self::NoSpecification(_) | Self::NoRoute => StatusCode::NOT_FOUND,
            Self::NoMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotBuilt(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow | Self::ClientLeft => StatusCode::REQUEST_TIMEOUT,
            Self::Unrecorded(_) => StatusCode::INSUFFICIENT_STORAGE,
            Self::NotReady(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Session(error) => of_session(error),
        }
    }
}

/// What is a bound is the caller's to mind; what did not start or restart is not.
fn of_session(error: &SessionError) -> StatusCode {
    match error {
        SessionError::KernelGone { .. }
        | SessionError::KernelNotRestarted { .. }
        | SessionError::Folder { .. }
        | SessionError::Launch { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        SessionError::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    }
}

impl IntoResponse for GatewayError {
    fn into_response(self) -> Response {
        let status = self.status();
        let reason = status.canonical_reason().unwrap_or_default();
        let body = Json(json!({ "reason": reason, "message": self.to_string() }));
        match self {
            Self::Unauthenticated => {
                let challenge = [(header::WWW_AUTHENTICATE, r#"Basic realm="jupyter""#)];
                (status, challenge, body).into_response()
            }
            _ => (status, body).into_response(),
        }
    }
}
