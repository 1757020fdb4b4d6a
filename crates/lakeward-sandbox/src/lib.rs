//! Enclosures: processes that run untrusted code and reach nothing of the host but what they are given.

mod enclosed;
mod error;
mod group;
mod identity;
mod kernel;
mod message;
mod mode;
mod plan;
mod refusal;
mod remedy;
mod sandbox;
mod stage;

pub use enclosed::{Enclosed, Enclosure, Usage};
pub use error::SandboxError;
pub use message::Step;
pub use mode::Mode;
pub use plan::{Limits, Plan};
pub use refusal::{Refusal, Refusals};
pub use sandbox::Sandbox;
pub use stage::stage_if_asked;
