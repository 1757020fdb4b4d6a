//! What benches of a whole instance share: the instance, a client of its Livy, a table.

#![allow(dead_code, reason = "each bench uses a part of it")]

pub mod instance;
pub mod livy;
pub mod process;
pub mod report;
