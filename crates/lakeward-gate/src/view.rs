//! Filtered objects: how they look from outside, and the plans their bytes come from.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use lakeward_grants::{Rows, TableView};
use lakeward_parquet::{Piece, Plan, ViewError};
use quick_cache::{Weighter, sync::Cache};
use s3s::{S3Error, S3Result, s3_error};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
/// How long it is remembered that an object can't be served through a view. A blob never changes, but
/// a newer Lakeward may serve it.
const REFUSAL_LIFE: Duration = Duration::from_secs(600);
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

/// What came of planning.
#[derive(Clone)]
enum Planned {
    Plan(Arc<Plan>),
    /// The object can't be served through the view. Finding that out may have cost much, so it isn't
    /// tried again at once.
    Refused {
        at: Instant,
    },
}

impl Planned {
    fn is_stale(&self, now: Instant) -> bool {
        match self {
            Self::Plan(_) => false,
            Self::Refused { at } => now.saturating_duration_since(*at) >= REFUSAL_LIFE,
        }
    }

    fn answer(self) -> S3Result<Arc<Plan>> {
        match self {
            Self::Plan(plan) => Ok(plan),
            Self::Refused { .. } => Err(refused()),
        }
    }
}

#[derive(Clone)]
struct Weigh;

impl Weighter<PlanKey, Planned> for Weigh {
    fn weight(&self, _key: &PlanKey, planned: &Planned) -> u64 {
        let Planned::Plan(plan) = planned else {
            return PIECE_BYTES;
        };
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
    cache: Arc<Cache<PlanKey, Planned, Weigh>>,
    turns: Turns,
}

impl Default for Plans {
    fn default() -> Self {
        Self {
            cache: Arc::new(Cache::with_weighter(PLAN_ITEMS, PLAN_BYTES, Weigh)),
            turns: Turns::default(),
        }
    }
}

impl Plans {
    /// The plan of `view` over `blob`. Callers that ask at once share the work, which
    /// goes on when they hang up: clients that lose patience ask again.
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
        self.cache
            .remove_if(&key, |planned| planned.is_stale(Instant::now()));
        if let Some(planned) = self.cache.get(&key) {
            return planned.answer();
        }
        // Who hangs up while waiting for a turn leaves nothing to be done.
        let turn = self.turns.take(&object.owner, view).await?;
        let cache = Arc::clone(&self.cache);
        let (object, blob, view) = (Arc::clone(object), blob.clone(), view.clone());
        finish(async move {
            let _turn = turn;
            let made = make(&object, blob, view);
            cache.get_or_insert_async(&key, made).await?.answer()
        })
        .await
    }
}

/// Who may plan now. Views of whole rows need little more than an object's footer and have turns of
/// their own; a view of some rows may decode much, so an account gets one of those turns at a time.
struct Turns {
    columns: Arc<Semaphore>,
    rows: Arc<Semaphore>,
    /// A turn for each account that has or awaits one.
    accounts: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// The right to make a plan, for as long as it is kept.
struct Turn {
    _shared: OwnedSemaphorePermit,
    _own: Option<OwnedSemaphorePermit>,
}

impl Default for Turns {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            columns: Arc::new(Semaphore::new(cores)),
            rows: Arc::new(Semaphore::new(cores)),
            accounts: Mutex::default(),
        }
    }
}

impl Turns {
    async fn take(&self, account: &str, view: &TableView) -> S3Result<Turn> {
        let whole_rows = view.rows == Rows::All && view.cells.is_empty();
        let (shared, own) = match whole_rows {
            true => (&self.columns, None),
            false => (&self.rows, Some(permit(&self.of(account)).await?)),
        };
        Ok(Turn {
            _shared: permit(shared).await?,
            _own: own,
        })
    }

    /// The turn of `account`.
    fn of(&self, account: &str) -> Arc<Semaphore> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = accounts.get(account).and_then(Weak::upgrade) {
            return known;
        }
        accounts.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(Semaphore::new(1));
        accounts.insert(account.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

async fn permit(turns: &Arc<Semaphore>) -> S3Result<OwnedSemaphorePermit> {
    Arc::clone(turns).acquire_owned().await.map_err(internal)
}

async fn make(object: &StoredObject, blob: Blob, view: TableView) -> S3Result<Planned> {
    let declared = lakeward_parquet::virtual_size(object.size, &view);
    let task = tokio::task::spawn_blocking(move || lakeward_parquet::plan(&blob, &view));
    let plan = match task.await {
        Ok(Ok(plan)) => plan,
        Ok(Err(error)) => {
            tracing::warn!(
                bucket = object.bucket, key = object.key, %error,
                "an object can't be served through a view"
            );
            return match error {
                // A read that failed may do better the next time.
                ViewError::Read(_) => Err(refused()),
                _ => Ok(Planned::Refused { at: Instant::now() }),
            };
        }
        Err(error) => return Err(internal(error)),
    };
    if plan.size() != declared {
        return Err(internal("a filtered object's size is not the declared one"));
    }
    Ok(Planned::Plan(Arc::new(plan)))
}

fn refused() -> S3Error {
    s3_error!(
        AccessDenied,
        "This object cannot be served through your view of its table. The administrator finds the reason in Lakeward's log."
    )
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
    use std::{future::Future, io::Write};

    use futures::FutureExt;
    use lakeward_grants::{CompareOp, Literal, Predicate, VisibleColumns};

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

    fn some_rows() -> TableView {
        TableView {
            rows: Rows::Where(Predicate::Compare {
                column: "a".into(),
                op: CompareOp::Gt,
                value: Literal::Number("0".into()),
            }),
            ..TableView::full()
        }
    }

    /// A blob of `bytes` and its object, which is told from others by its name.
    fn stored(name: &str, bytes: &[u8]) -> (Arc<StoredObject>, Blob) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let size = bytes.len() as u64;
        let blob = Blob {
            file: Arc::new(file),
            size,
        };
        let object = StoredObject {
            blob: name.into(),
            size,
            ..object("t/a", Format::Parquet)
        };
        (Arc::new(object), blob)
    }

    fn parquet() -> Vec<u8> {
        use arrow::array::{ArrayRef, Int64Array, RecordBatch};
        let column: ArrayRef = Arc::new(Int64Array::from(vec![-1, 0, 1, 2]));
        let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
        let mut writer =
            parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    }

    /// Runs `test` with one thread for blocking work, which is then done in order.
    fn in_order(test: impl Future<Output = ()>) {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.max_blocking_threads(1).build().unwrap();
        runtime.block_on(test);
    }

    /// Whether `work` still waits after everything that it may have begun is done.
    async fn waits<T>(work: &mut (impl Future<Output = T> + Unpin)) -> bool {
        for _ in 0..10 {
            if work.now_or_never().is_some() {
                return false;
            }
            tokio::task::yield_now().await;
            tokio::task::spawn_blocking(|| ()).await.unwrap();
        }
        true
    }

    #[tokio::test]
    async fn a_refusal_is_remembered() {
        let plans = Plans::default();
        let (object, broken) = stored("blob", b"PAR1 nothing PAR1");
        let (sound_object, sound) = stored("blob", &parquet());
        for view in [one_column(), some_rows()] {
            let first = plans.plan(&object, &broken, &view).await;
            assert_eq!(first.unwrap_err().code().as_str(), "AccessDenied");
            // The same name has other bytes here, which are not looked at.
            let again = plans.plan(&sound_object, &sound, &view).await;
            assert_eq!(again.unwrap_err().code().as_str(), "AccessDenied");
        }
        let (other, _) = stored("other", &parquet());
        assert!(plans.plan(&other, &sound, &one_column()).await.is_ok());
    }

    #[tokio::test]
    async fn a_refusal_is_forgotten_in_time() {
        let plans = Plans::default();
        let (object, blob) = stored("blob", &parquet());
        let at = Instant::now();
        let refusal = Planned::Refused { at };
        assert!(!refusal.is_stale(at + REFUSAL_LIFE / 2));
        assert!(refusal.is_stale(at + REFUSAL_LIFE));
        let key = PlanKey {
            blob: "blob".into(),
            view: Sha256::digest(some_rows().canonical()).into(),
        };
        let long_ago = at.checked_sub(REFUSAL_LIFE).unwrap();
        plans.cache.insert(key, Planned::Refused { at: long_ago });
        assert!(plans.plan(&object, &blob, &some_rows()).await.is_ok());
    }

    #[tokio::test]
    async fn what_could_not_be_read_is_tried_again() {
        let plans = Plans::default();
        let (object, blob) = stored("blob", &parquet());
        let short = Blob {
            size: blob.size + 1,
            ..blob.clone()
        };
        assert!(plans.plan(&object, &short, &one_column()).await.is_err());
        assert!(plans.plan(&object, &blob, &one_column()).await.is_ok());
    }

    #[test]
    fn views_of_columns_do_not_wait_for_views_of_rows() {
        in_order(async {
            let plans = Plans::default();
            let (object, blob) = stored("blob", &parquet());
            let busy = plans.turns.rows.available_permits();
            let rows = Arc::clone(&plans.turns.rows);
            let all = rows.acquire_many(busy as u32).await.unwrap();
            let view = some_rows();
            let mut waiting = Box::pin(plans.plan(&object, &blob, &view));
            assert!(waits(&mut waiting).await);
            assert!(!waits(&mut Box::pin(plans.plan(&object, &blob, &one_column()))).await);
            drop(all);
            assert!(waiting.await.is_ok());
        });
    }

    #[test]
    fn an_account_has_one_turn_at_views_of_rows() {
        in_order(async {
            let plans = Plans::default();
            let (object, blob) = stored("blob", &parquet());
            let view = some_rows();
            let turn = plans.turns.take(&object.owner, &view).await.unwrap();
            let mut waiting = Box::pin(plans.plan(&object, &blob, &view));
            assert!(waits(&mut waiting).await);
            assert!(!waits(&mut Box::pin(plans.plan(&object, &blob, &one_column()))).await);
            let other = Arc::new(StoredObject {
                owner: "444455556666".into(),
                ..(*object).clone()
            });
            // Nobody else is kept waiting by that queue, not even for the same plan.
            assert!(!waits(&mut Box::pin(plans.plan(&other, &blob, &view))).await);
            drop(turn);
            assert!(waiting.await.is_ok());
            drop(plans.turns.take("777788889999", &view).await.unwrap());
            assert_eq!(plans.turns.accounts.lock().unwrap().len(), 1);
        });
    }
}
