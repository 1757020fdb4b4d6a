//! The way out of an enclosure: a CONNECT proxy to the hosts that the cluster allows.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use lakeward_wire::tunnel::{Destinations, Refusal, TunnelRequest};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::incident::IncidentKind;
use super::occupant::Occupant;
use super::settings::{Destination, Network};

/// For the resolution of a name, and again for the connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the sessions of a cluster may be connected to.
pub(super) struct Egress {
    pub cluster_id: Arc<str>,
    pub network: Arc<Network>,
    /// Networks that are nobody's to reach, whatever their addresses look like.
    pub closed: Arc<[IpNet]>,
    pub occupant: Arc<Occupant>,
}

impl Destinations for Egress {
    /// The address that was looked at is the one that is dialled: a name that leads elsewhere the
    /// second time gains nothing.
    async fn connect(&self, request: &TunnelRequest) -> Result<TcpStream, Refusal> {
        let destination = self.admit(request)?;
        let own = own_networks().map_err(|error| {
            Refusal::Unreachable(format!("this host's own addresses can't be read: {error}"))
        })?;
        let mut last = format!("{destination} has no address");
        for address in resolve(&destination).await? {
            if !self.may_reach(address, &own) {
                last = format!(
                    "{destination} is at {}, which is not public, or is this host: list that address in allowed-hosts to allow it",
                    address.ip()
                );
                self.refused(&format!("{destination} at {}", address.ip()));
                continue;
            }
            match timeout(PATIENCE, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = format!("{destination} can't be reached: {error}"),
                Err(_) => last = format!("{destination} does not answer"),
            }
        }
        Err(match last.contains("not public") {
            true => Refusal::Forbidden(last),
            false => Refusal::Unreachable(last),
        })
    }
}

impl Egress {
    fn admit(&self, request: &TunnelRequest) -> Result<Destination, Refusal> {
        let TunnelRequest { method, target } = request;
        let wanted: Option<Destination> = target.parse().ok().filter(|_| method == "CONNECT");
        let hosts = &self.network.hosts;
        match wanted.filter(|wanted| hosts.iter().any(|host| host.allows(wanted))) {
            Some(destination) => Ok(destination),
            None => {
                self.refused(target);
                Err(Refusal::Forbidden(format!(
                    "the sessions of cluster {} may not reach `{method} {target}`: only CONNECT to what the \
                     Configurations property allowed-hosts of the classification lakeward-network lists",
                    self.cluster_id
                )))
            }
        }
    }

    /// Public addresses outside the closed networks and the host's own, and those that are listed as
    /// they are.
    fn may_reach(&self, address: SocketAddr, own: &[IpNet]) -> bool {
        let (ip, port) = (address.ip().to_canonical(), address.port());
        let hosts = &self.network.hosts;
        let mut closed = self.closed.iter().chain(own);
        hosts.iter().any(|host| host.names(ip, port))
            || (is_public(ip) && !closed.any(|closed| closed.contains(&ip)))
    }

    fn refused(&self, what: &str) {
        self.occupant.incidents.add(IncidentKind::Host, 1, what);
    }
}

async fn resolve(destination: &Destination) -> Result<Vec<SocketAddr>, Refusal> {
    let unknown = |text: String| Refusal::Unreachable(format!("{destination}: {text}"));
    let looked_up = tokio::net::lookup_host((destination.host.as_str(), destination.port));
    match timeout(PATIENCE, looked_up).await {
        Ok(Ok(addresses)) => Ok(addresses.take(8).collect()),
        Ok(Err(error)) => Err(unknown(error.to_string())),
        Err(_) => Err(unknown("its name is not resolved in time".to_owned())),
    }
}

/// The addresses of this host at the moment. On them the daemon and others listen who know nothing of
/// what the cluster allows.
fn own_networks() -> io::Result<Vec<IpNet>> {
    let routes = std::fs::read_to_string("/proc/net/fib_trie")?;
    // A kernel may have no IPv6.
    let interfaces = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    Ok(own_v4(&routes).chain(own_v6(&interfaces)).collect())
}

/// What the kernel's table of routes has as local: an address in one line, in lines below it the length
/// of its prefix and what it is.
fn own_v4(routes: &str) -> impl Iterator<Item = IpNet> {
    let mut address = "";
    routes.lines().filter_map(move |line| {
        let line = line.trim();
        if let Some(found) = line.strip_prefix("|-- ") {
            address = found;
        }
        let length = line.strip_suffix(" host LOCAL")?;
        format!("{address}{length}").parse().ok()
    })
}

/// A line for each address, which is its first word, in 32 digits.
fn own_v6(interfaces: &str) -> impl Iterator<Item = IpNet> {
    let first = interfaces.lines().filter_map(|line| line.split(' ').next());
    first.filter_map(|digits| {
        let bits = u128::from_str_radix(digits, 16).ok()?;
        Some(IpAddr::from(Ipv6Addr::from_bits(bits)).into())
    })
}

/// Whether an address is one of the public internet (IANA's special-purpose registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_special = matches!(
        (first, second, third),
        (0 | 10 | 127 | 224.., ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !is_special
}

/// Global unicast, without the ranges that are for documentation or hold IPv4 addresses.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_special = matches!(
        (first, second),
        (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _) | (0x3fff, 0..=0x0fff)
    );
    first & 0xe000 == 0x2000 && !is_special
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::settings::ClusterSettings;

    fn egress(hosts: &str) -> Egress {
        let properties = BTreeMap::from([("allowed-hosts".to_owned(), hosts.to_owned())]);
        let configurations = BTreeMap::from([("lakeward-network".to_owned(), properties)]);
        let settings = ClusterSettings::read(&configurations).unwrap();
        Egress {
            cluster_id: "j-TEST".into(),
            network: Arc::new(settings.network),
            closed: ["8.8.0.0/16".parse().unwrap()].into(),
            occupant: Arc::default(),
        }
    }

    fn request(head: &str) -> TunnelRequest {
        TunnelRequest::parse(head)
    }

    #[test]
    fn only_the_public_internet_is_public() {
        for text in ["1.1.1.1", "93.184.216.34", "2606:4700::1111"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "127.0.0.1",
            "127.87.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_not_public_must_be_listed_as_it_is() {
        let egress = egress("*:*, 10.0.0.5:5432");
        let own = ["9.9.9.9/32", "2620:fe::9/128"].map(|own| own.parse().unwrap());
        let may = |text: &str| egress.may_reach(text.parse().unwrap(), &own);
        assert!(may("1.1.1.1:443"));
        assert!(may("10.0.0.5:5432"));
        assert!(may("[::ffff:10.0.0.5]:5432"));
        for text in [
            "10.0.0.5:22",
            "10.0.0.6:5432",
            "127.0.0.1:8443",
            "[::ffff:127.0.0.1]:8443",
            "169.254.169.254:80",
            "8.8.8.8:53",
            "9.9.9.9:443",
            "[::ffff:9.9.9.9]:443",
            "[2620:fe::9]:443",
        ] {
            assert!(!may(text), "{text}");
        }
    }

    #[test]
    fn the_hosts_own_addresses_are_known() {
        let routes = "\
            Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
            \x20    |-- 203.0.113.0\n        /24 link UNICAST\n        /32 link BROADCAST\n\
            Local:\n     |-- 127.0.0.0\n        /8 host LOCAL\n     |-- 203.0.113.7\n           /32 host LOCAL\n";
        let told: Vec<String> = own_v4(routes).map(|own| own.to_string()).collect();
        assert_eq!(told, ["127.0.0.0/8", "203.0.113.7/32"]);
        let interfaces = "26060047000000000000000000001111 02 40 00 80     eth0\nnonsense\n";
        let told: Vec<String> = own_v6(interfaces).map(|own| own.to_string()).collect();
        assert_eq!(told, ["2606:47::1111/128"]);
        // As they stand on the machine that runs this.
        let here = IpAddr::from(Ipv4Addr::LOCALHOST);
        assert!(
            own_networks()
                .unwrap()
                .iter()
                .any(|own| own.contains(&here))
        );
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused() {
        let egress = egress("localhost:*");
        let refused = egress
            .connect(&request("CONNECT localhost:8443 HTTP/1.1"))
            .await;
        assert!(
            matches!(&refused, Err(Refusal::Forbidden(text)) if text.contains("not public")),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn a_listed_address_is_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let egress = egress(&address.to_string());
        let head = format!("CONNECT {address} HTTP/1.1");
        assert!(egress.connect(&request(&head)).await.is_ok());
    }

    #[test]
    fn anything_else_is_refused_and_counted() {
        let egress = egress("packages.example:443");
        assert!(
            egress
                .admit(&request("CONNECT packages.example:443 HTTP/1.1"))
                .is_ok()
        );
        for head in [
            "CONNECT packages.example:22 HTTP/1.1",
            "CONNECT evil.example:443 HTTP/1.1",
            "GET http://packages.example:443/ HTTP/1.1",
            "CONNECT packages.example:443@evil.example HTTP/1.1",
            "",
        ] {
            assert!(egress.admit(&request(head)).is_err(), "{head}");
        }
    }
}
