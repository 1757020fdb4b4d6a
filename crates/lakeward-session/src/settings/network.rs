//! What the sessions of a cluster may talk to.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{NETWORK, Properties, SettingsError, Value};

/// The services that a session needs to read the lake.
const LAKE_SERVICES: [&str; 4] = ["glue", "lakeformation", "s3", "sts"];
/// Those that can be allowed beside them, by the name they are signed for.
const OTHER_SERVICES: [&str; 5] = [
    "cloudtrail",
    "elasticmapreduce",
    "iam",
    "lakeward",
    "organizations",
];
/// Hosts that one cluster may name.
const MOST_HOSTS: usize = 256;

/// What the sessions of a cluster may talk to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The AWS services, by the name that requests are signed for.
    pub services: BTreeSet<String>,
    /// Hosts elsewhere; with none there is no way out at all.
    pub hosts: Vec<HostPattern>,
}

impl Default for Network {
    /// The services of the lake, and no host.
    fn default() -> Self {
        Self {
            services: LAKE_SERVICES.map(str::to_owned).into(),
            hosts: Vec::new(),
        }
    }
}

impl Network {
    pub(super) fn read(properties: &Properties) -> Result<Self, SettingsError> {
        let mut network = Self::default();
        for (name, text) in properties {
            let value = Value::new(NETWORK, name, text);
            match name.as_str() {
                "allowed-services" => network.services = services(&value)?,
                "allowed-hosts" => network.hosts = hosts(&value)?,
                _ => return Err(value.unknown("there are allowed-services and allowed-hosts")),
            }
        }
        Ok(network)
    }

    /// The allowed services in words.
    #[must_use]
    pub fn services_text(&self) -> String {
        let all: Vec<&str> = self.services.iter().map(String::as_str).collect();
        all.join(",")
    }
}

fn services(value: &Value<'_>) -> Result<BTreeSet<String>, SettingsError> {
    let known = || LAKE_SERVICES.iter().chain(&OTHER_SERVICES);
    let mut services = BTreeSet::new();
    for name in entries(value.text) {
        if !known().any(|known| *known == name) {
            let all: Vec<&str> = known().copied().collect();
            return Err(value.refused(format!("a list of {}", all.join(", "))));
        }
        services.insert(name.to_owned());
    }
    Ok(services)
}

fn hosts(value: &Value<'_>) -> Result<Vec<HostPattern>, SettingsError> {
    let wrong = || {
        value.refused(format!(
            "a list of at most {MOST_HOSTS} of HOST:PORT, *.DOMAIN:PORT, ADDRESS:PORT and *:PORT, \
             with * for any port"
        ))
    };
    let hosts: Vec<HostPattern> = entries(value.text)
        .map(|entry| entry.parse().map_err(|()| wrong()))
        .collect::<Result<_, _>>()?;
    if hosts.len() > MOST_HOSTS {
        return Err(wrong());
    }
    Ok(hosts)
}

/// The entries of a list that is separated by commas or white space.
fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| character == ',' || character.is_whitespace())
        .filter(|entry| !entry.is_empty())
}

/// Where a session asks to be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// A name in lower case, or an address without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl Destination {
    /// The address, when the host is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(formatter, "[{}]:{}", self.host, self.port),
            false => write!(formatter, "{}:{}", self.host, self.port),
        }
    }
}

impl FromStr for Destination {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (host, port) = text.rsplit_once(':').ok_or(())?;
        Ok(Self {
            host: host_name(host).ok_or(())?,
            port: port.parse().ok().filter(|port| *port > 0).ok_or(())?,
        })
    }
}

/// One entry of `allowed-hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    host: Hosts,
    /// None: any.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    /// Whatever has a public address.
    Any,
    /// Everything below a domain, which begins with a dot.
    Below(String),
    /// One name.
    Name(String),
    /// One address, whatever it is.
    Address(IpAddr),
}

impl HostPattern {
    /// Whether connections to this are allowed. What a name leads to is not looked at here.
    #[must_use]
    pub fn allows(&self, destination: &Destination) -> bool {
        let is_host = match &self.host {
            Hosts::Any => true,
            Hosts::Below(domain) => {
                destination.address().is_none() && destination.host.ends_with(domain.as_str())
            }
            Hosts::Name(name) => destination.host == *name,
            Hosts::Address(address) => destination.address() == Some(*address),
        };
        is_host && self.port.is_none_or(|port| port == destination.port)
    }

    /// Whether this very address and port are listed, which allows also one that is not public.
    #[must_use]
    pub fn names(&self, address: IpAddr, port: u16) -> bool {
        self.host == Hosts::Address(address) && self.port.is_none_or(|listed| listed == port)
    }
}

impl FromStr for HostPattern {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (host, port) = text.rsplit_once(':').ok_or(())?;
        let port = match port {
            "*" => None,
            number => Some(number.parse().ok().filter(|port| *port > 0).ok_or(())?),
        };
        let host = match host.strip_prefix('*') {
            Some("") => Hosts::Any,
            Some(domain) if domain.starts_with('.') => {
                let name = domain.get(1..).and_then(host_name).ok_or(())?;
                Hosts::Below(format!(".{name}"))
            }
            Some(_) => return Err(()),
            None => {
                let name = host_name(host).ok_or(())?;
                name.parse().map_or(Hosts::Name(name), Hosts::Address)
            }
        };
        Ok(Self { host, port })
    }
}

/// A DNS name in lower case, or an address without brackets.
fn host_name(text: &str) -> Option<String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'));
    if let Some(address) = bare {
        return address.parse::<IpAddr>().ok().map(|ip| ip.to_string());
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return address.is_ipv4().then(|| address.to_string());
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    (name.len() <= 253 && name.split('.').all(is_label)).then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn read(property: &str, text: &str) -> Result<Network, SettingsError> {
        Network::read(&BTreeMap::from([(property.to_owned(), text.to_owned())]))
    }

    fn allows(patterns: &str, destination: &str) -> bool {
        let network = read("allowed-hosts", patterns).unwrap();
        let destination: Destination = destination.parse().unwrap();
        network.hosts.iter().any(|host| host.allows(&destination))
    }

    #[test]
    fn the_lakes_services_are_allowed_and_no_host() {
        let network = Network::default();
        assert_eq!(network.services_text(), "glue,lakeformation,s3,sts");
        assert!(network.hosts.is_empty());
    }

    #[test]
    fn services_are_named_as_requests_are_signed() {
        let network = read("allowed-services", "s3, glue").unwrap();
        assert_eq!(network.services_text(), "glue,s3");
        let error = read("allowed-services", "s3,emr").unwrap_err().to_string();
        assert!(error.contains("elasticmapreduce"), "{error}");
        assert!(read("services", "s3").is_err());
    }

    #[test]
    fn hosts_are_allowed_by_name_domain_address_and_port() {
        assert!(allows("packages.example:443", "Packages.example:443"));
        assert!(allows("packages.example:443", "packages.example.:443"));
        assert!(!allows("packages.example:443", "packages.example:80"));
        assert!(!allows("packages.example:443", "evilpackages.example:443"));
        assert!(!allows(
            "packages.example:443",
            "packages.example.evil.example:443"
        ));
        assert!(allows(
            "*.pythonhosted.org:443",
            "files.pythonhosted.org:443"
        ));
        assert!(!allows("*.pythonhosted.org:443", "pythonhosted.org:443"));
        assert!(!allows("*.1:443", "10.0.0.1:443"));
        assert!(allows("*:443", "anything.example:443"));
        assert!(!allows("*:443", "anything.example:22"));
        assert!(allows("*:*", "anything.example:22"));
        assert!(allows("10.0.0.5:5432", "10.0.0.5:5432"));
        assert!(!allows("10.0.0.5:5432", "10.0.0.6:5432"));
        assert!(allows("[2001:db8::1]:443", "[2001:DB8:0::1]:443"));
    }

    #[test]
    fn only_a_listed_address_is_named() {
        let literal: HostPattern = "10.0.0.5:5432".parse().unwrap();
        let any: HostPattern = "*:5432".parse().unwrap();
        let address: IpAddr = "10.0.0.5".parse().unwrap();
        assert!(literal.names(address, 5432));
        assert!(!literal.names(address, 22));
        assert!(!any.names(address, 5432));
    }

    #[test]
    fn patterns_that_mean_nothing_are_refused() {
        for text in [
            "packages.example",
            "packages.example:0",
            "packages.example:99999",
            "*packages.example:443",
            "*.:443",
            "a b:443:c",
            "http://packages.example:443",
            "::1:443",
            ":443",
            "pypi..org:443",
        ] {
            assert!(read("allowed-hosts", text).is_err(), "{text}");
        }
        let many = vec!["a:1"; MOST_HOSTS + 1].join(",");
        assert!(read("allowed-hosts", &many).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<Destination>();
            let _ = text.parse::<HostPattern>();
        }

        #[test]
        fn a_destination_is_read_back(host in "[a-z0-9]{1,20}(\\.[a-z]{1,8}){0,3}", port in 1u16..) {
            let destination: Destination = format!("{host}:{port}").parse().unwrap();
            prop_assert_eq!(destination.to_string().parse::<Destination>().unwrap(), destination);
        }
    }
}
