use std::{ops::Bound, sync::Arc};

use imbl::OrdMap;

use crate::{
    database::Row,
    error::StoreError,
    record::{AnyRecord, Record, Schema},
};

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

    /// Counts the snapshots since the process started; a cache that keys on it never goes stale.
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

    /// The next snapshot after this one, with these records changed.
    pub(crate) fn with(&self, rows: Vec<Row>, schema: &Schema) -> Result<Self, StoreError> {
        let mut next = self.clone();
        for Row { kind, key, json } in rows {
            let Some((kind, decode)) = schema.decoder(&kind) else {
                return Err(StoreError::UnknownKind { kind });
            };
            match json.as_deref().map(decode).transpose() {
                Ok(Some(record)) => next.insert(kind, key, record),
                Ok(None) => next.remove(kind, &key),
                Err(source) => {
                    let kind = kind.to_owned();
                    return Err(StoreError::Undecodable { kind, key, source });
                }
            }
        }
        next.advance();
        Ok(next)
    }

    /// A snapshot without records that counts on from this one.
    pub(crate) fn emptied(&self) -> Self {
        Self {
            version: self.version,
            ..Self::default()
        }
    }

    pub(crate) fn advance(&mut self) {
        self.version += 1;
    }
}

fn downcast<R: Record>(record: &AnyRecord) -> Option<Arc<R>> {
    Arc::clone(record).downcast::<R>().ok()
}
