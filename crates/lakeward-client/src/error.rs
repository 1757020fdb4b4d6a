use thiserror::Error;

/// Why a request was not answered as hoped.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The request could not be signed.
    #[error("the request can't be signed: {0}")]
    Signing(String),
    /// The server could not be reached, or the answer broke off.
    #[error("the server at {endpoint} did not answer: {source}")]
    Transport {
        /// Where it was sent.
        endpoint: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// The CA certificate is not one.
    #[error("the CA certificate can't be used: {0}")]
    Certificate(reqwest::Error),
    /// The service refused.
    #[error("{operation} was refused: {code}: {message}")]
    Refused {
        /// The operation.
        operation: String,
        /// HTTP status.
        status: u16,
        /// AWS's error code.
        code: String,
        /// AWS's text.
        message: String,
    },
    /// The answer is longer than the caller takes.
    #[error("{operation} answered more than {most} bytes")]
    TooLarge {
        /// The operation.
        operation: String,
        /// The bound.
        most: usize,
    },
    /// The answer was not what the protocol says.
    #[error("{operation} answered something unreadable: {why}")]
    Unreadable {
        /// The operation.
        operation: String,
        /// What is wrong with it.
        why: String,
    },
}

impl ClientError {
    /// AWS's error code, when the service refused.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }
}
