//! Filtered objects: how they look from outside, and the plans their bytes come from.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_grants::TableView;
use lakeward_parquet::{Piece, Plan};
use quick_cache::{Weighter, sync::Cache};
use s3s::{S3Result, s3_error};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::{
    blob::Blob,
    error::{access_denied, internal},
    gate::finish,
    listing::Entry,
    record::{Format, StoredObject},
};

/// Memory that plans may hold, in bytes.
const PLAN_BYTES: u64 = 256 << 20;
/// A guess, for the cache's tables.
const PLAN_ITEMS: usize = 4096;
/// What a piece costs beside the bytes it holds.
const PIECE_BYTES: u64 = 64;

/// How an object looks through a partial view: a function of its listing entry and the view, so
/// that LIST, HEAD and GET agree without a look at its bytes. `None` hides it.
///
/// Only Parquet can be filtered; names that readers skip (`_metadata`, `.crc` files, logs) describe
/// the data behind the view and are not part of it.
pub(crate) fn filtered(view_key: &[u8], object: &StoredObject, view: &TableView) -> Option<Entry> {
    if object.format != Format::Parquet || is_sidecar(&object.key) {
        return None;
    }
    let etag = lakeward_parquet::virtual_etag(view_key, &object.etag, view);
    Some(Entry {
        key: object.key.clone(),
        size: lakeward_parquet::virtual_size(object.size, view),
        last_modified: date(object.last_modified, &etag),
        etag,
        owner: object.owner.clone(),
    })
}

/// The date of a filtered object. Some readers know a file by its path, size and date alone, and
/// would mix the blocks of two views; so the date moves with the ETag, back by at most 4095 seconds.
fn date(original: Timestamp, etag: &str) -> Timestamp {
    let digits = etag.get(..3).unwrap_or_default();
    let seconds = i64::from_str_radix(digits, 16).unwrap_or(0);
    Timestamp::from_second(original.as_second() - seconds).unwrap_or(original)
}

/// Files beside the data: `_SUCCESS`, `_metadata`, `.part-0.parquet.crc`, `_delta_log/…`.
fn is_sidecar(key: &str) -> bool {
    key.split('/').any(|name| name.starts_with(['_', '.']))
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PlanKey {
    blob: String,
    view: [u8; 32],
}

#[derive(Clone)]
struct Weigh;

impl Weighter<PlanKey, Arc<Plan>> for Weigh {
    fn weight(&self, _key: &PlanKey, plan: &Arc<Plan>) -> u64 {
        let pieces = plan.pieces(0..plan.size());
        let bytes = |piece: &Piece| match piece {
            Piece::Inline(bytes) => bytes.len() as u64 + PIECE_BYTES,
            Piece::Original { .. } | Piece::Zeros(_) => PIECE_BYTES,
        };
        pieces.iter().map(bytes).sum::<u64>() + PIECE_BYTES
    }
}

/// Plans at hand, by blob and view. A blob never changes and the view is part of the key, so a
/// plan never goes stale; a revoked view is simply not asked for.
pub(crate) struct Plans {
    cache: Arc<Cache<PlanKey, Arc<Plan>, Weigh>>,
    /// Planning may decode much; only so many at a time.
    turns: Arc<Semaphore>,
}

impl Default for Plans {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            cache: Arc::new(Cache::with_weighter(PLAN_ITEMS, PLAN_BYTES, Weigh)),
            turns: Arc::new(Semaphore::new(cores)),
        }
    }
}

impl Plans {
    /// The plan of `view` over `blob`. Callers that ask at once share the work, which goes on when
    /// they hang up: clients that lose patience ask again.
    ///
    /// # Errors
    /// The object can't be served through the view: denied, with the cause in the log only, since
    /// it may tell about what the view hides.
    pub(crate) async fn plan(
        &self,
        object: &Arc<StoredObject>,
        blob: &Blob,
        view: &TableView,
    ) -> S3Result<Arc<Plan>> {
        let key = PlanKey {
            blob: object.blob.clone(),
            view: Sha256::digest(view.canonical()).into(),
        };
        if let Some(plan) = self.cache.get(&key) {
            return Ok(plan);
        }
        let (cache, turns) = (Arc::clone(&self.cache), Arc::clone(&self.turns));
        let (object, blob, view) = (Arc::clone(object), blob.clone(), view.clone());
        finish(async move {
            let made = async {
                let _turn = turns.acquire().await.map_err(internal)?;
                make(&object, blob, view).await
            };
            cache.get_or_insert_async(&key, made).await
        })
        .await
    }
}

async fn make(object: &StoredObject, blob: Blob, view: TableView) -> S3Result<Arc<Plan>> {
    let declared = lakeward_parquet::virtual_size(object.size, &view);
    let task = tokio::task::spawn_blocking(move || lakeward_parquet::plan(&blob, &view));
    let plan = match task.await {
        Ok(Ok(plan)) => plan,
        Ok(Err(error)) => {
            tracing::warn!(
                bucket = object.bucket, key = object.key, %error,
                "an object can't be served through a view"
            );
            return Err(s3_error!(
                AccessDenied,
                "This object cannot be served through your view of its table. The administrator finds the reason in Lakeward's log."
            ));
        }
        Err(error) => return Err(internal(error)),
    };
    if plan.size() != declared {
        return Err(internal("a filtered object's size is not the declared one"));
    }
    Ok(Arc::new(plan))
}

/// Refuses to copy what is only visible in part.
pub(crate) fn refuse_partial(view: &TableView) -> S3Result<()> {
    if view.is_full() {
        return Ok(());
    }
    tracing::debug!("a copy of a filtered object was refused");
    Err(access_denied())
}

#[cfg(test)]
mod tests {
    use lakeward_grants::{TableView, VisibleColumns};

    use super::*;
    use crate::record::ObjectHeaders;

    fn object(key: &str, format: Format) -> StoredObject {
        StoredObject {
            bucket: "lake".into(),
            key: key.into(),
            blob: "blob".into(),
            size: 100,
            etag: "0cc175b9c0f1b6a831c399e269772661".into(),
            last_modified: Timestamp::from_second(1_000_000).unwrap(),
            owner: "111122223333".into(),
            format,
            headers: ObjectHeaders::default(),
        }
    }

    fn one_column() -> TableView {
        TableView {
            columns: VisibleColumns::Only(vec!["a".into()]),
            ..TableView::full()
        }
    }

    #[test]
    fn a_view_shows_parquet_data_only() {
        let shown = |key, format| filtered(b"k", &object(key, format), &one_column()).is_some();
        assert!(shown("t/part-0.parquet", Format::Parquet));
        assert!(shown("t/000000_0", Format::Parquet));
        assert!(!shown("t/part-0.parquet", Format::Other));
        assert!(!shown("t/_metadata", Format::Parquet));
        assert!(!shown("t/_delta_log/0.checkpoint.parquet", Format::Parquet));
        assert!(!shown("t/.part-0.parquet.crc", Format::Parquet));
    }

    #[test]
    fn another_view_has_another_etag_and_date() {
        let object = object("t/a", Format::Parquet);
        let other = TableView {
            columns: VisibleColumns::Only(vec!["b".into()]),
            ..TableView::full()
        };
        let one = filtered(b"k", &object, &one_column()).unwrap();
        let two = filtered(b"k", &object, &other).unwrap();
        assert_eq!(one.size, two.size);
        assert_ne!(one.etag, two.etag);
        assert_ne!(one.etag, object.etag);
        assert_ne!(one.last_modified, two.last_modified);
        assert!(one.last_modified <= object.last_modified);
    }
}
