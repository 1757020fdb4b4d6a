//! Which host user an enclosure's processes are.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::thread::{CapabilitySet, capabilities};

use crate::message::Identity;

/// The first number given to enclosures: far from users, and from what containers map.
const FIRST: u32 = 0x7000_0000;
/// How many numbers there are.
const COUNT: u32 = 1 << 24;

/// Host user numbers, each for one enclosure at a time.
#[derive(Debug, Clone)]
pub(crate) struct Identities(Option<Arc<Mutex<Taken>>>);

#[derive(Debug, Default)]
struct Taken {
    live: BTreeSet<u32>,
    next: u32,
}

/// An identity, as long as it is needed.
#[derive(Debug)]
pub(crate) struct Lease {
    identities: Identities,
    pub identity: Identity,
}

impl Identities {
    /// Numbers of their own where this process may give them away, else its own.
    pub fn open() -> Self {
        let start = std::process::id().wrapping_mul(1 << 8) % COUNT;
        let taken = Taken {
            live: BTreeSet::new(),
            next: start,
        };
        Self(may_give_away().then(|| Arc::new(Mutex::new(taken))))
    }

    /// Whether every enclosure gets a host user of its own.
    pub fn are_own(&self) -> bool {
        self.0.is_some()
    }

    pub fn lease(&self) -> Option<Lease> {
        let identity = match &self.0 {
            None => Identity::Daemons,
            Some(taken) => {
                let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
                Identity::Own(taken.take(&running())?)
            }
        };
        Some(Lease {
            identities: self.clone(),
            identity,
        })
    }
}

impl Taken {
    fn take(&mut self, running: &BTreeSet<u32>) -> Option<u32> {
        for _ in 0..4096 {
            let id = FIRST + self.next;
            self.next = (self.next + 1) % COUNT;
            if !running.contains(&id) && self.live.insert(id) {
                return Some(id);
            }
        }
        None
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let (Some(taken), Identity::Own(id)) = (&self.identities.0, self.identity) {
            let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
            taken.live.remove(&id);
        }
    }
}

/// Root in a container may be nobody outside, and have few numbers to give.
fn may_give_away() -> bool {
    let needed = CapabilitySet::SYS_ADMIN
        | CapabilitySet::SETUID
        | CapabilitySet::SETGID
        | CapabilitySet::SETPCAP
        | CapabilitySet::CHOWN;
    let able = capabilities(None).is_ok_and(|sets| sets.effective.contains(needed));
    able && rustix::process::geteuid().is_root()
        && ["/proc/self/uid_map", "/proc/self/gid_map"]
            .iter()
            .all(|map| std::fs::read_to_string(map).is_ok_and(|map| is_mapped(&map)))
}

fn is_mapped(map: &str) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(first)), Some(Ok(_)), Some(Ok(count))) => {
                first <= FIRST.into() && first + count >= u64::from(FIRST) + u64::from(COUNT)
            }
            _ => false,
        }
    })
}

/// The users of all processes that this one sees: another daemon may give away numbers too.
fn running() -> BTreeSet<u32> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return BTreeSet::new();
    };
    processes
        .flatten()
        .filter_map(|process| Some(process.metadata().ok()?.uid()))
        .filter(|id| *id >= FIRST)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_given_to_one_enclosure_at_a_time() {
        let mut taken = Taken::default();
        let busy = BTreeSet::from([FIRST + 1]);
        assert_eq!(taken.take(&busy), Some(FIRST));
        assert_eq!(taken.take(&busy), Some(FIRST + 2));
        taken.next = 0;
        assert_eq!(taken.take(&busy), Some(FIRST + 3));
    }

    #[test]
    fn a_container_with_few_numbers_has_none_to_give() {
        assert!(is_mapped("         0          0 4294967295\n"));
        assert!(!is_mapped("0 100000 65536\n"));
        assert!(!is_mapped("nonsense"));
    }
}
