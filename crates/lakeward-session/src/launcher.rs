//! Starting an interpreter process, and making sure that it and its children end.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use lakeward_wire::Secret;
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, kill_process_group, pidfd_open, pidfd_send_signal,
    prlimit,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::environment::SessionEnvironment;

/// What the process runs: the `lakeward_session` module, tied to the daemon's life.
const PROGRAM: &str = include_str!("lifeline.py");

/// A session's own folder: a home, a scratch folder, and the token file.
#[derive(Debug, Clone)]
pub(super) struct SessionFolder {
    root: PathBuf,
}

impl SessionFolder {
    pub fn new(sessions: &Path, key: &str) -> Self {
        Self {
            root: sessions.join(key),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    pub fn scratch(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub fn token_file(&self) -> PathBuf {
        self.root.join("token")
    }

    /// Makes the folder, readable by the daemon's user alone.
    pub fn create(&self, token: &Secret) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        builder.create(&self.root)?;
        builder.create(self.home())?;
        builder.create(self.scratch())?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options
            .open(self.token_file())?
            .write_all(token.expose().as_bytes())
    }

    /// Removes the folder and what the session left in it.
    pub fn remove(&self) {
        match std::fs::remove_dir_all(&self.root) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(folder = %self.root.display(), %error, "session folder not removed");
            }
            _ => {}
        }
    }
}

/// The streams of a process that was just started.
pub(super) struct Streams {
    pub stdin: ChildStdin,
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
}

/// Starts the interpreter in its own process group, with `environment` and nothing else. Its
/// standard input is a pipe that closes when the daemon dies in whatever way, and the group ends
/// then. `arguments` are the module's.
pub(super) fn launch(
    python: &Path,
    arguments: &[&str],
    folder: &SessionFolder,
    environment: &SessionEnvironment,
) -> io::Result<(SessionProcess, Streams)> {
    let mut child = Command::new(python)
        .args(["-c", PROGRAM])
        .args(arguments)
        .env_clear()
        .envs(environment.iter())
        .current_dir(folder.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let process = SessionProcess::adopt(child)?;
    match streams {
        (Some(stdin), Some(stdout), Some(stderr)) => Ok((
            process,
            Streams {
                stdin,
                stdout,
                stderr,
            },
        )),
        _ => Err(io::Error::other("the process has no streams")),
    }
}

/// Tells when a process has ended, without reaping it: until it is reaped its number, which is
/// also its group's, cannot be given to anyone else.
#[derive(Clone)]
pub(super) struct Exit(Arc<AsyncFd<OwnedFd>>);

impl Exit {
    #[allow(
        deprecated,
        reason = "its successor is unsafe for descriptors that may close early; this one is owned"
    )]
    fn watch(descriptor: OwnedFd) -> io::Result<Self> {
        let watched = AsyncFd::with_interest(descriptor, Interest::READABLE)?;
        Ok(Self(Arc::new(watched)))
    }

    /// Waits until the process has ended.
    pub async fn wait(&self) {
        // The readiness is never cleared: a process ends once.
        if let Err(error) = self.0.readable().await {
            tracing::warn!(%error, "cannot watch the interpreter");
        }
    }
}

/// A running interpreter. Dropping it kills its whole process group.
pub(super) struct SessionProcess {
    child: Child,
    group: Option<Pid>,
    exit: Exit,
}

impl SessionProcess {
    fn adopt(child: Child) -> io::Result<Self> {
        let pid = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
            .ok_or_else(|| io::Error::other("the process ended at once"))?;
        let descriptor = pidfd_open(pid, PidfdFlags::NONBLOCK)?;
        let exit = Exit::watch(descriptor)?;
        let process = Self {
            child,
            group: Some(pid),
            exit,
        };
        // A core file would hold the session's keys.
        let no_core = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        prlimit(Some(pid), Resource::Core, no_core)?;
        Ok(process)
    }

    pub fn exit(&self) -> Exit {
        self.exit.clone()
    }

    /// The number of the process.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Interrupts the interpreter alone: its engine must survive the cancel of a statement.
    pub fn interrupt(&self) {
        if let Err(error) = pidfd_send_signal(self.exit.0.get_ref(), Signal::INT) {
            tracing::debug!(%error, "interrupt not delivered");
        }
    }

    /// Gives the process `grace` to end by itself, then kills its group, and reaps it. Answers
    /// how it ended, in words.
    pub async fn end(mut self, grace: Duration) -> String {
        let in_time = tokio::time::timeout(grace, self.exit.wait()).await.is_ok();
        self.kill_group();
        match self.child.wait().await {
            Ok(status) if in_time => status.to_string(),
            Ok(_) => "killed".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Must come before the leader is reaped; see [`Exit`].
    fn kill_group(&mut self) {
        if let Some(group) = self.group.take()
            && let Err(error) = kill_process_group(group, Signal::KILL)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(%error, "session processes not killed");
        }
    }
}

impl Drop for SessionProcess {
    fn drop(&mut self) {
        self.kill_group();
    }
}
