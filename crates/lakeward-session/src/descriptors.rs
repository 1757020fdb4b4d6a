//! File descriptors: the process may have so many, and what sessions open must leave enough for
//! everything else.

use std::io;
use std::sync::{Arc, LazyLock};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Raises the process's own limit on open files to the highest that it may have. What it starts
/// inherits it, but for sessions, which get their own. Answers the limit.
///
/// # Errors
/// The system refuses.
pub fn raise_limit() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    let highest = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, highest)?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// All that sessions' listeners may have open.
pub(super) static OF_SESSIONS: LazyLock<Descriptors> = LazyLock::new(|| {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    Descriptors::of_limit(limit)
});

/// Descriptors that are given out in advance: a session that got its share can't take another's,
/// nor the daemon's.
pub(super) struct Descriptors {
    limit: u64,
    free: Arc<Semaphore>,
}

/// A share of them; free again when it is dropped.
pub(super) struct Share {
    _permit: OwnedSemaphorePermit,
}

impl Descriptors {
    /// Half of what the process may have is for sessions. Of the rest they take too, indirectly:
    /// each connection may be reading a file of the lake.
    fn of_limit(limit: u64) -> Self {
        let half = usize::try_from(limit / 2).unwrap_or(usize::MAX);
        Self {
            limit,
            free: Arc::new(Semaphore::new(half.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// A share of `count`.
    ///
    /// # Errors
    /// Others have them all.
    pub fn share(&self, count: usize) -> io::Result<Share> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.free).try_acquire_many_owned(count);
        let permit = permit.map_err(|_| {
            io::Error::other(format!(
                "the service may open {} files, and half of them are for sessions, {count} for each: \
                 there are none left for another; end a session, or start the service with a higher \
                 limit (`ulimit -n`, or LimitNOFILE= in its systemd unit)",
                self.limit
            ))
        })?;
        Ok(Share { _permit: permit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_share_half_of_what_there_is() {
        let descriptors = Descriptors::of_limit(1024);
        let shares: Vec<Share> = std::iter::from_fn(|| descriptors.share(200).ok()).collect();
        assert_eq!(shares.len(), 2);
        let refused = descriptors.share(200).err().unwrap().to_string();
        assert!(
            refused.contains("1024") && refused.contains("LimitNOFILE"),
            "{refused}"
        );
        drop(shares);
        assert!(descriptors.share(200).is_ok());
        assert!(Descriptors::of_limit(u64::MAX).share(200).is_ok());
    }

    #[test]
    fn the_limit_is_raised_to_the_highest() {
        let limit = getrlimit(Resource::Nofile);
        let lower = Rlimit {
            current: limit.maximum.map(|most| most - 1),
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, lower).unwrap();
        let raised = raise_limit().unwrap();
        assert_eq!(getrlimit(Resource::Nofile).current, limit.maximum);
        assert_eq!(raised, limit.maximum.unwrap_or(u64::MAX));
    }
}
