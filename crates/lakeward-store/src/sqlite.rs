use std::path::Path;

use sqlx::{
    Connection, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous},
};

use crate::{change::Writes, error::StoreError, record::Schema, snapshot::Snapshot};

const LAYOUT: i64 = 1;

/// The one connection to the state file.
pub(crate) struct Database {
    connection: SqliteConnection,
}

impl Database {
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .busy_timeout(std::time::Duration::from_millis(200))
            .journal_mode(SqliteJournalMode::Wal)
            // FULL makes a commit wait for the disk: an acknowledged change survives power loss.
            .synchronous(SqliteSynchronous::Full)
            // A second daemon on one state folder would diverge from the snapshot in memory.
            .locking_mode(SqliteLockingMode::Exclusive);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        sqlx::query("CREATE TABLE IF NOT EXISTS record (kind TEXT NOT NULL, key TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID")
            .execute(&mut connection)
            .await?;
        let mut database = Self { connection };
        database.check_layout().await?;
        Ok(database)
    }

    async fn check_layout(&mut self) -> Result<(), StoreError> {
        let row = sqlx::query("PRAGMA user_version")
            .fetch_one(&mut self.connection)
            .await?;
        match row.try_get::<i64, _>(0)? {
            0 => {
                sqlx::query("PRAGMA user_version = 1")
                    .execute(&mut self.connection)
                    .await?;
                Ok(())
            }
            LAYOUT => Ok(()),
            found => Err(StoreError::Layout {
                found,
                supported: LAYOUT,
            }),
        }
    }

    pub(crate) async fn read_all(&mut self, schema: &Schema) -> Result<Snapshot, StoreError> {
        let rows = sqlx::query("SELECT kind, key, json FROM record")
            .fetch_all(&mut self.connection)
            .await?;
        let mut snapshot = Snapshot::default();
        for row in rows {
            let (kind, key): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let json: String = row.try_get(2)?;
            let Some((kind, decode)) = schema.decoder(&kind) else {
                return Err(StoreError::UnknownKind { kind });
            };
            match decode(&json) {
                Ok(record) => snapshot.insert(kind, key, record),
                Err(source) => {
                    return Err(StoreError::Undecodable {
                        kind: kind.to_owned(),
                        key,
                        source,
                    });
                }
            }
        }
        Ok(snapshot)
    }

    pub(crate) async fn commit(&mut self, writes: &Writes) -> Result<(), StoreError> {
        let mut transaction = self.connection.begin().await?;
        for ((kind, key), json) in writes {
            match json {
                Some(json) => {
                    sqlx::query("INSERT INTO record (kind, key, json) VALUES (?1, ?2, ?3) ON CONFLICT (kind, key) DO UPDATE SET json = excluded.json")
                        .bind(*kind)
                        .bind(key)
                        .bind(json)
                        .execute(&mut *transaction)
                        .await?;
                }
                None => {
                    sqlx::query("DELETE FROM record WHERE kind = ?1 AND key = ?2")
                        .bind(*kind)
                        .bind(key)
                        .execute(&mut *transaction)
                        .await?;
                }
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}
