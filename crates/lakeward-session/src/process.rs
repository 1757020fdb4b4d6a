//! A running interpreter, in an enclosure or not: how it is told apart from others, watched,
//! interrupted and brought to its end.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use lakeward_sandbox::{Enclosed, Limits, Usage};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, kill_process_group, pidfd_open, pidfd_send_signal,
    prlimit,
};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncWrite, Interest};
use tokio::process::{Child, ChildStderr, ChildStdout};

/// The streams of a process that was just started.
pub(super) struct Streams {
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
}

/// Tells when a process has ended, without reaping it: until it is reaped its number, which is
/// also its group's, cannot be given to anyone else.
#[derive(Clone)]
pub(super) struct Exit(Arc<AsyncFd<OwnedFd>>);

impl Exit {
    #[allow(
        deprecated,
        reason = "its successor is unsafe for descriptors that may close early; this one is owned"
    )]
    fn watch(descriptor: OwnedFd) -> io::Result<Self> {
        let watched = AsyncFd::with_interest(descriptor, Interest::READABLE)?;
        Ok(Self(Arc::new(watched)))
    }

    /// Waits until the process has ended.
    pub async fn wait(&self) {
        // The readiness is never cleared: a process ends once.
        if let Err(error) = self.0.readable().await {
            tracing::warn!(%error, "cannot watch the interpreter");
        }
    }

    /// Whether the process has ended.
    pub fn is_over(&self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        self.0.poll_read_ready(&mut context).is_ready()
    }
}

/// A running interpreter. Dropping it kills all its processes.
pub(super) struct SessionProcess {
    body: Body,
    exit: Exit,
}

enum Body {
    /// Everything in one enclosure.
    Enclosure(Box<Enclosed>),
    /// A process group of the host.
    Group(Box<Group>),
}

/// The interpreter, which leads the group. Dropping it kills the whole group.
struct Group {
    child: Child,
    /// None once it was killed.
    id: Option<Pid>,
}

impl SessionProcess {
    /// What runs in an enclosure.
    pub fn of_enclosure(enclosed: Enclosed) -> io::Result<Self> {
        let exit = Exit::watch(enclosed.watch()?)?;
        Ok(Self {
            body: Body::Enclosure(Box::new(enclosed)),
            exit,
        })
    }

    /// A process on the host, with its group.
    pub fn of_group(child: Child) -> io::Result<Self> {
        let pid = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
            .ok_or_else(|| io::Error::other("the process ended at once"))?;
        let descriptor = pidfd_open(pid, PidfdFlags::NONBLOCK)?;
        let process = Self {
            exit: Exit::watch(descriptor)?,
            body: Body::Group(Box::new(Group {
                child,
                id: Some(pid),
            })),
        };
        // A core file would hold the session's keys.
        let no_core = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        prlimit(Some(pid), Resource::Core, no_core)?;
        Ok(process)
    }

    pub fn exit(&self) -> Exit {
        self.exit.clone()
    }

    /// The number of the process on the host.
    pub fn id(&self) -> Option<u32> {
        match &self.body {
            Body::Enclosure(enclosed) => {
                u32::try_from(enclosed.interpreter()?.as_raw_nonzero().get()).ok()
            }
            Body::Group(group) => group.child.id(),
        }
    }

    /// Interrupts the interpreter alone: its engine must survive the cancel of a statement.
    pub fn interrupt(&self) {
        match &self.body {
            Body::Enclosure(enclosed) => enclosed.interrupt(),
            Body::Group(_) => {
                if let Err(error) = pidfd_send_signal(self.exit.0.get_ref(), Signal::INT) {
                    tracing::debug!(%error, "interrupt not delivered");
                }
            }
        }
    }

    /// Changes what it may take. Without an enclosure or control groups nothing is limited.
    pub fn limit(&self, limits: &Limits) -> io::Result<()> {
        match &self.body {
            Body::Enclosure(enclosed) => match enclosed.limit(limits) {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
                limited => limited,
            },
            Body::Group(_) => Ok(()),
        }
    }

    /// What it takes, and what it was refused; none outside an enclosure.
    pub fn usage(&self) -> Option<Usage> {
        match &self.body {
            Body::Enclosure(enclosed) => Some(enclosed.usage()),
            Body::Group(_) => None,
        }
    }

    /// Gives the process `grace` to end by itself, then kills all there is, and reaps it. Answers
    /// how it ended, in words.
    pub async fn end(self, grace: Duration) -> String {
        let in_time = tokio::time::timeout(grace, self.exit.wait()).await.is_ok();
        let status = match self.body {
            Body::Group(mut group) => {
                group.kill();
                group.child.wait().await
            }
            Body::Enclosure(enclosed) => {
                let end = move || {
                    enclosed.kill();
                    enclosed.wait()
                };
                let ended = tokio::task::spawn_blocking(end).await;
                ended.map_err(io::Error::other)
            }
        };
        match status {
            Ok(status) if in_time => status.to_string(),
            Ok(_) => "killed".to_owned(),
            Err(error) => error.to_string(),
        }
    }
}

impl Group {
    /// Must come before the leader is reaped; see [`Exit`].
    fn kill(&mut self) {
        if let Some(id) = self.id.take()
            && let Err(error) = kill_process_group(id, Signal::KILL)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(%error, "session processes not killed");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
