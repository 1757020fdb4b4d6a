use std::io;

use crate::message::Step;

/// Why an enclosure can't be had.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The plan asks for what can't be.
    #[error("the enclosure can't be as planned: {0}")]
    Plan(String),
    /// The host lacks something; the text says what, and what would help.
    #[error("{0}")]
    Missing(String),
    /// A step on the way into the enclosure failed.
    #[error("the enclosure was not made: {step}: {cause}")]
    Stage {
        /// Which step.
        step: Step,
        /// What the system said.
        cause: String,
    },
    /// The daemon's own part failed.
    #[error("the enclosure was not made: {what}: {cause}")]
    Host {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        cause: io::Error,
    },
}

impl SandboxError {
    pub(crate) fn host(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Host { what, cause }
    }
}
