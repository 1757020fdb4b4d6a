//! Verification of Signature Version 4, in the Authorization header or in the query string.
//!
//! Rules, error codes and texts follow "Signature Version 4 signing process" and "Troubleshoot
//! Signature Version 4" of the IAM User Guide. S3 is verified by the `s3s` crate instead, because
//! its payloads, paths and error codes differ.

mod canonical;
mod claim;
mod date;
mod header;
mod key;
mod presigned;
mod query;
mod scope;

pub use claim::{Place, SignedRequest};
pub use date::CLOCK_SKEW;
pub use key::SigningKeys;
pub use presigned::MAX_EXPIRES;
pub use scope::Scope;

pub(crate) use query::is_authentication;

use crate::AwsError;

/// The only algorithm there is, as requests name it.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

fn incomplete(why: impl Into<String>) -> AwsError {
    AwsError::new(400, "IncompleteSignature", why)
}

fn mismatch(why: impl Into<String>) -> AwsError {
    AwsError::new(403, "SignatureDoesNotMatch", why)
}

#[cfg(test)]
mod tests;
