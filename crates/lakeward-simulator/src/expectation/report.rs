//! Reports on many files: for people, for programs, and as JUnit's XML.

use std::fmt::Write;

use serde::Serialize;
use serde_json::json;

use super::suite::{Checked, SuiteError};

/// How one file fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// The file, as it is to be shown.
    pub file: String,
    /// The expectations, or why the file can't be used.
    pub outcome: Result<Vec<Checked>, SuiteError>,
}

/// How many of each there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Expectations that held.
    pub held: usize,
    /// Expectations that didn't.
    pub failed: usize,
    /// Files that can't be used.
    pub malformed: usize,
}

impl Summary {
    /// Counts.
    pub fn of(files: &[FileReport]) -> Summary {
        let mut summary = Summary::default();
        for file in files {
            match &file.outcome {
                Err(_) => summary.malformed += 1,
                Ok(checked) => {
                    let held = checked.iter().filter(|checked| checked.held).count();
                    summary.held += held;
                    summary.failed += checked.len() - held;
                }
            }
        }
        summary
    }
}

/// For people: every file with its expectations; those that failed with what came, and why.
pub fn text(files: &[FileReport]) -> String {
    let mut out = String::new();
    for file in files {
        // Writing to a string can't fail.
        let _ = match &file.outcome {
            Ok(checked) => write_file(&mut out, &file.file, checked),
            Err(error) => writeln!(out, "{}\n  MALFORMED {error}", file.file),
        };
    }
    let Summary {
        held,
        failed,
        malformed,
    } = Summary::of(files);
    let _ = write!(out, "{held} held, {failed} failed");
    let _ = match malformed {
        0 => writeln!(out),
        1 => writeln!(out, "; 1 file is malformed"),
        many => writeln!(out, "; {many} files are malformed"),
    };
    out
}

fn write_file(out: &mut String, file: &str, checked: &[Checked]) -> std::fmt::Result {
    let held = checked.iter().filter(|checked| checked.held).count();
    writeln!(out, "{file}: {held} of {} held", checked.len())?;
    for checked in checked {
        let verdict = if checked.held { "held  " } else { "FAILED" };
        let name = match &checked.name {
            Some(name) => format!("{name}: "),
            None => String::new(),
        };
        let Checked {
            line, expectation, ..
        } = checked;
        writeln!(out, "  {verdict} line {line}: {name}{expectation}")?;
        if !checked.held {
            writeln!(out, "         came: {}", checked.came)?;
            for reason in &checked.reasons {
                writeln!(out, "         {reason}")?;
            }
        }
    }
    Ok(())
}

/// For programs.
pub fn json(files: &[FileReport]) -> String {
    let entries: Vec<_> = files
        .iter()
        .map(|file| match &file.outcome {
            Ok(checked) => json!({"file": file.file, "expectations": checked}),
            Err(error) => json!({"file": file.file, "error": error}),
        })
        .collect();
    json!({"files": entries, "summary": Summary::of(files)}).to_string()
}

/// For build servers: a suite for each file.
pub fn junit(files: &[FileReport]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for file in files {
        let _ = write_suite(&mut out, file);
    }
    out.push_str("</testsuites>\n");
    out
}

fn write_suite(out: &mut String, file: &FileReport) -> std::fmt::Result {
    let name = xml(&file.file);
    let checked = match &file.outcome {
        Ok(checked) => checked,
        Err(error) => {
            let error = xml(&error.to_string());
            return writeln!(
                out,
                "  <testsuite name=\"{name}\" tests=\"1\" failures=\"0\" errors=\"1\">\n    \
                 <testcase classname=\"{name}\" name=\"read\"><error message=\"{error}\"/></testcase>\n  </testsuite>"
            );
        }
    };
    let failures = checked.iter().filter(|checked| !checked.held).count();
    let tests = checked.len();
    writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
    )?;
    for checked in checked {
        let case = xml(&format!("line {}: {}", checked.line, checked.expectation));
        write!(out, "    <testcase classname=\"{name}\" name=\"{case}\"")?;
        match checked.held {
            true => writeln!(out, "/>")?,
            false => writeln!(
                out,
                "><failure message=\"came: {}\">{}</failure></testcase>",
                checked.came,
                xml(&checked.reasons.join("\n"))
            )?,
        }
    }
    writeln!(out, "  </testsuite>")
}

/// The text with XML's special characters escaped, and without those that XML can't hold.
fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
