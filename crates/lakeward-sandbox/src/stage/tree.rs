//! The tree of files that an enclosure sees instead of the host's.

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change,
    mount_remount, unmount,
};
use rustix::process::{pivot_root, umask};

use super::mounts::{self, Mounted, below};
use super::{During as _, Failure, etc};
use crate::message::Step;
use crate::plan::{Plan, SYSTEM};

/// Where the tree grows. What is hidden by it is not shown to the enclosure.
const BASE: &str = "/sys";
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
/// Bytes of the root folder: mount points and `/etc`.
const ROOT_SIZE: u64 = 4 << 20;
/// What tells about the host, or of other processes than the enclosure's.
const HIDDEN: [&str; 27] = [
    "acpi",
    "asound",
    "cmdline",
    "config.gz",
    "consoles",
    "diskstats",
    "driver",
    "interrupts",
    "iomem",
    "ioports",
    "kallsyms",
    "kcore",
    "key-users",
    "keys",
    "kmsg",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
    "latency_stats",
    "modules",
    "mtrr",
    "partitions",
    "scsi",
    "sched_debug",
    "timer_list",
    "vmallocinfo",
    "slabinfo",
];
/// What would change the host, if a root did it.
const FROZEN: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];

/// Replaces the host's files by the enclosure's. `owner` is the number that the enclosure's user
/// has here.
pub(super) fn make(plan: &Plan, owner: u32) -> Result<(), Failure> {
    let root = Path::new(BASE);
    umask(Mode::WGRP | Mode::WOTH);
    mount_change(
        "/",
        MountPropagationFlags::REC | MountPropagationFlags::PRIVATE,
    )
    .doing(Step::Tree, "leaving the host's mounts")?;
    mounts::memory(root, ROOT_SIZE, None, MountFlags::empty())
        .doing(Step::Tree, "a tree in memory")?;
    system(root)?;
    etc::make(root, &plan.home).doing(Step::Tree, "/etc")?;
    devices(root).doing(Step::Tree, "/dev")?;
    scratch(root, plan, owner).doing(Step::Tree, "home and scratch folders")?;
    for path in &plan.readable {
        readable(root, path).doing(Step::Tree, path.display())?;
    }
    processes(root).during(Step::Processes)?;
    mount_remount(
        root,
        MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV,
        "",
    )
    .doing(Step::Tree, "a read-only root")?;
    enter(root).doing(Step::Tree, "entering it")?;
    verify(plan)
}

/// Programs and libraries of the host. Where `/bin` is a link, so it is here.
fn system(root: &Path) -> Result<(), Failure> {
    for name in SYSTEM {
        let source = Path::new("/").join(name);
        let target = root.join(name);
        let shown = match std::fs::read_link(&source) {
            Ok(link) => symlink(link, &target),
            Err(_) if source.is_dir() => {
                std::fs::create_dir(&target).and_then(|()| mounts::show(&source, &target))
            }
            Err(_) => Ok(()),
        };
        shown.doing(Step::Tree, source.display())?;
    }
    Ok(())
}

fn devices(root: &Path) -> io::Result<()> {
    let folder = root.join("dev");
    std::fs::create_dir_all(folder.join("shm"))?;
    for name in DEVICES {
        let (source, target) = (Path::new("/dev").join(name), folder.join(name));
        std::fs::write(&target, "")?;
        mounts::show_device(&source, &target)?;
    }
    symlink("/proc/self/fd", folder.join("fd"))?;
    for (number, name) in ["stdin", "stdout", "stderr"].iter().enumerate() {
        symlink(format!("/proc/self/fd/{number}"), folder.join(name))?;
    }
    Ok(())
}

/// `/tmp` and `/dev/shm` share one file system, so that together they hold no more than allowed.
fn scratch(root: &Path, plan: &Plan, owner: u32) -> io::Result<()> {
    let disk = plan.limits.disk;
    let tmp = root.join("tmp");
    let both = root.join("proc");
    std::fs::create_dir_all(&both)?;
    mounts::memory(&both, disk, Some(owner), MountFlags::empty())?;
    for (name, target) in [("tmp", &tmp), ("shm", &root.join("dev/shm"))] {
        std::fs::create_dir_all(target)?;
        let source = both.join(name);
        std::fs::create_dir(&source)?;
        rustix::fs::chmod(&source, Mode::from_raw_mode(0o1777))?;
        mount_bind(&source, target)?;
    }
    unmount(&both, UnmountFlags::DETACH)?;
    std::fs::create_dir_all(root.join("var"))?;
    symlink("../tmp", root.join("var/tmp"))?;
    let home = below(root, &plan.home);
    std::fs::create_dir_all(&home)?;
    mounts::memory(&home, disk, Some(owner), MountFlags::empty())
}

fn readable(root: &Path, path: &Path) -> io::Result<()> {
    let target = below(root, path);
    place_for(path, &target)?;
    mounts::show(&path.canonicalize()?, &target)
}

/// Makes an empty file or folder to mount `source` at, whichever that is.
pub(super) fn place_for(source: &Path, target: &Path) -> io::Result<()> {
    if source.is_dir() {
        return std::fs::create_dir_all(target);
    }
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true).open(target).map(drop)
}

fn processes(root: &Path) -> io::Result<()> {
    let proc = root.join("proc");
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", &proc, "proc", flags, None)?;
    for name in HIDDEN {
        let place = proc.join(name);
        if place.is_dir() {
            let empty = MountFlags::RDONLY | MountFlags::NOEXEC;
            mounts::memory(&place, 4096, None, empty)?;
        } else if place.exists() {
            mounts::show_device(&root.join("dev/null"), &place)?;
        }
    }
    for place in FROZEN.map(|name| proc.join(name)) {
        if place.exists() {
            mounts::freeze(&place, MountFlags::NOEXEC)?;
        }
    }
    Ok(())
}

/// Makes `root` the root folder, and lets go of the host's.
fn enter(root: &Path) -> io::Result<()> {
    rustix::process::chdir(root)?;
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    Ok(rustix::process::chdir("/")?)
}

/// Whatever is mounted now must be what was meant: nothing can be written but home and scratch.
fn verify(plan: &Plan) -> Result<(), Failure> {
    let writable: [PathBuf; 4] = [
        plan.home.clone(),
        "/tmp".into(),
        "/dev/shm".into(),
        "/proc".into(),
    ];
    let wrong = |mounted: &Mounted| {
        let device = mounted.at.starts_with("/dev") || mounted.at.starts_with("/proc");
        !mounted.is("nosuid")
            || (!mounted.is("nodev") && !device)
            || (!mounted.is("ro") && !writable.contains(&mounted.at))
    };
    let mounts = Mounted::all().during(Step::Tree)?;
    match mounts.iter().find(|one| wrong(one)) {
        Some(one) => Err(format!("{} can't be made read-only", one.at.display())),
        None if mounts.is_empty() => Err("the mounts can't be read back".to_owned()),
        None => Ok(()),
    }
    .during(Step::Tree)
}
