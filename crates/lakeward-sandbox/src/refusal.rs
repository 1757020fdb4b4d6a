//! System calls that were refused, as the daemon hears of them.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use crate::kernel::{self, Notification};
use crate::stage::name_of;

/// So many refusals a second are answered at once; further ones wait, so that code that does
/// nothing else takes no processor time of the daemon's.
const AT_ONCE: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// A dangerous system call that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The call's name, such as `ptrace`.
    pub syscall: &'static str,
    /// The thread that made it first, by its number on the host.
    pub pid: u32,
    /// How often it was made since it was last told of.
    pub count: u64,
}

/// Refusals of one enclosure, one per call's name however often it is made. The descriptor is
/// readable when there are some, and at the end of the enclosure.
#[derive(Debug)]
pub struct Refusals {
    wake: UnixStream,
    seen: Arc<Mutex<Seen>>,
}

type Seen = BTreeMap<&'static str, Refusal>;

impl Refusals {
    /// What was refused since the last time. Never waits. At the end of the enclosure: `None`.
    ///
    /// # Errors
    ///
    /// When the descriptor can't be read.
    pub fn take(&mut self) -> io::Result<Option<Vec<Refusal>>> {
        let mut ended = false;
        let mut signals = [0; 64];
        loop {
            match self.wake.read(&mut signals) {
                Ok(0) => ended = true,
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            break;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let taken: Vec<_> = std::mem::take(&mut *seen).into_values().collect();
        Ok((!ended || !taken.is_empty()).then_some(taken))
    }
}

impl AsFd for Refusals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

impl AsRawFd for Refusals {
    fn as_raw_fd(&self) -> RawFd {
        self.wake.as_raw_fd()
    }
}

/// Answers an enclosure's dangerous calls.
pub(crate) struct Refuser {
    listener: OwnedFd,
    wake: UnixStream,
    seen: Arc<Mutex<Seen>>,
    second: Instant,
    answered: u32,
}

impl Refuser {
    pub fn open(listener: OwnedFd) -> io::Result<(Self, Refusals)> {
        let (here, there) = UnixStream::pair()?;
        here.set_nonblocking(true)?;
        there.set_nonblocking(true)?;
        let seen = Arc::new(Mutex::new(Seen::new()));
        let refuser = Self {
            listener,
            wake: here,
            seen: Arc::clone(&seen),
            second: Instant::now(),
            answered: 0,
        };
        Ok((refuser, Refusals { wake: there, seen }))
    }

    /// Refuses until the last process of the enclosure has ended.
    pub fn run(mut self) {
        while self.wait() {
            match kernel::receive(&self.listener) {
                Ok(call) => self.refuse(call),
                // The caller was killed while it waited.
                Err(error) if is_passing(&error) => {}
                Err(error) => return tracing::warn!(%error, "refused calls are not recorded"),
            }
        }
    }

    /// Whether there is a call to refuse; else all is over.
    fn wait(&self) -> bool {
        let mut watched = [PollFd::new(&self.listener, PollFlags::IN)];
        loop {
            match poll(&mut watched, None) {
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return false,
                Ok(_) => {
                    let [watched] = &watched;
                    return watched.revents().contains(PollFlags::IN);
                }
            }
        }
    }

    fn refuse(&mut self, call: Notification) {
        self.record(call);
        self.pace();
        if let Err(error) = kernel::refuse(&self.listener, call)
            && !is_passing(&error)
        {
            tracing::warn!(%error, "a refused call was not answered");
        }
    }

    fn record(&self, call: Notification) {
        let syscall = name_of(call.call.into()).unwrap_or("unknown");
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = seen.entry(syscall).or_insert(Refusal {
            syscall,
            pid: call.thread,
            count: 0,
        });
        refusal.count = refusal.count.saturating_add(1);
        drop(seen);
        // When the socket is full, the reader will wake up as it is.
        let _ = (&self.wake).write(&[1]);
    }

    fn pace(&mut self) {
        if self.second.elapsed() > Duration::from_secs(1) {
            self.second = Instant::now();
            self.answered = 0;
        }
        self.answered += 1;
        if self.answered > AT_ONCE {
            std::thread::sleep(PAUSE);
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOENT | libc::EINTR | libc::EINPROGRESS)
    )
}
