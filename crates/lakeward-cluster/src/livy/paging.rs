//! Which part of a list or a log a client asks for.

use serde::Deserialize;

/// `?from=&size=&order=`, for lists and logs.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Page {
    pub from: Option<i64>,
    pub size: Option<i64>,
    pub order: Option<String>,
}

impl Page {
    /// The part of `total` things to show: the first, and how many. A negative size means all
    /// that is left.
    pub fn of_list(&self, total: usize) -> (usize, usize) {
        let from = bounded(self.from.unwrap_or(0)).min(total);
        (from, self.count(total))
    }

    /// The same for a log, which is shown from its end unless told otherwise.
    pub fn of_log(&self, total: usize) -> (usize, usize) {
        match self.from {
            Some(from) if from >= 0 => self.of_list(total),
            _ => (total.saturating_sub(self.count(total)), self.count(total)),
        }
    }

    fn count(&self, total: usize) -> usize {
        match self.size.unwrap_or(100) {
            size if size < 0 => total,
            size => bounded(size),
        }
    }
}

fn bounded(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_log_is_shown_from_its_end_unless_told_otherwise() {
        let page = |from, size| Page {
            from,
            size,
            order: None,
        };
        assert_eq!(page(None, None).of_log(150), (50, 100));
        assert_eq!(page(Some(0), None).of_log(150), (0, 100));
        assert_eq!(page(Some(0), Some(-1)).of_log(150), (0, 150));
        assert_eq!(page(Some(-1), Some(10)).of_log(5), (0, 10));
    }

    proptest! {
        #[test]
        fn pages_lie_within_the_list(from: Option<i64>, size: Option<i64>, total in 0usize..500) {
            let page = Page { from, size, order: None };
            prop_assert!(page.of_list(total).0 <= total);
            prop_assert!(page.of_log(total).0 <= total);
        }
    }
}
