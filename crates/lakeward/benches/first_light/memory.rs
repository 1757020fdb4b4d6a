//! Memory of processes, as the kernel counts it.

use std::{fs, ops::Add};

use anyhow::{Context, Result};

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    /// Pages that are there, those shared with other processes too.
    pub resident: u64,
    /// The same, but of a shared page only this process's part.
    pub proportional: u64,
}

impl Memory {
    /// A running process's.
    pub fn of(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/smaps_rollup");
        let text = fs::read_to_string(&path).with_context(|| format!("{path} can't be read"))?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes = line.and_then(|line| line.split_whitespace().next());
            kibibytes
                .and_then(|number| number.parse::<u64>().ok())
                .map(|number| number << 10)
                .with_context(|| format!("{path} has no {name}"))
        };
        Ok(Self {
            resident: field("Rss:")?,
            proportional: field("Pss:")?,
        })
    }
}

impl Add for Memory {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            resident: self.resident + other.resident,
            proportional: self.proportional + other.proportional,
        }
    }
}

/// The processes of the one session that a daemon runs: its child, and that one's children.
pub fn session(daemon: u32) -> Result<Vec<(&'static str, u32)>> {
    let mut processes = Vec::new();
    for interpreter in children(daemon)? {
        processes.push(("interpreter", interpreter));
        let engines = children(interpreter)?;
        processes.extend(engines.into_iter().map(|engine| ("engine", engine)));
    }
    Ok(processes)
}

fn children(parent: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may have ended since.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // `pid (name) state parent …`; the name may hold anything.
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let found = after_name.split_whitespace().nth(1);
        if found.and_then(|found| found.parse().ok()) == Some(parent) {
            children.push(pid);
        }
    }
    Ok(children)
}
