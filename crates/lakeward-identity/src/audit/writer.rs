//! Appending: whole lines, in order, none lost and none twice.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::json;

use super::{files, keep::Keep};

/// The longest time between a record's write and its way to the disk.
pub(super) const SYNC_PAUSE: Duration = Duration::from_millis(100);
/// Records that wait for room on the disk, in bytes. What doesn't fit is counted only; such
/// requests were refused without having been looked at.
const MAX_WAITING: usize = 4 << 20;

/// The writer of a trail and the thread that brings it to the disk.
pub(super) struct Writer {
    shared: Arc<Shared>,
    syncing: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// Something was written, or the end has come.
    news: Condvar,
}

struct State {
    folder: PathBuf,
    keep: Keep,
    /// None after a failure: the next attempt opens it anew.
    file: Option<Open>,
    /// Lines not yet written, oldest first. Empty while all is well.
    waiting: VecDeque<String>,
    waiting_bytes: usize,
    /// Records that found no room in `waiting`.
    lost: u64,
    failure: Option<String>,
    unsynced: bool,
    ending: bool,
}

struct Open {
    file: Arc<File>,
    size: u64,
}

impl Writer {
    pub(super) fn open(folder: &Path, keep: Keep) -> io::Result<Self> {
        let mut state = State {
            folder: folder.to_owned(),
            keep,
            file: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            lost: 0,
            failure: None,
            unsynced: false,
            ending: false,
        };
        state.file = Some(Open::at(folder)?);
        state.prune();
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            news: Condvar::new(),
        });
        let own = Arc::clone(&shared);
        let syncing = thread::Builder::new()
            .name("audit-sync".into())
            .spawn(move || own.sync_until_the_end())?;
        Ok(Self {
            shared,
            syncing: Some(syncing),
        })
    }

    /// Writes a line, which ends in a newline. When this fails the line is kept and written first
    /// as soon as that works again.
    pub(super) fn append(&self, line: String) -> io::Result<()> {
        let mut state = self.shared.lock();
        state.admit(line);
        let written = state.write_waiting();
        if state.unsynced {
            self.shared.news.notify_one();
        }
        written
    }

    /// Fails while an earlier failure lasts.
    pub(super) fn ready(&self) -> io::Result<()> {
        let mut state = self.shared.lock();
        match state.failure {
            None => Ok(()),
            Some(_) => state.write_waiting(),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().ending = true;
        self.shared.news.notify_one();
        if let Some(syncing) = self.syncing.take() {
            let _ = syncing.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic between two lines leaves whole lines.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sync_until_the_end(&self) {
        loop {
            let idle = |state: &mut State| !state.unsynced && !state.ending;
            let state = self
                .news
                .wait_while(self.lock(), idle)
                .unwrap_or_else(PoisonError::into_inner);
            // Records of the meantime share one way to the disk.
            let (mut state, _) = self
                .news
                .wait_timeout_while(state, SYNC_PAUSE, |state| !state.ending)
                .unwrap_or_else(PoisonError::into_inner);
            let ending = state.ending;
            let file = state.file.as_ref().map(|open| Arc::clone(&open.file));
            state.unsynced = false;
            drop(state);
            if let Some(Err(error)) = file.map(|file| file.sync_data()) {
                self.lock().fail(&error);
            }
            if ending {
                return;
            }
        }
    }
}

impl State {
    fn admit(&mut self, line: String) {
        if self.waiting_bytes + line.len() > MAX_WAITING && !self.waiting.is_empty() {
            self.lost += 1;
            return;
        }
        self.waiting_bytes += line.len();
        self.waiting.push_back(line);
    }

    fn write_waiting(&mut self) -> io::Result<()> {
        let recovering = self.failure.is_some();
        let done = self.try_waiting(recovering);
        match &done {
            Ok(()) if recovering => {
                tracing::warn!("the audit trail can be written again");
                self.failure = None;
            }
            Ok(()) => self.unsynced = true,
            Err(error) => self.fail(error),
        }
        if self
            .file
            .as_ref()
            .is_some_and(|open| open.size >= self.keep.file_bytes)
        {
            self.rotate();
        }
        done
    }

    /// After a failure nothing counts as written before it is on the disk.
    fn try_waiting(&mut self, recovering: bool) -> io::Result<()> {
        let mut open = match self.file.take() {
            Some(open) => open,
            None => Open::at(&self.folder)?,
        };
        while let Some(line) = self.waiting.front() {
            open.write(line)?;
            self.waiting_bytes -= line.len();
            self.waiting.pop_front();
        }
        if self.lost > 0 {
            open.write(&interruption(self.lost, self.failure.as_deref()))?;
            self.lost = 0;
        }
        if recovering {
            open.file.sync_data()?;
        }
        self.file = Some(open);
        Ok(())
    }

    fn fail(&mut self, error: &io::Error) {
        if self.failure.is_none() {
            tracing::error!(%error, "the audit trail can't be written; calls are refused until it can");
        }
        self.failure = Some(error.to_string());
        self.file = None;
    }

    /// Puts the file aside and begins the next. When this fails the file only grows longer.
    fn rotate(&mut self) {
        let Some(open) = self.file.take() else {
            return;
        };
        match put_aside(&self.folder, &open.file).and_then(|()| Open::at(&self.folder)) {
            Ok(next) => {
                self.file = Some(next);
                self.prune();
            }
            // The next write opens what there is.
            Err(error) => {
                tracing::error!(%error, "the audit trail's file can't be put aside");
            }
        }
    }

    fn prune(&self) {
        if let Err(error) = self.keep.prune(&self.folder, Timestamp::now()) {
            tracing::error!(%error, "old files of the audit trail can't be deleted");
        }
    }
}

fn put_aside(folder: &Path, file: &File) -> io::Result<()> {
    file.sync_data()?;
    let aside = files::next_aside(folder, Timestamp::now())?;
    fs::rename(folder.join(files::ACTIVE), aside)?;
    File::open(folder)?.sync_all()
}

impl Open {
    /// Opens the file for appending. A last line that was cut off ends there.
    fn at(folder: &Path) -> io::Result<Self> {
        let path = folder.join(files::ACTIVE);
        let is_new = !path.exists();
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .mode(0o600)
            .open(path)?;
        if is_new {
            File::open(folder)?.sync_all()?;
        }
        let mut size = file.metadata()?.len();
        if size > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                tracing::warn!("the audit trail's last record was cut off");
                file.write_all(b"\n")?;
                size += 1;
            }
        }
        Ok(Self {
            file: Arc::new(file),
            size,
        })
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        (&*self.file).write_all(line.as_bytes())?;
        self.size += line.len() as u64;
        Ok(())
    }
}

/// The record that tells of those that were lost.
fn interruption(lost: u64, because: Option<&str>) -> String {
    let record = json!({
        "eventVersion": "1.11",
        "eventTime": lakeward_wire::iso(Timestamp::now()),
        "eventSource": "lakeward.amazonaws.com",
        "eventName": "AuditTrailInterrupted",
        "eventType": "AwsServiceEvent",
        "eventID": uuid::Uuid::new_v4().to_string(),
        "userIdentity": {"type": "AWSService", "invokedBy": "lakeward"},
        "errorMessage": because,
        "serviceEventDetails": {"recordsLost": lost},
    });
    format!("{record}\n")
}

#[cfg(test)]
mod tests;
