//! Livy's REST API: how notebooks open sessions on a cluster and run statements in them.
//!
//! The contract is Apache Livy's REST API as sparkmagic uses it, and the rest of its interactive
//! part. Three things differ on purpose. A client's mistake is never a 5xx, because sparkmagic
//! repeats those. A session that belongs to someone else looks exactly like none. And what is
//! not built (jobs and uploads, languages that need a JVM or R) says so by name.

mod about;
mod answer;
mod authentication;
mod batch_request;
mod batches;
mod error;
mod lapsed;
mod paging;
mod recovery;
mod request;
mod router;
mod servers;
mod sessions;
mod statements;
mod ui;
mod visit;

#[cfg(test)]
mod tests;

pub use error::LivyError;
pub use servers::LivyServers;
