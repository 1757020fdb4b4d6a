//! What processes use, as the kernel counts it.

use std::{fs, ops::Add, time::Duration};

use anyhow::{Context, Result};

/// Linux's unit of computing time in `/proc`.
const TICK_MILLISECONDS: u64 = 10;

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

/// All processes below another.
pub fn descendants(ancestor: u32) -> Result<Vec<u32>> {
    let mut found = children(ancestor)?;
    let mut looked = 0;
    while let Some(next) = found.get(looked).copied() {
        found.extend(children(next)?);
        looked += 1;
    }
    Ok(found)
}

fn children(parent: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if field_of_stat(pid, 4) == Some(parent.into()) {
            children.push(pid);
        }
    }
    Ok(children)
}

/// The time that a process has computed, itself and for it in the kernel.
pub fn cpu(pid: u32) -> Duration {
    let ticks = [14, 15].map(|field| field_of_stat(pid, field).unwrap_or_default());
    Duration::from_millis(ticks.iter().sum::<u64>() * TICK_MILLISECONDS)
}

/// A field of `/proc/PID/stat`, as proc(5) counts them; `None` once the process has ended.
fn field_of_stat(pid: u32, field: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field may hold anything, in parentheses.
    let after_name = stat.rsplit(')').next()?;
    let value = after_name.split_whitespace().nth(field.checked_sub(3)?)?;
    value.parse().ok()
}
