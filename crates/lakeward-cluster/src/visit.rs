//! What a request on a cluster's address leaves in the audit trail.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::Request;
use axum::response::Response;
use http::{Method, header};
use lakeward_session::{Login, NoLogin, RuntimeRoles, Visit};
use lakeward_wire::AwsError;
use lakeward_wire::listener::Peer;
use serde_json::{Map, Value};

/// The longest number, name or id of a record, in characters.
const LONGEST_NAME: usize = 128;

/// A service on clusters' addresses.
pub(crate) struct Door {
    /// Its name in records.
    pub service: &'static str,
    /// The name of a request, by its method and the parts of its path; `HEAD` counts as `GET`.
    pub operation: fn(&Method, &[&str]) -> &'static str,
}

/// A request, as far as its record needs it.
pub(crate) struct Trace {
    service: &'static str,
    operation: &'static str,
    touched: Map<String, Value>,
    is_reading: bool,
    source_ip: IpAddr,
    user_agent: Option<String>,
}

/// Who sent it.
#[derive(Clone, Copy)]
pub(crate) enum Visitor<'a> {
    /// Nobody that is known.
    Stranger,
    /// Someone with a user name and password that are good.
    Known(&'a Login),
    /// Someone whose user name and password are not good any more, and why.
    Lapsed(&'a Login, &'a str),
}

impl<'a> Visitor<'a> {
    /// Who came with a pair that opened this; none came without.
    pub fn of(opened: Option<&'a Result<Login, NoLogin>>) -> Self {
        match opened {
            None | Some(Err(NoLogin::Unknown)) => Self::Stranger,
            Some(Ok(login)) => Self::Known(login),
            Some(Err(NoLogin::Lapsed { login, reason })) => Self::Lapsed(login, reason),
        }
    }
}

impl Trace {
    /// A request to `door`. One that only reads leaves a record only when it is refused.
    pub fn of(request: &Request, door: &Door) -> Self {
        let peer = request.extensions().get::<Peer>();
        let agent = request.headers().get(header::USER_AGENT);
        let method = match request.method() {
            &Method::HEAD => &Method::GET,
            method => method,
        };
        let path = request.uri().path();
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let operation = (door.operation)(method, &parts);
        Self {
            service: door.service,
            operation,
            touched: named(path),
            // To connect is more than to read.
            is_reading: method == Method::GET && !operation.starts_with("Connect"),
            source_ip: peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip()),
            user_agent: agent.and_then(|agent| Some(agent.to_str().ok()?.to_owned())),
        }
    }

    /// Leaves the record, if there is to be one. Without it there must be no answer.
    pub fn record(
        &self,
        roles: &dyn RuntimeRoles,
        cluster_id: &str,
        visitor: Visitor<'_>,
        response: &Response,
    ) -> Result<(), AwsError> {
        let status = response.status();
        if self.is_reading && !status.is_client_error() && !status.is_server_error() {
            return Ok(());
        }
        let (login, lapse) = match visitor {
            Visitor::Stranger => (None, None),
            Visitor::Known(login) => (Some(login), None),
            Visitor::Lapsed(login, reason) => (Some(login), Some(reason)),
        };
        let nothing = Map::new();
        roles.record(Visit {
            service: self.service,
            cluster_id,
            login,
            operation: self.operation,
            // A stranger's words are not kept.
            touched: login.map_or(&nothing, |_| &self.touched),
            made: made(response).as_ref(),
            source_ip: self.source_ip,
            user_agent: self.user_agent.as_deref(),
            status: status.as_u16(),
            lapse,
        })
    }
}

/// What an answer says was made: the place of it.
fn made(response: &Response) -> Option<Map<String, Value>> {
    let place = response.headers().get(header::LOCATION)?.to_str().ok()?;
    response.status().is_success().then(|| named(place))
}

/// The numbers, names and ids in an address, by what they are of.
fn named(path: &str) -> Map<String, Value> {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let mut named = Map::new();
    while let Some(noun) = parts.next() {
        let key = match noun {
            "sessions" | "session" => "sessionId",
            "statements" => "statementId",
            "batches" | "batch" => "batchId",
            "jobs" => "jobId",
            "kernels" => "kernelId",
            "kernelspecs" => "kernelName",
            _ => continue,
        };
        if let Some(one) = parts.next() {
            let one: String = one.chars().take(LONGEST_NAME).collect();
            named.insert(key.to_owned(), Value::String(one));
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_names_what_it_is_of() {
        for (path, expected) in [
            ("/sessions", json!({})),
            ("/sessions/3/interrupt", json!({"sessionId": "3"})),
            (
                "/sessions/mine/statements/0/cancel",
                json!({"sessionId": "mine", "statementId": "0"}),
            ),
            (
                "/sessions/3/jobs/4/cancel",
                json!({"sessionId": "3", "jobId": "4"}),
            ),
            ("/batches/7", json!({"batchId": "7"})),
            ("/api/kernels/0a-1b/channels", json!({"kernelId": "0a-1b"})),
            (
                "/kernelspecs/python3/logo.png",
                json!({"kernelName": "python3"}),
            ),
        ] {
            assert_eq!(Value::Object(named(path)), expected, "{path}");
        }
        let long = named(&format!("/sessions/{}", "x".repeat(5000)));
        assert_eq!(long["sessionId"].as_str().unwrap().len(), LONGEST_NAME);
    }
}
