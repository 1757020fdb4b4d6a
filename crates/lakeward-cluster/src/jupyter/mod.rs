//! The Jupyter gateway: how JupyterLab runs its kernels on a cluster (`jupyter lab
//! --gateway-url`).
//!
//! The contract is that of Jupyter's kernel gateways as `jupyter_server`'s gateway client uses it:
//! kernel specifications, kernels, and one WebSocket for each client of a kernel. A kernel of
//! someone else looks exactly like none. What Jupyter's messages say is not looked at.

mod authentication;
mod channels;
mod error;
mod framing;
mod kernels;
mod request;
mod router;
mod servers;
mod specifications;
mod visit;

#[cfg(test)]
mod tests;

pub use error::GatewayError;
pub use servers::JupyterServers;
