//! The Glue Data Catalog and Lake Formation: which tables there are, and who sees what of them.
//!
//! One decision serves every door. Glue's answers and the permits that the gate reads bytes under
//! both come from the same view of a table, made by `lakeward-grants` from the same snapshot.
//!
//! Effective access is IAM *and* Lake Formation: a handler first asks IAM for the call (through
//! [`Call::authorize`](lakeward_identity::Call::authorize)), then `access` for the thing.
#![forbid(unsafe_code)]

mod access;
mod data_access;
mod doors;
mod error;
mod glue;
mod lake_formation;
mod location;
mod page;
mod record;

use std::sync::Arc;

use lakeward_identity::Service;
use lakeward_store::Schema;

pub use data_access::{ObjectAccess, ViewPermit};

/// Adds the catalog's record types to a store's schema.
#[must_use]
pub fn schema(schema: Schema) -> Schema {
    schema
        .record::<record::DatabaseRecord>()
        .record::<record::TableRecord>()
        .record::<record::TableLocation>()
        .record::<record::GrantRecord>()
        .record::<record::FilterRecord>()
        .record::<record::RegisteredLocation>()
        .record::<record::SettingsRecord>()
}

/// The catalog's operations and decisions. All its data is in the store that each call brings.
#[derive(Debug, Default)]
pub struct Catalog {
    _private: (),
}

impl Catalog {
    /// A catalog over whatever the store holds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// The services of this crate: Glue (`AWSGlue`) and Lake Formation.
#[must_use]
pub fn services(catalog: &Arc<Catalog>) -> Vec<Service> {
    vec![glue::service(catalog), lake_formation::service(catalog)]
}
