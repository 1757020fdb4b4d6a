//! Sessions: one interpreter process each, under one runtime role.
//!
//! A session is untrusted. It is started with a clean environment that holds the address of the
//! [credentials endpoint](credentials) and a token that opens only this session's keys there;
//! everything it says comes back as bounded JSON lines over its standard output.
//!
//! The story in order: a [`SessionRegistry`] opens a [`Session`] for a [`Login`]; the launcher
//! starts the interpreter; the interpreter's task runs one statement at a time; the registry's
//! reaper ends what nobody uses.
#![forbid(unsafe_code)]

mod authority;
mod batch;
mod checkup;
mod cluster;
mod counters;
pub mod credentials;
pub mod descriptors;
mod egress;
mod endpoint;
mod engine;
mod environment;
mod error;
mod few;
mod incident;
mod interpreter;
mod isolation;
mod kernel;
mod launcher;
mod limits;
mod line;
mod log;
mod occupant;
mod pace;
mod premises;
mod printed;
mod process;
mod protocol;
mod record;
mod registry;
mod retention;
mod session;
mod settings;
mod start;
mod statement;
pub mod usage;
mod warm;

#[cfg(any(test, feature = "fixture"))]
pub mod fixture;
#[cfg(test)]
mod tests;

pub use authority::{Login, NoLogin, RoleCredentials, RuntimeRoles, SessionRuntime, Visit};
pub use batch::{Batch, BatchRequest, BatchState, Script};
pub use counters::{Counters, EndReason};
pub use endpoint::AwsEndpoint;
pub use engine::Engine;
pub use environment::SessionEnvironment;
pub use error::SessionError;
pub use incident::{Incident, IncidentKind};
pub use isolation::Isolation;
pub use kernel::{
    Connection, Kernel, KernelMessage, KernelRequest, KernelState, Lost, MalformedMessage,
};
pub use limits::SessionLimits;
pub use record::{SessionRecord, SessionRecords};
pub use registry::SessionRegistry;
pub use session::{Session, SessionRequest, SessionState, SessionSummary};
pub use settings::{ClusterSettings, Destination, Grant, HostPattern, Network, SettingsError};
pub use statement::{Language, Output, Statement, StatementState};
