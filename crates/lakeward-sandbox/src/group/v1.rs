//! Control groups version 1: one hierarchy for each kind of resource.

use std::io;
use std::path::{Path, PathBuf};

use super::{PERIOD, counter, number, own_folder, quota, sweep, tasks, write};
use crate::enclosed::Usage;
use crate::plan::Limits;

/// In the order of a group's folders.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];

/// Where groups are made: below this process's own, so that the bounds of a container hold.
#[derive(Debug)]
pub(crate) struct Trees(Vec<PathBuf>);

impl Trees {
    pub fn open() -> Result<Self, String> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").map_err(|e| e.to_string())?;
        let groups = std::fs::read_to_string("/proc/self/cgroup").map_err(|e| e.to_string())?;
        let folders = CONTROLLERS.map(|name| {
            let folder = own_folder(&mounts, &groups, Some(name));
            folder.ok_or_else(|| format!("no `{name}` hierarchy"))
        });
        let folders: Vec<_> = folders.into_iter().collect::<Result<_, _>>()?;
        for folder in &folders {
            let trial = folder.join(format!("{}trial", super::own_prefix()));
            std::fs::create_dir(&trial)
                .and_then(|()| std::fs::remove_dir(&trial))
                .map_err(|error| format!("{}: {error}", folder.display()))?;
            sweep(folder);
        }
        Ok(Self(folders))
    }

    pub fn parents(&self) -> Vec<PathBuf> {
        self.0.clone()
    }
}

pub(super) fn limit(memory: &Path, pids: &Path, cpu: &Path, limits: &Limits) -> io::Result<()> {
    bound_memory(memory, limits.memory)?;
    write(pids, "pids.max", tasks(limits))?;
    write(cpu, "cpu.cfs_period_us", PERIOD)?;
    write(cpu, "cpu.cfs_quota_us", quota(limits))
}

/// Memory with swap may not be bounded below memory: upwards it goes first, downwards last.
fn bound_memory(memory: &Path, bytes: u64) -> io::Result<()> {
    const MEMORY: &str = "memory.limit_in_bytes";
    const WITH_SWAP: &str = "memory.memsw.limit_in_bytes";
    if !memory.join(WITH_SWAP).exists() {
        return write(memory, MEMORY, bytes);
    }
    if number(memory, WITH_SWAP) < bytes {
        write(memory, WITH_SWAP, bytes)?;
    }
    write(memory, MEMORY, bytes)?;
    write(memory, WITH_SWAP, bytes)
}

pub(super) fn usage(memory: &Path, pids: &Path) -> Usage {
    Usage {
        memory_bytes: number(memory, "memory.usage_in_bytes"),
        processes: number(pids, "pids.current"),
        oom_kills: counter(memory, "memory.oom_control", "oom_kill"),
        fork_refusals: counter(pids, "pids.events", "max"),
    }
}
