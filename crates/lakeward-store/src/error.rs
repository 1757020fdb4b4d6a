use std::path::PathBuf;

use thiserror::Error;

/// Why the durable state could not be read or changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database refused; the change is not applied.
    #[error("the state database failed: {0}; nothing was changed")]
    Database(#[source] sqlx::Error),
    /// The database can't be reached; the change is not applied and reads go on.
    #[error("the state database can't be reached: {0}; nothing was changed, try again")]
    Unavailable(String),
    /// The disk refuses the change; it is not applied.
    #[error(
        "the state can't be written ({0}): the disk is full, over a quota or failing; nothing was changed: make room where the state database keeps its files, then try again"
    )]
    Unwritable(String),
    /// The connection broke during the commit and the database hasn't come back since.
    #[error(
        "the state database was lost during the commit ({0}): whether the change was applied will be known when the database is back; look before trying again"
    )]
    OutcomeUnknown(String),
    /// Another process holds the state.
    #[error("the state {place} is in use by another Lakeward; stop that one first")]
    InUse {
        /// The file, or the database without its password.
        place: String,
    },
    /// A file beside the state can't be used.
    #[error("{path} can't be used: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
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
    #[error(
        "the state's layout is version {found}, this version of Lakeward reads up to {supported}: start the version that wrote it, or restore a backup"
    )]
    Layout {
        /// Version in the database.
        found: i64,
        /// Version this build writes.
        supported: i64,
    },
}

/// PostgreSQL's `disk_full` and `io_error`.
const PG_DISK: [&str; 2] = ["53100", "58030"];
/// PostgreSQL's connection exceptions, shortages (of connections, of memory) and its operator's
/// interventions (shutdown, crash, start-up).
const PG_AWAY: [&str; 3] = ["08", "53", "57P"];
/// The length of PostgreSQL's codes; SQLite's are numbers up to four digits.
const PG_CODE: usize = 5;
/// PostgreSQL's `lock_not_available`: another node kept the state locked for too long.
const PG_BUSY: &str = "55P03";
/// SQLite's primary result codes in the low byte of an extended one.
const SQLITE_IOERR: i64 = 10;
const SQLITE_FULL: i64 = 13;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(refusal) => {
                let code = refusal.code().unwrap_or_default();
                let text = refusal.message().to_owned();
                match &*code {
                    PG_BUSY => Self::Unavailable(
                        "another node kept the state locked for too long".to_owned(),
                    ),
                    code if PG_DISK.contains(&code) => Self::Unwritable(text),
                    code if code.len() == PG_CODE => {
                        match PG_AWAY.iter().any(|away| code.starts_with(away)) {
                            true => Self::Unavailable(text),
                            false => Self::Database(error),
                        }
                    }
                    // A file that may not grow (a quota, a limit on file sizes) is an I/O error to SQLite.
                    code => match code.parse::<i64>().map(|code| code & 0xff) {
                        Ok(SQLITE_FULL | SQLITE_IOERR) => Self::Unwritable(text),
                        _ => Self::Database(error),
                    },
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error.to_string()),
            _ => Self::Database(error),
        }
    }
}
