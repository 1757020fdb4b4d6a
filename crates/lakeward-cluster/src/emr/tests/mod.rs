//! The service over a real store and a real identity service; only what would bind ports is
//! replaced.

mod authorization;
mod bucket;
mod callers;
mod certificates;
mod chain;
mod clusters;
mod connect;
mod credentials;
mod nodes;
mod programs;
mod requirements;
mod revocation;
mod security_configurations;
mod steps;
mod upkeep;
mod world;
