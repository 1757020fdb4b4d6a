//! Lines of a stream that nobody vouches for: each is bounded, none is lost silently.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// One line, without its newline.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The bytes; only the first ones when the line was too long.
    pub bytes: Vec<u8>,
    /// Whether the line was longer than the reader keeps.
    pub is_cut: bool,
}

/// Reads lines of at most `limit` bytes; of longer ones it keeps the first `kept` bytes.
pub(super) struct LineReader<R> {
    input: BufReader<R>,
    limit: usize,
    kept: usize,
    partial: Vec<u8>,
    is_cut: bool,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    pub fn new(input: R, limit: usize, kept: usize) -> Self {
        Self {
            input: BufReader::with_capacity(64 << 10, input),
            limit,
            kept: kept.min(limit),
            partial: Vec::new(),
            is_cut: false,
        }
    }

    /// The next line that isn't empty; `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let chunk = self.input.fill_buf().await?;
            if chunk.is_empty() {
                let is_empty = self.partial.is_empty() && !self.is_cut;
                return Ok((!is_empty).then(|| self.take()));
            }
            let mut parts = chunk.splitn(2, |byte| *byte == b'\n');
            let piece = parts.next().unwrap_or_default();
            let is_complete = parts.next().is_some();
            let consumed = piece.len() + usize::from(is_complete);
            if !self.is_cut {
                let room = self.limit.saturating_sub(self.partial.len());
                self.partial
                    .extend_from_slice(piece.get(..room).unwrap_or(piece));
                if piece.len() > room {
                    self.is_cut = true;
                    self.partial.truncate(self.kept);
                    self.partial.shrink_to_fit();
                }
            }
            self.input.consume(consumed);
            if is_complete && (self.is_cut || !self.partial.is_empty()) {
                return Ok(Some(self.take()));
            }
        }
    }

    fn take(&mut self) -> Line {
        Line {
            bytes: std::mem::take(&mut self.partial),
            is_cut: std::mem::take(&mut self.is_cut),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(input: &[u8], limit: usize, kept: usize) -> Vec<(String, bool)> {
        let mut reader = LineReader::new(input, limit, kept);
        let mut lines = Vec::new();
        while let Some(line) = reader.next().await.unwrap() {
            lines.push((String::from_utf8(line.bytes).unwrap(), line.is_cut));
        }
        lines
    }

    #[tokio::test]
    async fn lines_come_whole_and_empty_ones_not_at_all() {
        let seen = lines(b"\n\none\n\n\nthree", 10, 4).await;
        let expected = [("one", false), ("three", false)];
        assert_eq!(seen, expected.map(|(text, cut)| (text.to_owned(), cut)));
    }

    #[tokio::test]
    async fn a_line_over_the_limit_is_cut_and_the_next_is_whole() {
        let mut input = vec![b'x'; 200_000];
        input.extend_from_slice(b"\nok\n");
        let seen = lines(&input, 100_000, 4).await;
        assert_eq!(seen, [("xxxx".to_owned(), true), ("ok".to_owned(), false)]);
    }

    #[tokio::test]
    async fn a_line_of_exactly_the_limit_is_whole() {
        assert_eq!(lines(b"12345\n", 5, 2).await, [("12345".to_owned(), false)]);
        assert_eq!(lines(b"123456\n", 5, 2).await, [("12".to_owned(), true)]);
    }
}
