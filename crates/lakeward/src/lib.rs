//! Lakeward: one daemon that speaks AWS's wire APIs, filters data where the bytes leave the lake,
//! and runs notebook sessions under runtime roles.
#![forbid(unsafe_code)]

pub mod cli;
pub mod daemon;
pub mod demo;
pub mod profile;
pub mod python;
