//! One expectation file, compiled and held against its policies.

use serde::Serialize;

use super::compile::Compiler;
use super::reason::reasons;
use super::written::{Denied, WrittenSuite};
use crate::case::{Case, Documents};
use crate::verdict::{Verdict, explain};
use crate::words::one_line;

/// Gives the text of a policy file by its path as written, or says why not.
pub type Load<'l> = &'l dyn Fn(&str) -> Result<String, String>;

/// A compiled expectation file.
#[derive(Debug)]
pub struct Suite {
    checks: Vec<Check>,
}

/// Why a file can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("line {line}, column {column}: {why}")]
pub struct SuiteError {
    /// Counted from 1; 0 when unknown.
    pub line: u64,
    /// Counted from 1; 0 when unknown.
    pub column: u64,
    /// What is wrong.
    pub why: String,
}

/// One caller, action and resource of an expectation.
#[derive(Debug)]
pub(super) struct Check {
    pub name: Option<String>,
    pub line: u64,
    pub who: String,
    pub allowed: bool,
    pub denied: Option<Denied>,
    pub case: Case,
}

/// How one expectation fared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// The line of the expectation.
    pub line: u64,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What was expected, as a sentence: "marketing may s3:GetObject on arn:…".
    pub expectation: String,
    /// What came.
    pub came: Verdict,
    /// Whether that is what was expected.
    pub held: bool,
    /// Why it came so.
    pub reasons: Vec<String>,
}

impl Suite {
    /// Reads a file and the policies that it names.
    ///
    /// # Errors
    /// [`SuiteError`] when the file isn't in the form of expectations, names something unknown or
    /// has a malformed policy.
    pub fn read(
        text: &str,
        load: Load<'_>,
        documents: &mut Documents,
    ) -> Result<Suite, SuiteError> {
        let written: WrittenSuite =
            serde_saphyr::from_str(text).map_err(|error| SuiteError::of(&error))?;
        let mut compiler = Compiler::new(&written, load, documents);
        let mut checks = Vec::new();
        for expectation in &written.expect {
            compiler.expectation(expectation, &mut checks)?;
        }
        if checks.is_empty() {
            return Err(SuiteError {
                line: 1,
                column: 1,
                why: "there is nothing to check: `expect` holds no expectation".to_owned(),
            });
        }
        Ok(Suite { checks })
    }

    /// Holds every expectation against the policies.
    pub fn run(&self) -> Vec<Checked> {
        self.checks.iter().map(Check::run).collect()
    }
}

impl SuiteError {
    fn of(error: &serde_saphyr::Error) -> SuiteError {
        let place = error.location();
        let (line, column) = place.map_or((0, 0), |place| (place.line(), place.column()));
        let why = one_line(&error.without_snippet().to_string());
        // The place is told beside the text.
        let place = format!(" at line {line}, column {column}");
        SuiteError {
            line,
            column,
            why: why.strip_suffix(&place).unwrap_or(&why).to_owned(),
        }
    }
}

impl Check {
    fn run(&self) -> Checked {
        let explanation = explain(&self.case);
        let came = explanation.result;
        let held = match (self.allowed, self.denied) {
            (true, _) => came == Verdict::Allowed,
            (false, None) => came != Verdict::Allowed,
            (false, Some(Denied::Explicitly)) => came == Verdict::ExplicitlyDenied,
            (false, Some(Denied::Implicitly)) => came == Verdict::ImplicitlyDenied,
        };
        let mut reasons = reasons(&explanation.decision);
        reasons.extend(explanation.remedies.into_iter().map(|remedy| remedy.advice));
        let may = match (self.allowed, self.denied) {
            (true, _) => "may",
            (false, None) => "may not",
            (false, Some(Denied::Explicitly)) => "may not (a policy denies)",
            (false, Some(Denied::Implicitly)) => "may not (no policy allows)",
        };
        let Case {
            action, resource, ..
        } = &self.case;
        Checked {
            line: self.line,
            name: self.name.clone(),
            expectation: one_line(&format!("{} {may} {action} on {resource}", self.who)),
            came,
            held,
            reasons: reasons.iter().map(|reason| one_line(reason)).collect(),
        }
    }
}
