//! Reading an issuer's documents. All rules about where we connect to are here: an administrator
//! of any account can name an issuer, so what is fetched must not reach what only we can reach.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, future::BoxFuture};
use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use thiserror::Error;

/// The time that one document may take, connecting included.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest document that is read, bytes.
const LONGEST: usize = 256 << 10;

/// Which issuers of tokens the server reaches and believes.
#[derive(Debug, Clone, Default)]
pub struct IssuerNetwork {
    /// Certificates (PEM) of authorities to trust beside those of the system.
    pub extra_roots_pem: Option<String>,
    /// Whether issuers may be on this machine's own addresses.
    pub allow_loopback: bool,
}

/// Why issuers can't be reached at all.
#[derive(Debug, Error)]
pub enum IssuerNetworkError {
    /// The certificates given aren't certificates.
    #[error("the authorities' certificates for identity providers can't be read: {0}")]
    Certificates(String),
    /// The system's TLS can't be used.
    #[error("TLS for identity providers can't be configured: {0}")]
    Tls(String),
    /// Issuers have been reached under other settings already.
    #[error("the settings for identity providers must be made before the first request")]
    TooLate,
}

/// Why a document wasn't read.
#[derive(Debug, Clone, Error)]
pub(super) enum FetchError {
    #[error("its URLs must be plain https")]
    NotHttps,
    #[error("its address is not one that identity providers may have")]
    Address,
    #[error("it didn't answer, or its certificate is not trusted")]
    Unreachable,
    #[error("it answered {0}")]
    Status(u16),
    #[error("its document is longer than 256 KiB")]
    TooLong,
    #[error("its document is not what OpenID Connect Discovery asks for")]
    Malformed,
    #[error("it failed a moment ago; it is asked again later")]
    Resting,
}

/// Reads one document. Tests and other networks put their own in.
pub(super) trait Fetch: Send + Sync {
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, FetchError>>;
}

/// HTTPS without redirects or proxies, to public and private addresses but no special ones.
pub(super) struct Https {
    client: Client,
    rule: AddressRule,
}

#[derive(Debug, Clone, Copy)]
struct AddressRule {
    allow_loopback: bool,
}

impl Https {
    pub(super) fn new(network: &IssuerNetwork) -> Result<Self, IssuerNetworkError> {
        let tls = |error: &dyn std::fmt::Display| IssuerNetworkError::Tls(error.to_string());
        let rule = AddressRule {
            allow_loopback: network.allow_loopback,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| tls(&error))?
            .with_root_certificates(roots(network)?)
            .with_no_client_auth();
        let client = Client::builder()
            .use_preconfigured_tls(config)
            .https_only(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .dns_resolver(Arc::new(Resolver(rule)))
            .build()
            .map_err(|error| tls(&error))?;
        Ok(Self { client, rule })
    }

    async fn read(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let url = self.rule.check(url)?;
        let answer = self.client.get(url).send().await.map_err(|error| {
            tracing::info!(%error, "an identity provider could not be reached");
            FetchError::Unreachable
        })?;
        if answer.status() != http::StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let mut whole = Vec::new();
        let mut parts = answer.bytes_stream();
        while let Some(part) = parts.next().await {
            whole.extend_from_slice(&part.map_err(|_| FetchError::Unreachable)?);
            if whole.len() > LONGEST {
                return Err(FetchError::TooLong);
            }
        }
        Ok(whole)
    }
}

impl Fetch for Https {
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        Box::pin(self.read(url))
    }
}

fn roots(network: &IssuerNetwork) -> Result<RootCertStore, IssuerNetworkError> {
    let mut roots = RootCertStore::empty();
    // A system without certificates trusts nobody, which is a state and not a failure.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = &network.extra_roots_pem {
        let wrong =
            |error: &dyn std::fmt::Display| IssuerNetworkError::Certificates(error.to_string());
        let mut read = 0;
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| wrong(&error))?;
            roots.add(certificate).map_err(|error| wrong(&error))?;
            read += 1;
        }
        if read == 0 {
            return Err(wrong(&"there is no certificate in the file"));
        }
    }
    Ok(roots)
}

impl AddressRule {
    /// The URL, if it is https and doesn't name a forbidden address itself. Names are looked at
    /// when they are resolved.
    fn check(self, url: &str) -> Result<Url, FetchError> {
        let url = Url::parse(url).map_err(|_| FetchError::NotHttps)?;
        if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::NotHttps);
        }
        let host = url.host_str().ok_or(FetchError::NotHttps)?;
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        match literal.parse::<IpAddr>() {
            Ok(address) if !self.allows(address) => Err(FetchError::Address),
            _ => Ok(url),
        }
    }

    fn allows(self, address: IpAddr) -> bool {
        let address = match address {
            IpAddr::V6(address) => embedded(address).map_or(IpAddr::V6(address), IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        if address.is_loopback() {
            return self.allow_loopback;
        }
        match address {
            IpAddr::V4(address) => {
                let shared = matches!(address.octets(), [100, 64..=127, ..]);
                let reserved = matches!(address.octets(), [0, ..] | [240..=255, ..]);
                !(address.is_link_local() || address.is_multicast() || shared || reserved)
            }
            IpAddr::V6(address) => {
                // `fd00:ec2::254` is EC2's metadata service over IPv6.
                let metadata = matches!(address.segments(), [0xfd00, 0x0ec2, ..]);
                let special = address.is_unspecified() || address.is_multicast();
                !(special || address.is_unicast_link_local() || metadata)
            }
        }
    }
}

/// The IPv4 address that an IPv6 one stands for: mapped, compatible, or behind NAT64 or 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => octets.last_chunk::<4>(),
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => octets.last_chunk::<4>(),
        [0x2002, ..] => octets.get(2..6).and_then(|four| four.first_chunk::<4>()),
        _ => None,
    }
    .map(|four| Ipv4Addr::from(*four))
}

/// Looks names up, and keeps only the addresses that the rule allows.
struct Resolver(AddressRule);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rule = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| rule.allows(address.ip())).collect();
            if allowed.is_empty() {
                let error = io::Error::new(io::ErrorKind::PermissionDenied, FetchError::Address);
                return Err(error.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: AddressRule = AddressRule {
        allow_loopback: false,
    };

    #[test]
    fn special_addresses_are_refused_in_every_spelling() {
        for url in [
            "https://169.254.169.254/latest",
            "https://[fd00:ec2::254]/",
            "https://[fe80::1]/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://[2002:a9fe:a9fe::1]/",
            "https://[::169.254.169.254]/",
            "https://0.0.0.0/",
            "https://[::]/",
            "https://100.100.100.200/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
        ] {
            let refused = PUBLIC.check(url);
            assert!(matches!(refused, Err(FetchError::Address)), "{url}");
        }
    }

    #[test]
    fn only_https_without_names_and_passwords() {
        for url in [
            "http://idp.example.com/",
            "file:///etc/passwd",
            "https://user@idp.example.com/",
            "https://:secret@idp.example.com/",
            "idp.example.com",
            "",
        ] {
            assert!(
                matches!(PUBLIC.check(url), Err(FetchError::NotHttps)),
                "{url}"
            );
        }
    }

    #[test]
    fn public_and_private_addresses_are_reached_and_loopback_when_allowed() {
        for url in [
            "https://idp.example.com:8443/realms/a",
            "https://10.0.0.7/",
            "https://192.168.1.4/",
            "https://[2001:db8::1]/",
            "https://[fd12:3456::1]/",
        ] {
            assert!(PUBLIC.check(url).is_ok(), "{url}");
        }
        let local = AddressRule {
            allow_loopback: true,
        };
        assert!(local.check("https://127.0.0.1:4443/").is_ok());
        assert!(local.check("https://169.254.169.254/").is_err());
    }

    #[tokio::test]
    async fn names_of_special_addresses_are_refused() {
        let resolver = Resolver(PUBLIC);
        let refused = resolver.resolve("localhost".parse().unwrap()).await;
        assert!(refused.is_err());
    }

    #[test]
    fn roots_that_are_no_certificates_are_refused() {
        let network = |pem: &str| IssuerNetwork {
            extra_roots_pem: Some(pem.to_owned()),
            allow_loopback: false,
        };
        assert!(Https::new(&network("")).is_err());
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(Https::new(&network(broken)).is_err());
    }
}
