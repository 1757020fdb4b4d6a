//! The service over a real store and a real identity service; only what would bind ports is
//! replaced.

mod answers;
mod authorization;
mod clusters;
mod credentials;
mod denials;
mod fleets;
mod nodes;
mod settings;
mod upkeep;
mod work;
mod world;
