//! The interpreter's side of a session: what its task is to do next, and what came of it; and what the reaper is to do.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Session, SessionState, milliseconds};
use crate::counters::EndReason;
use crate::limits::SessionLimits;
use crate::printed::Stream;
use crate::statement::{Language, Output};

/// What the interpreter's task is to do next.
pub(crate) enum Errand {
    Stop,
    Interrupt,
    Run {
        id: u64,
        code: Arc<str>,
        language: Language,
    },
    Complete(Completion),
    Submit,
    Nothing,
}

/// A question what may stand at a place in code.
pub(crate) struct Completion {
    pub code: String,
    /// Characters before the place.
    pub cursor: usize,
    pub answer: oneshot::Sender<Vec<String>>,
}

/// What the reaper is to do with a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// End it, for this reason.
    End(EndReason),
    /// It has ended long ago: forget it.
    Forget,
}

impl Session {
    /// Tells the interpreter to end.
    pub(crate) fn stop(&self, reason: EndReason) {
        let mut core = self.core.lock();
        core.stop.get_or_insert(reason);
        if core.state.is_active() {
            core.state = SessionState::ShuttingDown;
        }
        self.errands.notify_one();
    }

    pub(crate) fn errand(&self, is_free: bool) -> Errand {
        let mut core = self.core.lock();
        if core.stop.is_some() {
            return Errand::Stop;
        }
        let interrupt = std::mem::take(&mut core.interrupt);
        if !is_free {
            return if interrupt {
                Errand::Interrupt
            } else {
                Errand::Nothing
            };
        }
        if core.is_draining {
            return Errand::Nothing;
        }
        if std::mem::take(&mut core.has_script) {
            return Errand::Submit;
        }
        match core.statements.begin_next(milliseconds()) {
            Some((id, code, language)) => Errand::Run { id, code, language },
            None => (core.completion.take()).map_or(Errand::Nothing, Errand::Complete),
        }
    }

    pub(crate) fn ready(&self) {
        let mut core = self.core.lock();
        if core.state == SessionState::Starting {
            core.state = if self.is_batch() {
                SessionState::Busy
            } else {
                SessionState::Idle
            };
            let age = Timestamp::now().duration_since(self.created_at);
            self.counters.started(age.unsigned_abs());
        }
        core.touch();
        if !self.is_batch() {
            core.settle();
        }
    }

    /// Whether it was opened for one script.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        self.request.script.is_some()
    }

    /// Keeps what the script printed, and shows it in the log.
    pub(crate) fn print(&self, stream: Stream, text: &str) {
        let mut core = self.core.lock();
        for line in core.printed.push(stream, text) {
            core.log.push(line);
        }
    }

    /// What the script printed on one stream.
    pub(crate) fn printed(&self, stream: Stream) -> Vec<u8> {
        self.core.lock().printed.text(stream)
    }

    /// Someone is with it: it is not idle, whatever it does.
    pub(crate) fn attend(&self) {
        self.core.lock().active = Instant::now();
    }

    /// Whether it has been told to end.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.core.lock().stop.is_some()
    }

    /// How it ended and why, for people.
    pub(crate) fn verdict(&self) -> Option<String> {
        self.core.lock().verdict.clone()
    }

    /// Whether it works, as its kernel says. The end of work is activity.
    pub(crate) fn work(&self, is_busy: bool) {
        let mut core = self.core.lock();
        core.touch();
        if matches!(core.state, SessionState::Idle | SessionState::Busy) {
            core.state = match is_busy {
                true => SessionState::Busy,
                false => SessionState::Idle,
            };
        }
    }

    pub(crate) fn advance(&self, id: u64, progress: f64) {
        self.core.lock().statements.advance(id, progress);
    }

    pub(crate) fn finish(&self, id: u64, output: Output) {
        let mut core = self.core.lock();
        core.statements.finish(id, output, milliseconds());
        if let Some(statement) = core.statements.get(id) {
            let took = statement.completed - statement.started;
            self.counters.finished(statement.outcome(), took);
        }
        core.touch();
        core.settle();
        drop(core);
        self.fit();
    }

    pub(crate) fn note(&self, line: String) {
        self.core.lock().log.push(line);
    }

    pub(crate) fn end(&self, state: SessionState, ename: &str, text: &str) {
        let mut core = self.core.lock();
        if let Some(statement) = core.statements.unfinished().find(|one| one.started > 0) {
            let took = milliseconds() - statement.started;
            self.counters.finished("failed", took);
        }
        core.statements.abandon(ename, text, milliseconds());
        for line in core.printed.flush() {
            core.log.push(line);
        }
        core.log.push(text.to_owned());
        core.statements.shrink(self.ended_bytes);
        core.verdict = Some(text.to_owned());
        self.counters.ended(match state {
            SessionState::Error => EndReason::NotStarted,
            SessionState::Success => EndReason::Finished,
            SessionState::Killed => core.stop.unwrap_or(EndReason::Owner),
            _ => EndReason::Died,
        });
        core.state = state;
        core.touch();
        drop(core);
        self.fit();
        self.ended.send_replace(true);
    }

    /// What the reaper is to do at `now`.
    pub(crate) fn overdue(&self, now: Timestamp, limits: &SessionLimits) -> Option<Overdue> {
        let core = self.core.lock();
        if core.state.has_ended() {
            return (core.active.elapsed() >= limits.retain_ended).then_some(Overdue::Forget);
        }
        let silent = core.heard.elapsed();
        if (self.request.heartbeat_timeout).is_some_and(|timeout| silent >= timeout) {
            return Some(Overdue::End(EndReason::Heartbeat));
        }
        if core.state != SessionState::Idle {
            return None;
        }
        if core.active.elapsed() >= self.idle_timeout {
            return Some(Overdue::End(EndReason::Idle));
        }
        // Nobody can reach it any more; a statement that still ran was let finish.
        (self.owner.expires_at <= now).then_some(Overdue::End(EndReason::Expired))
    }
}
