//! A running enclosure.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, pidfd_send_signal};

use crate::group::Group;
use crate::identity::Lease;
use crate::message::{Report, receive};
use crate::plan::Limits;
use crate::refusal::Refusals;

/// An enclosure whose program was just started.
#[derive(Debug)]
pub struct Enclosure {
    /// The program's standard input. A pipe, like the other two: a socket would be one of the host's
    /// network, whoever holds it.
    pub input: ChildStdin,
    /// Its standard output.
    pub output: ChildStdout,
    /// Its standard error.
    pub errors: ChildStderr,
    /// Sockets that listen on the enclosure's `127.0.0.1`, in the order of the plan's ports.
    pub listeners: Vec<TcpListener>,
    /// Dangerous system calls that were refused.
    pub refusals: Refusals,
    /// The processes.
    pub process: Enclosed,
}

/// What an enclosure takes at the moment, and what it was refused since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of memory, files in home and scratch folders among them.
    pub memory_bytes: u64,
    /// Processes and threads, the two stages among them.
    pub processes: u64,
    /// Processes that were killed for want of memory.
    pub oom_kills: u64,
    /// Processes or threads that were not made because there were too many.
    pub fork_refusals: u64,
}

/// The processes of an enclosure. Dropping it kills them all.
#[derive(Debug)]
pub struct Enclosed {
    number: Option<Pid>,
    program: OwnedFd,
    first: OwnedFd,
    group: Arc<Option<Group>>,
    end: Arc<End>,
}

/// How the program ended, once everything has.
#[derive(Debug, Default)]
pub(crate) struct End {
    status: Mutex<Option<ExitStatus>>,
    told: Condvar,
}

impl Enclosed {
    pub(crate) fn new(
        program: OwnedFd,
        first: OwnedFd,
        group: Arc<Option<Group>>,
        end: Arc<End>,
    ) -> io::Result<Self> {
        Ok(Self {
            number: number_of(&program)?,
            program,
            first,
            group,
            end,
        })
    }

    /// The program's process, by its number on the host; `None` if it had ended before anyone could
    /// ask. It may be another's once the program has ended: [`Self::interrupt`] is safe.
    #[must_use]
    pub fn interpreter(&self) -> Option<Pid> {
        self.number
    }

    /// A descriptor that is readable when every process of the enclosure has ended.
    ///
    /// # Errors
    ///
    /// When there are no more descriptors.
    pub fn watch(&self) -> io::Result<OwnedFd> {
        self.first.try_clone()
    }

    /// Interrupts the program (`SIGINT`), and not its children.
    pub fn interrupt(&self) {
        if let Err(error) = pidfd_send_signal(&self.program, Signal::INT) {
            tracing::debug!(%error, "interrupt not delivered");
        }
    }

    /// Kills every process of the enclosure.
    pub fn kill(&self) {
        // The kernel kills all others of a process namespace with its first process.
        if let Err(error) = pidfd_send_signal(&self.first, Signal::KILL)
            && error != rustix::io::Errno::SRCH
        {
            tracing::error!(%error, "an enclosure was not killed");
        }
    }

    /// Changes memory, processors and processes that it may take; its files stay bounded as they
    /// were.
    ///
    /// # Errors
    ///
    /// Without control groups, or when it uses more memory already and can't give it back.
    pub fn limit(&self, limits: &Limits) -> io::Result<()> {
        limits.check().map_err(io::Error::other)?;
        match &*self.group {
            Some(group) => group.limit(limits),
            None => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// What it takes; zeroes without control groups, and after the end.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.group
            .as_ref()
            .as_ref()
            .map(Group::usage)
            .unwrap_or_default()
    }

    /// Waits until every process has ended, and answers how the program did.
    #[must_use]
    pub fn wait(&self) -> ExitStatus {
        let mut status = self
            .end
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(status) = *status {
                return status;
            }
            let told = self.end.told.wait(status);
            status = told.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Enclosed {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The number of the process behind a descriptor, as the kernel tells it.
fn number_of(process: &OwnedFd) -> io::Result<Option<Pid>> {
    let path = format!("/proc/self/fdinfo/{}", process.as_raw_fd());
    let text = std::fs::read_to_string(path)?;
    let number = text.lines().find_map(|line| line.strip_prefix("Pid:"));
    let number = number.and_then(|number| number.trim().parse().ok());
    // One that has ended has the number -1.
    Ok(number.filter(|number| *number > 0).and_then(Pid::from_raw))
}

/// What is cleaned up when an enclosure has ended.
pub(crate) struct Remains {
    pub outer: Child,
    pub control: UnixStream,
    pub lease: Lease,
    pub group: Arc<Option<Group>>,
    pub end: Arc<End>,
}

impl Remains {
    /// Waits for the end, cleans up, and tells how the program ended.
    pub fn clean_up(mut self, first: &OwnedFd) {
        let told = receive::<Report>(&self.control);
        let mut watched = [PollFd::new(first, PollFlags::IN)];
        while poll(&mut watched, None) == Err(rustix::io::Errno::INTR) {}
        let _ = self.outer.kill();
        let outer = self.outer.wait();
        let status = match (told, outer) {
            (Ok((Report::Ended { status }, _)), _) => ExitStatus::from_raw(status),
            // Killed as a whole.
            _ => ExitStatus::from_raw(Signal::KILL.as_raw()),
        };
        drop((self.lease, self.group));
        let mut ended = self
            .end
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *ended = Some(status);
        self.end.told.notify_all();
    }
}
