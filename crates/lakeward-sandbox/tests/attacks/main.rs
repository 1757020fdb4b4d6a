//! Code in an enclosure that tries to get out, or to take more than its share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod cell;
mod start;
