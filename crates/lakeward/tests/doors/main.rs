//! Every operation of every service, asked by those who may not: each answers its protocol's own
//! error and leaves a record, and nothing has changed afterwards. And what each role of the example
//! may do.
//!
//! The requests are in `requests/`, one file a service. An operation without a request there fails
//! every test.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "../support/mod.rs"]
mod support;

mod example;
mod exceptions;
mod golden;
mod messages;
mod names;
mod refusals;
mod requests;
mod sealer;
mod strangers;
mod town;
mod unbuilt;
