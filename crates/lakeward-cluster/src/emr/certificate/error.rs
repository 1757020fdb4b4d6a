//! Why a cluster can't have the certificate it was configured with.

use thiserror::Error;

use crate::emr::{error::EmrError, object::ObjectError};

/// Why a cluster can't have the certificate it was configured with.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// The object could not be read.
    #[error(
        "the certificates in {object} can't be read with the instance profile's role {role}: \
         {source}. {}", remedy(.source, .bucket, .region, .role)
    )]
    Unreadable {
        /// Its place.
        object: String,
        /// Its bucket.
        bucket: String,
        /// The cluster's region.
        region: String,
        /// Who asked.
        role: String,
        /// What S3 said.
        source: ObjectError,
    },
    /// The object is not what it must be.
    #[error("the certificates in {object} can't be used: {fault}")]
    Unfit {
        /// Its place.
        object: String,
        /// What is wrong, and what to change.
        fault: Fault,
    },
    /// The rules or the instance profile can't be used.
    #[error(transparent)]
    Cluster(#[from] EmrError),
}

impl CertificateError {
    /// Whether the content is at fault, and not the way to it.
    #[must_use]
    pub fn is_unfit(&self) -> bool {
        matches!(self, Self::Unfit { .. })
    }
}

fn remedy(error: &ObjectError, bucket: &str, region: &str, role: &str) -> String {
    match error.code.as_str() {
        "NoSuchBucket" => format!(
            "Upload the zip to a bucket of {region}, the cluster's region; there is no bucket \
             {bucket} there."
        ),
        "NoSuchKey" => "Upload the zip there, or correct the S3Object of the security \
                        configuration."
            .to_owned(),
        // S3 tells nobody else that there is no such key.
        "AccessDenied" if error.message.contains("s3:ListBucket") => format!(
            "Check that the zip is there, and the spelling of the S3Object: S3 says that it isn't \
             only to a role with s3:ListBucket on {bucket}."
        ),
        "AccessDenied" => format!("Allow s3:GetObject on it to {role}."),
        _ => "Correct the S3Object of the security configuration.".to_owned(),
    }
}

/// What is wrong with a zip of certificates.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// Not a zip that can be read.
    #[error(
        "it is not a plain zip file ({0}). Make it with: zip -r -X certs.zip certificateChain.pem \
         privateKey.pem trustedCertificates.pem"
    )]
    NotAnArchive(String),
    /// Too many files in it.
    #[error(
        "the zip has {0} entries. Put privateKey.pem, certificateChain.pem and, if you like, trustedCertificates.pem into it and nothing else"
    )]
    TooManyEntries(usize),
    /// The same name twice.
    #[error("the zip holds a name twice. Make a new one with each file once")]
    Duplicate,
    /// A name that doesn't belong there.
    #[error(
        "the zip holds '{0}'. Put privateKey.pem, certificateChain.pem and, if you like, trustedCertificates.pem at its top level and nothing else"
    )]
    Stranger(String),
    /// A folder or a symbolic link.
    #[error("{0} is not a plain file in the zip. Put the file itself into it")]
    NotAFile(&'static str),
    /// A file that is larger than any PEM file need be.
    #[error("{0} is larger than {most} bytes when unpacked", most = super::archive::LARGEST_FILE)]
    TooLarge(&'static str),
    /// A required file isn't there.
    #[error("the zip holds no {0}. Add it under exactly this name")]
    Missing(&'static str),
    /// A file without the PEM block it is for.
    #[error("{file} holds no {what} in PEM ({why})")]
    NotPem {
        /// The file.
        file: &'static str,
        /// What was looked for.
        what: &'static str,
        /// What the reader said.
        why: String,
    },
    /// Key and certificate are of different pairs, or the key's kind isn't served.
    #[error(
        "privateKey.pem doesn't go with the first certificate of certificateChain.pem, or is of a \
         kind that TLS here doesn't take ({0}). Use the pair's own key: RSA of at least 2048 bits, \
         ECDSA P-256 or P-384, or Ed25519"
    )]
    Mismatch(String),
    /// The certificate is for other names.
    #[error(
        "its certificate is for {found}, and clusters of {region} need CN={expected}. Make a \
         certificate with that common name or alternative name"
    )]
    OtherName {
        /// What it is for.
        found: String,
        /// The cluster's region.
        region: String,
        /// What it must be for.
        expected: String,
    },
    /// Not valid now.
    #[error("its certificate is valid from {from} to {until}, and it is {now}. Make a new one")]
    NotNow {
        /// Begin.
        from: String,
        /// End.
        until: String,
        /// The time it was looked at.
        now: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_may_be_missing_is_told_from_one_that_may_not_be_read() {
        let denied = |action: &str| ObjectError {
            code: "AccessDenied".to_owned(),
            message: format!("User: m is not authorized to perform: {action} on resource: r"),
        };
        let remedy = |action: &str| remedy(&denied(action), "certs", "us-east-1", "role/machine");
        let missing = remedy("s3:ListBucket");
        assert!(missing.contains("spelling of the S3Object"), "{missing}");
        assert!(!missing.contains("GetObject"), "{missing}");
        assert_eq!(
            remedy("s3:GetObject"),
            "Allow s3:GetObject on it to role/machine."
        );
    }
}
