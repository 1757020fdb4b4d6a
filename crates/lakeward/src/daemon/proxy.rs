//! A CONNECT proxy for clients that ignore endpoint settings: AWS's host names lead to this
//! instance, and nothing else is carried.

use std::{net::SocketAddr, sync::Arc};

use lakeward_wire::tunnel::{self, Destinations, Refusal, TunnelRequest};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Tunnels open at once: fewer than the endpoint has places, so that tunnels can't take them all.
const TUNNELS: usize = 256;

/// Serves until `stop` holds true; open tunnels end with it.
pub(super) async fn serve(
    listener: TcpListener,
    endpoint: SocketAddr,
    stop: watch::Receiver<bool>,
) {
    tunnel::serve(listener, Arc::new(AwsHosts { endpoint }), TUNNELS, stop).await;
}

/// AWS's hosts, which all lead to this instance.
struct AwsHosts {
    endpoint: SocketAddr,
}

impl Destinations for AwsHosts {
    async fn connect(&self, request: &TunnelRequest) -> Result<TcpStream, Refusal> {
        admit(request).map_err(Refusal::Forbidden)?;
        TcpStream::connect(self.endpoint)
            .await
            .map_err(|error| Refusal::Unreachable(error.to_string()))
    }
}

/// Only `CONNECT <something>.amazonaws.com:443`.
fn admit(request: &TunnelRequest) -> Result<(), String> {
    let TunnelRequest { method, target } = request;
    let host = target
        .strip_suffix(":443")
        .unwrap_or_default()
        .to_ascii_lowercase();
    if method == "CONNECT" && host.ends_with(".amazonaws.com") {
        return Ok(());
    }
    Err(format!(
        "This proxy carries only CONNECT requests to *.amazonaws.com:443, not `{method} {target}`. Unset HTTPS_PROXY for other hosts."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_aws_hosts_on_443_are_carried() {
        let admit = |head: &str| admit(&TunnelRequest::parse(head));
        assert!(admit("CONNECT sts.us-east-1.amazonaws.com:443 HTTP/1.1\r\n\r\n").is_ok());
        for head in [
            "CONNECT evil.example:443 HTTP/1.1",
            "CONNECT sts.us-east-1.amazonaws.com:22 HTTP/1.1",
            "CONNECT amazonaws.com.evil.example:443 HTTP/1.1",
            "GET http://sts.us-east-1.amazonaws.com:443 HTTP/1.1",
            "",
        ] {
            assert!(admit(head).is_err(), "{head}");
        }
    }
}
