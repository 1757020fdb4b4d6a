//! Lines of a file from either end, in bounded memory.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom},
};

/// Longer lines are no records: the writer makes none.
const MAX_LINE: usize = 2 << 20;
const BLOCK: usize = 64 << 10;

/// A line and where it begins in its file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub offset: u64,
    pub bytes: Vec<u8>,
    /// Its newline is there.
    pub ended: bool,
}

/// The lines from the first to the last.
pub(super) struct Forward {
    file: BufReader<File>,
    offset: u64,
}

impl Forward {
    pub fn from(mut file: File, offset: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self {
            file: BufReader::with_capacity(BLOCK, file),
            offset,
        })
    }

    /// The next line. A line of more than [`MAX_LINE`] bytes comes in pieces, none of which can be
    /// read as a record.
    pub fn next(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let limit = MAX_LINE as u64;
        let read = (&mut self.file).take(limit).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        let offset = self.offset;
        self.offset += read as u64;
        let ended = bytes.pop_if(|last| *last == b'\n').is_some();
        Ok(Some(Line {
            offset,
            bytes,
            ended,
        }))
    }

    /// Takes a line back that was read before it was whole.
    pub fn unread(&mut self, line: &Line) -> io::Result<()> {
        self.offset = line.offset;
        self.file.seek(SeekFrom::Start(line.offset))?;
        Ok(())
    }

    pub fn offset(&self) -> u64 {
        self.offset
    }
}

/// The lines from the last to the first.
pub(super) struct Backward {
    file: File,
    /// Where `held` begins in the file.
    start: u64,
    held: Vec<u8>,
    done: bool,
}

impl Backward {
    /// The lines that begin before `end`.
    pub fn before(file: File, end: u64) -> Self {
        Self {
            file,
            start: end,
            held: Vec::new(),
            done: end == 0,
        }
    }

    /// The line before. Empty lines are left out; one of more than [`MAX_LINE`] bytes comes in
    /// pieces, none of which can be read as a record.
    pub fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(newline) = self.held.iter().rposition(|byte| *byte == b'\n') {
                let bytes = self.held.split_off(newline + 1);
                self.held.pop();
                if bytes.is_empty() {
                    continue;
                }
                let offset = self.start + newline as u64 + 1;
                return Ok(Some(line(offset, bytes)));
            }
            let whole = self.start == 0;
            if whole || self.held.len() > MAX_LINE {
                let bytes = std::mem::take(&mut self.held);
                self.done |= whole;
                if !bytes.is_empty() {
                    return Ok(Some(line(self.start, bytes)));
                }
            }
            if self.done {
                return Ok(None);
            }
            self.grow()?;
        }
    }

    fn grow(&mut self) -> io::Result<()> {
        let size = self.start.min(BLOCK as u64);
        self.start -= size;
        let mut block = Vec::with_capacity(BLOCK + self.held.len());
        self.file.seek(SeekFrom::Start(self.start))?;
        (&self.file).take(size).read_to_end(&mut block)?;
        if block.len() as u64 != size {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        block.append(&mut self.held);
        self.held = block;
        Ok(())
    }
}

fn line(offset: u64, bytes: Vec<u8>) -> Line {
    Line {
        offset,
        bytes,
        ended: true,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(text: &str) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn forward(text: &str) -> Vec<(u64, String)> {
        let mut lines = Forward::from(file(text), 0).unwrap();
        std::iter::from_fn(|| lines.next().unwrap())
            .map(|line| (line.offset, String::from_utf8(line.bytes).unwrap()))
            .filter(|(_, line)| !line.is_empty())
            .collect()
    }

    fn backward(text: &str) -> Vec<(u64, String)> {
        let mut lines = Backward::before(file(text), text.len() as u64);
        let mut found: Vec<_> = std::iter::from_fn(|| lines.next().unwrap())
            .map(|line| (line.offset, String::from_utf8(line.bytes).unwrap()))
            .collect();
        found.reverse();
        found
    }

    #[test]
    fn both_ends_find_the_same_lines() {
        let long = format!("{}\n{}\n", "a".repeat(BLOCK + 7), "b".repeat(3 * BLOCK));
        let exact = format!("{}\n{}\n", "a".repeat(BLOCK - 1), "b".repeat(BLOCK - 1));
        let many: String = (0..20_000).map(|n| format!("{n}\n")).collect();
        for text in [
            "", "\n", "a", "a\n", "a\nb\n", "a\n\nb", "\n\na\n", &long, &exact, &many,
        ] {
            assert_eq!(forward(text), backward(text), "{} bytes", text.len());
        }
    }

    #[test]
    fn a_line_without_end_takes_no_memory_without_end() {
        let text = format!("{}\nlast\n", "a".repeat(5 * MAX_LINE));
        let mut lines = Backward::before(file(&text), text.len() as u64);
        assert_eq!(lines.next().unwrap().unwrap().bytes, b"last");
        while let Some(line) = lines.next().unwrap() {
            assert!(line.bytes.len() <= MAX_LINE + BLOCK);
        }
        let mut lines = Forward::from(file(&text), 0).unwrap();
        while let Some(line) = lines.next().unwrap() {
            assert!(line.bytes.len() <= MAX_LINE);
        }
    }
}
