//! Code in an enclosure that tries to get out, or to take more than its share. What it can't do
//! because the host has no control groups for this user is not tested then, and says so; root must
//! have them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod calls;
mod cell;
mod death;
mod files;
mod network;
mod processes;
mod resources;
mod start;
mod unprivileged;
