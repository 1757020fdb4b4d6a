//! Errors: the gate's own, and their shape on S3's wire.

use std::{
    error::Error,
    io::{self, ErrorKind},
};

use http::StatusCode;
use lakeward_identity::unavailable;
use lakeward_store::StoreError;
use lakeward_wire::AwsError;
use s3s::{S3Error, S3ErrorCode, s3_error};
use thiserror::Error;

/// Why the gate could not start, or could not reach its own storage.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GateError {
    /// The content folder can't be used.
    #[error("the content folder `{path}` can't be used: {source}")]
    Folder {
        /// The folder.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The object storage refused or failed.
    #[error("the object storage failed: {0}")]
    Storage(#[from] object_store::Error),
    /// Reading or writing object bytes failed.
    #[error("reading or writing object bytes failed: {0}")]
    Bytes(#[from] io::Error),
    /// The object's bytes come as a stream, which filtered reads can't seek in.
    #[error("the object storage hands out streams only; a local folder is needed")]
    NotSeekable,
    /// The state database refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A task of the gate ended without an answer.
    #[error("an internal task ended without an answer: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// The storage of a key that virtual ETags depend on is damaged.
    #[error("the view key in the state is damaged: restore the state from a backup")]
    ViewKey,
}

/// A failure inside the gate: logged here, and answered without detail.
pub(crate) fn internal(error: impl std::fmt::Display) -> S3Error {
    tracing::error!(%error, "the gate failed");
    s3_error!(
        InternalError,
        "We encountered an internal error. Please try again."
    )
}

impl From<GateError> for S3Error {
    fn from(error: GateError) -> Self {
        match error {
            GateError::Store(cause) => from_aws(&unavailable(cause)),
            error if is_disk_full(&error) => {
                tracing::error!(%error, "object bytes can't be written");
                s3_error!(
                    ServiceUnavailable,
                    "Nothing was changed: the disk of the objects is full. Try again when there is room."
                )
            }
            error => internal(error),
        }
    }
}

/// Whether a full disk, a quota or a limit on file sizes is at the bottom of it.
fn is_disk_full(error: &GateError) -> bool {
    let mut causes = std::iter::successors(Some(error as &dyn Error), |&error| error.source());
    causes.any(|cause| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(
            kind,
            Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
        )
    })
}

/// Why a state transaction did not happen.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The request can't be met: this is the answer. Nothing changed.
    Answer(S3Error),
    /// The store failed. Nothing should have changed, but a failing disk may disagree.
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<S3Error> for Refused {
    fn from(error: S3Error) -> Self {
        Self::Answer(error)
    }
}

impl From<Refused> for S3Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Answer(error) => error,
            Refused::Store(error) => from_aws(&unavailable(error)),
        }
    }
}

/// Puts an error of the identity or catalog services on S3's wire. Denials carry S3's code.
pub(crate) fn from_aws(error: &AwsError) -> S3Error {
    let (status, code) = match error.code.as_ref() {
        "AccessDeniedException" | "AccessDenied" => (StatusCode::FORBIDDEN, "AccessDenied"),
        "InternalFailure" => (error.status, "InternalError"),
        code => (error.status, code),
    };
    let code = S3ErrorCode::from_bytes(code.as_bytes())
        .unwrap_or_else(|| S3ErrorCode::Custom(code.into()));
    let mut answer = S3Error::with_message(code, error.message.clone());
    answer.set_status_code(status);
    answer
}

/// S3's plain denial, which says nothing about what exists.
pub(crate) fn access_denied() -> S3Error {
    s3_error!(AccessDenied, "Access Denied")
}

/// A request option that the gate does not have, refused rather than ignored.
pub(crate) fn not_implemented(what: &str) -> S3Error {
    s3_error!(
        NotImplemented,
        "A header or parameter you provided implies functionality that is not implemented: {what}"
    )
}

/// S3's answer to a body that nobody goes on sending.
pub(crate) fn timed_out() -> S3Error {
    s3_error!(
        RequestTimeout,
        "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed."
    )
}

pub(crate) fn no_such_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}

pub(crate) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

pub(crate) fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}

pub(crate) fn precondition_failed() -> S3Error {
    s3_error!(
        PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold"
    )
}
