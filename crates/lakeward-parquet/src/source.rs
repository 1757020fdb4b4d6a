//! Where original bytes come from.

use std::ops::Range;

use bytes::Bytes;

use crate::ViewError;

/// An original object, read by position.
pub trait Source: Send + Sync {
    /// Size in bytes.
    fn size(&self) -> u64;

    /// Exactly `length` bytes from `offset` on.
    ///
    /// # Errors
    /// The range cannot be read in full.
    fn read_at(&self, offset: u64, length: usize) -> std::io::Result<Bytes>;
}

impl Source for Bytes {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> std::io::Result<Bytes> {
        let range = usize::try_from(offset)
            .ok()
            .and_then(|start| Some(start..start.checked_add(length)?));
        match range {
            Some(range) if range.end <= self.len() => Ok(self.slice(range)),
            _ => Err(std::io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Reads `range`, and checks that the source kept its promise.
pub(crate) fn read(source: &dyn Source, range: &Range<u64>) -> Result<Bytes, ViewError> {
    let length = range
        .end
        .checked_sub(range.start)
        .and_then(|length| usize::try_from(length).ok())
        .ok_or_else(|| ViewError::malformed("a byte range runs backwards"))?;
    let bytes = source.read_at(range.start, length)?;
    if bytes.len() != length {
        return Err(ViewError::Read(std::io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(bytes)
}
