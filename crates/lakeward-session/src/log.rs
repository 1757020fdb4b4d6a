//! The last lines that a session wrote, as Livy shows them.

use std::collections::VecDeque;

/// Lines remembered (Livy caches 200).
const LINES: usize = 200;
/// Bytes kept of one line.
pub(super) const LINE_BYTES: usize = 8 << 10;

/// A ring of the last lines.
#[derive(Debug, Default)]
pub(super) struct SessionLog {
    lines: VecDeque<String>,
    /// Lines that were forgotten.
    forgotten: u64,
}

impl SessionLog {
    /// Adds a line and forgets the oldest when there are too many.
    pub fn push(&mut self, line: String) {
        if self.lines.len() == LINES {
            self.lines.pop_front();
            self.forgotten += 1;
        }
        self.lines.push_back(line);
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// `count` lines from `from` on.
    pub fn slice(&self, from: usize, count: usize) -> Vec<String> {
        self.lines.iter().skip(from).take(count).cloned().collect()
    }

    /// At most `count` lines from the one on that is the `from`th since the beginning (0: the first),
    /// and the number of the line after them. Lines that were forgotten are left out.
    pub fn since(&self, from: u64, count: usize) -> (Vec<String>, u64) {
        let from = from.max(self.forgotten);
        let skipped = usize::try_from(from - self.forgotten).unwrap_or(usize::MAX);
        let lines = self.slice(skipped, count);
        let next = from.min(self.end()) + lines.len() as u64;
        (lines, next)
    }

    /// How many lines there ever were.
    pub fn end(&self) -> u64 {
        self.forgotten + self.lines.len() as u64
    }

    /// The last `count` lines.
    pub fn tail(&self, count: usize) -> Vec<String> {
        self.slice(self.lines.len().saturating_sub(count), count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut log = SessionLog::default();
        for number in 0..250 {
            log.push(number.to_string());
        }
        assert_eq!(log.len(), 200);
        assert_eq!(log.slice(0, 1), ["50"]);
        assert_eq!(log.tail(2), ["248", "249"]);
        assert!(log.slice(500, 10).is_empty());
    }

    #[test]
    fn a_follower_misses_nothing_that_is_still_there() {
        let mut log = SessionLog::default();
        log.push("0".to_owned());
        assert_eq!(log.since(0, 10), (vec!["0".to_owned()], 1));
        assert_eq!(log.since(1, 10), (Vec::new(), 1));
        for number in 1..250 {
            log.push(number.to_string());
        }
        let (lines, next) = log.since(1, 2);
        assert_eq!((lines, next), (vec!["50".to_owned(), "51".to_owned()], 52));
        assert_eq!(log.since(next, 500).1, 250);
        assert_eq!(
            log.since(u64::MAX, 1),
            (Vec::new(), 250),
            "from another session"
        );
    }
}
