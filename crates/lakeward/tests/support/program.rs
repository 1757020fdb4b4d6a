//! The `lakeward` program itself, run as a process that the test may kill.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use lakeward::{daemon::StateFolder, profile::Instance};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::{sleep, timeout},
};

use super::PATIENCE;

/// The flags that put an instance on free ports; the last two are the metrics'.
pub const FREE: [&str; 8] = [
    "--listen",
    "127.0.0.1:0",
    "--proxy",
    "127.0.0.1:0",
    "--credentials",
    "127.0.0.1:0",
    "--metrics",
    "127.0.0.1:0",
];

/// A `lakeward` command with nothing of the caller's environment that changes what it does.
pub fn lakeward(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lakeward"));
    command
        .args(arguments)
        .env_remove("LAKEWARD_STATE_DIR")
        .env_remove("LAKEWARD_STORE")
        .env_remove("LAKEWARD_SESSION_PYTHON")
        .env_remove("LAKEWARD_LOG")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub async fn run(arguments: &[&str]) -> Ended {
    let output = timeout(PATIENCE, lakeward(arguments).output())
        .await
        .unwrap_or_else(|_| panic!("{arguments:?} did not end"))
        .unwrap();
    Ended::of(output)
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It failed with exit code 1, as a person would want to read it: one line, no panic.
    pub fn failed_saying(&self, words: &[&str]) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "no `{word}` in {self:?}");
        }
    }
}

/// A long-running command.
pub struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
    /// Bytes of the log that earlier programs wrote.
    log_before: usize,
    state: PathBuf,
}

impl Program {
    /// Starts `serve` or `demo` on a state folder, on free ports; the log goes beside the folder.
    pub fn start(command: &str, state: &Path, more: &[&str]) -> Self {
        Self::with_python(command, state, Path::new("/bin/true"), more)
    }

    /// The same, with sessions that this Python runs.
    pub fn with_python(command: &str, state: &Path, python: &Path, more: &[&str]) -> Self {
        let network = super::cluster_network().to_string();
        let mut arguments = vec![
            command,
            "--state-dir",
            state.to_str().unwrap(),
            "--cluster-network",
            &network,
            "--session-python",
            python.to_str().unwrap(),
        ];
        arguments.extend(FREE);
        arguments.extend(more);
        let log = state.with_extension("log");
        let stderr = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let log_before = usize::try_from(stderr.metadata().unwrap().len()).unwrap();
        let mut child = lakeward(&arguments)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            lines,
            log_before,
            log,
            state: state.to_owned(),
        }
    }

    /// Waits for a line of output that begins like this.
    pub async fn says(&mut self, beginning: &str) {
        let said = timeout(PATIENCE, async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                if line.starts_with(beginning) {
                    return true;
                }
            }
            false
        })
        .await;
        assert_eq!(said, Ok(true), "no `{beginning}`: {}", self.log());
    }

    /// Waits until it says on standard error that it does `step`, or on standard output that it
    /// did everything (`end`); true for the step.
    pub async fn comes_to(&mut self, step: &str, end: &str) -> bool {
        let (log, before) = (self.log.clone(), self.log_before);
        let come = async {
            while !std::fs::read_to_string(&log).unwrap()[before..].contains(step) {
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            biased;
            () = come => true,
            () = self.says(end) => false,
        }
    }

    /// Where it listens.
    pub fn instance(&self) -> Instance {
        Instance::read(&StateFolder::open(&self.state).unwrap()).unwrap()
    }

    /// Lets its files grow to so many bytes and no further; None lifts that.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let pid = Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap());
        let limit = Rlimit {
            current: bytes,
            maximum: None,
        };
        prlimit(pid, Resource::Fsize, limit).unwrap();
    }

    /// `kill -9`.
    pub async fn kill(mut self) {
        timeout(PATIENCE, self.child.kill()).await.unwrap().unwrap();
    }

    /// As a service manager stops it.
    pub async fn stop(self) -> ExitStatus {
        self.terminate();
        self.ended().await
    }

    /// Asks it to end, as service managers do, and doesn't wait.
    pub fn terminate(&self) {
        let pid = self.child.id().unwrap();
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap()
    }

    /// What it wrote to standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}
