//! The gate's state, and how it starts.

use std::{collections::HashSet, future::Future, path::Path, sync::Arc, time::Duration};

use lakeward_catalog::Catalog;
use lakeward_identity::Identity;
use lakeward_store::{Change, Store};
use prometheus_client::metrics::counter::Counter;
use rand::Rng;
use s3s::S3Result;

use crate::{
    blob::Blobs,
    error::{GateError, Refused, internal},
    record::{Part, StoredObject, ViewKey},
    view::Plans,
};

/// The S3 service's state: buckets and objects, and who decides about them.
pub struct Gate {
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) identity: Arc<Identity>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) plans: Plans,
    pub(crate) view_key: Vec<u8>,
    pub(crate) traffic: Traffic,
}

/// Bytes of objects that were served, since the start. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    /// Of objects as they are.
    pub raw: Counter,
    /// Of objects that were filtered for their reader.
    pub filtered: Counter,
}

impl Gate {
    /// Opens the gate over `folder`, where object bytes are; sweeps what a crash left there.
    ///
    /// Nodes that share the state may share the folder: what another one has just written and not
    /// recorded yet must stay, so then only bytes that nobody touched for a day are swept.
    ///
    /// # Errors
    /// The folder or the state can't be used.
    pub async fn open(
        folder: &Path,
        store: Store,
        identity: Arc<Identity>,
        catalog: Arc<Catalog>,
    ) -> Result<Arc<Self>, GateError> {
        let blobs = Blobs::local(folder)?;
        let swept = blobs.sweep(live_blobs(&store), spared(&store)).await?;
        if swept > 0 {
            tracing::info!(swept, "removed object bytes that were never acknowledged");
        }
        Ok(Arc::new(Self {
            view_key: view_key(&store).await?,
            plans: Plans::default(),
            store,
            blobs,
            identity,
            catalog,
            traffic: Traffic::default(),
        }))
    }

    /// Changes the state and waits for the commit, which goes on when the client hangs up: bytes
    /// that a record names must not be removed because nobody waited for the answer.
    pub(crate) async fn commit<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Change<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> S3Result<T> {
        let store = self.store.clone();
        finish(async move { Ok(store.change(change).await?) }).await
    }
}

/// Runs a task to its end whether or not the client waits for it.
pub(crate) async fn finish<T: Send + 'static>(
    task: impl Future<Output = S3Result<T>> + Send + 'static,
) -> S3Result<T> {
    tokio::spawn(task).await.map_err(internal)?
}

/// How young the bytes are that no sweep may remove. A write takes less than a day.
fn spared(store: &Store) -> Duration {
    const DAY: Duration = Duration::from_hours(24);
    match store.is_shared() {
        true => DAY,
        false => Duration::ZERO,
    }
}

fn live_blobs(store: &Store) -> HashSet<String> {
    let snapshot = store.snapshot();
    let objects = snapshot.scan::<StoredObject>("");
    let parts = snapshot.scan::<Part>("");
    objects
        .iter()
        .map(|object| object.blob.clone())
        .chain(parts.iter().map(|part| part.blob.clone()))
        .collect()
}

/// The deployment's key for virtual ETags, made at the first start.
async fn view_key(store: &Store) -> Result<Vec<u8>, GateError> {
    let record = store
        .change(|change| {
            if let Some(record) = change.get::<ViewKey>(ViewKey::NAME) {
                return Ok::<_, GateError>(record.key.clone());
            }
            let key = hex::encode(rand::rng().random::<[u8; 32]>());
            change.put(ViewKey { key: key.clone() });
            Ok(key)
        })
        .await?;
    hex::decode(record).map_err(|_| GateError::ViewKey)
}
