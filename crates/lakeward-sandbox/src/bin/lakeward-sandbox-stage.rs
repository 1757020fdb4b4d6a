//! The stages of an enclosure and nothing else, for tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    lakeward_sandbox::stage_if_asked().unwrap_or(ExitCode::FAILURE)
}
