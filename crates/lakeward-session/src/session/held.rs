//! What a session holds, and how it lets go of it.

use tokio::time::Instant;

use super::{Core, Session};
use crate::printed::Printed;
use crate::retention::Holder;

/// Code up to this is taken however much is held: a hundred such statements may wait.
const SMALL_BYTES: usize = 64 << 10;

impl Core {
    fn held(&self) -> usize {
        self.statements.held() + self.log.bytes() + self.printed.bytes()
    }

    /// Only that it was there, and what is said of it last, stays.
    fn empty(&mut self) {
        self.statements.shrink(0);
        self.log.keep(1);
        self.printed = Printed::default();
    }
}

impl Holder for Session {
    fn held(&self) -> usize {
        self.core.lock().held()
    }

    /// Of one that has ended nearly everything goes; of another, the oldest output.
    fn shed(&self) -> usize {
        let mut core = self.core.lock();
        let before = core.held();
        match core.state.has_ended() {
            true => core.empty(),
            false => drop(core.statements.shed()),
        }
        before.saturating_sub(core.held())
    }

    fn ended_at(&self) -> Option<Instant> {
        let core = self.core.lock();
        core.state.has_ended().then_some(core.active)
    }
}

impl Session {
    /// The bound that code of this size has no room in, even when others give way.
    pub(super) fn lacks_room(&self, bytes: usize) -> Option<usize> {
        let retention = self.retention.as_ref().filter(|_| bytes > SMALL_BYTES)?;
        (!retention.make_room(bytes)).then(|| retention.limit())
    }

    /// Sees to it that all sessions together hold no more than they may.
    pub(super) fn fit(&self) {
        if let Some(retention) = &self.retention {
            retention.fit();
        }
    }
}
