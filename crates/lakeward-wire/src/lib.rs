//! The wire: AWS protocols, SigV4 verification, error shapes and TLS identities.
//!
//! Nothing in here knows an operation. A service is a table elsewhere; this crate turns bytes
//! into serde values and back, and says who signed them.
#![forbid(unsafe_code)]

pub mod authority;
mod error;
mod form;
pub mod listener;
mod protocol;
mod secret;
pub mod sigv4;
mod time;
pub mod tunnel;
mod xml;

pub use error::AwsError;
pub use protocol::{Answer, Incoming, Protocol};
pub use secret::Secret;
pub use time::{epoch, iso};
pub use xml::xml_map;
