//! The last lines that a session wrote, as Livy shows them.

use std::collections::VecDeque;

/// Lines remembered (Livy caches 200).
pub(super) const LINES: usize = 200;
/// Bytes kept of one line.
pub(super) const LINE_BYTES: usize = 8 << 10;

/// A ring of the last lines.
#[derive(Debug, Default)]
pub(super) struct SessionLog {
    lines: VecDeque<String>,
    /// Lines that were forgotten.
    forgotten: u64,
    /// Of all lines.
    bytes: usize,
}

/// What a line counts for beyond its text.
const LINE: usize = size_of::<String>();

/// A session's text as one line that is not too long and moves no terminal.
pub(super) fn tamed(text: &str) -> String {
    let mut line: String = text
        .get(..floor(text, LINE_BYTES))
        .unwrap_or_default()
        .into();
    if line.contains(char::is_control) {
        line = line.replace(char::is_control, " ");
    }
    line
}

/// The longest length up to `most` that cuts no character in two.
fn floor(text: &str, most: usize) -> usize {
    let ends = (0..=most.min(text.len())).rev();
    ends.into_iter()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0)
}

impl SessionLog {
    /// Adds a line, cut when it is too long, and forgets the oldest when there are too many.
    pub fn push(&mut self, mut line: String) {
        line.truncate(floor(&line, LINE_BYTES));
        line.shrink_to_fit();
        self.keep(LINES - 1);
        self.bytes += line.len() + LINE;
        self.lines.push_back(line);
    }

    /// Forgets all but the last `count` lines.
    pub fn keep(&mut self, count: usize) {
        let surplus = self.lines.len().saturating_sub(count);
        for line in self.lines.drain(..surplus) {
            self.bytes = self.bytes.saturating_sub(line.len() + LINE);
            self.forgotten += 1;
        }
    }

    /// What the lines take.
    pub fn bytes(&self) -> usize {
        self.bytes
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
    fn the_lines_are_bounded_in_bytes() {
        let mut log = SessionLog::default();
        for _ in 0..300 {
            log.push("é".repeat(LINE_BYTES));
        }
        let lines = log.tail(usize::MAX);
        let bytes: usize = lines.iter().map(|line| line.len() + LINE).sum();
        assert_eq!((lines.len(), log.bytes()), (LINES, bytes));
        assert!(bytes <= LINES * (LINE_BYTES + LINE), "{bytes}");
        log.keep(1);
        assert_eq!((log.len(), log.end()), (1, 300));
        assert!(log.bytes() <= LINE_BYTES + LINE);
    }

    #[test]
    fn a_text_of_the_session_is_one_short_line() {
        assert_eq!(tamed("no\r\nengine\u{1b}[31m\u{9b}"), "no  engine [31m ");
        assert_eq!(tamed(&"é\n".repeat(1 << 20)).len(), LINE_BYTES);
        assert_eq!(tamed(""), "");
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
