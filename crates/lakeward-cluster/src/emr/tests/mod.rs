//! The service over a real store and a real identity service; only what would bind ports is
//! replaced.

mod answers;
mod authorization;
mod broken_state;
mod bucket;
mod callers;
mod certificates;
mod chain;
mod clusters;
mod connect;
mod credentials;
mod denials;
mod fleets;
mod nodes;
mod programs;
mod requirements;
mod revocation;
mod security_configurations;
mod session_records;
mod settings;
mod steps;
mod upkeep;
mod work;
mod world;
