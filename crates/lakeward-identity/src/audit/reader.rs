use std::{
    collections::VecDeque,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use jiff::SignedDuration;

use super::{
    entry::{AuditRecord, Place},
    files,
    filter::Filter,
    lines::{Backward, Forward},
};

/// A record is written when its call ends and tells when it began. Records are therefore in order
/// but for this much, the longest a call takes.
const LONGEST_CALL: SignedDuration = SignedDuration::from_hours(1);

/// The order in which records are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The last record first.
    NewestFirst,
    /// The first record first.
    OldestFirst,
}

/// Reads the trail's records, file by file, line by line.
pub struct Reader {
    order: Order,
    filter: Filter,
    rest: VecDeque<Source>,
    current: Option<Lines>,
    file: u64,
    last: Option<Place>,
    unreadable: u64,
    bytes_read: u64,
    budget: u64,
}

/// A file still to be read.
enum Source {
    /// Opened already, so that its being put aside meanwhile changes nothing.
    Active {
        file: File,
        end: u64,
    },
    Aside(PathBuf),
}

enum Lines {
    Forward(Forward),
    Backward(Backward),
}

impl Source {
    /// The file and its length; none when it was deleted since, as too old.
    fn open(self) -> io::Result<Option<(File, u64)>> {
        match self {
            Self::Active { file, end } => Ok(Some((file, end))),
            Self::Aside(path) => match files::existing(&path)? {
                Some(file) => {
                    let end = file.metadata()?.len();
                    Ok(Some((file, end)))
                }
                None => Ok(None),
            },
        }
    }
}

impl Reader {
    /// A reader of the trail in `folder`. A trail that is written to meanwhile is read as it was
    /// when the reader was made.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn open(folder: &Path, filter: Filter, order: Order) -> io::Result<Self> {
        let mut rest = VecDeque::new();
        let active = files::existing(&folder.join(files::ACTIVE))?;
        let own = active.as_ref().map(files::identity).transpose()?;
        for aside in files::put_aside(folder)? {
            let over = |since| aside.until.is_some_and(|until| until < since);
            let is_active = File::open(&aside.path)
                .and_then(|file| files::identity(&file))
                .is_ok_and(|id| Some(id) == own);
            if !is_active && !filter.since.is_some_and(over) {
                rest.push_back(Source::Aside(aside.path));
            }
        }
        if let Some(file) = active {
            let end = file.metadata()?.len();
            rest.push_back(Source::Active { file, end });
        }
        if order == Order::NewestFirst {
            rest = rest.into_iter().rev().collect();
        }
        Ok(Self {
            order,
            filter,
            rest,
            current: None,
            file: 0,
            last: None,
            unreadable: 0,
            bytes_read: 0,
            budget: u64::MAX,
        })
    }

    /// Goes on behind `place`, which a reader of the same order found. False when the place is no
    /// longer kept.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn skip_to(&mut self, place: Place) -> io::Result<bool> {
        while let Some(source) = self.rest.pop_front() {
            let Some((file, end)) = source.open()? else {
                continue;
            };
            if files::identity(&file)? != place.file {
                continue;
            }
            if place.offset > end {
                return Ok(false);
            }
            self.file = place.file;
            self.last = Some(place);
            self.current = Some(match self.order {
                Order::NewestFirst => Lines::Backward(Backward::before(file, place.offset)),
                Order::OldestFirst => {
                    let mut lines = Forward::from(file, place.offset)?;
                    lines.next()?;
                    Lines::Forward(lines)
                }
            });
            return Ok(true);
        }
        Ok(false)
    }

    /// Reads at most about this many bytes; [`Reader::is_spent`] tells when they are read.
    #[must_use]
    pub fn within(mut self, bytes: u64) -> Self {
        self.budget = bytes;
        self
    }

    /// Whether reading ended because of [`Reader::within`].
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.bytes_read >= self.budget
    }

    /// The last record that was read, asked for or not: another reader can go on behind it.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.last
    }

    /// Lines that are no records: cut off by a crash, or damaged.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// The next record, whether or not the filter asks for it, while there is one.
    fn next_any(&mut self) -> io::Result<Option<AuditRecord>> {
        loop {
            if self.is_spent() {
                return Ok(None);
            }
            let line = match &mut self.current {
                None => None,
                Some(Lines::Forward(lines)) => lines.next()?,
                Some(Lines::Backward(lines)) => lines.next()?,
            };
            match line {
                Some(line) => {
                    self.bytes_read += line.bytes.len() as u64;
                    self.last = Some(Place {
                        file: self.file,
                        offset: line.offset,
                    });
                    if let Some(record) = AuditRecord::parse(&line, self.file) {
                        return Ok(Some(record));
                    }
                    self.unreadable += u64::from(!line.bytes.is_empty());
                }
                None if !self.open_next()? => return Ok(None),
                None => {}
            }
        }
    }

    fn open_next(&mut self) -> io::Result<bool> {
        while let Some(source) = self.rest.pop_front() {
            let Some((file, end)) = source.open()? else {
                continue;
            };
            self.file = files::identity(&file)?;
            self.current = Some(match self.order {
                Order::NewestFirst => Lines::Backward(Backward::before(file, end)),
                Order::OldestFirst => Lines::Forward(Forward::from(file, 0)?),
            });
            return Ok(true);
        }
        Ok(false)
    }

    /// Whether no later record can be within the filter's time.
    fn is_past(&self, record: &AuditRecord) -> bool {
        let Some(at) = record.time() else {
            return false;
        };
        match self.order {
            Order::NewestFirst => self
                .filter
                .since
                .is_some_and(|since| at < since - LONGEST_CALL),
            Order::OldestFirst => self
                .filter
                .until
                .is_some_and(|until| at > until + LONGEST_CALL),
        }
    }
}

impl Iterator for Reader {
    type Item = io::Result<AuditRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_any() {
                Err(error) => return Some(Err(error)),
                Ok(None) => return None,
                Ok(Some(record)) if self.is_past(&record) => {
                    self.rest.clear();
                    self.current = None;
                    return None;
                }
                Ok(Some(record)) if self.filter.matches(&record) => return Some(Ok(record)),
                Ok(Some(_)) => {}
            }
        }
    }
}
