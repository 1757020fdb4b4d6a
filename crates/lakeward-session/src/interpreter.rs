//! The task behind a session: it starts the process, runs one statement at a time, and sees the
//! process to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::cluster::OpenCluster;
use super::limits::SessionLimits;
use super::line::{Line, LineReader};
use super::log::{LINE_BYTES, tamed};
use super::occupant::Occupant;
use super::pace::Pace;
use super::process::Exit;
use super::protocol::{CUT_REPLY_BYTES, Message, Place, Task, request};
use super::session::{COMPLETION_TIMEOUT, Completion, Errand, Session, SessionState};
use super::settings::Grant;
use super::start::{Started, Starter};
use super::statement::Output;

/// How long the last lines of an ended process are waited for; a stray child may hold the pipe.
const DRAIN: Duration = Duration::from_secs(1);
/// The longest pause between two interrupts of a statement that is being cancelled.
const INTERRUPT_PAUSE: Duration = Duration::from_secs(30);
/// From the end of a process's streams to its own.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// The number of the only task of a batch.
const SCRIPT: u64 = 0;

/// The number of a completion; statements never get that far.
const COMPLETION: u64 = u64::MAX;

/// Why an interpreter came to its end.
pub(super) enum Ending {
    Requested,
    Fatal(String),
    NotReady,
    Deaf,
    Gone,
    OutOfMemory(String),
    /// The batch's script could not be begun.
    NotBegun(String),
    /// The batch's script ended, with its exit code or minus a signal's number.
    Exited(i32),
}

/// Runs a session from the start of its process until nothing is left of it.
pub(super) async fn drive(
    session: Arc<Session>,
    starter: Arc<Starter>,
    cluster: Arc<OpenCluster>,
    grant: Grant,
) {
    if session.is_unwanted() {
        return end_unbegun(&session);
    }
    match starter.begin(&cluster, &session, &grant).await {
        Ok(started) => {
            let limits = Arc::clone(&cluster.limits);
            Interpreter::new(session, limits, started).run().await;
        }
        Err(error) => {
            tracing::error!(session = session.id, %error, "session not started");
            session.end(SessionState::Error, "SessionNotStarted", &error.to_string());
        }
    }
}

/// Ends a session that nobody wanted any more before its process was started.
pub(super) fn end_unbegun(session: &Session) {
    let (state, ename, text) = Ending::Requested.outcome(false, "");
    session.end(state, ename, &text);
}

/// One interpreter process at work.
struct Interpreter {
    session: Arc<Session>,
    limits: Arc<SessionLimits>,
    started: Started,
    is_ready: bool,
    running: Option<u64>,
    completing: Option<oneshot::Sender<Vec<String>>>,
    /// When to give up waiting for readiness, or to repeat an interrupt.
    alarm: Option<Instant>,
    /// From the last interrupt to the next.
    pause: Duration,
    /// Of what it says that means nothing.
    pace: Pace,
}

impl Interpreter {
    fn new(session: Arc<Session>, limits: Arc<SessionLimits>, started: Started) -> Self {
        let process = started.process.id();
        tracing::debug!(session = session.id, process, "interpreter begins");
        session.runs_as(process);
        Self {
            alarm: Some(Instant::now() + limits.start_timeout),
            session,
            limits,
            started,
            is_ready: false,
            running: None,
            completing: None,
            pause: Duration::ZERO,
            pace: Pace::default(),
        }
    }

    async fn run(mut self) {
        let ending = self.converse().await.explained(&mut self.started);
        let exit = self
            .started
            .end(ending.grace(self.is_ready, &self.limits))
            .await;
        let (state, ename, text) = ending.outcome(self.is_ready, &exit);
        tracing::info!(session = self.session.id, %state, %text, "session ended");
        self.session.end(state, ename, &text);
    }

    /// Talks with the process until there is a reason to stop.
    async fn converse(&mut self) -> Ending {
        loop {
            match self.session.errand(self.is_ready && self.running.is_none()) {
                Errand::Stop => return Ending::Requested,
                Errand::Interrupt => self.interrupt(self.limits.interrupt_again),
                Errand::Run { id, code, language } => {
                    let task = Task::Code {
                        code: &code,
                        kind: language,
                    };
                    if !self.ask(id, task) {
                        return Ending::Deaf;
                    }
                }
                Errand::Complete(completion) => {
                    if !self.complete(completion) {
                        return Ending::Deaf;
                    }
                }
                Errand::Submit => {
                    let session = Arc::clone(&self.session);
                    if !(session.request.script.as_ref())
                        .is_some_and(|script| self.ask(SCRIPT, Task::Script { script }))
                    {
                        return Ending::Deaf;
                    }
                }
                Errand::Nothing => {}
            }
            let alarm = self.alarm;
            tokio::select! {
                () = self.session.errands.notified() => {}
                line = async {
                    self.pace.wait().await;
                    self.started.lines.recv().await
                } => match line {
                    Some(line) => if let Some(ending) = self.take(&line) {
                        return ending;
                    },
                    None => return Ending::Gone,
                },
                text = self.started.checkup.over_memory(&self.started.process) => {
                    return Ending::OutOfMemory(text);
                }
                () = sleep_until(alarm) => {
                    self.alarm = None;
                    if !self.is_ready {
                        return Ending::NotReady;
                    }
                    // What is being run was told to stop before, or takes too long to complete.
                    if self.running.is_some() {
                        self.interrupt((self.pause * 2).min(INTERRUPT_PAUSE));
                    }
                }
            }
        }
    }

    /// Interrupts what is being run, and again after `pause` unless it has ended by then.
    fn interrupt(&mut self, pause: Duration) {
        self.started.process.interrupt();
        self.pause = pause;
        self.alarm = Some(Instant::now() + pause);
    }

    /// Hands a task over; false when the process does not take it.
    fn ask(&mut self, id: u64, task: Task<'_>) -> bool {
        self.running = Some(id);
        request(id, task).is_some_and(|line| self.started.input.send(line))
    }

    /// Asks for candidates; an interpreter that takes too long is interrupted.
    fn complete(&mut self, completion: Completion) -> bool {
        self.pause = COMPLETION_TIMEOUT;
        self.alarm = Some(Instant::now() + self.pause);
        self.completing = Some(completion.answer);
        let complete = Place {
            code: &completion.code,
            cursor: completion.cursor,
        };
        self.ask(COMPLETION, Task::Complete { complete })
    }

    fn take(&mut self, line: &Line) -> Option<Ending> {
        match Message::parse(line) {
            Message::Ready if !self.is_ready => {
                self.is_ready = true;
                self.alarm = None;
                self.session.ready();
            }
            // It has been told to begin already.
            Message::Warm if !self.is_ready => {}
            Message::Fatal(reason) => return Some(Ending::Fatal(reason)),
            Message::Progress { id, progress } if self.running == Some(id) => {
                self.pace.count(line);
                self.session.advance(id, progress);
            }
            Message::Candidates(candidates) if self.running == Some(COMPLETION) => {
                self.running = None;
                self.alarm = None;
                if let Some(answer) = self.completing.take() {
                    // Whoever asked may have given up.
                    let _ = answer.send(candidates);
                }
            }
            Message::Printed { stream, text } if self.session.is_batch() => {
                self.session.print(stream, &text);
            }
            Message::Exited(code) if self.session.is_batch() => return Some(Ending::Exited(code)),
            Message::Reply { output, .. } if self.session.is_batch() => {
                return Some(Ending::NotBegun(tamed(&output.to_string())));
            }
            Message::Reply { id, output } if self.running == Some(id) => self.finish(id, output),
            Message::TooLarge { id } if self.running == Some(id) => {
                let limit = self.limits.reply_bytes;
                let text = format!("the output is larger than {limit} bytes; return less of it");
                self.finish(id, Output::error("OutputTooLarge", text));
            }
            Message::Noise(text) => {
                self.pace.count(line);
                self.session.note(text);
            }
            _ => {
                self.pace.count(line);
                let text = "the interpreter sent a message that nobody waits for";
                self.session.note(text.to_owned());
            }
        }
        None
    }

    fn finish(&mut self, id: u64, output: Output) {
        self.running = None;
        self.alarm = None;
        self.session.finish(id, output);
    }
}

impl Ending {
    /// A process that is gone was perhaps killed by the kernel, for its memory.
    pub fn explained(self, started: &mut Started) -> Self {
        match self {
            Self::Gone => {
                (started.checkup.look(&started.process)).map_or(Self::Gone, Self::OutOfMemory)
            }
            other => other,
        }
    }

    /// How long the process may take to end by itself.
    pub fn grace(&self, is_ready: bool, limits: &SessionLimits) -> Duration {
        match self {
            // Nothing of anybody's is in it yet.
            Self::Requested if !is_ready => Duration::ZERO,
            // Its streams close a moment before it has ended; how it ended is worth that moment.
            Self::Gone => limits.stop_grace.min(LAST_MOMENT),
            Self::Deaf | Self::OutOfMemory(_) => Duration::ZERO,
            _ => limits.stop_grace,
        }
    }

    /// The session's last state, and what a statement that was running is told.
    pub fn outcome(self, is_ready: bool, exit: &str) -> (SessionState, &'static str, String) {
        match self {
            Self::Requested => (
                SessionState::Killed,
                "SessionEnded",
                "the session was ended".to_owned(),
            ),
            Self::Fatal(reason) if is_ready => (SessionState::Dead, "InterpreterFailed", reason),
            Self::Fatal(reason) => (SessionState::Error, "SessionNotStarted", reason),
            Self::NotBegun(reason) => (SessionState::Error, "ScriptNotBegun", reason),
            Self::NotReady => (
                SessionState::Error,
                "SessionNotStarted",
                "the interpreter was not ready in time".to_owned(),
            ),
            Self::Deaf => (
                SessionState::Dead,
                "InterpreterFailed",
                "the interpreter does not read what it is sent".to_owned(),
            ),
            Self::Exited(0) => (
                SessionState::Success,
                "",
                "the script ended with exit code 0".to_owned(),
            ),
            Self::Exited(code) => (SessionState::Dead, "", exit_text(code)),
            Self::OutOfMemory(text) => (SessionState::Dead, "OutOfMemory", text),
            Self::Gone => (
                if is_ready {
                    SessionState::Dead
                } else {
                    SessionState::Error
                },
                "InterpreterDied",
                format!("the interpreter ended ({exit}); start a new session"),
            ),
        }
    }
}

fn exit_text(code: i32) -> String {
    match code {
        ..0 => format!("the script was ended by signal {}", code.unsigned_abs()),
        _ => format!("the script ended with exit code {code}"),
    }
}

async fn sleep_until(alarm: Option<Instant>) {
    match alarm {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The interpreter's standard input. At most two requests are under way, so that a process that
/// answers without reading cannot make the daemon hold what it was sent.
pub(super) struct Input {
    lines: mpsc::Sender<Vec<u8>>,
    task: JoinHandle<()>,
}

impl Input {
    pub fn new(mut stdin: Box<dyn AsyncWrite + Send + Unpin>) -> Self {
        let (lines, mut waiting) = mpsc::channel::<Vec<u8>>(1);
        let task = tokio::spawn(async move {
            while let Some(line) = waiting.recv().await {
                let written = stdin.write_all(&line).await;
                if written.is_err() || stdin.flush().await.is_err() {
                    return;
                }
            }
        });
        Self { lines, task }
    }

    /// Hands over one line; false when the process does not take them. A process that has ended
    /// counts as taking: its end is noticed elsewhere, with the reason.
    pub fn send(&self, line: Vec<u8>) -> bool {
        !matches!(
            self.lines.try_send(line),
            Err(mpsc::error::TrySendError::Full(_))
        )
    }

    /// Waits until one more line can be handed over, or the process has ended.
    pub fn room(&self) -> impl Future<Output = ()> + use<> {
        let lines = self.lines.clone();
        async move { drop(lines.reserve().await) }
    }

    /// Closes the stream even when the process does not read.
    pub fn close(&self) {
        self.task.abort();
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads messages until the process has ended and nothing more comes.
pub(super) async fn hear(
    stdout: ChildStdout,
    exit: Exit,
    limit: usize,
    sender: mpsc::Sender<Line>,
) {
    let mut lines = LineReader::new(stdout, limit, CUT_REPLY_BYTES);
    loop {
        tokio::select! {
            line = lines.next() => match line {
                Ok(Some(line)) => if sender.send(line).await.is_err() {
                    return;
                },
                Ok(None) | Err(_) => break,
            },
            () = exit.wait() => break,
        }
    }
    let rest = async {
        while let Ok(Some(line)) = lines.next().await {
            if sender.send(line).await.is_err() {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN, rest).await;
}

/// Copies what the process writes to its standard error into the session's log.
pub(super) async fn record(stderr: ChildStderr, exit: Exit, occupant: Arc<Occupant>) {
    let mut lines = LineReader::new(BufReader::new(stderr), LINE_BYTES, LINE_BYTES);
    let mut pace = Pace::default();
    let copy = async {
        while let Ok(Some(line)) = lines.next().await {
            let text = String::from_utf8_lossy(&line.bytes);
            occupant.note(text.trim_end().to_owned());
            pace.count(&line);
            pace.wait().await;
        }
    };
    let over = async {
        exit.wait().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        () = copy => {}
        () = over => {}
    }
}
