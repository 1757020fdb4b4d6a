//! How sessions are kept from the host and from each other.

use std::fmt;
use std::sync::Arc;

use lakeward_sandbox::{Mode, Sandbox};

/// How sessions are kept from the host and from each other.
#[derive(Clone)]
pub enum Isolation {
    /// Each in an enclosure of its own.
    Enclosed(Arc<Sandbox>),
    /// They should be, and the host lacks what it takes: none is started. The text says what.
    Unavailable(String),
    /// Not at all: somebody asked for it by name.
    None,
}

impl Isolation {
    /// The mode in one word, as it is asked for: `full`, `namespaces` or `none`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Enclosed(sandbox) => sandbox.mode().to_string(),
            Self::Unavailable(_) => "unavailable".to_owned(),
            Self::None => Mode::None.to_string(),
        }
    }
}

impl fmt::Debug for Isolation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(reason) => write!(formatter, "unavailable ({reason})"),
            _ => formatter.write_str(&self.name()),
        }
    }
}
