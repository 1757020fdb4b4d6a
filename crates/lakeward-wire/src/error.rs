use std::{borrow::Cow, fmt::Display};

use http::StatusCode;
use thiserror::Error;

/// An error as AWS clients see it: an HTTP status, a code and a message.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("{code}: {message}")]
pub struct AwsError {
    /// HTTP status of the answer.
    pub status: StatusCode,
    /// AWS's error code, for instance `AccessDeniedException`.
    pub code: Cow<'static, str>,
    /// What is wrong and what would fix it.
    pub message: String,
    headers: Vec<(&'static str, String)>,
    /// Boxed, since few errors have one and all are carried about.
    member: Option<Box<(&'static str, String)>>,
}

impl AwsError {
    /// An error of the given status (500 when `status` is not an HTTP status).
    pub fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code: code.into(),
            message: message.into(),
            headers: Vec::new(),
            member: None,
        }
    }

    /// Adds a header to the answer. The name is in lower case.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The answer's additional headers.
    #[must_use]
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    /// Adds the member that the service's model has for this error beside its message, for instance
    /// EMR's `ErrorCode`. Only JSON protocols write it.
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.member = Some(Box::new((name, value.into())));
        self
    }

    /// The error's additional member.
    #[must_use]
    pub fn member(&self) -> Option<(&'static str, &str)> {
        let (name, value) = self.member.as_deref()?;
        Some((name, value))
    }

    /// The same error under a protocol's own name and status.
    pub(crate) fn renamed(mut self, status: u16, code: &'static str) -> Self {
        self.status = StatusCode::from_u16(status).unwrap_or(self.status);
        self.code = code.into();
        self
    }

    /// A refusal. JSON protocols say `AccessDeniedException` (400), the query protocol and S3
    /// `AccessDenied` (403): the protocol's encoder translates.
    pub fn access_denied(message: impl Into<String>) -> Self {
        Self::new(400, "AccessDeniedException", message)
    }

    /// `ValidationException`, 400.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationException", message)
    }

    /// Our own failure. The cause goes to the log; the caller only learns that it was ours.
    pub fn internal(cause: impl Display) -> Self {
        tracing::error!(%cause, "internal failure");
        Self::new(
            500,
            "InternalFailure",
            "The request processing has failed because of an internal error.",
        )
    }

    /// True when this is a refusal of access, under any protocol's name for it.
    #[must_use]
    pub fn is_access_denied(&self) -> bool {
        matches!(&*self.code, "AccessDeniedException" | "AccessDenied")
    }

    /// True when the fault is the caller's (4xx).
    #[must_use]
    pub fn is_sender_fault(&self) -> bool {
        self.status.is_client_error()
    }
}
