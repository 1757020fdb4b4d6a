//! The life of principals, their keys, policies and sessions through the dispatcher, as a client
//! would live it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod boundaries;
mod doors;
mod groups;
mod inline_policies;
mod keys;
mod managed_policies;
mod roles;
mod sessions;
mod signatures;
mod tags;
mod trust;
mod users;
mod world;
