//! The `lakeward` command.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    // This program makes the enclosures of sessions too; started as a stage of one, it is nothing else.
    lakeward_sandbox::stage_if_asked().unwrap_or_else(lakeward::cli::run)
}
