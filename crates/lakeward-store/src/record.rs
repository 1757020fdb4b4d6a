use std::{any::Any, collections::BTreeMap, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

/// A decoded record whose type only its kind knows.
pub(crate) type AnyRecord = Arc<dyn Any + Send + Sync>;

type Decoder = fn(&str) -> Result<AnyRecord, serde_json::Error>;

/// One durable thing: a role, a bucket, a grant.
///
/// The JSON form is what is stored, so a field that is added later needs a serde default.
pub trait Record: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name of the record's table. Never reused for another type.
    const KIND: &'static str;

    /// The record's unique key within its kind, by convention `account/name…`.
    fn key(&self) -> String;
}

/// The record types a store holds.
#[derive(Clone, Default)]
pub struct Schema {
    decoders: BTreeMap<&'static str, Decoder>,
}

impl Schema {
    /// A schema without record types.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a record type.
    #[must_use]
    pub fn record<R: Record>(mut self) -> Self {
        self.decoders.insert(R::KIND, decode::<R>);
        self
    }

    pub(crate) fn knows(&self, kind: &str) -> bool {
        self.decoders.contains_key(kind)
    }

    pub(crate) fn decoder(&self, kind: &str) -> Option<(&'static str, Decoder)> {
        self.decoders
            .get_key_value(kind)
            .map(|(kind, decoder)| (*kind, *decoder))
    }
}

fn decode<R: Record>(json: &str) -> Result<AnyRecord, serde_json::Error> {
    Ok(Arc::new(serde_json::from_str::<R>(json)?))
}
