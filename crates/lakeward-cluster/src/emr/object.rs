//! Objects of the lake that a cluster reads and writes: certificates and logs.
//!
//! A cluster goes to S3 like anyone else, with the keys of its instance profile's role, so that
//! policies decide and the audit trail tells.

use std::fmt;

use async_trait::async_trait;
use lakeward_identity::RoleCredentials;
use thiserror::Error;

use crate::emr::{Emr, chain::ProfileRole, cluster::Cluster, error::EmrError};

const LONGEST_KEY: usize = 1_024;

/// A place in S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectAddress {
    /// The bucket's name.
    pub bucket: String,
    /// The key, or a prefix of keys.
    pub key: String,
}

impl ObjectAddress {
    /// Reads `s3://bucket/key` (`s3n` and `s3a` mean the same to EMR) or `arn:aws:s3:::bucket/key`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let schemes = ["s3://", "s3n://", "s3a://", "arn:aws:s3:::"];
        let path = schemes.iter().find_map(|start| text.strip_prefix(start))?;
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let letters = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let named = (3..=63).contains(&bucket.len()) && bucket.chars().all(letters);
        let printable = key.len() <= LONGEST_KEY && !key.chars().any(char::is_control);
        (named && printable).then(|| Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        })
    }

    /// The place `path` under this one.
    #[must_use]
    pub fn under(&self, path: &str) -> Self {
        let folder = self.key.trim_end_matches('/');
        let separator = if folder.is_empty() { "" } else { "/" };
        Self {
            bucket: self.bucket.clone(),
            key: format!("{folder}{separator}{path}"),
        }
    }
}

impl fmt::Display for ObjectAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// Why an object could not be read or written.
#[derive(Clone, Debug, Error)]
#[error("{code}: {message}")]
pub struct ObjectError {
    /// S3's error code; a word of our own when S3 could not be asked.
    pub code: String,
    /// What went wrong.
    pub message: String,
}

/// The objects of the lake, behind the gate that everyone passes.
#[async_trait]
pub trait LakeObjects: Send + Sync + 'static {
    /// Reads an object of at most `most` bytes.
    ///
    /// # Errors
    /// It isn't there, `keys` may not read it, or it is larger.
    async fn get(
        &self,
        keys: &RoleCredentials,
        object: &ObjectAddress,
        most: usize,
    ) -> Result<Vec<u8>, ObjectError>;

    /// Writes an object.
    ///
    /// # Errors
    /// There is no such bucket, or `keys` may not write there.
    async fn put(
        &self,
        keys: &RoleCredentials,
        object: &ObjectAddress,
        content: Vec<u8>,
    ) -> Result<(), ObjectError>;
}

impl Emr {
    /// Keys of the role that the cluster's instances have.
    pub(crate) fn instance_keys(&self, cluster: &Cluster) -> Result<RoleCredentials, EmrError> {
        ProfileRole::of(&self.identity, cluster)?.keys(&self.identity, self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_the_spellings_of_emr() {
        for text in [
            "s3://certs/a/b.zip",
            "s3n://certs/a/b.zip",
            "s3a://certs/a/b.zip",
            "arn:aws:s3:::certs/a/b.zip",
        ] {
            let object = ObjectAddress::parse(text).unwrap();
            assert_eq!(object.to_string(), "s3://certs/a/b.zip");
        }
        for text in [
            "",
            "certs/a.zip",
            "http://certs/a.zip",
            "s3://",
            "s3:///a.zip",
            "s3://UP/../x y",
            "s3://a?b/c",
            "s3://certs/a\nb",
        ] {
            assert_eq!(ObjectAddress::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_place_under_another_has_one_slash_between() {
        for (folder, expected) in [
            ("s3://logs", "s3://logs/j-1/x"),
            ("s3://logs/", "s3://logs/j-1/x"),
            ("s3://logs/emr", "s3://logs/emr/j-1/x"),
            ("s3://logs/emr/", "s3://logs/emr/j-1/x"),
        ] {
            let folder = ObjectAddress::parse(folder).unwrap();
            assert_eq!(folder.under("j-1/x").to_string(), expected);
        }
    }
}
