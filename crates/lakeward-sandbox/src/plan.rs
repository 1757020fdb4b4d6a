use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What is to run in an enclosure, and what it finds there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Names the enclosure on the host: its control group carries the name. `[a-z0-9-]+`.
    pub name: String,
    /// The program, as a path inside.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// Files and folders of the host that are there too, read-only, under the same paths, beside the
    /// system's own programs and libraries (`/usr`, `/lib`, …).
    pub readable: Vec<PathBuf>,
    /// The home folder inside; empty, the enclosure's own, and the working directory.
    pub home: PathBuf,
    /// TCP ports on the enclosure's `127.0.0.1` that the host serves.
    pub ports: Vec<u16>,
    /// What it may take.
    pub limits: Limits,
}

/// What an enclosure may take of the machine, all its processes together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory, files in home and scratch folders among them.
    pub memory: u64,
    /// Processors' worth of time.
    pub cpus: f64,
    /// Processes and threads.
    pub processes: u32,
    /// Bytes of files in home, and as many again in the scratch folders.
    pub disk: u64,
    /// Descriptors open at once in one process.
    pub open_files: u64,
}

/// Folders of the host's programs and libraries, which every enclosure sees.
pub(crate) const SYSTEM: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];
/// What an enclosure has of its own, and nothing of the host is shown in.
const OWN: [&str; 4] = ["/proc", "/dev", "/sys", "/etc"];
const MOST_PORTS: usize = 32;
const MOST_READABLE: usize = 64;

impl Plan {
    /// What can't be in it, if anything.
    pub(crate) fn check(&self) -> Result<(), String> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.name.is_empty() || self.name.len() > 64 || !self.name.bytes().all(allowed) {
            return Err(format!("`{}` is no name: [a-z0-9-], at most 64", self.name));
        }
        if self.ports.len() > MOST_PORTS || self.ports.contains(&0) {
            return Err(format!("ports are not zero, and at most {MOST_PORTS}"));
        }
        if self.readable.len() > MOST_READABLE {
            return Err(format!("at most {MOST_READABLE} paths are readable"));
        }
        for path in &self.readable {
            check_path(path)?;
        }
        check_path(&self.home)?;
        if SYSTEM
            .iter()
            .any(|name| self.home.starts_with(Path::new("/").join(name)))
        {
            return Err(format!(
                "home {} is in the system's folders",
                self.home.display()
            ));
        }
        self.limits.check()
    }
}

/// A path that an enclosure may have files at.
fn check_path(path: &Path) -> Result<(), String> {
    let plain = path.is_absolute()
        && path
            .components()
            .skip(1)
            .all(|one| matches!(one, Component::Normal(_)))
        && path.components().nth(1).is_some();
    let shared = ["/tmp", "/var/tmp", "/var"];
    if !plain || shared.iter().any(|one| path == Path::new(one)) {
        return Err(format!("{} can't be shown or replaced", path.display()));
    }
    if OWN.iter().any(|own| path.starts_with(own)) {
        return Err(format!("{} is the enclosure's own", path.display()));
    }
    Ok(())
}

impl Limits {
    pub(crate) fn check(&self) -> Result<(), String> {
        let least = [
            ("bytes of memory", self.memory, 16 << 20),
            ("bytes of disk", self.disk, 1 << 20),
            ("processes", self.processes.into(), 4),
            ("open files", self.open_files, 32),
        ];
        for (what, value, least) in least {
            if value < least || value > i64::MAX.cast_unsigned() {
                return Err(format!("{value} {what}: at least {least} are needed"));
            }
        }
        match self.cpus {
            cpus if (0.01..=4096.0).contains(&cpus) => Ok(()),
            cpus => Err(format!("{cpus} processors: between 0.01 and 4096")),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub fn plan() -> Plan {
        Plan {
            name: "one".to_owned(),
            program: "/usr/bin/true".into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            readable: vec!["/srv/runtime".into()],
            home: "/home/session".into(),
            ports: vec![8443],
            limits: Limits {
                memory: 64 << 20,
                cpus: 0.5,
                processes: 16,
                disk: 16 << 20,
                open_files: 64,
            },
        }
    }

    #[test]
    fn a_plan_that_would_show_too_much_is_refused() {
        assert_eq!(plan().check(), Ok(()));
        for path in [
            "/",
            "/proc",
            "/proc/1",
            "/tmp",
            "a",
            "/a/../b",
            "/etc/shadow",
            "/dev/sda",
        ] {
            let mut wrong = plan();
            wrong.readable.push(path.into());
            assert!(wrong.check().is_err(), "{path}");
            let mut wrong = plan();
            wrong.home = path.into();
            assert!(wrong.check().is_err(), "{path}");
        }
    }

    #[test]
    fn limits_that_would_not_limit_are_refused() {
        // A file system in memory of size 0 has no bound.
        for change in [
            |limits: &mut Limits| limits.disk = 0,
            |limits: &mut Limits| limits.memory = u64::MAX,
            |limits: &mut Limits| limits.cpus = f64::NAN,
            |limits: &mut Limits| limits.processes = 0,
        ] {
            let mut wrong = plan();
            change(&mut wrong.limits);
            assert!(wrong.check().is_err());
        }
        let mut wrong = plan();
        wrong.name = "../up".to_owned();
        assert!(wrong.check().is_err());
    }
}
