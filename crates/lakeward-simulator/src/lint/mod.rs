//! Lint: what a careful reader of a policy would remark on.

mod conditions;
mod grants;
mod kind;
mod names;
mod reach;
mod resources;

use std::fmt;

use lakeward_policy::{PolicyDocument, StatementSummary};
use serde::Serialize;

pub use kind::Kind;

use crate::words::one_line;

/// What was found in one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What the document was read as.
    pub kind: Kind,
    /// The findings, by line.
    pub findings: Vec<Finding>,
}

/// One remark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for the kind of remark, such as `unknown-action`.
    pub code: &'static str,
    /// The statement's index, counted from 0; none when the whole document is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<usize>,
    /// The statement's Sid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Where the statement, or the mistake, begins; counted from 1.
    pub line: usize,
    /// Where in the line the mistake is, when that is known; counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What was seen.
    pub message: String,
    /// What to do about it.
    pub advice: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It allows more, or does less, than its author may think.
    Warning,
    /// It can't be what its author meant.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

impl Report {
    /// The gravest severity that was found.
    pub fn gravest(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

/// Reads a document and remarks on it. Without a kind it is guessed from the elements.
pub fn lint(text: &str, kind: Option<Kind>) -> Report {
    let kind = kind.unwrap_or_else(|| Kind::guess(text));
    let document = match PolicyDocument::parse(text, kind.usage()) {
        Ok(document) => document,
        Err(error) => {
            let finding = Finding {
                severity: Severity::Error,
                code: "malformed",
                statement: None,
                sid: None,
                line: error.line,
                column: Some(error.column),
                message: one_line(&error.message),
                advice: one_line(&format!("Correct it: {}.", error.detail)),
            };
            return Report {
                kind,
                findings: vec![finding],
            };
        }
    };
    let subject = Subject {
        kind,
        statements: document.statement_summaries().collect(),
        document: &document,
    };
    let mut findings = Vec::new();
    for statement in &subject.statements {
        let mut remarks = Remarks {
            statement,
            findings: &mut findings,
        };
        names::check(&subject, statement, &mut remarks);
        conditions::check(statement, &mut remarks);
        resources::check(statement, &mut remarks);
        grants::check(&subject, statement, &mut remarks);
        reach::check(&subject, statement, &mut remarks);
    }
    findings.sort_by_key(|finding| (finding.line, std::cmp::Reverse(finding.severity)));
    Report { kind, findings }
}

/// A document under the eyes of the checks.
struct Subject<'a> {
    kind: Kind,
    document: &'a PolicyDocument,
    statements: Vec<StatementSummary<'a>>,
}

/// Takes remarks on one statement.
struct Remarks<'r> {
    statement: &'r StatementSummary<'r>,
    findings: &'r mut Vec<Finding>,
}

impl Remarks<'_> {
    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        message: impl AsRef<str>,
        advice: impl AsRef<str>,
    ) {
        self.findings.push(Finding {
            severity,
            code,
            statement: Some(self.statement.index),
            sid: self.statement.sid.map(str::to_owned),
            line: self.statement.line,
            column: None,
            message: one_line(message.as_ref()),
            advice: one_line(advice.as_ref()),
        });
    }

    fn error(&mut self, code: &'static str, message: impl AsRef<str>, advice: impl AsRef<str>) {
        self.add(Severity::Error, code, message, advice);
    }

    fn warning(&mut self, code: &'static str, message: impl AsRef<str>, advice: impl AsRef<str>) {
        self.add(Severity::Warning, code, message, advice);
    }

    fn note(&mut self, code: &'static str, message: impl AsRef<str>, advice: impl AsRef<str>) {
        self.add(Severity::Note, code, message, advice);
    }
}

/// "Did you mean …?", when there is something to suggest.
fn suggestion(names: &[String], otherwise: &str) -> String {
    match names {
        [] => otherwise.to_owned(),
        names => format!("Did you mean {}?", names.join(" or ")),
    }
}

/// Whether the statement's actions include this one (lower-cased).
fn includes(statement: &StatementSummary<'_>, action: &str) -> bool {
    let written = statement.written;
    let listed = written.actions.iter().any(|pattern| {
        let folded = pattern.to_ascii_lowercase();
        matches!(&*folded, "*" | "*:*") || lakeward_policy::Glob::new(&folded).matches(action)
    });
    listed != written.not_action
}
