use crate::{change::Writes, error::StoreError, postgres::Postgres, sqlite::Sqlite};

/// How far a snapshot follows its database: the count of changes and a random mark of the last.
/// The mark tells two histories apart that count the same: one of them was restored over the
/// other, or was lost with a failed server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Position {
    pub(crate) version: i64,
    pub(crate) stamp: i64,
}

impl Position {
    pub(crate) fn next(self) -> Self {
        Self {
            version: self.version + 1,
            stamp: rand::random(),
        }
    }
}

/// A record as the database has it; no JSON when it was deleted.
pub(crate) struct Row {
    pub(crate) kind: String,
    pub(crate) key: String,
    pub(crate) json: Option<String>,
}

/// What a database holds that a snapshot at some position doesn't.
pub(crate) enum News {
    Nothing,
    /// These records changed.
    Rows(Vec<Row>),
    /// The snapshot's history isn't the database's: these are all records.
    Everything(Vec<Row>),
}

pub(crate) struct Seen {
    pub(crate) news: News,
    pub(crate) position: Position,
}

impl Seen {
    pub(crate) fn nothing_since(position: Position) -> Self {
        Self {
            news: News::Nothing,
            position,
        }
    }
}

/// A commit that did not succeed.
pub(crate) enum NotCommitted {
    /// Certainly not applied.
    Refused(StoreError),
    /// Applied or not: the database must be asked.
    Unknown(StoreError),
}

/// The database behind a store.
///
/// A turn to write is `begin`, then `commit` or `rollback`. After any failure the connection is
/// given up, so that the next turn starts from what the database really holds.
pub(crate) enum Database {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

impl Database {
    /// Begins a turn: until it ends nobody else writes. Answers what happened since `position`.
    pub(crate) async fn begin(&mut self, position: Position) -> Result<Seen, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.begin(position).await,
            Self::Postgres(postgres) => postgres.begin(position).await,
        }
    }

    /// Writes, marks the state with `position` and ends the turn, durably and all or nothing.
    pub(crate) async fn commit(
        &mut self,
        writes: &Writes,
        position: Position,
    ) -> Result<(), NotCommitted> {
        match self {
            Self::Sqlite(sqlite) => sqlite.commit(writes, position).await,
            Self::Postgres(postgres) => postgres.commit(writes, position).await,
        }
    }

    /// Ends the turn without a change.
    pub(crate) async fn rollback(&mut self) {
        match self {
            Self::Sqlite(_) => {} // Its turn opens no transaction before the commit.
            Self::Postgres(postgres) => postgres.rollback().await,
        }
    }

    /// Within a turn: whether the change that `position` marks was committed.
    pub(crate) async fn has(&mut self, position: Position) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.has(position).await,
            Self::Postgres(postgres) => postgres.has(position).await,
        }
    }

    /// Outside a turn: what happened since `position`.
    pub(crate) async fn news(&mut self, position: Position) -> Result<Seen, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(Seen::nothing_since(position)), // There is no other writer.
            Self::Postgres(postgres) => postgres.news(position).await,
        }
    }
}
