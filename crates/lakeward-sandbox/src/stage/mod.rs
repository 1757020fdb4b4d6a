//! The two stages between the daemon and the code: the same program, started anew.
//!
//! The outer stage leaves the host's namespaces and starts the inner one, which is the first
//! process of the enclosure: it builds the tree of files, gives up every privilege, and starts the
//! program as its child. This is our own code because the libraries that do it neither pass
//! descriptors into an enclosure, nor give each one a host user of its own without setuid helpers
//! or when runtime files lie under folders that only root may pass.

mod calls;
pub(crate) mod confinement;
mod etc;
mod filter;
mod inner;
mod mounts;
mod network;
mod outer;
mod privilege;
mod tree;

use std::fmt::Display;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use crate::message::{Report, Step, send};

pub(crate) use filter::name_of;

/// The first argument of the outer stage.
pub(crate) const OUTER: &str = "lakeward-enclosure-outer";
/// The first argument of the inner stage.
const INNER: &str = "lakeward-enclosure-inner";

/// Why a stage gave up.
struct Failure {
    step: Step,
    cause: String,
}

/// Adds the step to what failed in it.
trait During<T> {
    fn during(self, step: Step) -> Result<T, Failure>;
    fn doing(self, step: Step, what: impl Display) -> Result<T, Failure>;
}

impl<T, E: Display> During<T> for Result<T, E> {
    fn during(self, step: Step) -> Result<T, Failure> {
        self.map_err(|error| Failure {
            step,
            cause: error.to_string(),
        })
    }

    fn doing(self, step: Step, what: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure {
            step,
            cause: format!("{what}: {error}"),
        })
    }
}

/// Becomes a stage of an enclosure, if that is what this process was started for. To be called
/// first in `main`, before any thread is started.
#[must_use]
pub fn stage_if_asked() -> Option<ExitCode> {
    let stage = std::env::args_os().nth(1)?;
    let run = match stage.to_str()? {
        OUTER => outer::run,
        INNER => inner::run,
        _ => return None,
    };
    let Ok(daemon) = control() else {
        eprintln!("this starts enclosures, and is not to be called by hand");
        return Some(ExitCode::FAILURE);
    };
    let Err(failure) = run(&daemon) else {
        return Some(ExitCode::SUCCESS);
    };
    let report = Report::Failed {
        step: failure.step,
        cause: failure.cause,
    };
    // A daemon that is gone needs no report.
    let _ = send(&daemon, &report, &[]);
    Some(ExitCode::FAILURE)
}

/// The socket to the daemon, which came as standard input.
fn control() -> io::Result<UnixStream> {
    let input = std::io::stdin().as_fd().try_clone_to_owned()?;
    rustix::net::sockopt::socket_type(&input)?;
    Ok(UnixStream::from(input))
}
