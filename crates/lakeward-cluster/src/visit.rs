//! What a request on a cluster's address leaves in the audit trail.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::Request;
use http::{StatusCode, header};
use lakeward_session::{Login, RuntimeRoles, Visit};
use lakeward_wire::AwsError;
use lakeward_wire::listener::Peer;

/// A request, as far as its record needs it.
pub(crate) struct Trace {
    operation: &'static str,
    is_reading: bool,
    source_ip: IpAddr,
    user_agent: Option<String>,
}

impl Trace {
    /// A reading request leaves a record only when it is refused.
    pub fn of(request: &Request, operation: &'static str, is_reading: bool) -> Self {
        let peer = request.extensions().get::<Peer>();
        let agent = request.headers().get(header::USER_AGENT);
        Self {
            operation,
            is_reading,
            source_ip: peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip()),
            user_agent: agent.and_then(|agent| Some(agent.to_str().ok()?.to_owned())),
        }
    }

    /// Leaves the record, if there is to be one. Without it there must be no answer.
    pub fn record(
        &self,
        roles: &dyn RuntimeRoles,
        cluster_id: &str,
        login: Option<&Login>,
        status: StatusCode,
    ) -> Result<(), AwsError> {
        if self.is_reading && !status.is_client_error() && !status.is_server_error() {
            return Ok(());
        }
        roles.record(Visit {
            cluster_id,
            login,
            operation: self.operation,
            source_ip: self.source_ip,
            user_agent: self.user_agent.as_deref(),
            status: status.as_u16(),
        })
    }
}
