//! What a script prints: both streams apart, of much the beginning and the end.

use std::collections::VecDeque;

use super::log::{LINE_BYTES, LINES};

/// Bytes kept of the beginning of a stream, and again of its end.
const KEPT_BYTES: usize = 1 << 20;
/// A script's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// What a script printed, on both streams.
#[derive(Default)]
pub(super) struct Printed {
    stdout: Text,
    stderr: Text,
}

impl Printed {
    /// Keeps `text`; answers the last of the lines that are now complete.
    pub fn push(&mut self, stream: Stream, text: &str) -> Vec<String> {
        match stream {
            Stream::Stdout => self.stdout.push(text),
            Stream::Stderr => self.stderr.push(text),
        }
    }

    /// The last lines, which no newline ended.
    pub fn flush(&mut self) -> Vec<String> {
        let rest = [&mut self.stdout, &mut self.stderr].map(|text| std::mem::take(&mut text.line));
        rest.into_iter().filter(|line| !line.is_empty()).collect()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let of = |text: &Text| text.head.len() + text.tail.len() + text.line.len();
        of(&self.stdout) + of(&self.stderr)
    }

    pub fn text(&self, stream: Stream) -> Vec<u8> {
        match stream {
            Stream::Stdout => self.stdout.whole(),
            Stream::Stderr => self.stderr.whole(),
        }
    }
}

/// The beginning and the end of a text.
#[derive(Default)]
struct Text {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    dropped: usize,
    line: String,
}

impl Text {
    fn push(&mut self, text: &str) -> Vec<String> {
        let room = KEPT_BYTES.saturating_sub(self.head.len());
        let (first, rest) = text.as_bytes().split_at(room.min(text.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(KEPT_BYTES);
        self.tail.drain(..excess);
        self.dropped += excess;
        self.lines(text)
    }

    fn lines(&mut self, text: &str) -> Vec<String> {
        let mut complete = VecDeque::new();
        for piece in text.split_inclusive('\n') {
            let room = LINE_BYTES.saturating_sub(self.line.len());
            self.line.extend(piece.chars().take(room));
            if piece.ends_with('\n') {
                if complete.len() == LINES {
                    complete.pop_front();
                }
                complete.push_back(std::mem::take(&mut self.line).trim_end().to_owned());
            }
        }
        complete.into()
    }

    fn whole(&self) -> Vec<u8> {
        let mut whole = self.head.clone();
        if self.dropped > 0 {
            let note = format!("\n[{} bytes are left out here]\n", self.dropped);
            whole.extend_from_slice(note.as_bytes());
        }
        whole.extend(&self.tail);
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_much_text_the_beginning_and_the_end_are_kept() {
        let mut printed = Printed::default();
        printed.push(Stream::Stdout, "first\n");
        for _ in 0..50 {
            printed.push(Stream::Stdout, &"x".repeat(100_000));
        }
        let lines = printed.push(Stream::Stdout, "\nlast\nunended");
        assert_eq!(lines.len(), 2);
        assert!(lines[0].len() <= LINE_BYTES);
        let text = String::from_utf8(printed.text(Stream::Stdout)).unwrap();
        assert!(text.len() < 2 * KEPT_BYTES + 100, "{}", text.len());
        assert!(text.starts_with("first\n") && text.ends_with("\nlast\nunended"));
        assert!(text.contains("bytes are left out here"));
        assert!(printed.text(Stream::Stderr).is_empty());
        assert_eq!(printed.flush(), ["unended"]);
        assert!(printed.bytes() <= 2 * KEPT_BYTES, "{}", printed.bytes());
    }

    #[test]
    fn of_many_lines_only_the_last_are_shown() {
        let mut printed = Printed::default();
        let lines = printed.push(Stream::Stderr, &format!("{}last\n", "\n".repeat(3_000_000)));
        assert_eq!((lines.len(), &*lines[LINES - 1]), (LINES, "last"));
        assert!(lines.capacity() <= 2 * LINES);
    }
}
