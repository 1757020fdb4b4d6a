//! What a process gives up for good before the program starts: limits and Landlock.

use std::io;
use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use rustix::process::{Pid, Resource, Rlimit, prlimit, setrlimit};

use crate::plan::Plan;

/// The newest rules that we know; an older kernel keeps those that it knows.
const RULES: ABI = ABI::V6;
/// The enclosure's own two stages count as processes of its user.
pub(crate) const STAGES: u32 = 2;

/// Bounds what one process may take, but for its descriptors.
pub(super) fn limit(plan: &Plan) -> io::Result<()> {
    let bounds = [
        // A core file would hold the session's keys.
        (Resource::Core, 0),
        (
            Resource::Nproc,
            u64::from(plan.limits.processes.saturating_add(STAGES)),
        ),
        (Resource::Memlock, 64 << 10),
        (Resource::Msgqueue, 800 << 10),
        (Resource::Rtprio, 0),
        (Resource::Nice, 0),
    ];
    for (resource, bound) in bounds {
        setrlimit(resource, fixed(bound))?;
    }
    Ok(())
}

/// Bounds how many descriptors a process may have, this one or another: open, and on their way to
/// others in sockets.
pub(super) fn limit_descriptors(process: Option<Pid>, plan: &Plan) -> io::Result<()> {
    let bound = fixed(plan.limits.open_files);
    Ok(prlimit(process, Resource::Nofile, bound).map(drop)?)
}

fn fixed(bound: u64) -> Rlimit {
    Rlimit {
        current: Some(bound),
        maximum: Some(bound),
    }
}

/// Lets this process and its children write nowhere but in home and scratch, signal nobody else,
/// and meet nobody else on abstract sockets. Answers if the kernel has Landlock.
pub(super) fn confine(plan: &Plan) -> Result<bool, Box<dyn std::error::Error>> {
    let all = AccessFs::from_all(RULES);
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .scope(Scope::from_all(RULES))?
        .create()?;
    let mut rules = rules.add_rule(PathBeneath::new(
        PathFd::new("/")?,
        AccessFs::from_read(RULES),
    ))?;
    let write = AccessFs::WriteFile | AccessFs::ReadFile | AccessFs::IoctlDev;
    for device in ["/dev/null", "/dev/zero", "/dev/full"] {
        rules = rules.add_rule(PathBeneath::new(PathFd::new(device)?, write))?;
    }
    let own = write | AccessFs::Truncate | AccessFs::ReadDir;
    rules = rules.add_rule(PathBeneath::new(PathFd::new("/proc")?, own))?;
    for folder in [
        plan.home.as_path(),
        Path::new("/tmp"),
        Path::new("/dev/shm"),
    ] {
        rules = rules.add_rule(PathBeneath::new(PathFd::new(folder)?, all))?;
    }
    let status = rules.restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}
