//! Durable control state.
//!
//! All control state is small, so readers hold the whole of it: a [`Snapshot`] is immutable and
//! taken without a lock. A change is one transaction; only when that has been committed to disk
//! does the next snapshot appear. What [`Store::change`] acknowledged survives `kill -9`; what it
//! did not acknowledge is absent.
//!
//! The database is a SQLite file for one node ([`Store::open`]) or PostgreSQL for several
//! ([`Store::connect`]). In PostgreSQL a change first takes a lock that all nodes share and reads
//! what the others changed, so it runs once and against the latest state of all of them. Between
//! changes a node follows: the database rings, and the node looks twice a second in any case. While
//! the database is away, reads go on with the last snapshot and changes fail.
#![forbid(unsafe_code)]

mod backup;
mod change;
mod database;
mod error;
mod follower;
mod layout;
mod location;
mod lock;
mod postgres;
mod record;
mod snapshot;
mod sqlite;
mod turn;

pub use backup::{Backup, BackupError};
pub use change::Change;
pub use error::StoreError;
pub use location::{Location, LocationError, PostgresAddress};
pub use record::{Record, Schema};
pub use snapshot::Snapshot;

use std::{path::Path, sync::Arc};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use crate::{
    database::{Database, Position, Seen},
    follower::{Follower, Hearing},
    postgres::Postgres,
    sqlite::Sqlite,
    turn::{Desk, Turn},
};

/// A handle to the durable state. Cloning is cheap; all clones see the same state.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    /// Present when other nodes share the state.
    follower: Option<Arc<Follower>>,
}

struct Inner {
    snapshot: ArcSwap<Snapshot>,
    /// Writers queue here, so that each one computes against the state the last one left.
    desk: Arc<Mutex<Desk>>,
    schema: Schema,
}

impl Store {
    /// Opens the database file at `path`, creating it if needed, and reads all records.
    ///
    /// # Errors
    /// The file can't be opened, is in use by another process, has a newer layout, or holds a
    /// record of a kind that `schema` does not know or can't decode (written by a newer version).
    pub async fn open(path: &Path, schema: Schema) -> Result<Self, StoreError> {
        let mut sqlite = Sqlite::open(path).await?;
        let seen = sqlite::read_all(&mut sqlite).await?;
        let inner = Inner::new(Database::Sqlite(sqlite), seen, schema)?;
        Ok(Self {
            inner: Arc::new(inner),
            follower: None,
        })
    }

    /// Opens the PostgreSQL database at `address`, making its tables if needed, reads all records
    /// and follows what other nodes change. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The database can't be reached, and as for [`Store::open`].
    pub async fn connect(address: &PostgresAddress, schema: Schema) -> Result<Self, StoreError> {
        Self::connect_hearing(address, schema, Hearing::default()).await
    }

    async fn connect_hearing(
        address: &PostgresAddress,
        schema: Schema,
        hearing: Hearing,
    ) -> Result<Self, StoreError> {
        let mut postgres = Postgres::open(address).await?;
        let seen = postgres.read_all().await?;
        let inner = Inner::new(Database::Postgres(Box::new(postgres)), seen, schema)?;
        let inner = Arc::new(inner);
        let follower = Follower::start(&inner, address.options(), hearing);
        Ok(Self {
            inner,
            follower: Some(Arc::new(follower)),
        })
    }

    /// Opens the state wherever it is.
    ///
    /// # Errors
    /// As for [`Store::open`] and [`Store::connect`].
    pub async fn at(location: &Location, schema: Schema) -> Result<Self, StoreError> {
        match location {
            Location::File(path) => Self::open(path, schema).await,
            Location::Postgres(address) => Self::connect(address, schema).await,
        }
    }

    /// True when other nodes may change the state, too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.follower.is_some()
    }

    /// The state as of the last committed change that this node knows of.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.snapshot.load_full()
    }

    /// Runs `f` against the latest state and commits what it staged, all or nothing.
    ///
    /// Changes run one after another, those of other nodes included. When `f` fails, or the commit
    /// fails, nothing changes. A commit goes on when the caller stops waiting for it.
    ///
    /// # Errors
    /// Whatever `f` returns, or a [`StoreError`] when the commit did not reach the disk.
    pub async fn change<T, E>(
        &self,
        f: impl FnOnce(&mut Change) -> Result<T, E> + Send,
    ) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        let turn = Turn::take(&self.inner).await?;
        let mut change = Change::new(self.snapshot(), &self.inner.schema);
        let answer = f(&mut change)?;
        let (next, writes) = change.finish()?;
        if !writes.is_empty() {
            turn.commit(next, writes).await?;
        }
        Ok(answer)
    }
}

impl Inner {
    fn new(database: Database, seen: Seen, schema: Schema) -> Result<Self, StoreError> {
        let mut desk = Desk {
            database,
            position: Position::default(),
        };
        let empty = ArcSwap::from_pointee(Snapshot::default());
        let snapshot = desk.next_snapshot(&empty.load(), seen, &schema)?;
        Ok(Self {
            snapshot: snapshot.map_or(empty, ArcSwap::from_pointee),
            desk: Arc::new(Mutex::new(desk)),
            schema,
        })
    }

    /// Publishes what other nodes changed.
    async fn catch_up(&self) -> Result<(), StoreError> {
        let mut desk = self.desk.lock().await;
        let position = desk.position;
        let seen = desk.database.news(position).await?;
        desk.accept(self, seen)
    }
}

#[cfg(test)]
mod tests;
