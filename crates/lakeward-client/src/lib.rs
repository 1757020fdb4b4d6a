//! A small AWS client: it signs with AWS's own signer and speaks to one endpoint.
//!
//! The demo's set-up and the tests use it, so that nothing reaches into the state by a side door.
#![forbid(unsafe_code)]

mod client;
mod credentials;
mod error;
mod signer;

pub use client::Client;
pub use credentials::Credentials;
pub use error::ClientError;
pub use signer::Signer;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// An `application/x-www-form-urlencoded` body.
pub fn form<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let pairs: Vec<String> = parameters
        .into_iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}

/// The text of the first `<name>` element of a query answer, as it stands there.
#[must_use]
pub fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}
