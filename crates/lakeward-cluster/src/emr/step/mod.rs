//! Steps: PySpark programs that a cluster runs one after another, each under a runtime role or as
//! the instance profile's role.
//!
//! The story in order: a request's [`config`] becomes a [`Step`] on record; the [`schedule`] of the
//! cluster's node picks what may run; a [`run`] sees one step to its end through the
//! [`StepRunner`], writes its [`log`]s and does what its `ActionOnFailure` says.

pub(crate) mod add;
pub(crate) mod cancel;
pub(crate) mod config;
mod log;
mod login;
pub(crate) mod record;
mod run;
mod runner;
pub(crate) mod schedule;
pub(crate) mod show;
mod submission;
mod work;

pub use record::{ActionOnFailure, Failure, Step, StepState};
pub use runner::{NotStarted, StepEnd, StepRun, StepRunner};
pub use submission::SparkSubmit;
pub(crate) use work::StepWork;
