use std::{ops::Bound, sync::Arc};

use imbl::OrdMap;

use crate::record::{AnyRecord, Record};

/// The whole state at one moment. Immutable; cloning shares structure.
#[derive(Clone, Default)]
pub struct Snapshot {
    tables: OrdMap<&'static str, OrdMap<String, AnyRecord>>,
    version: u64,
}

impl Snapshot {
    /// The record of type `R` at `key`.
    #[must_use]
    pub fn get<R: Record>(&self, key: &str) -> Option<Arc<R>> {
        downcast(self.tables.get(R::KIND)?.get(key)?)
    }

    /// All records of type `R` whose key begins with `prefix`, in key order.
    #[must_use]
    pub fn scan<R: Record>(&self, prefix: &str) -> Vec<Arc<R>> {
        let Some(table) = self.tables.get(R::KIND) else {
            return Vec::new();
        };
        let from = (Bound::Included(prefix), Bound::Unbounded);
        table
            .range::<_, str>(from)
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter_map(|(_, record)| downcast(record))
            .collect()
    }

    /// Records of type `R` with `prefix`, from the first key after `after`, at most `limit`.
    #[must_use]
    pub fn page<R: Record>(&self, prefix: &str, after: &str, limit: usize) -> Vec<Arc<R>> {
        let Some(table) = self.tables.get(R::KIND) else {
            return Vec::new();
        };
        let start = if after < prefix {
            Bound::Included(prefix)
        } else {
            Bound::Excluded(after)
        };
        table
            .range::<_, str>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit)
            .filter_map(|(_, record)| downcast(record))
            .collect()
    }

    /// Counts the changes since the process started; a cache that keys on it never goes stale.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn insert(&mut self, kind: &'static str, key: String, record: AnyRecord) {
        self.tables.entry(kind).or_default().insert(key, record);
    }

    pub(crate) fn remove(&mut self, kind: &'static str, key: &str) {
        if let Some(table) = self.tables.get_mut(kind) {
            table.remove(key);
        }
    }

    pub(crate) fn advance(&mut self) {
        self.version += 1;
    }
}

fn downcast<R: Record>(record: &AnyRecord) -> Option<Arc<R>> {
    Arc::clone(record).downcast::<R>().ok()
}
