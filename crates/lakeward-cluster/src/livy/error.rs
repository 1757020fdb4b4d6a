//! Livy's errors, in the shapes that Livy gives them.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;

use lakeward_session::SessionError;

/// The answer to a call that was refused.
#[derive(Debug, thiserror::Error)]
pub enum LivyError {
    /// No user name and password, or a pair that opens nothing (any more).
    #[error("authentication required: the user name and password are missing, wrong or expired")]
    Unauthenticated,
    /// No session of the caller has that number or name.
    #[error("Session '{0}' not found.")]
    NoSession(String),
    /// The session has no such statement, or has forgotten it.
    #[error("Statement not found")]
    NoStatement,
    /// A page of another site sent the request.
    #[error("requests from pages of other sites are refused")]
    ForeignOrigin,
    /// The request asks for another user than its own.
    #[error("User '{user}' not allowed to impersonate 'Some({other})'.")]
    Impersonation {
        /// The caller.
        user: String,
        /// Who it wanted to be.
        other: String,
    },
    /// The body or the query is not what the operation takes.
    #[error("{0}")]
    Malformed(String),
    /// A value is not accepted.
    #[error("Rejected, Reason: {0}")]
    Rejected(String),
    /// The service does not have that part of Livy.
    #[error("{0} not implemented by this service")]
    NotBuilt(&'static str),
    /// The client accepts other versions of the API only.
    #[error(
        "there is no version {0} of this API; accept application/vnd.livy.v0.1+json, or anything"
    )]
    NotAcceptable(String),
    /// There is no such address.
    #[error("no such resource")]
    NoRoute,
    /// The address does not take the method.
    #[error("method not allowed")]
    NoMethod,
    /// The body is larger than the service takes.
    #[error("the request body is larger than {0} bytes")]
    TooLarge(usize),
    /// The request did not arrive in time.
    #[error("the request took too long to arrive")]
    TooSlow,
    /// The audit trail can't be written.
    #[error("{0}")]
    Unrecorded(String),
    /// A session or statement was refused.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl LivyError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::NoSession(_) | Self::NoStatement | Self::NoRoute => StatusCode::NOT_FOUND,
            Self::ForeignOrigin | Self::Impersonation { .. } => StatusCode::FORBIDDEN,
            Self::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
            Self::NoMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            // Not a 5xx: clients repeat those, and each would do its work once more.
            Self::Unrecorded(_) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Malformed(_) | Self::Rejected(_) | Self::NotBuilt(_) | Self::Session(_) => {
                StatusCode::BAD_REQUEST
            }
        }
    }
}

impl IntoResponse for LivyError {
    fn into_response(self) -> Response {
        let status = self.status();
        let text = self.to_string();
        match self {
            Self::Unauthenticated => {
                let challenge = [(header::WWW_AUTHENTICATE, r#"Basic realm="livy""#)];
                (status, challenge, Json(json!({ "msg": text }))).into_response()
            }
            // Livy answers these two with a bare JSON string.
            Self::NoStatement | Self::Malformed(_) => (status, Json(text)).into_response(),
            Self::Session(error) => {
                let text = format!("Rejected, {error}");
                (status, Json(json!({ "msg": text }))).into_response()
            }
            _ => (status, Json(json!({ "msg": text }))).into_response(),
        }
    }
}
