//! Enclosures: processes that run untrusted code and reach nothing of the host but what they are given.

mod plan;

pub use plan::{Limits, Plan};
