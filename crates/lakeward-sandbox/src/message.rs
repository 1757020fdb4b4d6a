//! What daemon and stages say to each other: JSON after its length, with descriptors beside it.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::plan::Plan;

/// No message is longer, in bytes.
const LONGEST: usize = 1 << 20;
/// No message carries more descriptors.
pub(crate) const MOST_DESCRIPTORS: usize = 64;

/// What the daemon asks for. The interpreter's standard input comes with it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub plan: Plan,
    pub identity: Identity,
}

/// Whose processes they are, as the host sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Identity {
    /// A user and group number of their own.
    Own(u32),
    /// The daemon's: only root can give away others.
    Daemons,
}

/// What a stage tells the daemon.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// It runs. Beside it: descriptors of the interpreter's process and of the enclosure's first
    /// process, the filter's listener, then the listening sockets.
    Started { landlock: bool },
    /// It doesn't.
    Failed { step: Step, cause: String },
    /// The interpreter ended, with this status of `wait`.
    Ended { status: i32 },
}

/// The steps on the way into an enclosure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Step {
    /// What the daemon asked was not understood.
    Order,
    /// A user namespace.
    UserNamespace,
    /// The other namespaces.
    Namespaces,
    /// The tree of files.
    Tree,
    /// `/proc`.
    Processes,
    /// The loopback network and its listeners.
    Network,
    /// Giving up privileges.
    Privileges,
    /// Limits of the process.
    Limits,
    /// Landlock.
    Landlock,
    /// The system call filter.
    SystemCalls,
    /// Starting the program.
    Program,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Order => "the order",
            Self::UserNamespace => "a user namespace",
            Self::Namespaces => "namespaces",
            Self::Tree => "the tree of files",
            Self::Processes => "/proc",
            Self::Network => "the loopback network",
            Self::Privileges => "giving up privileges",
            Self::Limits => "process limits",
            Self::Landlock => "Landlock",
            Self::SystemCalls => "the system call filter",
            Self::Program => "the program",
        })
    }
}

/// Sends one message.
pub(crate) fn send<T: Serialize>(
    mut socket: &UnixStream,
    message: &T,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    let rights = SendAncillaryMessage::ScmRights(descriptors);
    let mut space = vec![MaybeUninit::uninit(); rights.size()];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(rights) {
        return Err(io::Error::other("too many descriptors"));
    }
    let header = length.to_le_bytes();
    let sent = sendmsg(
        socket,
        &[IoSlice::new(&header)],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    if sent != header.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    socket.write_all(&body)
}

/// Receives one message, and the descriptors that came with it.
pub(crate) fn receive<T: DeserializeOwned>(
    mut socket: &UnixStream,
) -> io::Result<(T, Vec<OwnedFd>)> {
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut header = [0; 4];
    let received = recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut header)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC | RecvFlags::WAITALL,
    )?;
    if received.bytes != header.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    let length = u32::from_le_bytes(header) as usize;
    if length > LONGEST {
        return Err(io::Error::other("the message is too long"));
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body)?;
    Ok((serde_json::from_slice(&body)?, descriptors))
}
