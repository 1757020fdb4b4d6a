//! What the daemon holds of all its sessions together, and who gives way when it is too much.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::time::Instant;

/// Something that holds what a session made.
pub(super) trait Holder: Send + Sync {
    /// Bytes held, with what their containers take.
    fn held(&self) -> usize;

    /// Lets go of a part, the oldest first, and answers how many bytes that was; 0 when nothing can
    /// be let go of.
    fn shed(&self) -> usize;

    /// When the session came to its end, if it has.
    fn ended_at(&self) -> Option<Instant>;
}

/// One bound on what all holders hold.
pub(super) struct Retention {
    limit: usize,
    holders: Mutex<Vec<Weak<dyn Holder>>>,
}

impl Retention {
    /// At most `limit` bytes, as far as holders can let go.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            holders: Mutex::default(),
        }
    }

    /// Counts one more holder, for as long as it lives.
    pub fn add<H: Holder + 'static>(&self, holder: &Arc<H>) {
        let holder: Weak<H> = Arc::downgrade(holder);
        let mut holders = self.holders.lock();
        holders.retain(|holder| holder.strong_count() > 0);
        holders.push(holder);
    }

    /// Bytes that all hold.
    pub fn held(&self) -> usize {
        let holders = self.holders.lock();
        let living = holders.iter().filter_map(Weak::upgrade);
        living.map(|holder| holder.held()).sum()
    }

    /// The bound, in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Whether there is room for so many bytes more, once others have given way.
    pub fn make_room(&self, bytes: usize) -> bool {
        let Some(limit) = self.limit.checked_sub(bytes) else {
            return false;
        };
        self.fit_to(limit) == 0
    }

    /// Brings what is held below the bound.
    pub fn fit(&self) {
        self.fit_to(self.limit);
    }

    /// Brings what is held below `limit`: first what sessions hold that have ended, the oldest
    /// first; then, again and again, from the one that holds the most. No lock of a holder may be
    /// held. Answers the bytes that nobody could let go of.
    fn fit_to(&self, limit: usize) -> usize {
        // One at a time, so that no two free the same excess.
        let holders = self.holders.lock();
        let living: Vec<_> = holders.iter().filter_map(Weak::upgrade).collect();
        let mut held: Vec<usize> = living.iter().map(|holder| holder.held()).collect();
        let mut excess = held.iter().sum::<usize>().saturating_sub(limit);
        let mut ended: Vec<_> = living
            .iter()
            .filter_map(|holder| Some((holder.ended_at()?, holder)))
            .collect();
        ended.sort_by_key(|(at, _)| *at);
        for (_, holder) in ended {
            if excess == 0 {
                return 0;
            }
            excess = excess.saturating_sub(holder.shed());
        }
        while excess > 0 {
            let most = living.iter().zip(&mut held).max_by_key(|(_, held)| **held);
            let Some((holder, held)) = most.filter(|(_, held)| **held > 0) else {
                return excess;
            };
            let freed = holder.shed();
            excess = excess.saturating_sub(freed);
            *held = if freed == 0 {
                0
            } else {
                held.saturating_sub(freed)
            };
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds pieces of ten bytes.
    struct Pieces {
        count: Mutex<usize>,
        ended_at: Option<Instant>,
        is_stubborn: bool,
    }

    impl Holder for Pieces {
        fn held(&self) -> usize {
            *self.count.lock() * 10
        }

        fn shed(&self) -> usize {
            let mut count = self.count.lock();
            let freed = match (self.is_stubborn, self.ended_at) {
                (true, _) => 0,
                (false, Some(_)) => *count,
                (false, None) => 1.min(*count),
            };
            *count -= freed;
            freed * 10
        }

        fn ended_at(&self) -> Option<Instant> {
            self.ended_at
        }
    }

    fn pieces(retention: &Retention, count: usize, ended_at: Option<Instant>) -> Arc<Pieces> {
        let pieces = Arc::new(Pieces {
            count: Mutex::new(count),
            ended_at,
            is_stubborn: false,
        });
        retention.add(&pieces);
        pieces
    }

    #[test]
    fn the_ended_give_way_first_and_then_who_holds_the_most() {
        let retention = Retention::new(1000);
        let now = Instant::now();
        let later = now + std::time::Duration::from_secs(1);
        let living = pieces(&retention, 30, None);
        let greedy = pieces(&retention, 60, None);
        let late = pieces(&retention, 5, Some(later));
        let early = pieces(&retention, 5, Some(now));
        retention.fit();
        assert_eq!(retention.held(), 1000, "nothing goes that may stay");
        *living.count.lock() = 34;
        retention.fit();
        assert_eq!((early.held(), late.held(), greedy.held()), (0, 50, 600));
        *greedy.count.lock() = 90;
        retention.fit();
        assert_eq!((late.held(), greedy.held(), living.held()), (0, 660, 340));
        *living.count.lock() = 900;
        retention.fit();
        assert_eq!(retention.held(), 1000);
        assert_eq!((greedy.held(), living.held()), (500, 500));
    }

    #[test]
    fn what_cant_be_let_go_of_ends_the_search_and_the_dead_count_no_more() {
        let retention = Retention::new(100);
        let stubborn = Arc::new(Pieces {
            count: Mutex::new(50),
            ended_at: None,
            is_stubborn: true,
        });
        retention.add(&stubborn);
        let other = pieces(&retention, 20, None);
        assert!(!retention.make_room(1) && !retention.make_room(101));
        assert_eq!((stubborn.held(), other.held()), (500, 0));
        drop(stubborn);
        assert_eq!(retention.held(), 0);
        *other.count.lock() = 9;
        assert!(retention.make_room(10) && other.held() == 90);
        assert!(retention.make_room(11) && other.held() == 80);
    }
}
