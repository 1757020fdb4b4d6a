//! Control groups version 1: one hierarchy for each kind of resource.

use std::io;
use std::path::{Path, PathBuf};

use super::{PERIOD, counter, number, own_folder, quota, sweep, tasks, write};
use crate::enclosed::Usage;
use crate::plan::Limits;

/// What TCP may keep in its buffers. They count only where this is set before the first process, and not
/// as memory of the group: without it they are the machine's, whose bound is one for all.
const BUFFERS: &str = "memory.kmem.tcp.limit_in_bytes";
/// Bytes of them, at most.
const MOST_BUFFERS: u64 = 64 << 20;
/// The part of an enclosure's memory that they may be.
const BUFFERS_SHARE: u64 = 8;

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
    // Kernels may be built without.
    if memory.join(BUFFERS).exists() {
        let bytes = (limits.memory / BUFFERS_SHARE).min(MOST_BUFFERS);
        write(memory, BUFFERS, bytes)?;
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;

    #[test]
    fn every_bound_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for file in ["memory.memsw.limit_in_bytes", BUFFERS] {
            std::fs::write(folder.join(file), "9223372036854771712\n").unwrap();
        }
        limit(folder, folder, folder, &plan().limits).unwrap();
        let read = |file| std::fs::read_to_string(folder.join(file)).unwrap();
        let memory = (64 << 20).to_string();
        assert_eq!(read("memory.limit_in_bytes"), memory);
        assert_eq!(read("memory.memsw.limit_in_bytes"), memory);
        assert_eq!(read(BUFFERS), (8 << 20).to_string());
        assert_eq!(read("pids.max"), "18");
        assert_eq!(read("cpu.cfs_quota_us"), "50000");
        // A kernel without swap and buffers to count.
        let bare = tempfile::tempdir().unwrap();
        limit(bare.path(), bare.path(), bare.path(), &plan().limits).unwrap();
        assert!(!bare.path().join(BUFFERS).exists());
    }
}
