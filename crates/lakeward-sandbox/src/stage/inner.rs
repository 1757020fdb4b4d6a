//! The inner stage: the first process of an enclosure.

use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Gid, Uid};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, set_dumpable_behavior,
    set_parent_process_death_signal,
};

use super::{During as _, Failure, confinement, filter, network, privilege, tree};
use crate::kernel;
use crate::message::{Identity, Order, Report, Step, receive, send};

/// Runs until the program has ended; the kernel then kills what it left behind.
pub(super) fn run(outer: &UnixStream) -> Result<(), Failure> {
    kernel::close_on_exec().during(Step::Order)?;
    let (order, descriptors) = receive::<Order>(outer).during(Step::Order)?;
    let mut descriptors = descriptors.into_iter();
    let (Some(daemon), Some(input)) = (descriptors.next(), descriptors.next()) else {
        return Err("descriptors are missing").during(Step::Order);
    };
    let daemon = UnixStream::from(daemon);
    let report = match enclose(&order, outer, &daemon, input) {
        Ok(status) => Report::Ended { status },
        Err(Failure { step, cause }) => Report::Failed { step, cause },
    };
    // A daemon that is gone needs no report.
    let _ = send(&daemon, &report, &[]);
    Ok(())
}

/// Answers how the program ended.
fn enclose(
    order: &Order,
    outer: &UnixStream,
    daemon: &UnixStream,
    input: OwnedFd,
) -> Result<i32, Failure> {
    let (plan, identity) = (&order.plan, order.identity);
    rustix::system::sethostname(b"session").during(Step::Namespaces)?;
    network::raise_loopback().during(Step::Network)?;
    let listeners = network::listen(&plan.ports).during(Step::Network)?;
    own_output(identity).during(Step::Privileges)?;
    tree::make(plan, owner(identity))?;
    privilege::become_unprivileged(identity)?;
    // Code of the same user may else read this process's memory.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).during(Step::Privileges)?;
    die_with(outer)?;
    confinement::limit(plan).during(Step::Limits)?;
    let landlock = confinement::confine(plan).during(Step::Landlock)?;
    let notices = filter::install().during(Step::SystemCalls)?;
    if identity != Identity::Daemons {
        confinement::limit_descriptors(None, plan).during(Step::Limits)?;
    }
    let program = start(order, input)?;
    let number = i32::try_from(program.id()).ok().and_then(Pid::from_raw);
    let number = number.ok_or("no such process").during(Step::Program)?;
    if identity == Identity::Daemons {
        // The kernel counts descriptors that are on their way by host user, against the sender's
        // bound: with the program's own, this stage could send none while another enclosure has
        // many on their way.
        confinement::limit_descriptors(Some(number), plan).during(Step::Limits)?;
    }
    announce(daemon, number, landlock, notices, listeners)?;
    wait(number)
}

/// The number of the enclosure's user, in the user namespace that mounts.
fn owner(identity: Identity) -> u32 {
    match identity {
        Identity::Own(id) => id,
        Identity::Daemons => privilege::ROOT,
    }
}

/// Programs open `/dev/stdout` by name.
fn own_output(identity: Identity) -> std::io::Result<()> {
    if let Identity::Own(id) = identity {
        let (user, group) = (Some(Uid::from_raw(id)), Some(Gid::from_raw(id)));
        rustix::fs::fchown(std::io::stdout(), user, group)?;
        rustix::fs::fchown(std::io::stderr(), user, group)?;
    }
    Ok(())
}

/// Ends this process, and with it the enclosure, when the outer stage ends. Comes after the last
/// change of user, which would undo it.
fn die_with(outer: &UnixStream) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL)).during(Step::Privileges)?;
    let mut watched = [PollFd::new(outer, PollFlags::RDHUP)];
    let at_once = Timespec::default();
    match poll(&mut watched, Some(&at_once)).during(Step::Privileges)? {
        0 => Ok(()),
        _ => Err("the outer stage has ended").during(Step::Privileges),
    }
}

fn start(order: &Order, input: OwnedFd) -> Result<Child, Failure> {
    let plan = &order.plan;
    Command::new(&plan.program)
        .args(&plan.arguments)
        .env_clear()
        .envs(plan.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&plan.home)
        .stdin(Stdio::from(input))
        .spawn()
        .doing(Step::Program, plan.program.display())
}

fn announce(
    daemon: &UnixStream,
    program: Pid,
    landlock: bool,
    notices: OwnedFd,
    listeners: Vec<TcpListener>,
) -> Result<(), Failure> {
    let program = pidfd_open(program, PidfdFlags::empty()).during(Step::Program)?;
    let first = pidfd_open(Pid::INIT, PidfdFlags::empty()).during(Step::Program)?;
    let mut all = vec![program.as_fd(), first.as_fd(), notices.as_fd()];
    all.extend(listeners.iter().map(std::os::fd::AsFd::as_fd));
    send(daemon, &Report::Started { landlock }, &all).during(Step::Order)
}

/// Reaps, as the first process must, until the program has ended.
fn wait(program: Pid) -> Result<i32, Failure> {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == program => return Ok(status.as_raw()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).during(Step::Program),
        }
    }
}
