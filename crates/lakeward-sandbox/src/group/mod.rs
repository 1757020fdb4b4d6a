//! Control groups: what all processes of an enclosure may take together.

mod v1;
mod v2;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::enclosed::Usage;
use crate::plan::Limits;
use crate::stage::confinement::STAGES;

/// Length of the period in which processor time is counted, in microseconds.
const PERIOD: u64 = 100_000;

/// How many groups this process has made: two enclosures may have one name.
static MADE: AtomicU64 = AtomicU64::new(0);

/// Where groups are made.
#[derive(Debug)]
pub(crate) enum Groups {
    /// One tree for everything.
    V2(v2::Tree),
    /// A tree for each kind of resource.
    V1(v1::Trees),
}

/// The group of one enclosure. Dropping it removes it, once its processes are gone.
#[derive(Debug)]
pub(crate) struct Group {
    folders: Vec<PathBuf>,
    version: u8,
}

impl Groups {
    /// Finds where this process may make groups: version 2, else version 1.
    pub fn open() -> Result<Self, String> {
        let second = v2::Tree::open();
        match second {
            Ok(tree) => Ok(Self::V2(tree)),
            Err(second) => v1::Trees::open()
                .map(Self::V1)
                .map_err(|first| format!("version 2: {second}; version 1: {first}")),
        }
    }

    pub fn version(&self) -> u8 {
        match self {
            Self::V2(_) => 2,
            Self::V1(_) => 1,
        }
    }

    pub fn make(&self, name: &str, limits: &Limits) -> io::Result<Group> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}{name}-{number}", own_prefix());
        let (version, parents) = match self {
            Self::V2(tree) => (2, vec![tree.parent().to_path_buf()]),
            Self::V1(trees) => (1, trees.parents()),
        };
        let mut group = Group {
            folders: Vec::new(),
            version,
        };
        for parent in parents {
            let folder = parent.join(&name);
            std::fs::create_dir(&folder)?;
            group.folders.push(folder);
        }
        group.limit(limits)?;
        Ok(group)
    }
}

impl Group {
    /// Takes a process in, with the children that it will have.
    pub fn admit(&self, process: u32) -> io::Result<()> {
        for folder in &self.folders {
            write(folder, "cgroup.procs", process)?;
        }
        Ok(())
    }

    pub fn limit(&self, limits: &Limits) -> io::Result<()> {
        match (self.version, self.folders.as_slice()) {
            (2, [folder]) => v2::limit(folder, limits),
            (_, [memory, pids, cpu]) => v1::limit(memory, pids, cpu, limits),
            _ => Err(io::Error::other("a group without folders")),
        }
    }

    pub fn usage(&self) -> Usage {
        match (self.version, self.folders.as_slice()) {
            (2, [folder]) => v2::usage(folder),
            (_, [memory, pids, _]) => v1::usage(memory, pids),
            _ => Usage::default(),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in &self.folders {
            let gone = remove_soon(folder);
            if !gone {
                tracing::warn!(folder = %folder.display(), "control group not removed");
            }
        }
    }
}

/// Removes a group whose last processes may still be on their way out.
fn remove_soon(folder: &Path) -> bool {
    (0..100).any(|attempt| {
        if attempt > 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        remove(folder)
    })
}

fn remove(folder: &Path) -> bool {
    match std::fs::remove_dir(folder) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Removes groups that daemons left which were killed. None has processes: they die with the
/// daemon. One that has some stays.
fn sweep(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(owner_of);
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            remove_soon(&entry.path());
        }
    }
}

fn own_prefix() -> String {
    format!("lakeward-{}-", std::process::id())
}

/// The daemon that made the group of this name.
fn owner_of(name: &str) -> Option<u32> {
    let (pid, _) = name.strip_prefix("lakeward-")?.split_once('-')?;
    pid.parse().ok()
}

fn write(folder: &Path, file: &str, value: impl ToString) -> io::Result<()> {
    let path = folder.join(file);
    std::fs::write(&path, value.to_string())
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn number(folder: &Path, file: &str) -> u64 {
    let text = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
    text.trim().parse().unwrap_or_default()
}

/// A value of a file of lines of key and value.
fn counter(folder: &Path, file: &str, key: &str) -> u64 {
    let text = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    let mut values = pairs.filter(|(name, _)| *name == key);
    let value = values.next().and_then(|(_, value)| value.parse().ok());
    value.unwrap_or_default()
}

/// The path of this process's group of a hierarchy, from a line of `/proc/self/cgroup`; version 2
/// has no controllers in it.
fn own_path<'a>(table: &'a str, controller: Option<&str>) -> Option<&'a str> {
    table.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let same = match controller {
            None => controllers.is_empty(),
            Some(name) => controllers.split(',').any(|one| one == name),
        };
        same.then_some(path)
    })
}

/// The folder of this process's group in the hierarchy that is mounted with this option, from
/// `/proc/self/mountinfo`.
fn own_folder(mounts: &str, groups: &str, controller: Option<&str>) -> Option<PathBuf> {
    let path = own_path(groups, controller)?;
    mounts.lines().find_map(|line| {
        let (place, source) = line.split_once(" - ")?;
        let mut source = source.split(' ');
        let (kind, options) = (source.next()?, source.nth(1)?);
        let same = match controller {
            None => kind == "cgroup2",
            Some(name) => kind == "cgroup" && options.split(',').any(|one| one == name),
        };
        let mut place = place.split(' ').skip(3);
        let (root, at) = (place.next()?, place.next()?);
        let below = Path::new(path).strip_prefix(root).ok()?;
        let folder = match below.as_os_str().is_empty() {
            true => PathBuf::from(at),
            false => Path::new(at).join(below),
        };
        same.then_some(folder)
    })
}

/// Microseconds of processor time in a period.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the plan's check keeps it between 0.01 and 4096 processors"
)]
fn quota(limits: &Limits) -> u64 {
    (limits.cpus * PERIOD as f64) as u64
}

fn tasks(limits: &Limits) -> u32 {
    limits.processes.saturating_add(STAGES)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: &str = "8:pids:/\n4:cpu,cpuacct:/a\n3:memory:/process/5\n0::/user.slice/x\n";
    const MOUNTS: &str = "\
        30 29 0:26 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n\
        31 29 0:27 /process /sys/fs/cgroup/memory rw shared:3 - cgroup cgroup rw,memory\n\
        32 29 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";

    #[test]
    fn the_own_group_is_found_in_every_hierarchy() {
        let folder = |controller| own_folder(MOUNTS, GROUPS, controller);
        let base = Path::new("/sys/fs/cgroup");
        assert_eq!(folder(None), Some(base.join("unified/user.slice/x")));
        assert_eq!(folder(Some("memory")), Some(base.join("memory/5")));
        assert_eq!(folder(Some("cpu")), Some(base.join("cpu,cpuacct/a")));
        assert_eq!(folder(Some("pids")), None);
    }

    #[test]
    fn only_groups_of_dead_daemons_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let ours = parent.path().join(format!("{}a", own_prefix()));
        let theirs = parent.path().join("lakeward-4194305-a");
        let other = parent.path().join("system.slice");
        for folder in [&ours, &theirs, &other] {
            std::fs::create_dir(folder).unwrap();
        }
        sweep(parent.path());
        assert!(ours.exists() && other.exists() && !theirs.exists());
    }
}
