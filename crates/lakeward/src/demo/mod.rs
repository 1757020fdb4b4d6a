//! The complete example: what `lakeward demo` sets up, through the same API calls that any
//! client would make.

mod certificate;
mod compute;
pub mod hive_schema;
mod homes;
mod lake;
mod people;
mod roles;
mod setup;
mod stack;
mod tables;

pub use lake::{SALES_COLUMN, SALES_VALUE, SENSITIVE_COLUMNS};
pub use setup::{Demo, ready};
pub use stack::Stack;
