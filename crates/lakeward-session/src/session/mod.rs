//! A session: its state, its statements and its log, as its owner sees them.

mod held;
mod state;
#[cfg(test)]
mod tests;
mod work;

pub use state::SessionState;
pub(crate) use work::{Completion, Errand, Overdue};

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lakeward_wire::Secret;
use parking_lot::Mutex;
use subtle::ConstantTimeEq as _;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use super::authority::Login;
use super::batch::Script;
use super::counters::{Counters, EndReason};
use super::error::SessionError;
use super::limits::SessionLimits;
use super::log::SessionLog;
use super::printed::Printed;
use super::retention::Retention;
use super::statement::{Cancel, Language, Statement, StatementState, Statements};

/// How long someone who ended a session waits until its process is gone.
const GONE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a completion may take.
pub(super) const COMPLETION_TIMEOUT: Duration = Duration::from_secs(2);
/// What a client asked for when it opened a session.
#[derive(Debug, Clone, Default)]
pub struct SessionRequest {
    /// The name, when it gave one.
    pub name: Option<String>,
    /// The kind of session, in Livy's word: `pyspark`, `python`, `sql` or `shared`.
    pub kind: String,
    /// The session ends when its owner is not heard of for this long; `None` = never.
    pub heartbeat_timeout: Option<Duration>,
    /// The session ends when it does nothing for this long; `None` = the default.
    pub idle_timeout: Option<Duration>,
    /// Spark settings as a JSON object, for the interpreter.
    pub settings: String,
    /// The rest of the request, shown back as it was.
    pub details: serde_json::Map<String, serde_json::Value>,
    /// The script to run instead of statements: this is a batch.
    pub script: Option<Script>,
}

impl SessionRequest {
    /// What the interpreter is started as: `python` goes without an engine.
    #[must_use]
    pub fn process_kind(&self) -> &'static str {
        match &*self.kind {
            "python" => "python",
            super::kernel::KIND => super::kernel::KIND,
            _ => "pyspark",
        }
    }
}

/// A session as others see it.
#[derive(Debug, Clone)]
pub struct SessionSummary {
    /// Its number, unique in the daemon's life and not guessable from other sessions'.
    pub id: u32,
    /// Its name, when it has one.
    pub name: Option<String>,
    /// The kind of code, in the client's word; or `batch`, or `kernel`.
    pub kind: String,
    /// Its application id, in YARN's form.
    pub application_id: String,
    /// Where it is.
    pub state: SessionState,
    /// Whose it is, and the role it runs under.
    pub owner: Login,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last began or ended anything.
    pub active_at: Timestamp,
    /// The process that runs it, once there is one; see [`usage`](crate::usage).
    pub process: Option<u32>,
}

/// One session. Its interpreter's task and the HTTP handlers share it.
pub struct Session {
    /// Its number.
    pub id: u32,
    /// Whose it is.
    pub owner: Login,
    /// What was asked for.
    pub request: SessionRequest,
    /// When it was opened.
    pub created_at: Timestamp,
    pub(super) key: String,
    pub(super) token: Secret,
    pub(super) errands: Notify,
    pub(super) minting: tokio::sync::Mutex<()>,
    pub(super) ended: watch::Sender<bool>,
    pub(super) counters: Counters,
    /// The bound that it shares with all others, where there is one.
    pub(super) retention: Option<Arc<Retention>>,
    idle_timeout: Duration,
    ended_bytes: usize,
    waiting_limit: usize,
    waiting_bytes: usize,
    core: Mutex<Core>,
}

struct Core {
    state: SessionState,
    statements: Statements,
    log: SessionLog,
    /// Set when it is told to end.
    stop: Option<EndReason>,
    /// It takes and begins no statements any more.
    is_draining: bool,
    process: Option<u32>,
    interrupt: bool,
    completion: Option<Completion>,
    /// Whether the batch's script still waits to be begun.
    has_script: bool,
    printed: Printed,
    /// How it ended, for people.
    verdict: Option<String>,
    heard: Instant,
    active: Instant,
    active_at: Timestamp,
}

impl Core {
    fn touch(&mut self) {
        self.active = Instant::now();
        self.active_at = Timestamp::now();
    }

    /// Busy while a statement is unfinished, idle otherwise.
    fn settle(&mut self) {
        if matches!(self.state, SessionState::Idle | SessionState::Busy) {
            self.state = match self.statements.unfinished().next() {
                Some(_) => SessionState::Busy,
                None => SessionState::Idle,
            };
        }
    }
}

impl Session {
    pub(super) fn new(
        id: u32,
        key: String,
        token: Secret,
        owner: Login,
        request: SessionRequest,
        limits: &SessionLimits,
        counters: Counters,
    ) -> Self {
        let now = Instant::now();
        let created_at = Timestamp::now();
        Self {
            id,
            owner,
            created_at,
            counters,
            key,
            token,
            errands: Notify::new(),
            minting: tokio::sync::Mutex::new(()),
            ended: watch::Sender::new(false),
            retention: None,
            ended_bytes: limits.ended_bytes,
            idle_timeout: request.idle_timeout.unwrap_or(limits.idle_timeout),
            waiting_limit: limits.waiting_statements,
            waiting_bytes: limits.retained_bytes,
            core: Mutex::new(Core {
                state: SessionState::Starting,
                statements: Statements::new(limits.retained_statements, limits.retained_bytes),
                log: SessionLog::default(),
                stop: None,
                is_draining: false,
                process: None,
                interrupt: false,
                completion: None,
                has_script: request.script.is_some(),
                printed: Printed::default(),
                verdict: None,
                heard: now,
                active: now,
                active_at: created_at,
            }),
            request,
        }
    }

    /// Where the session is.
    #[must_use]
    pub fn state(&self) -> SessionState {
        self.core.lock().state
    }

    /// The application id, in the form that YARN gives them.
    #[must_use]
    pub fn application_id(&self) -> String {
        let created = self.created_at.as_millisecond();
        format!("application_{created}_{:04}", self.id % 10_000)
    }

    /// The session as others see it.
    #[must_use]
    pub fn summary(&self) -> SessionSummary {
        let core = self.core.lock();
        SessionSummary {
            id: self.id,
            name: self.request.name.clone(),
            kind: match self.is_batch() {
                true => "batch".to_owned(),
                false => self.request.kind.clone(),
            },
            application_id: self.application_id(),
            state: core.state,
            owner: self.owner.clone(),
            created_at: self.created_at,
            active_at: core.active_at,
            process: core.process.filter(|_| !core.state.has_ended()),
        }
    }

    /// Whether this token opens the session's keys, now.
    pub(super) fn is_opened_by(&self, token: &str) -> bool {
        let is_equal: bool = (self.token.expose().as_bytes())
            .ct_eq(token.as_bytes())
            .into();
        is_equal && !self.state().has_ended()
    }

    /// Notes that the owner was heard of.
    pub fn heard(&self) {
        self.core.lock().heard = Instant::now();
    }

    /// Whether it is a session in Livy's sense: neither a batch nor a kernel.
    pub(super) fn takes_statements(&self) -> bool {
        !self.is_batch() && !self.is_kernel()
    }

    /// Whether it is a Jupyter kernel, which runs no statements.
    pub(super) fn is_kernel(&self) -> bool {
        self.request.kind == super::kernel::KIND
    }

    /// Moves all that happened to it into the past.
    #[cfg(any(test, feature = "fixture"))]
    pub fn grow_old(&self, by: Duration) {
        let mut core = self.core.lock();
        core.heard = core.heard.checked_sub(by).unwrap_or(core.heard);
        core.active = core.active.checked_sub(by).unwrap_or(core.active);
    }

    /// Counts as activity without doing anything. One that has ended is kept no longer for it.
    pub fn touch(&self) {
        let mut core = self.core.lock();
        if !core.state.has_ended() {
            core.touch();
        }
    }

    /// Waits until its process is gone.
    pub async fn gone(&self) {
        let mut ended = self.ended.subscribe();
        // The sender is this session's.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// The same, but not for ever.
    pub async fn gone_in_time(&self) {
        let _ = tokio::time::timeout(GONE_TIMEOUT, self.gone()).await;
    }

    /// Queues a statement in Python. While the session starts it waits.
    ///
    /// # Errors
    /// When the session takes no statements, or has too many waiting.
    pub fn submit(&self, code: String) -> Result<Statement, SessionError> {
        self.submit_in(Language::Python, code)
    }

    /// Queues a statement. While the session starts it waits.
    ///
    /// # Errors
    /// When the session takes no statements, or has too many waiting.
    pub fn submit_in(&self, language: Language, code: String) -> Result<Statement, SessionError> {
        if let Some(limit) = self.lacks_room(code.len()) {
            return Err(SessionError::Full { limit });
        }
        let mut core = self.core.lock();
        if !core.state.is_active() || self.is_batch() {
            return Err(SessionError::NotActive(core.state));
        }
        if core.is_draining {
            return Err(SessionError::ShuttingDown);
        }
        let waiting = core.statements.unfinished().count();
        let bytes: usize = core.statements.unfinished().map(|one| one.code.len()).sum();
        if waiting > self.waiting_limit || bytes + code.len() > self.waiting_bytes {
            return Err(SessionError::TooManyStatements {
                limit: self.waiting_limit,
            });
        }
        let statement = core.statements.submit(code, language);
        core.touch();
        core.settle();
        self.errands.notify_one();
        Ok(statement)
    }

    /// What may stand in `code` behind its first `cursor` characters. Only an idle session can
    /// say; of any other, and of one that does not answer soon, there is nothing.
    pub async fn complete(&self, code: String, cursor: usize) -> Vec<String> {
        let answered = {
            let mut core = self.core.lock();
            if core.state != SessionState::Idle || core.completion.is_some() {
                return Vec::new();
            }
            let (answer, answered) = oneshot::channel();
            core.completion = Some(Completion {
                code,
                cursor,
                answer,
            });
            core.touch();
            answered
        };
        self.errands.notify_one();
        let answer = tokio::time::timeout(COMPLETION_TIMEOUT, answered).await;
        // An interpreter that is slow or has ended has nothing to offer.
        answer.ok().and_then(Result::ok).unwrap_or_default()
    }

    /// One statement.
    #[must_use]
    pub fn statement(&self, id: u64) -> Option<Statement> {
        self.core.lock().statements.get(id).cloned()
    }

    /// All remembered statements, oldest first.
    #[must_use]
    pub fn statements(&self) -> Vec<Statement> {
        self.core.lock().statements.all().cloned().collect()
    }

    /// Cancels a statement; false when there is none of that number.
    pub fn cancel(&self, id: u64) -> bool {
        let mut core = self.core.lock();
        let effect = core.statements.cancel(id, milliseconds());
        core.interrupt |= effect == Cancel::Interrupt;
        core.settle();
        self.errands.notify_one();
        effect != Cancel::Unknown
    }

    /// Cancels everything that has not ended.
    pub fn interrupt(&self) {
        let mut core = self.core.lock();
        core.interrupt |= core.statements.cancel_all(milliseconds());
        core.settle();
        self.errands.notify_one();
    }

    /// `count` lines of the log from `from` on, and how many there are.
    #[must_use]
    pub fn log(&self, from: usize, count: usize) -> (Vec<String>, usize) {
        let core = self.core.lock();
        (core.log.slice(from, count), core.log.len())
    }

    /// At most `count` lines of the log from the one on that is the `from`th since the session began,
    /// and the number of the line after them. Lines that were forgotten are left out.
    #[must_use]
    pub fn log_since(&self, from: u64, count: usize) -> (Vec<String>, u64) {
        self.core.lock().log.since(from, count)
    }

    /// How many lines the log ever had.
    #[must_use]
    pub fn log_end(&self) -> u64 {
        self.core.lock().log.end()
    }

    /// The last `count` lines of the log.
    #[must_use]
    pub fn log_tail(&self, count: usize) -> Vec<String> {
        self.core.lock().log.tail(count)
    }

    /// Takes and begins no statements any more; one that runs goes on.
    pub(super) fn drain(&self) {
        self.core.lock().is_draining = true;
    }

    /// Whether a statement is being run, a batch's script, or a kernel's cell.
    pub(super) fn is_running(&self) -> bool {
        let core = self.core.lock();
        let begun = |one: &Statement| one.state != StatementState::Waiting;
        core.state == SessionState::Busy
            && (self.is_batch() || self.is_kernel() || core.statements.unfinished().any(begun))
    }

    /// The process that runs the session from now on.
    pub(super) fn runs_as(&self, process: Option<u32>) {
        self.core.lock().process = process;
    }
}

fn milliseconds() -> i64 {
    Timestamp::now().as_millisecond()
}
