//! Object bytes. A blob has a fresh name, is written once, synced, and never changes.
//!
//! The state maps a key to a blob in one transaction, after the blob is on disk, so a crash leaves
//! the old object or the new one. What no record names is removed at the next start.

use std::{
    collections::HashSet,
    fs::{DirEntry, File},
    io,
    os::unix::fs::FileExt,
    path::{Path as FsPath, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use object_store::{
    GetResultPayload, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload,
    local::LocalFileSystem, path::Path,
};

use crate::error::GateError;

/// Bytes are handed to the storage in pieces of about this size.
const WRITE_BYTES: usize = 4 << 20;

/// The place where blobs are.
#[derive(Clone)]
pub(crate) struct Blobs {
    store: Arc<dyn ObjectStore>,
    folder: PathBuf,
}

impl Blobs {
    /// Blobs in a local folder, which is made if needed.
    pub(crate) fn local(folder: &FsPath) -> Result<Self, GateError> {
        let failed = |source| GateError::Folder {
            path: folder.display().to_string(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        if let Some(parent) = folder.parent().filter(|path| !path.as_os_str().is_empty()) {
            sync(parent).map_err(failed)?;
        }
        Ok(Self {
            store: Arc::new(LocalFileSystem::new_with_prefix(folder)?),
            folder: folder.to_owned(),
        })
    }

    /// Begins a blob.
    pub(crate) async fn create(&self) -> Result<BlobWriter, GateError> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let upload = self.store.put_multipart(&Path::from(id.as_str())).await?;
        Ok(BlobWriter {
            blobs: self.clone(),
            id,
            upload,
            pending: Vec::new(),
            pending_bytes: 0,
        })
    }

    /// Opens a blob. What was opened stays readable when the blob is removed.
    pub(crate) async fn open(&self, id: &str) -> Result<Blob, GateError> {
        let found = self.store.get(&Path::from(id)).await?;
        let size = found.meta.size;
        match found.payload {
            GetResultPayload::File(file, _) => Ok(Blob {
                file: Arc::new(file),
                size,
            }),
            GetResultPayload::Stream(_) => Err(GateError::NotSeekable),
        }
    }

    /// Removes a blob that no record names any more. A failure only costs space until the sweep.
    pub(crate) async fn remove(&self, id: &str) {
        if let Err(error) = self.store.delete(&Path::from(id)).await {
            tracing::warn!(blob = id, %error, "a blob was not removed; the next start sweeps it");
        }
    }

    /// Removes everything that `live` does not name and that was written to no later than `spared`
    /// ago; answers how many files that were.
    pub(crate) async fn sweep(
        &self,
        live: HashSet<String>,
        spared: Duration,
    ) -> Result<usize, GateError> {
        let folder = self.folder.clone();
        let swept = tokio::task::spawn_blocking(move || sweep(&folder, &live, spared)).await?;
        Ok(swept?)
    }
}

fn sweep(folder: &FsPath, live: &HashSet<String>, spared: Duration) -> io::Result<usize> {
    let now = SystemTime::now();
    let mut removed = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let named = entry
            .file_name()
            .to_str()
            .is_some_and(|name| live.contains(name));
        if !named && entry.file_type()?.is_file() && has_rested(&entry, spared, now)? {
            removed += usize::from(remove(&entry.path())?);
        }
    }
    Ok(removed)
}

/// Whether a file was left alone for so long. One from the future was not.
fn has_rested(entry: &DirEntry, spared: Duration, now: SystemTime) -> io::Result<bool> {
    if spared.is_zero() {
        return Ok(true);
    }
    let written = match entry.metadata() {
        Ok(metadata) => metadata.modified()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(now.duration_since(written).is_ok_and(|age| age >= spared))
}

/// Removes a file, which another node may be sweeping, too.
fn remove(path: &FsPath) -> io::Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn sync(path: &FsPath) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// A blob being written.
pub(crate) struct BlobWriter {
    blobs: Blobs,
    id: String,
    upload: Box<dyn MultipartUpload>,
    pending: Vec<Bytes>,
    pending_bytes: usize,
}

impl BlobWriter {
    /// Appends bytes.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), GateError> {
        self.pending_bytes += bytes.len();
        self.pending.push(bytes);
        if self.pending_bytes >= WRITE_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), GateError> {
        self.pending_bytes = 0;
        let payload = PutPayload::from_iter(std::mem::take(&mut self.pending));
        Ok(self.upload.put_part(payload).await?)
    }

    /// Gives the blob up. (Dropping the writer does so too, a little later.)
    pub(crate) async fn discard(mut self) {
        if let Err(error) = self.upload.abort().await {
            tracing::warn!(%error, "half a blob was not removed; the next start sweeps it");
        }
    }

    /// Makes the blob durable. It is removed again unless the guard is told to keep it.
    pub(crate) async fn finish(mut self) -> Result<BlobGuard, GateError> {
        self.flush().await?;
        self.upload.complete().await?;
        let guard = BlobGuard {
            blobs: self.blobs,
            id: Some(self.id.clone()),
        };
        let (folder, id) = (guard.blobs.folder.clone(), self.id);
        tokio::task::spawn_blocking(move || {
            sync(&folder.join(id))?;
            sync(&folder)
        })
        .await??;
        Ok(guard)
    }
}

/// Owns a durable blob that no record names yet.
pub(crate) struct BlobGuard {
    blobs: Blobs,
    id: Option<String>,
}

impl BlobGuard {
    /// The blob's name, for a record that is about to be committed.
    pub(crate) fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }

    /// A record names the blob now.
    pub(crate) fn keep(mut self) {
        self.id = None;
    }
}

impl Drop for BlobGuard {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let path = self.blobs.folder.join(id);
        if let Err(error) = std::fs::remove_file(path) {
            tracing::warn!(%error, "an unused blob was not removed; the next start sweeps it");
        }
    }
}

/// An opened blob.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    pub(crate) file: Arc<File>,
    pub(crate) size: u64,
}

impl lakeward_parquet::Source for Blob {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let end = u64::try_from(length)
            .ok()
            .and_then(|length| offset.checked_add(length));
        if end.is_none_or(|end| end > self.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut buffer = vec![0; length];
        self.file.read_exact_at(&mut buffer, offset)?;
        Ok(buffer.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn written(blobs: &Blobs, bytes: &'static [u8]) -> BlobGuard {
        let mut writer = blobs.create().await.unwrap();
        writer.write(Bytes::from_static(bytes)).await.unwrap();
        writer.finish().await.unwrap()
    }

    #[tokio::test]
    async fn a_blob_that_nobody_keeps_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::local(folder.path()).unwrap();
        let id = written(&blobs, b"lost").await.id().to_owned();
        assert!(blobs.open(&id).await.is_err());
    }

    #[tokio::test]
    async fn an_open_blob_outlives_its_removal() {
        use lakeward_parquet::Source;
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::local(folder.path()).unwrap();
        let guard = written(&blobs, b"bytes").await;
        let id = guard.id().to_owned();
        guard.keep();
        let blob = blobs.open(&id).await.unwrap();
        blobs.remove(&id).await;
        assert_eq!(blob.read_at(1, 3).unwrap(), "yte");
        assert!(blob.read_at(3, 3).is_err());
        assert!(blob.read_at(u64::MAX, 3).is_err());
        assert!(blobs.open(&id).await.is_err());
    }

    #[tokio::test]
    async fn the_sweep_removes_what_no_record_names() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::local(folder.path()).unwrap();
        let kept = written(&blobs, b"kept").await;
        let id = kept.id().to_owned();
        kept.keep();
        written(&blobs, b"orphan").await.keep();
        std::fs::write(folder.path().join("half#1"), b"interrupted").unwrap();
        let swept = blobs
            .sweep(HashSet::from([id.clone()]), Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(swept, 2);
        assert!(blobs.open(&id).await.is_ok());
    }

    #[tokio::test]
    async fn the_sweep_spares_what_another_node_may_be_writing() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::local(folder.path()).unwrap();
        let day = Duration::from_hours(24);
        let aged = |name: &str, written: SystemTime| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(written).unwrap();
        };
        let now = SystemTime::now();
        aged("abandoned", now - day - Duration::from_mins(1));
        aged("half#1", now - day * 30);
        aged("live", now - day * 30);
        aged("just-written", now);
        aged("this-morning", now - day + Duration::from_mins(1));
        aged("clock-ahead", now + day);
        let live = HashSet::from(["live".to_owned()]);
        assert_eq!(blobs.sweep(live, day).await.unwrap(), 2);
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut left: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(
            left,
            ["clock-ahead", "just-written", "live", "this-morning"]
        );
    }

    #[tokio::test]
    async fn an_unfinished_write_leaves_nothing_named() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::local(folder.path()).unwrap();
        let mut writer = blobs.create().await.unwrap();
        writer.write(Bytes::from_static(b"half")).await.unwrap();
        let id = writer.id.clone();
        drop(writer);
        assert!(blobs.open(&id).await.is_err());
    }
}
