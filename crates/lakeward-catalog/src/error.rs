//! Why the catalog refuses, in AWS's codes and texts.

use lakeward_store::StoreError;
use lakeward_wire::AwsError;
use thiserror::Error;

/// Why a call to Glue or Lake Formation failed.
#[derive(Debug, Error)]
pub(crate) enum CatalogError {
    /// The thing, or the way to ask for it, is wrong.
    #[error("invalid input: {0}")]
    InvalidInput(String),
    /// The thing isn't there, and the caller may know that.
    #[error("not found: {0}")]
    NotFound(String),
    /// The thing is there already.
    #[error("already exists: {0}")]
    AlreadyExists(String),
    /// Lake Formation doesn't let the caller, who may or may not have named something that exists.
    #[error("insufficient permission(s): {0}")]
    Insufficient(String),
    /// The control plane's refusal, the same for what is hidden and what is missing.
    #[error("not authorized, or no such resource")]
    NotAuthorized,
    /// Identity refused, or the request is wrong in a way that it names.
    #[error(transparent)]
    Refused(#[from] AwsError),
    /// The state couldn't be changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CatalogError {
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::InvalidInput(message.into())
    }

    /// Lake Formation's text for a missing permission: `required` in words, such as `Create Table`.
    pub fn required(required: &str, on: &str) -> Self {
        Self::Insufficient(format!(": Required {required} on {on}"))
    }
}

impl From<CatalogError> for AwsError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::InvalidInput(message) => Self::new(400, "InvalidInputException", message),
            CatalogError::NotFound(message) => Self::new(400, "EntityNotFoundException", message),
            CatalogError::AlreadyExists(message) => {
                Self::new(400, "AlreadyExistsException", message)
            }
            CatalogError::Insufficient(on) => {
                Self::access_denied(format!("Insufficient Lake Formation permission(s){on}"))
            }
            CatalogError::NotAuthorized => Self::access_denied(
                "Resource does not exist or requester is not authorized to access requested permissions.",
            ),
            CatalogError::Refused(refusal) => refusal,
            CatalogError::Store(cause) => lakeward_identity::unavailable(cause),
        }
    }
}
