//! Expectations: files that say who may do what and who must not, held against the policies.

mod compile;
mod reason;
mod report;
mod suite;
mod written;

pub use report::{FileReport, Summary, json, junit, text};
pub use suite::{Checked, Load, Suite, SuiteError};
