use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::{
    entry::{AuditRecord, Place},
    files,
    lines::Forward,
};

/// Reads the records that are written from now on, through any number of files.
pub struct Follower {
    folder: PathBuf,
    current: Option<(u64, Forward)>,
    unreadable: u64,
}

impl Follower {
    /// Begins at the trail's end.
    ///
    /// # Errors
    /// The trail can't be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let mut follower = Self {
            folder: folder.to_owned(),
            current: None,
            unreadable: 0,
        };
        if let Some(file) = files::existing(&folder.join(files::ACTIVE))? {
            let end = file.metadata()?.len();
            follower.begin(file, end)?;
        }
        Ok(follower)
    }

    /// Where the next record will be: a [`super::Reader`] that skips to there reads what came
    /// before.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let (file, lines) = self.current.as_ref()?;
        Some(Place {
            file: *file,
            offset: lines.offset(),
        })
    }

    /// Lines that are no records.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// The next record, or none if there is none yet.
    ///
    /// # Errors
    /// The trail can't be read.
    pub fn poll(&mut self) -> io::Result<Option<AuditRecord>> {
        loop {
            // Looked at before the end of the file: what is put aside is not written to any more.
            let is_over = self.is_over()?;
            let Some((id, lines)) = &mut self.current else {
                if !self.advance()? {
                    return Ok(None);
                }
                continue;
            };
            match lines.next()? {
                Some(line) if line.ended || is_over => {
                    if let Some(record) = AuditRecord::parse(&line, *id) {
                        return Ok(Some(record));
                    }
                    self.unreadable += u64::from(!line.bytes.is_empty());
                }
                Some(half) => {
                    lines.unread(&half)?;
                    return Ok(None);
                }
                None if is_over => {
                    if !self.advance()? {
                        return Ok(None);
                    }
                }
                None => return Ok(None),
            }
        }
    }

    /// Whether the current file was put aside.
    fn is_over(&self) -> io::Result<bool> {
        let Some((id, _)) = &self.current else {
            return Ok(false);
        };
        let active = files::existing(&self.folder.join(files::ACTIVE))?;
        match active {
            Some(active) => Ok(files::identity(&active)? != *id),
            // Between two files.
            None => Ok(false),
        }
    }

    /// Opens the file after the current one; the oldest if that isn't kept any more.
    fn advance(&mut self) -> io::Result<bool> {
        let mut files = Vec::new();
        for aside in files::put_aside(&self.folder)? {
            files.extend(files::existing(&aside.path)?);
        }
        files.extend(files::existing(&self.folder.join(files::ACTIVE))?);
        let mut next = 0;
        if let Some((id, _)) = &self.current {
            for (index, file) in files.iter().enumerate() {
                if files::identity(file)? == *id {
                    next = index + 1;
                }
            }
        }
        match files.into_iter().nth(next) {
            Some(file) => {
                self.begin(file, 0)?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn begin(&mut self, file: File, offset: u64) -> io::Result<()> {
        let id = files::identity(&file)?;
        self.current = Some((id, Forward::from(file, offset)?));
        Ok(())
    }
}
