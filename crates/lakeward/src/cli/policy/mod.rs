//! `lakeward policy`: judge, test and lint policies without an instance.

mod eval;
mod lint;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

/// The exit code of a command that was called wrongly.
const CALLED_WRONGLY: u8 = 2;

#[derive(Args)]
pub(super) struct Policy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Eval(eval::Eval),
    Test(test::Test),
    Lint(lint::Lint),
}

impl Policy {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::Eval(command) => command.run(),
            Command::Test(command) => Ok(command.run()),
            Command::Lint(command) => Ok(command.run()),
        }
    }
}

/// Says what is wrong with the call.
fn refuse(error: &anyhow::Error) -> ExitCode {
    eprintln!("lakeward: {error:#}");
    ExitCode::from(CALLED_WRONGLY)
}
