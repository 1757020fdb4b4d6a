//! Starting an interpreter without an enclosure: a process of the daemon's user with a folder of its
//! own, and nothing that keeps it from the host.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use lakeward_wire::Secret;
use tokio::process::Command;

use super::environment::SessionEnvironment;
use super::process::{SessionProcess, Streams};

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

/// Starts the interpreter in its own process group, with `environment` and nothing else. Its
/// standard input is a pipe that closes when the daemon dies in whatever way, and the group ends
/// then. `arguments` are the module's.
pub(super) fn launch(
    python: &Path,
    arguments: &[String],
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
    let process = SessionProcess::of_group(child)?;
    match streams {
        (Some(stdin), Some(stdout), Some(stderr)) => Ok((
            process,
            Streams {
                stdin: Box::new(stdin),
                stdout,
                stderr,
            },
        )),
        _ => Err(io::Error::other("the process has no streams")),
    }
}
