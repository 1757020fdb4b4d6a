use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use crate::{
    error::StoreError,
    record::{Record, Schema},
    snapshot::Snapshot,
};

/// What to write: the JSON of a record, or its removal.
pub(crate) type Writes = BTreeMap<(&'static str, String), Option<String>>;

/// A change being put together. Reads see what was staged before them.
pub struct Change<'a> {
    next: Snapshot,
    writes: Writes,
    failure: Option<StoreError>,
    schema: &'a Schema,
}

impl<'a> Change<'a> {
    pub(crate) fn new(base: Arc<Snapshot>, schema: &'a Schema) -> Self {
        Self {
            next: (*base).clone(),
            writes: Writes::new(),
            failure: None,
            schema,
        }
    }

    /// Stages `record`, replacing the one with its key.
    pub fn put<R: Record>(&mut self, record: R) {
        match self.encode(&record) {
            Ok(json) => {
                let key = record.key();
                self.writes.insert((R::KIND, key.clone()), Some(json));
                self.next.insert(R::KIND, key, Arc::new(record));
            }
            Err(error) => self.failure = Some(error),
        }
    }

    /// Stages the removal of the record at `key`, if there is one.
    pub fn delete<R: Record>(&mut self, key: &str) {
        self.writes.insert((R::KIND, key.to_owned()), None);
        self.next.remove(R::KIND, key);
    }

    fn encode<R: Record>(&self, record: &R) -> Result<String, StoreError> {
        if !self.schema.knows(R::KIND) {
            return Err(StoreError::Unregistered(R::KIND));
        }
        serde_json::to_string(record).map_err(|source| StoreError::Unencodable {
            kind: R::KIND,
            source,
        })
    }

    pub(crate) fn finish(mut self) -> Result<(Snapshot, Writes), StoreError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        self.next.advance();
        Ok((self.next, self.writes))
    }
}

impl Deref for Change<'_> {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.next
    }
}
