//! The `lakeward` command.

fn main() -> std::process::ExitCode {
    lakeward::cli::run()
}
