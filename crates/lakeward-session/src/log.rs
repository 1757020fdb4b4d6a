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
}

impl SessionLog {
    /// Adds a line and forgets the oldest when there are too many.
    pub fn push(&mut self, line: String) {
        if self.lines.len() == LINES {
            self.lines.pop_front();
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
}
