//! The outer stage: leaves the host's namespaces, starts the inner stage, and watches the daemon.

use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{DumpableBehavior, Pid, PidfdFlags, pidfd_open, set_dumpable_behavior};
use rustix::thread::UnshareFlags;

use super::privilege;
use super::{During as _, Failure, INNER};
use crate::kernel;
use crate::message::{Identity, Order, Step, receive, send};

/// Runs until the enclosure has ended, or the daemon.
pub(super) fn run(daemon: &UnixStream) -> Result<(), Failure> {
    kernel::close_on_exec().during(Step::Order)?;
    let (order, descriptors) = receive::<Order>(daemon).during(Step::Order)?;
    leave(order.identity)?;
    // The inner stage takes the end of this socket for the end of this stage.
    let (orders, theirs) = UnixStream::pair().during(Step::Order)?;
    let mut inner = start(theirs)?;
    hand_over(daemon, &orders, &order, &descriptors)?;
    drop(descriptors);
    privilege::give_up(order.identity)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).during(Step::Privileges)?;
    watch(daemon, &mut inner)
}

/// Sends the order on, with the way to the daemon before the descriptors it came with.
fn hand_over(
    daemon: &UnixStream,
    inner: &UnixStream,
    order: &Order,
    descriptors: &[std::os::fd::OwnedFd],
) -> Result<(), Failure> {
    let mut all = vec![daemon.as_fd()];
    all.extend(descriptors.iter().map(std::os::fd::AsFd::as_fd));
    send(inner, order, &all).during(Step::Order)
}

fn leave(identity: Identity) -> Result<(), Failure> {
    if identity == Identity::Daemons {
        // As its root, who keeps the namespace's capabilities when the inner stage is started.
        privilege::enter_user_namespace(rustix::process::geteuid().as_raw(), privilege::ROOT)
            .during(Step::UserNamespace)?;
    }
    let namespaces = UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP;
    privilege::unshare(namespaces).during(Step::Namespaces)
}

fn start(orders: UnixStream) -> Result<Child, Failure> {
    Command::new("/proc/self/exe")
        .arg(INNER)
        .env_clear()
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(orders)))
        .spawn()
        .during(Step::Namespaces)
}

/// Waits for the end of the enclosure. If the daemon ends first, ends the enclosure.
fn watch(daemon: &UnixStream, inner: &mut Child) -> Result<(), Failure> {
    let pid = i32::try_from(inner.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or("no such process").during(Step::Program)?;
    let ended = pidfd_open(pid, PidfdFlags::empty()).during(Step::Program)?;
    let mut watched = [
        PollFd::new(daemon, PollFlags::RDHUP),
        PollFd::new(&ended, PollFlags::IN),
    ];
    while watched.iter().all(|one| one.revents().is_empty()) {
        match poll(&mut watched, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).during(Step::Program),
        }
    }
    // One that has ended already can't be killed; that is no failure.
    let _ = inner.kill();
    inner.wait().during(Step::Program).map(drop)
}
