//! Which system calls an enclosure may make.
//!
//! Two filters. The first reports and refuses calls that nobody makes by accident; the daemon
//! records them. The second allows what Python and its engines need, and answers `ENOSYS` to all
//! else, as a kernel does that lacks a call. Where both speak, the second wins.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, apply_filter,
};

use super::calls::{ALLOWED, ALLOWED_OF_OLD, Call, DANGEROUS, DANGEROUS_OF_OLD};
use crate::kernel;

/// Stands for "notify" while the filter is compiled: the library has no word for it. No other
/// instruction carries this value.
const PLACEHOLDER: SeccompAction = SeccompAction::Trace(0x6c77);
/// `SECCOMP_RET_USER_NOTIF`, from linux/seccomp.h.
const NOTIFY: u32 = 0x7fc0_0000;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Installs both filters for good, and answers where the first one reports.
pub(super) fn install() -> io::Result<OwnedFd> {
    let (reporting, allowing) = (reporting()?, allowing()?);
    let notices = kernel::listen(&reporting)?;
    apply_filter(&allowing).map_err(io::Error::other)?;
    Ok(notices)
}

/// The name of a call.
pub(crate) fn name_of(number: i64) -> Option<&'static str> {
    let mut known = dangerous().chain(allowed());
    let (name, _) = known.find(|(_, known)| *known == number)?;
    name.strip_prefix("SYS_")
}

fn allowed() -> impl Iterator<Item = &'static Call> {
    ALLOWED.iter().chain(ALLOWED_OF_OLD)
}

fn dangerous() -> impl Iterator<Item = &'static Call> {
    DANGEROUS.iter().chain(DANGEROUS_OF_OLD)
}

fn allowing() -> io::Result<BpfProgram> {
    let calls = allowed().chain(dangerous());
    let rules = calls.map(|(_, number)| (*number, Vec::new())).collect();
    let refused = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    compile(rules, refused, SeccompAction::Allow)
}

fn reporting() -> io::Result<BpfProgram> {
    let mut rules: Rules = dangerous()
        .map(|(_, number)| (*number, Vec::new()))
        .collect();
    rules.extend(by_argument().map_err(io::Error::other)?);
    let mut program = compile(rules, SeccompAction::Allow, PLACEHOLDER)?;
    let placeholder = u32::from(PLACEHOLDER);
    let returns = libc::BPF_RET | libc::BPF_K;
    for instruction in &mut program {
        if u32::from(instruction.code) == returns && instruction.k == placeholder {
            instruction.k = NOTIFY;
        }
    }
    Ok(program)
}

fn compile(
    rules: Rules,
    otherwise: SeccompAction,
    listed: SeccompAction,
) -> io::Result<BpfProgram> {
    let target = std::env::consts::ARCH;
    let target = target.try_into().map_err(io::Error::other)?;
    SeccompFilter::new(rules, otherwise, listed, target)
        .and_then(BpfProgram::try_from)
        .map_err(io::Error::other)
}

/// Calls that are reported and refused for some values of their arguments.
fn by_argument() -> Result<Rules, BackendError> {
    let namespaces = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
    ];
    let clone = namespaces
        .map(|flag| all([masked(0, flag.cast_unsigned(), flag.cast_unsigned())]))
        .into_iter()
        .collect::<Result<_, _>>()?;
    // Typing into a terminal as if one were its user.
    let ioctl = [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSETD]
        .map(|request| all([equal(1, request)]))
        .into_iter()
        .collect::<Result<_, _>>()?;
    let query = u64::from(u32::MAX);
    let mut rules = Rules::from([
        (libc::SYS_clone, clone),
        (libc::SYS_ioctl, ioctl),
        (
            libc::SYS_personality,
            vec![all([unlike(0, 0), unlike(0, query)])?],
        ),
        (libc::SYS_socket, sockets()?),
        (libc::SYS_mknodat, devices(2)?),
        // The older way of watching folders, which are the host's.
        (
            libc::SYS_fcntl,
            vec![all([equal(1, libc::F_NOTIFY.cast_unsigned().into())])?],
        ),
    ]);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_mknod, devices(1)?);
    Ok(rules)
}

/// Sockets of other families than these four; of the internet's, all but TCP and UDP, whose code the
/// kernel may have to load first; and netlink to any part of the kernel but routing.
fn sockets() -> Result<Vec<SeccompRule>, BackendError> {
    let known = [
        libc::AF_UNIX,
        libc::AF_INET,
        libc::AF_INET6,
        libc::AF_NETLINK,
    ];
    let route = i64::from(libc::NETLINK_ROUTE).cast_unsigned();
    let netlink = libc::AF_NETLINK.cast_unsigned().into();
    let mut rules = vec![
        all(known.map(|family| unlike(0, family.cast_unsigned().into())))?,
        all([equal(0, netlink), unlike(2, route)])?,
    ];
    for family in [libc::AF_INET, libc::AF_INET6].map(|family| family.cast_unsigned().into()) {
        let [tcp, udp] =
            [libc::IPPROTO_TCP, libc::IPPROTO_UDP].map(|one| one.cast_unsigned().into());
        rules.push(all([
            equal(0, family),
            unlike(2, 0),
            unlike(2, tcp),
            unlike(2, udp),
        ])?);
        for kind in other_kinds() {
            rules.push(all([equal(0, family), masked(1, KIND, kind)])?);
        }
    }
    Ok(rules)
}

/// The bits of a socket's type that say what it is; the others are flags.
const KIND: u32 = 0xf;

/// What is neither a stream nor datagrams.
fn other_kinds() -> impl Iterator<Item = u32> {
    let known = [libc::SOCK_STREAM, libc::SOCK_DGRAM].map(i32::cast_unsigned);
    (0..=KIND).filter(move |kind| !known.contains(kind))
}

/// Device nodes, whose mode is in this argument.
fn devices(argument: u8) -> Result<Vec<SeccompRule>, BackendError> {
    [libc::S_IFCHR, libc::S_IFBLK]
        .map(|kind| all([masked(argument, libc::S_IFMT, kind)]))
        .into_iter()
        .collect()
}

type Condition = Result<SeccompCondition, BackendError>;

fn all<const N: usize>(conditions: [Condition; N]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.into_iter().collect::<Result<_, _>>()?)
}

// The kernel reads these arguments as 32 bits, so the filter must not look at more.

fn equal(argument: u8, value: u64) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn unlike(argument: u8, value: u64) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
}

fn masked(argument: u8, mask: u32, value: u32) -> Condition {
    let comparison = SeccompCmpOp::MaskedEq(mask.into());
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, comparison, value.into())
}
