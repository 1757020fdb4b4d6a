//! What the processes of a session take, as the system tells it (proc(5)).

use std::collections::BTreeMap;
use std::fs;

/// Clock ticks of a second, as proc(5) counts them: 100 on every Linux that Lakeward runs on.
const TICKS: f64 = 100.0;
/// Bytes of a page, as proc(5) counts them for `VmRSS` in status: kibibytes.
const KIBIBYTE: u64 = 1024;

/// What a process and all that it started take.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Resident bytes; what processes share counts for each.
    pub memory_bytes: u64,
    /// Processor time of the living processes and of children they have waited for, in seconds.
    pub cpu_seconds: f64,
    /// Processes.
    pub processes: u32,
}

/// A process, as far as it is counted.
struct Entry {
    parent: u32,
    cpu_seconds: f64,
}

/// What the process trees below `roots` take. A root that is gone is left out. Reads `/proc`:
/// to be called where blocking is fine.
#[must_use]
pub fn of_trees(roots: &[u32]) -> BTreeMap<u32, Usage> {
    let entries = entries();
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (id, entry) in &entries {
        children.entry(entry.parent).or_default().push(*id);
    }
    let living = roots.iter().filter(|root| entries.contains_key(root));
    living
        .map(|root| (*root, of_tree(*root, &entries, &children)))
        .collect()
}

fn of_tree(root: u32, entries: &BTreeMap<u32, Entry>, children: &BTreeMap<u32, Vec<u32>>) -> Usage {
    let mut usage = Usage::default();
    let mut waiting = vec![root];
    // Each process has one parent, so that none is met twice.
    while let Some(id) = waiting.pop() {
        let Some(entry) = entries.get(&id) else {
            continue;
        };
        usage.processes += 1;
        usage.cpu_seconds += entry.cpu_seconds;
        usage.memory_bytes += resident(id);
        waiting.extend(children.get(&id).into_iter().flatten());
    }
    usage
}

fn entries() -> BTreeMap<u32, Entry> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    let numbers = processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let found = numbers.filter_map(|id: u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        Some((id, Entry::parse(&stat)?))
    });
    found.collect()
}

impl Entry {
    /// A line of `/proc/PID/stat`. The program's name, in parentheses, may hold anything.
    fn parse(stat: &str) -> Option<Self> {
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let parent = u32::try_from(number(1)?).ok()?;
        // utime, stime, cutime, cstime: the 14th to the 17th field of the line.
        let ticks: u64 = (11..15).filter_map(number).sum();
        #[allow(
            clippy::cast_precision_loss,
            reason = "2^53 ticks are three million years"
        )]
        let cpu_seconds = ticks as f64 / TICKS;
        Some(Self {
            parent,
            cpu_seconds,
        })
    }
}

fn resident(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok());
    kibibytes.unwrap_or(0_u64) * KIBIBYTE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let line = "42 (a) b) c) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 25 75 20 0 1 0 99";
        let entry = Entry::parse(line).unwrap();
        assert_eq!((entry.parent, entry.cpu_seconds), (7, 3.0));
        assert!(Entry::parse("42 (a").is_none());
        assert!(Entry::parse("").is_none());
    }

    #[test]
    fn a_tree_holds_its_children_and_nobody_else() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let (own, other) = (std::process::id(), child.id());
        let both = of_trees(&[own, other, u32::MAX]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(both.len(), 2, "{both:?}");
        assert_eq!(both[&other].processes, 1);
        assert!(both[&own].processes >= 2 && both[&own].memory_bytes > both[&other].memory_bytes);
    }
}
