use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    Connection, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous},
};

use crate::{
    change::Writes,
    database::{News, NotCommitted, Position, Row, Seen},
    error::StoreError,
    layout::{self, refuse_newer},
    lock::{self, Lock},
};

/// How long to wait for readers and for a closing connection. Writers are kept apart by [`Lock`].
const PATIENCE: Duration = Duration::from_secs(5);
const PUT: &str = "INSERT INTO record (kind, key, json) VALUES (?1, ?2, ?3) ON CONFLICT (kind, key) DO UPDATE SET json = excluded.json";

/// The one writing connection to a state file.
pub(crate) struct Sqlite {
    path: PathBuf,
    /// None after a failure, until the file was opened and read anew.
    connection: Option<SqliteConnection>,
    _lock: Lock,
}

impl Sqlite {
    /// Opens or makes the file, and brings its layout up to date.
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = Lock::take(path)?;
        lock::private_file(path).map_err(|source| lock::unusable(path, source))?;
        // Before the layout or the kind of journal is touched.
        refuse_newer(look_at_layout(path).await?)?;
        let mut sqlite = Self {
            path: path.to_owned(),
            connection: None,
            _lock: lock,
        };
        migrate(sqlite.connection().await?).await?;
        Ok(sqlite)
    }

    async fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&writing(&self.path)).await?,
        };
        Ok(self.connection.insert(connection))
    }

    pub(crate) async fn begin(&mut self, position: Position) -> Result<Seen, StoreError> {
        if self.connection.is_some() {
            return Ok(Seen::nothing_since(position));
        }
        let seen = read_since(self.connection().await?, position).await;
        if seen.is_err() {
            self.give_up().await;
        }
        seen
    }

    pub(crate) async fn commit(
        &mut self,
        writes: &Writes,
        position: Position,
    ) -> Result<(), NotCommitted> {
        let connection = self.connection().await.map_err(NotCommitted::Refused)?;
        let done = commit(connection, writes, position).await;
        if let Err(error) = done {
            // Only the file can tell what of a failed commit is in it.
            self.give_up().await;
            return Err(NotCommitted::Unknown(error.into()));
        }
        Ok(())
    }

    pub(crate) async fn has(&mut self, position: Position) -> Result<bool, StoreError> {
        Ok(read_position(self.connection().await?).await? == position)
    }

    /// Replaces all records in one transaction.
    pub(crate) async fn replace(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        let connection = self.connection().await?;
        let position = read_position(connection).await?.next();
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM record")
            .execute(&mut *transaction)
            .await?;
        for row in rows {
            sqlx::query(PUT)
                .bind(&row.kind)
                .bind(&row.key)
                .bind(&row.json)
                .execute(&mut *transaction)
                .await?;
        }
        mark(&mut transaction, position).await?;
        Ok(transaction.commit().await?)
    }

    pub(crate) async fn is_empty(&mut self) -> Result<bool, StoreError> {
        let found = sqlx::query("SELECT 1 FROM record LIMIT 1")
            .fetch_optional(self.connection().await?)
            .await?;
        Ok(found.is_none())
    }

    async fn give_up(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "closing the state file after a failure failed too");
        }
    }
}

/// All records of a state file at one moment, and its layout, whether or not an instance uses it.
pub(crate) async fn read_beside(path: &Path) -> Result<(i64, Vec<Row>), StoreError> {
    let mut connection = SqliteConnection::connect_with(&reading(path)).await?;
    // One transaction sees one moment, whatever is committed meanwhile.
    let mut transaction = connection.begin().await?;
    let layout = read_layout(&mut transaction).await?;
    refuse_newer(layout)?;
    let rows = read_rows(&mut transaction).await?;
    transaction.rollback().await?;
    connection.close().await?;
    Ok((layout, rows))
}

fn reading(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(PATIENCE)
}

fn writing(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(PATIENCE)
        // Readers in other processes, such as a backup, don't wait for the writer, nor it for them.
        .journal_mode(SqliteJournalMode::Wal)
        // FULL makes a commit wait for the disk: an acknowledged change survives power loss.
        .synchronous(SqliteSynchronous::Full)
}

async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let found = read_layout(connection).await?;
    for migration in layout::outstanding(found) {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql(migration.sqlite)
            .execute(&mut *transaction)
            .await?;
        // A pragma takes no parameters; the number is a constant of this build.
        let mark = format!("PRAGMA user_version = {}", migration.layout);
        sqlx::raw_sql(sqlx::AssertSqlSafe(mark))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Opened to write, because a process that was killed while it made the file may have left a
/// journal that only a writer rolls back.
async fn look_at_layout(path: &Path) -> Result<i64, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(PATIENCE);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let layout = read_layout(&mut connection).await?;
    connection.close().await?;
    Ok(layout)
}

async fn read_layout(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let row = sqlx::query("PRAGMA user_version")
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}

async fn read_position(connection: &mut SqliteConnection) -> Result<Position, StoreError> {
    let row = sqlx::query("SELECT version, stamp FROM state")
        .fetch_one(connection)
        .await?;
    Ok(Position {
        version: row.try_get(0)?,
        stamp: row.try_get(1)?,
    })
}

async fn read_since(
    connection: &mut SqliteConnection,
    position: Position,
) -> Result<Seen, StoreError> {
    let found = read_position(connection).await?;
    if found == position {
        return Ok(Seen::nothing_since(position));
    }
    Ok(Seen {
        news: News::Everything(read_rows(connection).await?),
        position: found,
    })
}

/// Everything, for a store that opens.
pub(crate) async fn read_all(sqlite: &mut Sqlite) -> Result<Seen, StoreError> {
    let connection = sqlite.connection().await?;
    Ok(Seen {
        position: read_position(connection).await?,
        news: News::Everything(read_rows(connection).await?),
    })
}

async fn read_rows(connection: &mut SqliteConnection) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query("SELECT kind, key, json FROM record ORDER BY kind, key")
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok(read_row(row)?)).collect()
}

fn read_row(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    Ok(Row {
        kind: row.try_get(0)?,
        key: row.try_get(1)?,
        json: row.try_get(2)?,
    })
}

async fn commit(
    connection: &mut SqliteConnection,
    writes: &Writes,
    position: Position,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for ((kind, key), json) in writes {
        match json {
            Some(json) => {
                let put = sqlx::query(PUT).bind(*kind).bind(key).bind(json);
                put.execute(&mut *transaction).await?;
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
    mark(&mut transaction, position).await?;
    transaction.commit().await
}

async fn mark(connection: &mut SqliteConnection, position: Position) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE state SET version = ?1, stamp = ?2")
        .bind(position.version)
        .bind(position.stamp)
        .execute(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
impl Sqlite {
    /// Lets the file grow to this many pages and no further, while the connection lasts.
    pub(crate) async fn limit_pages(&mut self, pages: u32) {
        let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
        let connection = self.connection().await.unwrap();
        sqlx::raw_sql(limit).execute(connection).await.unwrap();
    }
}
