//! The S3 service: the only code that touches the lake's bytes for a caller.
//!
//! - [`Gate`] holds the state: records in the store ([`record`]), bytes in blobs that are written
//!   once and synced before a record names them.
//! - [`service`] is the HTTP side: a codec (the `s3s` crate) between our own front and operations.
//! - Reading asks in this order (`access`): the caller's own permission on `s3:GetObject` gives raw
//!   bytes; a grant on the table that the key belongs to gives what the *view* shows, which is a
//!   filtered Parquet object; else nothing. The permits that those decisions return are what the
//!   functions that open bytes take.
//! - A filtered object's size, ETag and date are functions of the original's record and the view,
//!   so that LIST, HEAD and GET agree; its bytes come from a plan of `lakeward-parquet`, made once
//!   and kept in memory, streamed as ranges of the blob.
#![forbid(unsafe_code)]

mod access;
mod answer;
mod blob;
mod bucket;
mod complete;
mod condition;
mod copy;
mod delete;
mod doors;
mod error;
mod gate;
mod host;
mod intake;
mod list;
mod listing;
mod multipart;
mod operations;
mod option;
mod pace;
mod read;
pub mod record;
mod segment;
mod service;
mod signature;
mod uploads;
mod view;
mod write;

pub use doors::BucketPolicies;
pub use error::GateError;
pub use gate::{Gate, Traffic};
pub use host::Hosts;
pub use record::schema;
pub use s3s::Body;
pub use service::{GateService, service};
