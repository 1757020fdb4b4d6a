//! Organizations through the dispatcher: the tree of accounts, and the limits that it sets.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod limits;
mod permissions;
mod policies;
mod tree;
mod world;
