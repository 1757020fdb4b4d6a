//! Batches: one script each, run to its end in a session of its own.
//!
//! The script is fetched inside the session, with the role's keys: the daemon never sees it. What
//! it prints comes back apart, and bounded.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::authority::Login;
use super::counters::EndReason;
use super::error::SessionError;
use super::printed::Stream;
use super::record::SessionRecord;
use super::registry::SessionRegistry;
use super::session::{Session, SessionRequest, SessionState};

/// Longest accepted address of a file, in bytes: S3's bucket and key.
const ADDRESS_BYTES: usize = 1200;
/// The arguments of a script, in bytes; Linux takes 128 KiB for one.
const ARGUMENTS_BYTES: usize = 64 << 10;
/// Files beside the script.
const FILES: usize = 64;

/// What a batch runs.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Script {
    /// Where the script is: `s3://BUCKET/KEY.py`.
    pub file: String,
    /// Its arguments, `sys.argv[1:]`.
    pub args: Vec<String>,
    /// Modules for it: `s3://` addresses of `.py`, `.zip` and `.egg` files.
    pub py_files: Vec<String>,
}

/// What a client asked for when it opened a batch.
#[derive(Debug, Clone, Default)]
pub struct BatchRequest {
    /// The name, when it gave one.
    pub name: Option<String>,
    /// Where the script is: `s3://BUCKET/KEY.py`.
    pub file: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Modules for it.
    pub py_files: Vec<String>,
    /// Spark settings as a JSON object, for the interpreter.
    pub settings: String,
    /// The rest of the request, shown back as it was.
    pub details: serde_json::Map<String, serde_json::Value>,
}

impl Script {
    /// Whether these can be modules of a script or a session; the files themselves are looked at
    /// when they are fetched.
    ///
    /// # Errors
    /// The first thing that is wrong, and what would do instead.
    pub fn check_modules(files: &[String]) -> Result<(), SessionError> {
        if files.len() > FILES {
            return Err(refused(format!("pyFiles names more than {FILES} files")));
        }
        for file in files {
            check_address("pyFiles", file, &[".py", ".zip", ".egg"])?;
        }
        Ok(())
    }

    /// Whether it can be run here; the file itself is looked at when it is fetched.
    ///
    /// # Errors
    /// The first thing that is wrong, and what would do instead.
    pub fn check(&self) -> Result<(), SessionError> {
        check_address("file", &self.file, &[".py"])?;
        Self::check_modules(&self.py_files)?;
        let bytes: usize = self.args.iter().map(String::len).sum();
        if bytes > ARGUMENTS_BYTES || self.args.iter().any(|one| one.contains('\0')) {
            return Err(refused(format!(
                "args are longer than {ARGUMENTS_BYTES} bytes, or hold a NUL"
            )));
        }
        Ok(())
    }
}

fn refused(text: String) -> SessionError {
    SessionError::Script(text)
}

fn check_address(field: &str, address: &str, endings: &[&str]) -> Result<(), SessionError> {
    let shown: String = address.chars().take(200).collect();
    if address.is_empty() {
        return Err(refused(format!("{field} is required: s3://BUCKET/KEY.py")));
    }
    let rest = ["s3://", "s3a://", "s3n://"]
        .iter()
        .find_map(|scheme| address.strip_prefix(scheme));
    let Some((bucket, key)) = rest.and_then(|rest| rest.split_once('/')) else {
        return Err(refused(format!(
            "{field} {shown}: only files in S3 can be run, s3://BUCKET/KEY; the cluster has no files of its own"
        )));
    };
    if address.ends_with(".jar") {
        return Err(refused(format!(
            "{field} {shown}: there is no JVM on this cluster; give a PySpark script that ends in .py"
        )));
    }
    let is_named = |end: &str| key.len() > end.len() && key.ends_with(end);
    if bucket.is_empty() || !endings.iter().any(|end| is_named(end)) {
        let endings = endings.join(", ");
        return Err(refused(format!(
            "{field} {shown}: must be s3://BUCKET/KEY with a key that ends in {endings}"
        )));
    }
    if address.len() > ADDRESS_BYTES || address.chars().any(char::is_control) {
        return Err(refused(format!(
            "{field} is longer than {ADDRESS_BYTES} bytes, or holds control characters"
        )));
    }
    Ok(())
}

/// Where a batch is, in Livy's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// Its process is being started.
    Starting,
    /// The script is being fetched, or runs.
    Running,
    /// It ended with exit code 0.
    Success,
    /// It ended otherwise, or could not be begun.
    Dead,
    /// It was cancelled.
    Killed,
}

impl BatchState {
    /// Whether nothing more will happen to it.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Success | Self::Dead | Self::Killed)
    }
}

impl From<SessionState> for BatchState {
    fn from(state: SessionState) -> Self {
        match state {
            SessionState::Starting => Self::Starting,
            SessionState::Idle | SessionState::Busy | SessionState::ShuttingDown => Self::Running,
            SessionState::Success => Self::Success,
            SessionState::Error | SessionState::Dead => Self::Dead,
            SessionState::Killed => Self::Killed,
        }
    }
}

/// A batch: a handle that keeps what it came to, also when the registry has forgotten it.
#[derive(Clone)]
pub struct Batch {
    session: Arc<Session>,
}

impl Batch {
    pub(super) fn of(session: Arc<Session>) -> Self {
        Self { session }
    }

    /// Its number on the cluster, shared with sessions.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.session.id
    }

    /// Its name, when it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.session.request.name.as_deref()
    }

    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> &Login {
        &self.session.owner
    }

    /// When it was opened.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.session.created_at
    }

    /// Its application id, in the form that YARN gives them.
    #[must_use]
    pub fn application_id(&self) -> String {
        self.session.application_id()
    }

    /// What is kept of it outside this process.
    #[must_use]
    pub fn record(&self) -> SessionRecord {
        self.session.record()
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> BatchState {
        self.session.state().into()
    }

    /// Waits until its process is gone.
    pub async fn finished(&self) -> BatchState {
        self.session.gone().await;
        self.state()
    }

    /// Waits until its process is gone, but not for ever.
    pub async fn gone_in_time(&self) {
        self.session.gone_in_time().await;
    }

    /// `count` lines of the log from `from` on, and how many there are: what the script printed
    /// and what the service says of it, as far as it is still remembered.
    #[must_use]
    pub fn log(&self, from: usize, count: usize) -> (Vec<String>, usize) {
        self.session.log(from, count)
    }

    /// What it wrote to its standard output; of very much, the beginning and the end.
    #[must_use]
    pub fn stdout(&self) -> Vec<u8> {
        self.session.printed(Stream::Stdout)
    }

    /// What it wrote to its standard error, in the same way.
    #[must_use]
    pub fn stderr(&self) -> Vec<u8> {
        self.session.printed(Stream::Stderr)
    }

    /// How it ended and why, for people; none before its end.
    #[must_use]
    pub fn verdict(&self) -> Option<String> {
        self.session.verdict()
    }

    /// Whether its script began to run, or may still. It doesn't when its process can't be started, or
    /// the script can't be had.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.session.state() != SessionState::Error
    }

    /// Ends its process. It stays known, as [`BatchState::Killed`], unless it had ended before.
    pub fn cancel(&self) {
        self.session.stop(EndReason::Owner);
    }
}

impl SessionRegistry {
    /// Opens a batch for `owner` on its cluster. It counts as a session, runs in the background
    /// and ends by itself.
    ///
    /// # Errors
    /// When the script can't be run here, a bound is reached, the owner has an active batch of
    /// that name, or the registry is shut down.
    pub fn open_batch(
        &self,
        owner: &Login,
        request: BatchRequest,
    ) -> Result<Arc<Batch>, SessionError> {
        let script = Script {
            file: request.file,
            args: request.args,
            py_files: request.py_files,
        };
        script.check()?;
        let request = SessionRequest {
            name: request.name,
            kind: "pyspark".to_owned(),
            settings: request.settings,
            details: request.details,
            script: Some(script),
            ..SessionRequest::default()
        };
        Ok(Arc::new(Batch::of(self.open(owner, request)?)))
    }

    /// The login's own batch of that number.
    #[must_use]
    pub fn find_batch(&self, login: &Login, id: u32) -> Option<Batch> {
        let own = self.batches_of(login);
        own.into_iter().find(|batch| batch.id() == id)
    }

    /// Ends a batch and forgets it at once.
    pub fn end_batch(&self, batch: &Batch, reason: &str) {
        self.end(&batch.session, reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(file: &str, py_files: &[&str]) -> Script {
        Script {
            file: file.to_owned(),
            args: Vec::new(),
            py_files: py_files.iter().map(|&file| file.to_owned()).collect(),
        }
    }

    #[test]
    fn scripts_in_s3_are_taken() {
        for (file, py_files) in [
            ("s3://b/job.py", &[][..]),
            (
                "s3a://b/a/b.py",
                &["s3://b/m.py", "s3://b/m.zip", "s3://b/m.egg"],
            ),
        ] {
            script(file, py_files).check().unwrap();
        }
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        for (file, py_files, expected) in [
            ("", &[][..], "file is required"),
            ("local:/job.py", &[], "only files in S3"),
            ("file:///etc/passwd.py", &[], "only files in S3"),
            ("/job.py", &[], "only files in S3"),
            ("s3://b", &[], "only files in S3"),
            ("s3:///job.py", &[], "ends in .py"),
            ("s3://b/.py", &[], "ends in .py"),
            ("s3://b/job.jar", &[], "no JVM"),
            ("s3://b/job.sh", &[], "ends in .py"),
            ("s3://b/a\n.py", &[], "control characters"),
            ("s3://b/job.py", &["s3://b/m.tar"], ".py, .zip, .egg"),
            ("s3://b/job.py", &["file:/m.py"], "pyFiles file:/m.py"),
        ] {
            let error = script(file, py_files).check().unwrap_err().to_string();
            assert!(error.contains(expected), "{file}: {error}");
        }
        let mut long = script("s3://b/job.py", &[]);
        long.args = vec!["x".repeat(ARGUMENTS_BYTES + 1)];
        assert!(long.check().is_err());
    }
}
