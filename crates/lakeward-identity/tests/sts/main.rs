//! Sessions of roles and users: what they take, what they may, and what ends them.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod desk;
mod own_sessions;
mod questions;
mod roles;
mod session_policies;
#[path = "../life/world.rs"]
#[allow(dead_code, reason = "each test takes its part")]
mod world;
