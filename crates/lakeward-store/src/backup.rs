//! A copy of the control state in one file.
//!
//! The first line names the format and the SHA-256 of all that follows. Then a line about the copy
//! (JSON), then one line for each record: its kind, its key and its JSON, as the database has them.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    database::Row,
    error::StoreError,
    location::Location,
    postgres,
    record::Schema,
    sqlite::{self, Sqlite},
};

const MAGIC: &str = "lakeward-backup 1 sha256=";
/// The first line: magic, 64 hexadecimal digits, line feed.
const FIRST_LINE: usize = MAGIC.len() + 64 + 1;

/// Why a backup could not be made, read or restored. Nothing was changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The state refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no state to back up.
    #[error("there is no state in {0}")]
    NoState(String),
    /// The state holds records already.
    #[error(
        "{0} holds a state already, and nothing was changed: name an empty one, or replace it with --replace"
    )]
    NotEmpty(String),
    /// The file is no backup.
    #[error("the file isn't a backup of Lakeward, or one of a newer version")]
    Foreign,
    /// The file was cut short or altered.
    #[error("the backup is damaged ({0}): use another one")]
    Damaged(String),
    /// The file can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A copy of all records at one moment.
///
/// It holds every secret of the instance: whoever reads it can sign as anyone.
pub struct Backup {
    about: About,
    rows: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    created: Timestamp,
    /// The version of Lakeward that made it.
    program: String,
    layout: i64,
    /// How many records of each kind.
    records: BTreeMap<String, usize>,
}

impl Backup {
    /// Copies the state at one moment, whether or not an instance is using it.
    ///
    /// # Errors
    /// There is no state, it can't be read, or its layout is newer than this build.
    pub async fn take(location: &Location) -> Result<Self, BackupError> {
        let none = || BackupError::NoState(location.to_string());
        let (layout, rows) = match location {
            Location::File(path) if !path.exists() => return Err(none()),
            Location::File(path) => sqlite::read_beside(path).await?,
            Location::Postgres(address) => postgres::read_beside(address).await?,
        };
        if layout == 0 {
            return Err(none());
        }
        let about = About {
            created: Timestamp::now(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            layout,
            records: count(&rows),
        };
        Ok(Self { about, rows })
    }

    /// Writes the backup to a new file that only its owner can read: whole and on disk, or not at
    /// all.
    ///
    /// # Errors
    /// There is a file already, or the disk refuses.
    pub fn write(&self, path: &Path) -> Result<(), BackupError> {
        let body = self.encode()?;
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut draft = tempfile::Builder::new()
            .prefix(".lakeward-backup-")
            .tempfile_in(folder)?;
        writeln!(draft, "{MAGIC}{}", hex::encode(Sha256::digest(&body)))?;
        draft.write_all(&body)?;
        draft.as_file().sync_all()?;
        draft
            .persist_noclobber(path)
            .map_err(|refused| refused.error)?;
        Ok(File::open(folder)?.sync_all()?)
    }

    /// Reads a backup and checks that it is whole and unaltered.
    ///
    /// # Errors
    /// The file can't be read, is something else, or is damaged.
    pub fn read(path: &Path) -> Result<Self, BackupError> {
        let file = File::open(path)?;
        let mut first = Vec::with_capacity(FIRST_LINE);
        let beginning = u64::try_from(FIRST_LINE).unwrap_or(u64::MAX);
        (&file).take(beginning).read_to_end(&mut first)?;
        let promised = first
            .strip_prefix(MAGIC.as_bytes())
            .ok_or(BackupError::Foreign)?;
        let mut body = Vec::new();
        (&file).read_to_end(&mut body)?;
        let found = format!("{}\n", hex::encode(Sha256::digest(&body)));
        if promised != found.as_bytes() {
            return Err(damaged("its checksum doesn't match"));
        }
        Self::decode(&body)
    }

    /// Puts the records into the state at `location`, all or nothing; with `replace` in place of
    /// those it holds.
    ///
    /// # Errors
    /// An instance uses the state, it isn't empty and `replace` is false, `schema` doesn't know or
    /// can't decode a record, or the database refuses.
    pub async fn restore(
        &self,
        location: &Location,
        schema: &Schema,
        replace: bool,
    ) -> Result<(), BackupError> {
        self.check(schema)?;
        let restored = match location {
            Location::File(path) => restore_file(path, &self.rows, replace).await?,
            Location::Postgres(address) => postgres::replace(address, &self.rows, replace).await?,
        };
        match restored {
            true => Ok(()),
            false => Err(BackupError::NotEmpty(location.to_string())),
        }
    }

    /// Decodes every record as a start would.
    ///
    /// # Errors
    /// `schema` doesn't know a record's kind or can't decode it.
    pub fn check(&self, schema: &Schema) -> Result<(), StoreError> {
        for row in &self.rows {
            let kind = row.kind.clone();
            let Some((_, decode)) = schema.decoder(&kind) else {
                return Err(StoreError::UnknownKind { kind });
            };
            let decoded = decode(row.json.as_deref().unwrap_or_default());
            decoded.map_err(|source| StoreError::Undecodable {
                kind,
                key: row.key.clone(),
                source,
            })?;
        }
        Ok(())
    }

    /// When the copy was made.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.about.created
    }

    /// The version of Lakeward that made it.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.about.program
    }

    /// How many records of each kind it holds.
    #[must_use]
    pub fn records(&self) -> &BTreeMap<String, usize> {
        &self.about.records
    }

    fn encode(&self) -> Result<Vec<u8>, BackupError> {
        let mut body = serde_json::to_vec(&self.about).map_err(io::Error::from)?;
        for row in &self.rows {
            body.push(b'\n');
            let line = (&row.kind, &row.key, &row.json);
            serde_json::to_writer(&mut body, &line).map_err(io::Error::from)?;
        }
        body.push(b'\n');
        Ok(body)
    }

    fn decode(body: &[u8]) -> Result<Self, BackupError> {
        let text = std::str::from_utf8(body).map_err(damaged)?;
        let mut lines = text.lines();
        let about: About = serde_json::from_str(lines.next().unwrap_or_default())
            .map_err(|_| BackupError::Foreign)?;
        let mut rows = Vec::new();
        for line in lines {
            let (kind, key, json): (String, String, String) =
                serde_json::from_str(line).map_err(damaged)?;
            rows.push(Row {
                kind,
                key,
                json: Some(json),
            });
        }
        if count(&rows) != about.records {
            return Err(damaged("it doesn't hold the records it names"));
        }
        Ok(Self { about, rows })
    }
}

async fn restore_file(path: &Path, rows: &[Row], replace: bool) -> Result<bool, StoreError> {
    let mut sqlite = Sqlite::open(path).await?;
    if !replace && !sqlite.is_empty().await? {
        return Ok(false);
    }
    sqlite.replace(rows).await?;
    Ok(true)
}

fn count(rows: &[Row]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row.kind.clone()).or_default() += 1;
    }
    counts
}

fn damaged(why: impl ToString) -> BackupError {
    BackupError::Damaged(why.to_string())
}
