//! The documented evaluation logic, row by row.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod case;
mod explanation;
mod logic;
mod measured;
mod organizations;
mod principals;
