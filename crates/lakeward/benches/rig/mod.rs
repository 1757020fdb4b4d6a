//! What benches and tests of a whole instance share: the instance, a client of its Livy, a table.

#![allow(dead_code, reason = "each of them uses a part of it")]

pub mod cluster;
pub mod instance;
pub mod livy;
pub mod process;
pub mod report;
