//! One change at a time, from the latest state to the next.

use std::{sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::OwnedMutexGuard, time::sleep};

use crate::{
    Inner,
    change::Writes,
    database::{Database, News, NotCommitted, Position, Seen},
    error::StoreError,
    record::Schema,
    snapshot::Snapshot,
};

/// After a commit that broke: when to ask the database what became of it.
const QUESTIONS: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(900),
    Duration::from_millis(1_000),
    Duration::from_millis(1_000),
];

/// The database, and how far the published snapshot follows it. Whoever holds the desk is the only
/// one that publishes, so snapshots appear in the database's order.
pub(crate) struct Desk {
    pub(crate) database: Database,
    pub(crate) position: Position,
}

impl Desk {
    /// Publishes what the database was seen to hold.
    pub(crate) fn accept(&mut self, inner: &Inner, seen: Seen) -> Result<(), StoreError> {
        let now = inner.snapshot.load_full();
        if let Some(next) = self.next_snapshot(&now, seen, &inner.schema)? {
            inner.snapshot.store(Arc::new(next));
        }
        Ok(())
    }

    /// The snapshot after `now`, if anything was seen that isn't in it.
    pub(crate) fn next_snapshot(
        &mut self,
        now: &Snapshot,
        seen: Seen,
        schema: &Schema,
    ) -> Result<Option<Snapshot>, StoreError> {
        let next = match seen.news {
            News::Nothing => None,
            News::Rows(rows) => Some(now.with(rows, schema)?),
            News::Everything(rows) => Some(now.emptied().with(rows, schema)?),
        };
        self.position = seen.position;
        Ok(next)
    }

    async fn commit(
        &mut self,
        inner: &Inner,
        next: Snapshot,
        writes: &Writes,
    ) -> Result<(), StoreError> {
        let position = self.position.next();
        match self.database.commit(writes, position).await {
            Ok(()) => {
                self.position = position;
                inner.snapshot.store(Arc::new(next));
                Ok(())
            }
            Err(NotCommitted::Refused(error)) => Err(error),
            Err(NotCommitted::Unknown(error)) => self.find_out(inner, position, error).await,
        }
    }

    /// Asks the database whether the change marked `position` was committed. While that isn't
    /// known, `self.position` stays where it was, so that the next turn finds out.
    async fn find_out(
        &mut self,
        inner: &Inner,
        position: Position,
        error: StoreError,
    ) -> Result<(), StoreError> {
        for wait in QUESTIONS {
            sleep(wait).await;
            // The turn waits for the lock of the broken one, if the server still works on that.
            let Ok(seen) = self.database.begin(self.position).await else {
                continue;
            };
            let committed = self.database.has(position).await;
            let accepted = self.accept(inner, seen);
            self.database.rollback().await;
            match committed {
                Ok(true) => {
                    tracing::warn!(%error, "a commit broke, and had been done");
                    return accepted;
                }
                Ok(false) => return Err(error),
                Err(_) => {}
            }
        }
        Err(StoreError::OutcomeUnknown(error.to_string()))
    }
}

/// The right to make the next change. Dropped unfinished, it leaves nothing.
pub(crate) struct Turn {
    inner: Arc<Inner>,
    desk: Option<OwnedMutexGuard<Desk>>,
    begun: bool,
}

impl Turn {
    /// Waits for the turn and brings the snapshot up to date.
    pub(crate) async fn take(inner: &Arc<Inner>) -> Result<Self, StoreError> {
        let mut turn = Self {
            inner: Arc::clone(inner),
            desk: Some(Arc::clone(&inner.desk).lock_owned().await),
            begun: false,
        };
        if let Some(desk) = turn.desk.as_mut() {
            let position = desk.position;
            let seen = desk.database.begin(position).await?;
            desk.accept(inner, seen)?;
            turn.begun = true;
        }
        Ok(turn)
    }

    /// Commits and publishes, even when nobody waits for it any more: what is committed must be
    /// seen.
    pub(crate) async fn commit(mut self, next: Snapshot, writes: Writes) -> Result<(), StoreError> {
        let Some(mut desk) = self.desk.take() else {
            return Ok(());
        };
        let inner = Arc::clone(&self.inner);
        let commit = tokio::spawn(async move { desk.commit(&inner, next, &writes).await });
        commit
            .await
            .unwrap_or_else(|ended| Err(StoreError::OutcomeUnknown(ended.to_string())))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(mut desk) = self.desk.take() else {
            return;
        };
        // Other nodes wait for the turn to end; whoever drops it doesn't have to.
        let Database::Postgres(postgres) = &mut desk.database else {
            return;
        };
        match Handle::try_current() {
            Ok(runtime) if self.begun => {
                runtime.spawn(async move { desk.database.rollback().await });
            }
            _ => postgres.abandon(), // Also when the beginning was interrupted half-way.
        }
    }
}
