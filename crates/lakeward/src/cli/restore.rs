use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::Args;
use lakeward_store::{Backup, Location};

use super::{Output, backup::Report, state::StateOptions};
use crate::daemon::schema;

/// Put a backup's control state back, all of it or nothing.
///
/// The file's checksum and every record are checked before anything is touched. The state must be
/// empty, or --replace given, and no instance may be using it. A backup from SQLite can be restored
/// into PostgreSQL, and the other way round: that is how a single node becomes one of several.
///
/// The objects' bytes are not in a backup: put the folder `objects` back before the instance
/// starts. An instance deletes at its start the bytes that no record names, so keep a copy of the
/// folder when the backup is older than the bytes.
#[derive(Args)]
#[command(after_help = "Examples:
  lakeward restore state.backup --check
  lakeward restore state.backup --state-dir new-folder
  lakeward restore state.backup --store postgres://lakeward@db.example/lakeward
  lakeward restore state.backup --replace")]
pub(super) struct Restore {
    /// A file that `lakeward backup` wrote.
    file: PathBuf,
    #[command(flatten)]
    state: StateOptions,
    /// Replace the state that is there; it is lost.
    #[arg(long)]
    replace: bool,
    /// Only check that the file is whole and that this version of Lakeward can read it.
    #[arg(long, conflicts_with = "replace")]
    check: bool,
    /// How to print what was done.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Restore {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let unreadable = || format!("{} can't be restored", self.file.display());
        let copy = Backup::read(&self.file).with_context(unreadable)?;
        copy.check(&schema()).with_context(unreadable)?;
        let location = match self.check {
            true => None,
            false => Some(self.put_back(&copy).await.with_context(unreadable)?),
        };
        let report = Report::of(&copy, &self.file, location.as_ref(), &self.state);
        match self.output {
            Output::Json => say!("{}", serde_json::to_string(&report)?),
            Output::Text => print(&self.file, &report, location.as_ref()),
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn put_back(&self, copy: &Backup) -> Result<Location> {
        let location = self.state.location()?;
        let _held = self.state.open()?.hold()?;
        copy.restore(&location, &schema(), self.replace).await?;
        Ok(location)
    }
}

fn print(file: &Path, report: &Report<'_>, location: Option<&Location>) {
    say!("{} of {}", file.display(), report.created);
    report.say_records();
    let Some(location) = location else {
        say!("is whole, and this version of Lakeward can read it.");
        return;
    };
    say!("is now the state {location}.");
    say!(
        "The objects' bytes were not in it; put them into {} before the instance starts.",
        report.object_bytes.display()
    );
}
