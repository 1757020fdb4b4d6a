//! What must hold for any bytes that a stranger may send.
//!
//! Each function takes bytes, reads them as one kind of input and panics when a promise about that
//! kind is broken. The fuzz targets in `fuzz/` call these functions and so does a bounded test with random
//! inputs in this crate, so that both check the same.
#![forbid(unsafe_code)]

mod documents;
mod requests;
mod tables;

pub use documents::{arn, policy_document};
pub use requests::{json_request, query_form, signature};
pub use tables::{parquet_footer, row_filter};

/// A kind of input: its name, as the fuzz target and its folder of seeds have it, and its check.
pub type Target = (&'static str, fn(&[u8]));

/// All kinds of input.
pub const TARGETS: [Target; 7] = [
    ("arn", arn),
    ("json_request", json_request),
    ("parquet_footer", parquet_footer),
    ("policy_document", policy_document),
    ("query_form", query_form),
    ("row_filter", row_filter),
    ("signature", signature),
];
