//! What the gate keeps in the durable state. Object bytes are elsewhere: see `blob.rs`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lakeward_identity::StoredPolicy;
use lakeward_store::{Record, Schema};
use serde::{Deserialize, Deserializer, Serialize};

/// Registers the gate's record types.
#[must_use]
pub fn schema(schema: Schema) -> Schema {
    schema
        .record::<Bucket>()
        .record::<StoredObject>()
        .record::<Upload>()
        .record::<Part>()
        .record::<ViewKey>()
}

/// A bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bucket {
    /// Its name, unique in the deployment.
    pub name: String,
    /// The account that owns it.
    pub account: String,
    /// The region it was made in.
    pub region: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its policy.
    #[serde(default, deserialize_with = "policy")]
    pub policy: Option<StoredPolicy>,
}

/// Older records have the policy's text alone.
fn policy<'de, D: Deserializer<'de>>(source: D) -> Result<Option<StoredPolicy>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Policy {
        Text(String),
        Stored(StoredPolicy),
    }
    let policy = Option::<Policy>::deserialize(source)?;
    Ok(policy.map(|policy| match policy {
        Policy::Text(text) => StoredPolicy::resource_as_stored(text),
        Policy::Stored(stored) => stored,
    }))
}

impl Record for Bucket {
    const KIND: &'static str = "s3-bucket";

    fn key(&self) -> String {
        self.name.clone()
    }
}

/// What an object's bytes are, judged once, when they arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// Begins and ends with Parquet's magic: can be served through a partial view.
    Parquet,
    /// Anything else.
    Other,
}

/// The headers a writer chose for an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectHeaders {
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// User metadata (`x-amz-meta-…`).
    pub metadata: BTreeMap<String, String>,
}

/// An object: where its bytes are and what is said about them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredObject {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// The blob that holds its bytes. A blob never changes.
    pub blob: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its ETag, without quotes.
    pub etag: String,
    /// When it was written, in whole seconds as S3 has it.
    pub last_modified: Timestamp,
    /// The account that wrote it.
    pub owner: String,
    /// What its bytes are.
    pub format: Format,
    /// The headers its writer chose.
    pub headers: ObjectHeaders,
}

impl StoredObject {
    /// The record key of an object.
    #[must_use]
    pub fn record_key(bucket: &str, key: &str) -> String {
        format!("{bucket}/{key}")
    }
}

impl Record for StoredObject {
    const KIND: &'static str = "s3-object";

    fn key(&self) -> String {
        Self::record_key(&self.bucket, &self.key)
    }
}

/// A multipart upload in progress.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Upload {
    /// Its bucket.
    pub bucket: String,
    /// The key it will write.
    pub key: String,
    /// Its identifier.
    pub id: String,
    /// When it began.
    pub initiated: Timestamp,
    /// Who began it.
    pub initiator: String,
    /// The account of the one who began it.
    pub owner: String,
    /// The headers for the object.
    pub headers: ObjectHeaders,
}

impl Upload {
    /// The record key of an upload.
    #[must_use]
    pub fn record_key(bucket: &str, id: &str) -> String {
        format!("{bucket}/{id}")
    }
}

impl Record for Upload {
    const KIND: &'static str = "s3-upload";

    fn key(&self) -> String {
        Self::record_key(&self.bucket, &self.id)
    }
}

/// A part of a multipart upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    /// The upload's identifier.
    pub upload: String,
    /// From 1 to 10,000.
    pub number: u16,
    /// The blob that holds its bytes.
    pub blob: String,
    /// Its size in bytes.
    pub size: u64,
    /// The MD5 of its bytes, in hexadecimal; also its ETag.
    pub md5: String,
    /// When it was written.
    pub last_modified: Timestamp,
}

impl Part {
    /// The record key of a part. Numbers sort.
    #[must_use]
    pub fn record_key(upload: &str, number: u16) -> String {
        format!("{upload}/{number:05}")
    }
}

impl Record for Part {
    const KIND: &'static str = "s3-part";

    fn key(&self) -> String {
        Self::record_key(&self.upload, self.number)
    }
}

/// The key that virtual ETags are made with: shared by all nodes, made once.
#[derive(Clone, Serialize, Deserialize)]
pub struct ViewKey {
    /// 32 bytes, in hexadecimal.
    pub key: String,
}

impl ViewKey {
    /// The record key of the only view key.
    pub const NAME: &'static str = "current";
}

impl Record for ViewKey {
    const KIND: &'static str = "s3-view-key";

    fn key(&self) -> String {
        Self::NAME.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_of_an_older_bucket_is_read() {
        let record = |policy: &str| {
            let json = format!(
                r#"{{"name":"lake","account":"111122223333","region":"us-east-1","created":"2026-01-01T00:00:00Z","policy":{policy}}}"#
            );
            serde_json::from_str::<Bucket>(&json).unwrap()
        };
        assert!(record("null").policy.is_none());
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}}"#;
        let old = record(&serde_json::to_string(text).unwrap());
        assert_eq!(old.policy.as_ref().unwrap().text(), text);
        let json = serde_json::to_string(&old).unwrap();
        let now: Bucket = serde_json::from_str(&json).unwrap();
        assert!(now.policy.unwrap().document().is_ok());
        assert!(record(r#""{}""#).policy.unwrap().document().is_err());
    }
}
