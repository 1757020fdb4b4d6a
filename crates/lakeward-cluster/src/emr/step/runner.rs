//! What runs a step's program.

use std::sync::Arc;

use async_trait::async_trait;
use lakeward_session::Login;

use crate::emr::step::SparkSubmit;

/// Runs programs on a cluster. The daemon supplies it.
pub trait StepRunner: Send + Sync + 'static {
    /// Starts a program under the login's role.
    ///
    /// # Errors
    /// It can't be started, now or ever.
    fn run(&self, login: &Login, program: &SparkSubmit) -> Result<Arc<dyn StepRun>, NotStarted>;
}

/// Why a program was not started. The texts say what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// There is no room for it now: its step waits on.
    Now(String),
    /// It can't be run: its step fails.
    Ever(String),
}

/// A program that was started.
#[async_trait]
pub trait StepRun: Send + Sync + 'static {
    /// Waits for its end. Can be called more than once.
    async fn finished(&self) -> StepEnd;

    /// Ends it. Does nothing when it has ended.
    fn cancel(&self);

    /// What the engine calls it.
    fn application_id(&self) -> Option<String>;

    /// How it ended and why, for people, once it has ended.
    fn verdict(&self) -> Option<String>;

    /// What it wrote to its standard output, bounded.
    fn stdout(&self) -> Vec<u8>;

    /// What it wrote to its standard error, bounded.
    fn stderr(&self) -> Vec<u8>;
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepEnd {
    /// Without an error.
    Succeeded,
    /// With one.
    Failed,
    /// It could not be begun: its script couldn't be had, or its interpreter didn't start.
    NotBegun,
    /// It was ended from outside.
    Killed,
}
