//! The command line.

/// Prints a line to standard output. A reader that has gone away is no reason to stop.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

mod audit;
mod backup;
mod check;
mod cluster;
mod demo;
mod env;
mod init;
mod options;
mod paint;
mod policy;
mod progress;
mod restore;
mod serve;
mod session;
mod signer;
mod state;
mod table;
mod view;
mod why;

pub(crate) use options::{DaemonOptions, Output};
pub use progress::Progress;

use std::{process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

/// Many people share one cluster; each notebook session runs under a runtime role and sees only
/// the tables, columns and rows granted to that role.
#[derive(Parser)]
#[command(
    name = "lakeward",
    version,
    arg_required_else_help = true,
    after_help = "Start with: lakeward demo"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring up a complete example: two profiles, one cluster, TPC-DS data, grants.
    ///
    /// Stays up until Ctrl-C. State is kept; a second start finds it as it was.
    Demo(demo::Demo),
    /// Run an instance that holds only what was put into it. Make its first key with `lakeward init`.
    Serve(serve::Serve),
    /// Make the first account of an instance and print its root key.
    Init(init::Init),
    Backup(backup::Backup),
    Restore(restore::Restore),
    /// Print the shell exports with which any AWS client in that shell talks to the instance.
    ///
    /// Use it as: eval "$(lakeward env --profile david)"
    Env(env::Env),
    /// Write the Parquet file that the gate would serve for a view of another.
    View(view::View),
    /// Why something was denied, or would be, and what would allow it.
    ///
    /// Without a question: the last denials. With --principal and --action: that question, asked
    /// of every policy in the way.
    Why(why::Why),
    /// The clusters, and how many sessions each has.
    #[command(subcommand)]
    Cluster(cluster::Cluster),
    /// The sessions on the clusters: list them, read their logs, end them.
    #[command(subcommand)]
    Session(session::Session),
    /// Read the audit trail: who called what, and what became of it.
    Audit(audit::Audit),
    /// Judge, test and lint policies; no instance is needed.
    Policy(policy::Policy),
}

/// For work on blocking threads when a command is done.
const LAST_COMPUTATIONS: Duration = Duration::from_secs(3);

/// Runs the command line and says how it ended: 0 done, 1 failed, 2 called wrongly.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("LAKEWARD_LOG")
        .unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Demo(command) => command.run().await,
            Command::Serve(command) => command.run().await,
            Command::Init(command) => command.run().await,
            Command::Backup(command) => command.run().await,
            Command::Restore(command) => command.run().await,
            Command::Env(command) => command.run().await,
            Command::View(command) => command.run(),
            Command::Why(command) => command.run().await,
            Command::Cluster(command) => command.run().await,
            Command::Session(command) => command.run().await,
            Command::Audit(command) => command.run().await,
            Command::Policy(command) => command.run(),
        }
    });
    // What still computes in the background has no one left to answer.
    runtime.shutdown_timeout(LAST_COMPUTATIONS);
    match done {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("lakeward: {error:#}");
    ExitCode::FAILURE
}
