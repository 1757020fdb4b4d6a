//! The service over a real store and a real identity service; only what would bind ports is
//! replaced.

mod authorization;
mod bucket;
mod callers;
mod certificates;
mod clusters;
mod credentials;
mod nodes;
mod programs;
mod revocation;
mod security_configurations;
mod steps;
mod upkeep;
mod world;
