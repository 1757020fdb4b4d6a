//! The system calls that no library wraps safely: everything `unsafe` of this crate is here.
#![allow(
    unsafe_code,
    reason = "seccomp's user notifications and close_range have no safe wrapper"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd};

use libc::{c_int, c_long, c_uint, c_ulong};
use seccompiler::BpfProgramRef;

/// `_IOWR('!', 0, struct seccomp_notif)`.
const RECEIVE: c_ulong = 0xc050_2100;
/// `_IOWR('!', 1, struct seccomp_notif_resp)`.
const ANSWER: c_ulong = 0xc018_2101;

/// Has every descriptor but the three standard ones closed at the next `exec`.
pub(crate) fn close_on_exec() -> io::Result<()> {
    // SAFETY: marks descriptors; closes none, and touches no memory.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3 as c_uint,
            c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    checked(result).map(drop)
}

/// Installs a filter and answers the descriptor on which its notifications arrive. Needs
/// `no_new_privs`.
pub(crate) fn listen(filter: BpfProgramRef<'_>) -> io::Result<OwnedFd> {
    let len = u16::try_from(filter.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog {
        len,
        filter: filter.as_ptr().cast_mut().cast(),
    };
    // SAFETY: the kernel copies `len` instructions, which `filter` holds; both crates declare an
    // instruction as the kernel does.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    let descriptor = checked(result)?;
    // SAFETY: the kernel just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// One call that waits for an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notification {
    id: u64,
    /// The caller's thread, by its number here.
    pub thread: u32,
    /// The call's number.
    pub call: c_int,
}

/// Takes the next notification; waits for one.
pub(crate) fn receive(listener: impl AsFd) -> io::Result<Notification> {
    // SAFETY: a struct of integers, for which zero is a value; the kernel demands zeroes.
    let mut raw: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the request carries the size of the struct, so the kernel writes no more than that.
    let result = unsafe { libc::ioctl(listener.as_fd().as_raw_fd(), RECEIVE as _, &raw mut raw) };
    checked(result.into())?;
    Ok(Notification {
        id: raw.id,
        thread: raw.pid,
        call: raw.data.nr,
    })
}

/// Refuses a call with `EPERM`. A caller that is gone meanwhile is no error.
pub(crate) fn refuse(listener: impl AsFd, notification: Notification) -> io::Result<()> {
    let mut answer = libc::seccomp_notif_resp {
        id: notification.id,
        val: 0,
        error: -libc::EPERM,
        flags: 0,
    };
    // SAFETY: the request carries the size of the struct, which the kernel reads.
    let result = unsafe { libc::ioctl(listener.as_fd().as_raw_fd(), ANSWER as _, &raw mut answer) };
    match checked(result.into()) {
        Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
        _ => Ok(()),
    }
}

fn checked(result: c_long) -> io::Result<c_int> {
    match c_int::try_from(result) {
        Ok(value) if value >= 0 => Ok(value),
        _ => Err(io::Error::last_os_error()),
    }
}
