//! Tokens of an OpenID Connect provider become sessions of roles. The provider is a server of the
//! test's own on this machine, with a certificate of an authority that only the test trusts.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod provider;
mod providers;
mod sessions;
mod tokens;
#[path = "../life/world.rs"]
#[allow(dead_code, reason = "each test takes its part")]
mod world;
