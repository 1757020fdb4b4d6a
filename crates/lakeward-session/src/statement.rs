//! Statements: their states, their order, and how many are remembered.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

/// A code or an output up to this is never let go of alone.
const LIGHT_BYTES: usize = 1 << 10;

/// Where a statement is. Failures are `Available` with an error output, as in Livy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StatementState {
    /// Queued behind others.
    Waiting,
    /// Being run.
    Running,
    /// Done; its output is there.
    Available,
    /// Being run, and asked to stop.
    Cancelling,
    /// Stopped, or never begun.
    Cancelled,
}

impl StatementState {
    /// Whether nothing more will happen to the statement.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Available | Self::Cancelled)
    }
}

/// The language of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Python, with or without Spark's names.
    #[default]
    Python,
    /// One query, whose rows come back as a table.
    Sql,
}

/// What a statement came to.
#[derive(Debug)]
pub enum Output {
    /// It ran through.
    Ok {
        /// A JSON object from MIME type to value, as the interpreter wrote it.
        data: Box<RawValue>,
    },
    /// It raised.
    Error {
        /// The exception's name.
        ename: String,
        /// The exception's text.
        evalue: String,
        /// The traceback, each line with its newline.
        traceback: Vec<String>,
    },
}

impl Output {
    /// An error that the service itself reports.
    pub(super) fn error(ename: &str, evalue: String) -> Self {
        Self::Error {
            ename: ename.to_owned(),
            evalue,
            traceback: Vec::new(),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Ok { data } => data.get().len(),
            Self::Error {
                ename,
                evalue,
                traceback,
            } => {
                let lines = traceback
                    .iter()
                    .map(|line| line.len() + size_of::<String>());
                ename.len() + evalue.len() + lines.sum::<usize>()
            }
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok { data } => formatter.write_str(data.get()),
            Self::Error { ename, evalue, .. } => write!(formatter, "{ename}: {evalue}"),
        }
    }
}

/// One statement of a session; cheap to clone.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Its number in the session, from 0.
    pub id: u64,
    /// The code as it was sent.
    pub code: Arc<str>,
    /// What it is written in.
    pub language: Language,
    /// Where it is.
    pub state: StatementState,
    /// What it came to, once it has ended.
    pub output: Option<Arc<Output>>,
    /// How far it has come, 0 to 1.
    pub progress: f64,
    /// When it began, in milliseconds of the epoch; 0 before.
    pub started: i64,
    /// When it ended, in milliseconds of the epoch; 0 before.
    pub completed: i64,
}

impl Statement {
    /// How it ended, in one word.
    pub(super) fn outcome(&self) -> &'static str {
        match (self.state, self.output.as_deref()) {
            (StatementState::Cancelled, _) => "cancelled",
            (_, Some(Output::Error { .. })) => "failed",
            _ => "ok",
        }
    }

    fn size(&self) -> usize {
        let output = self.output.as_ref().map_or(0, |output| output.size());
        size_of::<Self>() + self.code.len() + output
    }

    /// Lets go of what is large in it; false when nothing is.
    fn lighten(&mut self) -> bool {
        let mut is_lighter = false;
        if self.code.len() > LIGHT_BYTES {
            let beginning: String = self.code.chars().take(LIGHT_BYTES / 4).collect();
            self.code = beginning.into();
            is_lighter = true;
        }
        if (self.output.as_ref()).is_some_and(|output| output.size() > LIGHT_BYTES) {
            let text = "the output is not kept any more: all sessions together hold only so much, \
                        and one that has ended holds little; run it again, or write it to S3";
            self.output = Some(Arc::new(Output::error("OutputNotKept", text.to_owned())));
            is_lighter = true;
        }
        is_lighter
    }

    fn end(&mut self, state: StatementState, output: Option<Output>, now: i64) {
        self.state = state;
        self.output = output.map(Arc::new);
        self.progress = 1.0;
        self.completed = now;
    }
}

/// What a cancel asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    /// There is no such statement.
    Unknown,
    /// Nothing is left to do.
    Done,
    /// The interpreter must be interrupted.
    Interrupt,
}

/// The statements of a session, oldest first.
#[derive(Debug)]
pub(super) struct Statements {
    entries: VecDeque<Statement>,
    next: u64,
    retained: usize,
    retained_bytes: usize,
}

impl Statements {
    pub fn new(retained: usize, retained_bytes: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            next: 0,
            retained: retained.max(1),
            retained_bytes,
        }
    }

    /// Queues `code`.
    pub fn submit(&mut self, code: String, language: Language) -> Statement {
        let statement = Statement {
            id: self.next,
            code: code.into(),
            language,
            state: StatementState::Waiting,
            output: None,
            progress: 0.0,
            started: 0,
            completed: 0,
        };
        self.next += 1;
        self.entries.push_back(statement.clone());
        self.forget();
        statement
    }

    /// The oldest waiting statement, now running.
    pub fn begin_next(&mut self, now: i64) -> Option<(u64, Arc<str>, Language)> {
        let next = self
            .entries
            .iter_mut()
            .find(|statement| statement.state == StatementState::Waiting)?;
        next.state = StatementState::Running;
        next.started = now;
        Some((next.id, Arc::clone(&next.code), next.language))
    }

    /// Takes the end of a running statement. One that was being cancelled counts as cancelled,
    /// whatever it still said.
    pub fn finish(&mut self, id: u64, output: Output, now: i64) {
        if let Some(statement) = self.find(id) {
            let state = match statement.state {
                StatementState::Running => StatementState::Available,
                StatementState::Cancelling => StatementState::Cancelled,
                _ => return,
            };
            statement.end(state, Some(output), now);
        }
        self.forget();
    }

    /// Notes how far a running statement has come.
    pub fn advance(&mut self, id: u64, progress: f64) {
        if let Some(statement) = self.find(id).filter(|found| !found.state.is_final()) {
            statement.progress = progress;
        }
    }

    /// Cancels a statement: at once while it waits, by interrupt while it runs.
    pub fn cancel(&mut self, id: u64, now: i64) -> Cancel {
        let Some(statement) = self.find(id) else {
            return Cancel::Unknown;
        };
        match statement.state {
            StatementState::Waiting => {
                statement.end(StatementState::Cancelled, None, now);
                Cancel::Done
            }
            StatementState::Running | StatementState::Cancelling => {
                statement.state = StatementState::Cancelling;
                Cancel::Interrupt
            }
            StatementState::Available | StatementState::Cancelled => Cancel::Done,
        }
    }

    /// Cancels all that has not ended; tells whether the interpreter must be interrupted.
    pub fn cancel_all(&mut self, now: i64) -> bool {
        let unfinished: Vec<u64> = self.unfinished().map(|statement| statement.id).collect();
        let effects = unfinished.into_iter().map(|id| self.cancel(id, now));
        effects.fold(false, |any, effect| any | (effect == Cancel::Interrupt))
    }

    /// Ends everything because the interpreter has: the running statement with an error, the
    /// waiting ones as cancelled.
    pub fn abandon(&mut self, ename: &str, evalue: &str, now: i64) {
        for statement in self.entries.iter_mut() {
            match statement.state {
                StatementState::Running => {
                    let output = Output::error(ename, evalue.to_owned());
                    statement.end(StatementState::Available, Some(output), now);
                }
                StatementState::Waiting | StatementState::Cancelling => {
                    statement.end(StatementState::Cancelled, None, now);
                }
                StatementState::Available | StatementState::Cancelled => {}
            }
        }
    }

    pub fn get(&self, id: u64) -> Option<&Statement> {
        self.entries.iter().find(|statement| statement.id == id)
    }

    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Statement> {
        self.entries.iter()
    }

    pub fn unfinished(&self) -> impl Iterator<Item = &Statement> {
        let unfinished = |statement: &&Statement| !statement.state.is_final();
        self.entries.iter().filter(unfinished)
    }

    /// Bytes of code and output.
    pub fn held(&self) -> usize {
        self.entries.iter().map(Statement::size).sum()
    }

    /// Lets go of the oldest statement that has ended; of the newest one only what is large in it,
    /// for somebody may be about to ask what it came to. False when nothing can be let go of.
    pub fn shed(&mut self) -> bool {
        let ended = self.entries.iter().position(|found| found.state.is_final());
        match ended {
            Some(index) if index + 1 < self.entries.len() => self.entries.remove(index).is_some(),
            Some(index) => (self.entries.get_mut(index)).is_some_and(Statement::lighten),
            None => false,
        }
    }

    /// Sheds until no more than `bytes` are held, as far as that is possible.
    pub fn shrink(&mut self, bytes: usize) {
        while self.held() > bytes && self.shed() {}
    }

    fn find(&mut self, id: u64) -> Option<&mut Statement> {
        self.entries.iter_mut().find(|statement| statement.id == id)
    }

    /// Drops the oldest ended statements beyond what is retained. The newest one stays even when
    /// it alone is over the bound: somebody is about to read it.
    fn forget(&mut self) {
        let mut bytes: usize = self.entries.iter().map(Statement::size).sum();
        while self.entries.len() > 1
            && (self.entries.len() > self.retained || bytes > self.retained_bytes)
        {
            let oldest_ended = self.entries.iter().position(|found| found.state.is_final());
            let Some(index) = oldest_ended.filter(|index| index + 1 < self.entries.len()) else {
                return;
            };
            bytes -= self
                .entries
                .remove(index)
                .map_or(0, |statement| statement.size());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(text: &str) -> Output {
        let data = serde_json::to_string(&serde_json::json!({ "text/plain": text })).unwrap();
        Output::Ok {
            data: RawValue::from_string(data).unwrap(),
        }
    }

    fn states(statements: &Statements) -> Vec<StatementState> {
        statements.all().map(|statement| statement.state).collect()
    }

    #[test]
    fn statements_run_in_order() {
        let mut statements = Statements::new(100, 1 << 20);
        statements.submit("a".to_owned(), Language::Python);
        statements.submit("b".to_owned(), Language::Python);
        let (id, code, _) = statements.begin_next(1).unwrap();
        assert_eq!((id, &*code), (0, "a"));
        statements.finish(0, ok("1"), 2);
        assert_eq!(
            states(&statements),
            [StatementState::Available, StatementState::Waiting]
        );
        assert_eq!(statements.begin_next(3).unwrap().0, 1);
        assert!(statements.begin_next(3).is_none());
    }

    #[test]
    fn a_waiting_statement_is_cancelled_at_once_and_a_running_one_by_interrupt() {
        let mut statements = Statements::new(100, 1 << 20);
        statements.submit("a".to_owned(), Language::Python);
        statements.submit("b".to_owned(), Language::Python);
        statements.begin_next(1);
        assert_eq!(statements.cancel(1, 2), Cancel::Done);
        assert_eq!(statements.cancel(0, 2), Cancel::Interrupt);
        assert_eq!(
            states(&statements),
            [StatementState::Cancelling, StatementState::Cancelled]
        );
        statements.finish(0, ok("late"), 3);
        assert_eq!(statements.get(0).unwrap().state, StatementState::Cancelled);
        assert_eq!(statements.cancel(0, 4), Cancel::Done);
        assert_eq!(statements.cancel(9, 4), Cancel::Unknown);
    }

    #[test]
    fn only_ended_statements_are_forgotten() {
        let mut statements = Statements::new(3, 1 << 20);
        for number in 0..5 {
            statements.submit(number.to_string(), Language::Python);
        }
        assert_eq!(statements.all().count(), 5);
        for _ in 0..5 {
            let (id, ..) = statements.begin_next(1).unwrap();
            statements.finish(id, ok("x"), 2);
        }
        let left: Vec<u64> = statements.all().map(|statement| statement.id).collect();
        assert_eq!(left, [2, 3, 4]);
    }

    #[test]
    fn retained_bytes_are_bounded_and_the_newest_output_stays() {
        let mut statements = Statements::new(100, 1000);
        for _ in 0..3 {
            statements.submit("x".to_owned(), Language::Python);
            let (id, ..) = statements.begin_next(1).unwrap();
            statements.finish(id, ok(&"y".repeat(2000)), 2);
        }
        let left: Vec<u64> = statements.all().map(|statement| statement.id).collect();
        assert_eq!(left, [2]);
        assert!(statements.get(2).unwrap().output.is_some());
    }

    #[test]
    fn a_size_counts_the_elements() {
        let mut statements = Statements::new(100, 1 << 20);
        for _ in 0..200 {
            statements.submit("x".to_owned(), Language::Python);
            let (id, ..) = statements.begin_next(1).unwrap();
            let output = Output::Error {
                ename: "E".to_owned(),
                evalue: String::new(),
                traceback: vec![String::new(); 1000],
            };
            statements.finish(id, output, 2);
        }
        let lines = |one: &Statement| match one.output.as_deref() {
            Some(Output::Error { traceback, .. }) => traceback.capacity(),
            _ => 0,
        };
        let kept: usize = statements.all().map(lines).sum();
        assert!(kept * size_of::<String>() <= 1 << 20, "{kept}");
        assert!(statements.held() <= 1 << 20);
    }

    #[test]
    fn what_shrinks_keeps_the_newest_and_what_has_not_ended() {
        let mut statements = Statements::new(100, 1 << 30);
        for _ in 0..3 {
            statements.submit("x".repeat(50_000), Language::Python);
            let (id, ..) = statements.begin_next(1).unwrap();
            statements.finish(id, ok(&"y".repeat(100_000)), 2);
        }
        let held = statements.held();
        assert!(held > 450_000, "{held}");
        statements.shrink(held - 1);
        assert_eq!(statements.all().count(), 2);
        statements.shrink(4000);
        let newest = statements.get(2).unwrap();
        assert!(matches!(
            newest.output.as_deref(),
            Some(Output::Error { ename, .. }) if ename == "OutputNotKept"
        ));
        assert!(statements.held() <= 4000, "{}", statements.held());
        assert!(!statements.shed());
        statements.submit("z".repeat(50_000), Language::Python);
        statements.shrink(0);
        assert_eq!(statements.unfinished().next().unwrap().code.len(), 50_000);
    }

    #[test]
    fn a_dead_interpreter_leaves_nothing_unfinished() {
        let mut statements = Statements::new(100, 1 << 20);
        statements.submit("a".to_owned(), Language::Python);
        statements.submit("b".to_owned(), Language::Python);
        statements.begin_next(1);
        statements.abandon("Gone", "the interpreter ended", 2);
        assert_eq!(statements.unfinished().count(), 0);
        assert!(matches!(
            statements.get(0).unwrap().output.as_deref(),
            Some(Output::Error { ename, .. }) if ename == "Gone"
        ));
    }
}
