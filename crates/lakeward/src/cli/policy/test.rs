use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use lakeward_simulator::{
    Documents,
    expectation::{FileReport, Suite, SuiteError, Summary, json, junit, text},
};

use super::{CALLED_WRONGLY, refuse};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 8 << 20;

/// How deep folders are searched.
const DEEPEST: usize = 32;

/// Hold policies against expectations: who may do what, and who must not.
///
/// Reads every .yaml and .yml file below DIR. A file names principals and resources with their policies, and says
/// what is expected of them:
///
///   principals:
///     marketing:
///       principal: arn:aws:iam::111122223333:role/marketing
///       identityPolicies: [policies/marketing.json]   # a path from this file, never outside DIR; or the policy
///       # boundaries, sessionPolicies, scps (a list of levels), endpointPolicies, contextVariables: as for `eval`
///   resources:
///     lake:
///       resource: [arn:aws:s3:::lake, "arn:aws:s3:::lake/*"]
///       accountId: "111122223333"
///       resourcePolicy: policies/lake.json            # optional, as are rcps and contextVariables
///   expect:
///     - who: marketing                                # or an ARN, a service, `anonymous`; or a list
///       may: s3:GetObject                             # or a list
///       mayNot: [s3:PutObject, s3:DeleteObject]
///       on: arn:aws:s3:::lake/customer/a.parquet      # or a list; "*" when left out
///       contextVariables: {aws:SecureTransport: true} # optional, as are `name` and `denied: explicitly|implicitly`
///
/// `accountId` and `contextVariables` may also stand at the top, for everything in the file.
///
/// Exits with 0 when everything holds, with 1 when something doesn't, and with 2 when a file is malformed or there is
/// nothing to check.
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Example:\n  lakeward policy test expectations/"
)]
pub(super) struct Test {
    /// The folder; or one file.
    dir: PathBuf,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// JUnit's XML, for build servers.
    Junit,
}

impl Test {
    pub(super) fn run(self) -> ExitCode {
        let reports = match self.reports() {
            Ok(reports) => reports,
            Err(error) => return refuse(&error),
        };
        let report = match self.output {
            Form::Text => text(&reports),
            Form::Json => json(&reports),
            Form::Junit => junit(&reports),
        };
        say!("{}", report.trim_end());
        match Summary::of(&reports) {
            Summary { malformed: 1.., .. } => ExitCode::from(CALLED_WRONGLY),
            Summary { failed: 1.., .. } => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        }
    }

    fn reports(&self) -> Result<Vec<FileReport>> {
        let shown = self.dir.display();
        let dir =
            fs::canonicalize(&self.dir).with_context(|| format!("{shown} can't be opened"))?;
        let (root, files) = match dir.is_file() {
            true => (dir.parent().unwrap_or(&dir).to_owned(), vec![dir.clone()]),
            false => {
                let mut files = Vec::new();
                find(&dir, 0, &mut files).with_context(|| format!("{shown} can't be searched"))?;
                files.sort();
                (dir.clone(), files)
            }
        };
        ensure!(
            !files.is_empty(),
            "there is no .yaml or .yml file below {shown}; see `lakeward policy test --help` for how to write one"
        );
        let mut documents = Documents::default();
        let report = |file: PathBuf| FileReport {
            file: file
                .strip_prefix(&root)
                .unwrap_or(&file)
                .display()
                .to_string(),
            outcome: check(&file, &root, &mut documents),
        };
        Ok(files.into_iter().map(report).collect())
    }
}

/// The expectation files below a folder. Hidden ones and links to folders are passed by.
fn find(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    ensure!(depth <= DEEPEST, "{} is too deep", folder.display());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            find(&path, depth + 1, found)?;
        } else if path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
        {
            found.push(path);
        }
    }
    Ok(())
}

fn check(
    file: &Path,
    root: &Path,
    documents: &mut Documents,
) -> Result<Vec<lakeward_simulator::expectation::Checked>, SuiteError> {
    let folder = file.parent().unwrap_or(root);
    let unread = |error: anyhow::Error| SuiteError {
        line: 0,
        column: 0,
        why: format!("{error:#}"),
    };
    let text = read(file, root).map_err(unread)?;
    let load = |path: &str| {
        let text = read(&folder.join(path), root);
        text.map_err(|error| format!("the policy file {path} can't be read: {error:#}"))
    };
    Ok(Suite::read(&text, &load, documents)?.run())
}

/// Reads a file that lies below the root, links resolved.
fn read(path: &Path, root: &Path) -> Result<String> {
    let path = fs::canonicalize(path)?;
    ensure!(path.starts_with(root), "it lies outside {}", root.display());
    let facts = fs::metadata(&path)?;
    ensure!(facts.is_file(), "it is no file");
    ensure!(facts.len() <= LARGEST, "it is larger than {LARGEST} bytes");
    Ok(fs::read_to_string(&path)?)
}
