//! Zips and certificates to test with.

use std::io::{Cursor, Write as _};

use lakeward_wire::Secret;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::archive::{CHAIN, PRIVATE_KEY, PemFiles};

/// A key and the certificate it signed for itself, as EMR's guide makes them with OpenSSL.
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) certificate: String,
}

impl Pair {
    /// Valid from 2020 to 2060.
    pub(crate) fn named(common: &str, alternative: &[&str]) -> Self {
        let names: Vec<String> = alternative.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2060, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self {
            key: key.serialize_pem(),
            certificate,
        }
    }

    pub(in crate::emr::certificate) fn files(&self) -> PemFiles {
        PemFiles {
            private_key: Secret::new(self.key.clone()),
            chain: self.certificate.clone().into_bytes(),
            trusted: None,
        }
    }

    /// The zip that goes to S3.
    pub(crate) fn zip(&self) -> Vec<u8> {
        zip(&[
            (CHAIN, self.certificate.as_bytes()),
            (PRIVATE_KEY, self.key.as_bytes()),
        ])
    }
}

pub(crate) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A zip with a symbolic link among plain files.
pub(crate) fn linked(link: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    writer.add_symlink(link, "/etc/passwd", options).unwrap();
    for (name, content) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The same bytes with a name of an entry changed into another of the same length.
pub(crate) fn renamed(archive: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = archive.to_vec();
    for at in 0..bytes.len() - from.len() {
        let place = at..at + from.len();
        if &bytes[place.clone()] == from.as_bytes() {
            bytes[place].copy_from_slice(to.as_bytes());
        }
    }
    bytes
}
