use thiserror::Error;

/// Why the durable state could not be read or changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database refused or failed; the change is not applied.
    #[error("the state database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A record of a kind this version doesn't know.
    #[error(
        "the state holds a record of unknown kind `{kind}`: it was written by a newer version of Lakeward; start that version, or restore a backup"
    )]
    UnknownKind {
        /// The kind found.
        kind: String,
    },
    /// A record that doesn't decode.
    #[error("the state's record `{kind}/{key}` can't be decoded: {source}")]
    Undecodable {
        /// The record's kind.
        kind: String,
        /// The record's key.
        key: String,
        /// What the decoder said.
        source: serde_json::Error,
    },
    /// A record that can't be written as JSON.
    #[error("a record of kind `{kind}` can't be encoded: {source}")]
    Unencodable {
        /// The record's kind.
        kind: &'static str,
        /// What the encoder said.
        source: serde_json::Error,
    },
    /// A record type that was not registered in the [`Schema`](crate::Schema).
    #[error("records of kind `{0}` are not registered in the store's schema")]
    Unregistered(&'static str),
    /// The database belongs to a newer layout.
    #[error("the state's layout is version {found}, this version of Lakeward reads {supported}")]
    Layout {
        /// Version in the file.
        found: i64,
        /// Version this build reads.
        supported: i64,
    },
}
