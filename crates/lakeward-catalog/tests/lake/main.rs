//! Glue and Lake Formation through the dispatcher, and the decision that the gate asks for.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod data;
mod metadata;
mod permissions;
mod places;
mod revoking;
mod unauthorised;
mod world;
