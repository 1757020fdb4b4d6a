use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::Args;
use jiff::Timestamp;
use lakeward_store::{Backup as Copy, Location};
use serde::Serialize;

use super::{Output, state::StateOptions};

/// Copy the control state into one file, also while an instance uses it.
///
/// The control state is everything but bytes and logs: accounts, users, roles, keys, policies,
/// grants, tables, buckets, the records of objects, clusters. The copy is of one moment, whole or
/// not there at all, and its checksum tells later whether it is still what was written.
///
/// The file holds every secret of the instance: whoever reads it can sign as anyone. Only you can
/// read it (mode 0600); keep it that way.
///
/// Not in it: the objects' bytes, the certificate authority, profiles and the audit trail, which
/// are in the state folder. To copy a whole instance, stop it, or copy the bytes after the control
/// state: an object that is overwritten or deleted in between will have a record and no bytes.
#[derive(Args)]
#[command(after_help = "Examples:
  lakeward backup state-$(date +%F).backup
  lakeward backup --store postgres://lakeward@db.example/lakeward state.backup
Put it back with: lakeward restore FILE")]
pub(super) struct Backup {
    /// File to write; there must be none of this name yet.
    file: PathBuf,
    #[command(flatten)]
    state: StateOptions,
    /// How to print what was done.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Backup {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let location = self.state.location()?;
        let copy = Copy::take(&location)
            .await
            .with_context(|| format!("the state {location} can't be backed up"))?;
        copy.write(&self.file)
            .with_context(|| format!("{} can't be written", self.file.display()))?;
        let report = Report::of(&copy, &self.file, Some(&location), &self.state);
        match self.output {
            Output::Json => say!("{}", serde_json::to_string(&report)?),
            Output::Text => {
                say!("{location} as of {}", report.created);
                report.say_records();
                say!(
                    "is in {}. It holds every secret of the instance: only you can read it (mode 0600), keep it that way.",
                    self.file.display()
                );
                say!(
                    "Not in it: the objects' bytes ({}), the certificate authority, profiles, the audit trail.",
                    report.object_bytes.display()
                );
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What a backup holds, and where it is or was put.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Report<'a> {
    file: &'a Path,
    pub(super) created: Timestamp,
    program: &'a str,
    records: &'a BTreeMap<String, usize>,
    /// The state it was taken from or put into.
    state: Option<String>,
    /// Where that state's objects have their bytes, which no backup holds.
    pub(super) object_bytes: PathBuf,
}

impl<'a> Report<'a> {
    pub(super) fn of(
        copy: &'a Copy,
        file: &'a Path,
        state: Option<&Location>,
        options: &StateOptions,
    ) -> Self {
        Self {
            file,
            created: copy.created(),
            program: copy.program(),
            records: copy.records(),
            state: state.map(Location::to_string),
            object_bytes: options.state_dir.join("objects"),
        }
    }

    pub(super) fn say_records(&self) {
        for (kind, count) in self.records {
            say!("  {count:>8}  {kind}");
        }
    }
}
