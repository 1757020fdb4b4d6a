//! Durable control state.
//!
//! All control state is small, so readers hold the whole of it: a [`Snapshot`] is immutable and
//! taken without a lock. A change is one SQLite transaction; only when that has been committed to
//! disk does the next snapshot appear. What [`Store::change`] acknowledged survives `kill -9`;
//! what it did not acknowledge is absent.

mod change;
mod error;
mod record;
mod snapshot;
mod sqlite;

pub use change::Change;
pub use error::StoreError;
pub use record::{Record, Schema};
pub use snapshot::Snapshot;

use std::{path::Path, sync::Arc};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use crate::sqlite::Database;

/// A handle to the durable state. Cloning is cheap; all clones see the same state.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    snapshot: ArcSwap<Snapshot>,
    /// Writers queue here, so that each one computes against the state the last one left.
    writer: Mutex<Database>,
    schema: Schema,
}

impl Store {
    /// Opens the database file at `path`, creating it if needed, and reads all records.
    ///
    /// # Errors
    /// The file can't be opened, is locked by another process, or holds a record of a kind that
    /// `schema` does not know or can't decode (written by a newer version).
    pub async fn open(path: &Path, schema: Schema) -> Result<Self, StoreError> {
        let mut database = Database::open(path).await?;
        let snapshot = database.read_all(&schema).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                snapshot: ArcSwap::from_pointee(snapshot),
                writer: Mutex::new(database),
                schema,
            }),
        })
    }

    /// The state as of the last committed change.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.snapshot.load_full()
    }

    /// Runs `f` against the latest state and commits what it staged, all or nothing.
    ///
    /// Changes run one after another. When `f` fails, or the commit fails, nothing changes.
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
        let mut database = self.inner.writer.lock().await;
        let mut change = Change::new(self.snapshot(), &self.inner.schema);
        let answer = f(&mut change)?;
        let (next, writes) = change.finish()?;
        if !writes.is_empty() {
            database.commit(&writes).await?;
            self.inner.snapshot.store(Arc::new(next));
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests;
