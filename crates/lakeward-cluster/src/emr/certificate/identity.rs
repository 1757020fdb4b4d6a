//! What the PEM files say, and whether a cluster can speak TLS with it.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, prelude::parse_x509_certificate,
};

use super::{
    archive::{CHAIN, PRIVATE_KEY, PemFiles, TRUSTED},
    error::Fault,
};

const LONGEST_CHAIN: usize = 10;

/// A certificate with its key, good for a cluster's endpoints.
#[derive(Clone)]
pub struct ClusterCertificate {
    tls: Arc<ServerConfig>,
}

impl fmt::Debug for ClusterCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterCertificate")
    }
}

impl ClusterCertificate {
    /// How an endpoint speaks TLS with it, HTTP/1.1 on top.
    #[must_use]
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.tls)
    }

    /// Checks the files for a cluster of `region`.
    pub(super) fn read(files: &PemFiles, region: &str, now: Timestamp) -> Result<Self, Fault> {
        let chain = certificates(CHAIN, &files.chain)?;
        if let Some(trusted) = &files.trusted {
            // The cluster is one machine: nothing in it asks a peer for a certificate.
            certificates(TRUSTED, trusted)?;
        }
        let key = private_key(files)?;
        check_leaf(&chain, region, now)?;
        Ok(Self {
            tls: server_config(chain, key)?,
        })
    }
}

fn certificates(file: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let fault = |why: String| Fault::NotPem {
        file,
        what: "certificate",
        why,
    };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem)
        .take(LONGEST_CHAIN + 1)
        .collect();
    let found = found.map_err(|error| fault(error.to_string()))?;
    if found.is_empty() {
        return Err(fault("no CERTIFICATE block".to_owned()));
    }
    if found.len() > LONGEST_CHAIN {
        return Err(fault(format!("more than {LONGEST_CHAIN} of them")));
    }
    Ok(found)
}

fn private_key(files: &PemFiles) -> Result<PrivateKeyDer<'static>, Fault> {
    let pem = files.private_key.expose().as_bytes();
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        let encrypted = files.private_key.expose().contains("ENCRYPTED");
        Fault::NotPem {
            file: PRIVATE_KEY,
            what: "private key",
            why: if encrypted {
                "it is encrypted; EMR takes keys without a password".to_owned()
            } else {
                error.to_string()
            },
        }
    })
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, Fault> {
    let fault = |error: rustls::Error| Fault::Mismatch(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(fault)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(fault)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn check_leaf(
    chain: &[CertificateDer<'static>],
    region: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    let leaf = chain.first().map_or(&[][..], AsRef::as_ref);
    let (_, leaf) = parse_x509_certificate(leaf).map_err(|error| Fault::NotPem {
        file: CHAIN,
        what: "X.509 certificate",
        why: error.to_string(),
    })?;
    check_time(&leaf, now)?;
    let expected = wildcard(region);
    let names = names(&leaf);
    if names
        .iter()
        .any(|name| name.eq_ignore_ascii_case(&expected))
    {
        return Ok(());
    }
    Err(Fault::OtherName {
        found: shown(&names),
        region: region.to_owned(),
        expected,
    })
}

/// The names of a region's instances.
fn wildcard(region: &str) -> String {
    if region == "us-east-1" {
        "*.ec2.internal".to_owned()
    } else {
        format!("*.{region}.compute.internal")
    }
}

/// The common names, then the alternative DNS names.
fn names(leaf: &X509Certificate<'_>) -> Vec<String> {
    let common = leaf.subject().iter_common_name();
    let mut names: Vec<String> = common
        .filter_map(|name| name.as_str().ok())
        .map(str::to_owned)
        .collect();
    if let Ok(Some(alternative)) = leaf.subject_alternative_name() {
        names.extend(
            alternative
                .value
                .general_names
                .iter()
                .filter_map(|name| match name {
                    GeneralName::DNSName(name) => Some((*name).to_owned()),
                    _ => None,
                }),
        );
    }
    names
}

/// A few of the names, for a sentence.
fn shown(names: &[String]) -> String {
    if names.is_empty() {
        return "no name".to_owned();
    }
    let escaped = names.iter().take(5).map(|name| {
        let name: String = name.escape_debug().take(64).collect();
        format!("'{name}'")
    });
    escaped.collect::<Vec<_>>().join(", ")
}

fn check_time(leaf: &X509Certificate<'_>, now: Timestamp) -> Result<(), Fault> {
    let validity = leaf.validity();
    let seconds = now.as_second();
    let (from, until) = (validity.not_before, validity.not_after);
    if (from.timestamp()..=until.timestamp()).contains(&seconds) {
        return Ok(());
    }
    Err(Fault::NotNow {
        from: from.to_string(),
        until: until.to_string(),
        now: now.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emr::certificate::fixture::Pair;

    fn read(pair: &Pair, region: &str) -> Result<ClusterCertificate, Fault> {
        ClusterCertificate::read(&pair.files(), region, Timestamp::now())
    }

    #[test]
    fn the_common_name_is_that_of_the_regions_instances() {
        let virginia = Pair::named("*.ec2.internal", &[]);
        let ireland = Pair::named("*.eu-west-1.compute.internal", &[]);
        assert!(read(&virginia, "us-east-1").is_ok());
        assert!(read(&ireland, "eu-west-1").is_ok());
        for (pair, region, expected) in [
            (&virginia, "eu-west-1", "*.eu-west-1.compute.internal"),
            (&ireland, "us-east-1", "*.ec2.internal"),
            (&ireland, "eu-west-2", "*.eu-west-2.compute.internal"),
        ] {
            let text = read(pair, region).unwrap_err().to_string();
            assert!(text.contains(&format!("CN={expected}")), "{text}");
            assert!(text.contains("'*."), "tells what was found: {text}");
        }
    }

    #[test]
    fn an_alternative_name_will_do_and_a_part_of_one_will_not() {
        let by_alternative = Pair::named("emr", &["x.test", "*.EC2.internal"]);
        assert!(read(&by_alternative, "us-east-1").is_ok());
        for name in [
            "ip-10-0-0-1.ec2.internal",
            "*.internal",
            "*.ec2.internal.evil.test",
        ] {
            assert!(matches!(
                read(&Pair::named(name, &[name]), "us-east-1"),
                Err(Fault::OtherName { .. })
            ));
        }
    }

    #[test]
    fn a_pair_that_is_none_is_refused() {
        let one = Pair::named("*.ec2.internal", &[]);
        let mut files = one.files();
        files.private_key = Pair::named("*.ec2.internal", &[]).files().private_key;
        let read = |files: &PemFiles| {
            ClusterCertificate::read(files, "us-east-1", Timestamp::now()).unwrap_err()
        };
        assert!(matches!(read(&files), Fault::Mismatch(_)));

        let mut encrypted = one.files();
        let text =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        encrypted.private_key = lakeward_wire::Secret::new(text.to_owned());
        assert!(read(&encrypted).to_string().contains("without a password"));

        let mut empty = one.files();
        empty.chain = b"no certificate".to_vec();
        assert!(matches!(read(&empty), Fault::NotPem { file: CHAIN, .. }));
        let mut trusting = one.files();
        trusting.trusted = Some(b"no certificate".to_vec());
        assert!(matches!(
            read(&trusting),
            Fault::NotPem { file: TRUSTED, .. }
        ));
        let mut junk = one.files();
        junk.chain = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
        assert!(matches!(read(&junk), Fault::NotPem { file: CHAIN, .. }));
    }

    #[test]
    fn a_certificate_is_taken_while_it_is_valid() {
        let pair = Pair::named("*.ec2.internal", &[]);
        let read =
            |now: &str| ClusterCertificate::read(&pair.files(), "us-east-1", now.parse().unwrap());
        assert!(read("2020-01-01T00:00:00Z").is_ok());
        assert!(read("2059-12-31T00:00:00Z").is_ok());
        for now in ["2019-12-31T23:59:59Z", "2060-01-02T00:00:00Z"] {
            assert!(matches!(read(now), Err(Fault::NotNow { .. })));
        }
    }
}
