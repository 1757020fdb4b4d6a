use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use lakeward_simulator::lint::{self, Finding, Report, Severity};
use serde_json::json;

use super::refuse;
use crate::cli::Output;

/// The largest policy that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// Find mistakes in policies and grants that give away more than they seem to.
///
/// Remarks on malformed documents (with AWS's text, line and column), actions and condition keys that don't exist,
/// operators that don't fit their keys, keys and resources that the statement's actions never meet, statements that
/// change nothing, GetClusterSessionCredentials without a condition on the runtime role, iam:PassRole for every role,
/// Allow with NotAction, and policies open to everyone.
///
/// Exits with 0 when there is nothing worse than a note, with 1 when there are warnings or errors, and with 2 when a
/// file can't be read.
#[derive(Args)]
#[command(
    after_help = "Example:\n  lakeward policy lint policies/*.json\n  lakeward policy lint --kind trust - < trust.json"
)]
pub(super) struct Lint {
    /// Policy documents; `-` is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What the policies are attached to; guessed from their elements when left out.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// How to print the findings.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Users, groups, roles, boundaries and sessions.
    Identity,
    /// Buckets, keys and secrets.
    Resource,
    /// Roles, for those who assume them.
    Trust,
    /// Accounts of an organization.
    Scp,
    /// Resources of an organization.
    Rcp,
    /// VPC endpoints.
    Endpoint,
}

impl From<Kind> for lint::Kind {
    fn from(kind: Kind) -> lint::Kind {
        match kind {
            Kind::Identity => lint::Kind::Identity,
            Kind::Resource => lint::Kind::Resource,
            Kind::Trust => lint::Kind::Trust,
            Kind::Scp => lint::Kind::Scp,
            Kind::Rcp => lint::Kind::Rcp,
            Kind::Endpoint => lint::Kind::Endpoint,
        }
    }
}

impl Lint {
    pub(super) fn run(self) -> ExitCode {
        match self.reports() {
            Ok(reports) => {
                print(&reports, self.output);
                let gravest = reports
                    .iter()
                    .filter_map(|(_, report)| report.gravest())
                    .max();
                match gravest {
                    Some(Severity::Warning | Severity::Error) => ExitCode::FAILURE,
                    Some(Severity::Note) | None => ExitCode::SUCCESS,
                }
            }
            Err(error) => refuse(&error),
        }
    }

    fn reports(&self) -> Result<Vec<(String, Report)>> {
        let kind = self.kind.map(lint::Kind::from);
        let report = |path: &PathBuf| {
            let (name, text) = read(path)?;
            Ok((name, lint::lint(&text, kind)))
        };
        self.files.iter().map(report).collect()
    }
}

fn read(path: &Path) -> Result<(String, String)> {
    let stdin = path.as_os_str() == "-";
    let name = match stdin {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    let source: io::Result<Box<dyn Read>> = match stdin {
        true => Ok(Box::new(io::stdin())),
        false => File::open(path).map(|file| Box::new(file) as Box<dyn Read>),
    };
    let mut bytes = Vec::new();
    source
        .and_then(|source| source.take(LARGEST + 1).read_to_end(&mut bytes))
        .with_context(|| format!("{name} can't be read"))?;
    let small = u64::try_from(bytes.len()).is_ok_and(|size| size <= LARGEST);
    ensure!(small, "{name} is larger than {LARGEST} bytes");
    let text = String::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8 text"))?;
    Ok((name, text))
}

fn print(reports: &[(String, Report)], output: Output) {
    match output {
        Output::Json => {
            let files: Vec<_> = reports
                .iter()
                .map(|(file, report)| json!({"file": file, "kind": report.kind, "findings": report.findings}))
                .collect();
            say!("{}", json!(files));
        }
        Output::Text => {
            for (file, report) in reports {
                for finding in &report.findings {
                    print_finding(file, finding);
                }
            }
            let count = |severity| {
                let findings = reports.iter().flat_map(|(_, report)| &report.findings);
                findings
                    .filter(|finding| finding.severity == severity)
                    .count()
            };
            let [errors, warnings, notes] =
                [Severity::Error, Severity::Warning, Severity::Note].map(count);
            say!("{errors} errors, {warnings} warnings, {notes} notes");
        }
    }
}

fn print_finding(file: &str, finding: &Finding) {
    let Finding {
        severity,
        code,
        line,
        message,
        advice,
        ..
    } = finding;
    let column = finding
        .column
        .map(|column| format!(":{column}"))
        .unwrap_or_default();
    let statement = match (&finding.sid, finding.statement) {
        (Some(sid), _) => format!("statement {sid}: "),
        (None, Some(index)) => format!("statement {}: ", index + 1),
        (None, None) => String::new(),
    };
    say!("{file}:{line}{column}: {severity}: {statement}{message} [{code}]");
    say!("    {advice}");
}
