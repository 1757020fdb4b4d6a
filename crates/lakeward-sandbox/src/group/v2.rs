//! Control groups version 2: one tree, in which a group has either processes or groups.

use std::io;
use std::path::{Path, PathBuf};

use super::{PERIOD, counter, number, own_folder, quota, sweep, tasks, write};
use crate::enclosed::Usage;
use crate::plan::Limits;

const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];

/// A group in which groups can be made.
#[derive(Debug)]
pub(crate) struct Tree(PathBuf);

impl Tree {
    pub fn open() -> Result<Self, String> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").map_err(|e| e.to_string())?;
        let groups = std::fs::read_to_string("/proc/self/cgroup").map_err(|e| e.to_string())?;
        let own = own_folder(&mounts, &groups, None).ok_or("not mounted")?;
        let top = own_folder(&mounts, "0::/", None);
        let own = Self::prepare(&own, std::process::id());
        let tree = match (own, top) {
            (Ok(tree), _) => tree,
            // The own group has processes beside this one. Root may do without it.
            (Err(error), Some(top)) if rustix::process::geteuid().is_root() => {
                Self::prepare(&top.join("lakeward"), std::process::id())
                    .map_err(|second| format!("{error}; {second}"))?
            }
            (Err(error), _) => return Err(error),
        };
        sweep(&tree.0);
        Ok(tree)
    }

    /// Has `folder` pass its controllers on to groups below it.
    fn prepare(folder: &Path, process: u32) -> Result<Self, String> {
        let said = |error: io::Error| error.to_string();
        if !folder.exists() {
            if let Some(parent) = folder.parent() {
                pass_on(parent)?;
            }
            std::fs::create_dir(folder).map_err(said)?;
        }
        check_offer(folder)?;
        if pass_on(folder).is_err() {
            // A group with processes can't pass controllers on: this one steps aside.
            let aside = folder.join("lakeward-daemon");
            if !aside.exists() {
                std::fs::create_dir(&aside).map_err(said)?;
            }
            write(&aside, "cgroup.procs", process).map_err(said)?;
            pass_on(folder)?;
        }
        Ok(Self(folder.to_path_buf()))
    }

    pub fn parent(&self) -> &Path {
        &self.0
    }
}

/// Whether `folder` has every controller. On a host with both versions, version 1 has them.
fn check_offer(folder: &Path) -> Result<(), String> {
    let there = read(folder, "cgroup.controllers")?;
    let missing = CONTROLLERS
        .iter()
        .find(|name| !there.split_whitespace().any(|one| one == **name));
    missing.map_or(Ok(()), |name| {
        Err(format!("{} has no `{name}` controller", folder.display()))
    })
}

fn pass_on(folder: &Path) -> Result<(), String> {
    check_offer(folder)?;
    let passed = read(folder, "cgroup.subtree_control")?;
    for name in CONTROLLERS {
        if !passed.split_whitespace().any(|one| one == name) {
            write(folder, "cgroup.subtree_control", format!("+{name}"))
                .map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

fn read(folder: &Path, file: &str) -> Result<String, String> {
    std::fs::read_to_string(folder.join(file)).map_err(|error| error.to_string())
}

pub(super) fn limit(folder: &Path, limits: &Limits) -> io::Result<()> {
    write(folder, "memory.max", limits.memory)?;
    // Not every kernel counts swap.
    if folder.join("memory.swap.max").exists() {
        write(folder, "memory.swap.max", 0)?;
    }
    write(folder, "memory.oom.group", 1)?;
    write(folder, "pids.max", tasks(limits))?;
    write(folder, "cpu.max", format!("{} {PERIOD}", quota(limits)))
}

pub(super) fn usage(folder: &Path) -> Usage {
    Usage {
        memory_bytes: number(folder, "memory.current"),
        processes: number(folder, "pids.current"),
        oom_kills: counter(folder, "memory.events", "oom_kill"),
        fork_refusals: counter(folder, "pids.events", "max"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;

    fn group(folder: &Path, controllers: &str) {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("cgroup.controllers"), controllers).unwrap();
        std::fs::write(folder.join("cgroup.subtree_control"), "").unwrap();
    }

    #[test]
    fn controllers_are_passed_on() {
        let folder = tempfile::tempdir().unwrap();
        group(folder.path(), "cpuset cpu memory pids\n");
        let tree = Tree::prepare(folder.path(), 1).unwrap();
        assert_eq!(tree.parent(), folder.path());
        let written = std::fs::read_to_string(folder.path().join("cgroup.subtree_control"));
        assert_eq!(written.unwrap(), "+cpu");
    }

    #[test]
    fn a_tree_without_a_controller_is_named() {
        let folder = tempfile::tempdir().unwrap();
        group(folder.path(), "hugetlb\n");
        let error = Tree::prepare(folder.path(), 1).unwrap_err();
        assert!(error.contains("`memory`"), "{error}");
        // Nothing was moved or made on the way to that.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn every_bound_is_written() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("memory.swap.max"), "max").unwrap();
        limit(folder.path(), &plan().limits).unwrap();
        let read = |file| std::fs::read_to_string(folder.path().join(file)).unwrap();
        assert_eq!(read("memory.max"), (64 << 20).to_string());
        assert_eq!(read("memory.swap.max"), "0");
        assert_eq!(read("memory.oom.group"), "1");
        assert_eq!(read("pids.max"), "18");
        assert_eq!(read("cpu.max"), "50000 100000");
    }

    #[test]
    fn usage_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("memory.current", "4096\n"),
            ("pids.current", "3\n"),
            ("memory.events", "low 0\noom 2\noom_kill 5\n"),
            ("pids.events", "max 7\n"),
        ];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let usage = usage(folder.path());
        assert_eq!((usage.memory_bytes, usage.processes), (4096, 3));
        assert_eq!((usage.oom_kills, usage.fork_refusals), (5, 7));
    }
}
