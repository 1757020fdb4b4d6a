//! Lakeward's own certificate authority, and the TLS identities it issues.

use std::{io, path::Path, sync::Arc};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use thiserror::Error;

use crate::Secret;

/// Why the authority could not be opened or could not issue.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// Reading or writing the authority's files failed.
    #[error("the certificate authority's files can't be used: {0}")]
    Files(#[from] io::Error),
    /// A key or certificate is malformed.
    #[error("the certificate authority can't issue: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refused the issued identity.
    #[error("TLS can't be configured: {0}")]
    Tls(#[from] rustls::Error),
}

/// The authority that clients trust by its certificate file.
pub struct CertificateAuthority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
}

impl CertificateAuthority {
    /// Opens the authority in `folder` (`ca.pem`, `ca.key`), creating it at first start.
    ///
    /// # Errors
    /// The files can't be read or written, or don't hold a key and a certificate.
    pub fn open(folder: &Path) -> Result<Self, AuthorityError> {
        let (key_path, certificate_path) = (folder.join("ca.key"), folder.join("ca.pem"));
        if !certificate_path.exists() {
            create(&key_path, &certificate_path)?;
        }
        let key = KeyPair::from_pem(&std::fs::read_to_string(&key_path)?)?;
        let certificate_pem = std::fs::read_to_string(&certificate_path)?;
        Ok(Self {
            issuer: Issuer::new(authority_params(), key),
            certificate_pem,
        })
    }

    /// The authority's certificate, PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A certificate with a new key for the given DNS names and IP addresses (text; wildcards
    /// allowed). The first is its common name.
    ///
    /// # Errors
    /// A name is not a DNS name, or the key can't be made.
    pub fn issue(&self, names: &[String]) -> Result<Issued, AuthorityError> {
        let mut params = CertificateParams::new(names.to_vec())?;
        let common_name = names.first().map_or("lakeward", String::as_str);
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued { certificate, key })
    }

    /// A server identity for the given names, as [`CertificateAuthority::issue`] takes them.
    ///
    /// # Errors
    /// A name is not a DNS name, or the key can't be made.
    pub fn server_config(&self, names: &[String]) -> Result<Arc<ServerConfig>, AuthorityError> {
        let issued = self.issue(names)?;
        let chain: Vec<CertificateDer<'static>> = vec![issued.certificate.der().clone()];
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(issued.key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, private)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// A certificate and its private key.
pub struct Issued {
    certificate: Certificate,
    key: KeyPair,
}

impl Issued {
    /// The certificate, PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        self.certificate.pem()
    }

    /// The private key, PEM (PKCS #8).
    #[must_use]
    pub fn private_key_pem(&self) -> Secret {
        Secret::new(self.key.serialize_pem())
    }
}

/// The same for every authority, so that the key alone brings an issuer back.
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Lakeward local authority");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn create(key_path: &Path, certificate_path: &Path) -> Result<(), AuthorityError> {
    let key = KeyPair::generate()?;
    let certificate = authority_params().self_signed(&key)?;
    // The certificate is written last: its presence says that the pair is whole.
    write_private(key_path, key.serialize_pem().as_bytes())?;
    write_private(certificate_path, certificate.pem().as_bytes())?;
    Ok(())
}

/// Writes a file only its owner can read, whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt};
    let draft = path.with_extension("draft");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_is_the_same_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let first = CertificateAuthority::open(dir.path()).unwrap();
        let second = CertificateAuthority::open(dir.path()).unwrap();
        assert_eq!(first.certificate_pem(), second.certificate_pem());
        second
            .server_config(&[
                "localhost".into(),
                "127.0.0.1".into(),
                "*.us-east-1.amazonaws.com".into(),
            ])
            .unwrap();
    }
}
