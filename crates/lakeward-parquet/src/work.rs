//! How much a plan may cost. A few bytes of a file can stand for very many: a page that compresses
//! well, a value of a dictionary that every row repeats. What is decoded and written is counted, and a
//! plan ends as soon as it goes over.

use std::cell::Cell;

use crate::ViewError;
use crate::limits::{NARROW_BYTES, VALUE_BYTES, WORK_FACTOR};

/// What one plan has cost so far, in bytes.
pub(crate) struct Work {
    done: Cell<u64>,
    written: Cell<u64>,
    declared: u64,
}

impl Work {
    /// For a filtered file of `declared` bytes.
    pub(crate) fn new(declared: u64) -> Self {
        Self {
            done: Cell::new(0),
            written: Cell::new(0),
            declared,
        }
    }

    /// Counts bytes that are about to be read, decoded or encoded.
    pub(crate) fn spend(&self, bytes: u64) -> Result<(), ViewError> {
        let done = self.done.get().saturating_add(bytes);
        self.done.set(done);
        if done <= self.declared.saturating_mul(WORK_FACTOR) {
            return Ok(());
        }
        Err(ViewError::Limit(
            "its values expand to far more than its size".into(),
        ))
    }

    /// Counts `values` values (or NULLs) in pages of `bytes` bytes.
    pub(crate) fn spend_pages(&self, values: u64, bytes: u64) -> Result<(), ViewError> {
        self.spend(values.saturating_mul(VALUE_BYTES).saturating_add(bytes))
    }

    /// Whether `bytes` more fit into the filtered file.
    pub(crate) fn fits(&self, bytes: u64) -> Result<(), ViewError> {
        let needed = self.written.get().saturating_add(bytes);
        if needed <= self.declared {
            return Ok(());
        }
        Err(ViewError::TooLarge {
            needed,
            declared: self.declared,
        })
    }

    /// Counts bytes of the filtered file.
    pub(crate) fn write(&self, bytes: u64) -> Result<(), ViewError> {
        self.fits(bytes)?;
        self.written.set(self.written.get().saturating_add(bytes));
        Ok(())
    }
}

/// What a value of so many bytes costs beyond being one.
pub(crate) fn wide(length: usize) -> u64 {
    (length as u64).saturating_sub(NARROW_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_and_size_have_ends() {
        let work = Work::new(100);
        assert!(work.spend(100 * WORK_FACTOR).is_ok());
        assert!(matches!(work.spend(1), Err(ViewError::Limit(_))));
        assert!(work.write(60).is_ok() && work.fits(40).is_ok());
        assert!(matches!(
            work.write(41),
            Err(ViewError::TooLarge {
                needed: 101,
                declared: 100
            })
        ));
        assert!(work.write(40).is_ok());
    }

    #[test]
    fn values_cost_something_however_small_their_pages() {
        let work = Work::new(100);
        assert!(work.spend_pages(u64::MAX, 1).is_err());
        assert_eq!(wide(usize::try_from(NARROW_BYTES).unwrap()), 0);
        assert_eq!(wide(1000), 1000 - NARROW_BYTES);
    }
}
