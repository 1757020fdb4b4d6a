//! A survey of a column chunk's pages, before anything is decoded: sizes and counts within limits and
//! within the chunk, and how the pages are encoded.

use std::collections::BTreeSet;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;

use crate::ViewError;
use crate::limits::{CHUNK_BYTES, CHUNK_VALUES, DICTIONARY_BYTES, PAGE_BYTES, PAGE_VALUES};
use crate::shapes::PAGE_HEADER;
use crate::thrift::{Struct, read_struct};

/// What the pages of a chunk are like.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Values, NULLs and empty lists included.
    pub(crate) values: u64,
    /// Bytes after decompression.
    pub(crate) bytes: u64,
    /// The most bytes per value of a page, rounded down.
    pub(crate) bytes_per_value: u64,
    /// The largest page's bytes after decompression.
    pub(crate) largest_page: u64,
    /// The dictionary page's bytes after decompression.
    pub(crate) dictionary_bytes: Option<u64>,
    /// The encodings of data pages, by number.
    pub(crate) encodings: BTreeSet<i32>,
    /// Whether there are data pages of version 2.
    pub(crate) version_2: bool,
}

/// The most bytes that deflate makes of one.
const GZIP_EXPANSION: u64 = 1032;
const DATA_PAGE: i32 = 0;
const INDEX_PAGE: i32 = 1;
const DICTIONARY_PAGE: i32 = 2;
const DATA_PAGE_V2: i32 = 3;

/// Surveys the pages of a chunk; `bytes` are all of it. Pages of gzip are also inflated when they could
/// be far larger than they say, since the decoder would make room for whatever comes out; the other
/// codecs that are decoded stop at the size that the header tells.
pub(crate) fn survey(bytes: &[u8], codec: Compression) -> Result<Survey, ViewError> {
    let gzip = matches!(codec, Compression::GZIP(_));
    let mut survey = Survey::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (header, length) = read_struct(rest, PAGE_HEADER)
            .map_err(|error| ViewError::malformed(format!("a page header: {error}")))?;
        let compressed = size(&header, 3)?;
        survey.page(&header, compressed)?;
        let (page, behind) = usize::try_from(compressed)
            .ok()
            .and_then(|compressed| rest.get(length..)?.split_at_checked(compressed))
            .ok_or_else(|| ViewError::malformed("a page reaches out of its column chunk"))?;
        if gzip {
            check_inflated(&header, page)?;
        }
        rest = behind;
    }
    Ok(survey)
}

/// Inflates a page, without keeping it, if it could come to more than any page may.
fn check_inflated(header: &Struct<'_>, page: &[u8]) -> Result<(), ViewError> {
    let levels = match header.structure(8) {
        Some(page) if page.boolean(7) == Some(false) => return Ok(()),
        Some(page) => size(page, 5)?.saturating_add(size(page, 6)?),
        None => 0,
    };
    let most = size(header, 2)?.saturating_sub(levels);
    let deflated = usize::try_from(levels)
        .ok()
        .and_then(|levels| page.get(levels..))
        .ok_or_else(incomplete)?;
    if (deflated.len() as u64).saturating_mul(GZIP_EXPANSION) <= PAGE_BYTES {
        return Ok(());
    }
    let mut inflated = MultiGzDecoder::new(deflated).take(most.saturating_add(1));
    match std::io::copy(&mut inflated, &mut std::io::sink()) {
        Ok(found) if found <= most => Ok(()),
        Ok(_) => Err(ViewError::Limit(
            "a page inflates to more than it says".into(),
        )),
        Err(_) => Err(ViewError::malformed("a page is no gzip")),
    }
}

impl Survey {
    fn page(&mut self, header: &Struct<'_>, compressed: u64) -> Result<(), ViewError> {
        let bytes = size(header, 2)?;
        self.largest_page = self.largest_page.max(bytes);
        self.bytes = self.bytes.saturating_add(bytes);
        match header.i32(1) {
            Some(DATA_PAGE) => {
                let page = header.structure(5).ok_or_else(incomplete)?;
                self.data_page(size(page, 1)?, bytes, page.i32(2).ok_or_else(incomplete)?);
            }
            Some(DATA_PAGE_V2) => {
                let page = header.structure(8).ok_or_else(incomplete)?;
                let levels = size(page, 5)?.saturating_add(size(page, 6)?);
                if levels > bytes || levels > compressed || size(page, 2)? > size(page, 1)? {
                    return Err(ViewError::malformed("a page's levels are larger than it"));
                }
                self.version_2 = true;
                self.data_page(size(page, 1)?, bytes, page.i32(4).ok_or_else(incomplete)?);
            }
            Some(DICTIONARY_PAGE) => {
                let page = header.structure(7).ok_or_else(incomplete)?;
                if self.dictionary_bytes.is_some() || size(page, 1)? > bytes {
                    return Err(ViewError::malformed("a dictionary page makes no sense"));
                }
                self.dictionary_bytes = Some(bytes);
            }
            Some(INDEX_PAGE) => {}
            _ => return Err(ViewError::malformed("a page of an unknown type")),
        }
        self.check_limits()
    }

    fn data_page(&mut self, values: u64, bytes: u64, encoding: i32) {
        // A page over the limit makes the chunk go over it too.
        let counted = if values > PAGE_VALUES {
            CHUNK_VALUES + 1
        } else {
            values
        };
        self.values = self.values.saturating_add(counted);
        let per_value = bytes.checked_div(values).unwrap_or(0);
        self.bytes_per_value = self.bytes_per_value.max(per_value);
        self.encodings.insert(encoding);
    }

    fn check_limits(&self) -> Result<(), ViewError> {
        let within = self.largest_page <= PAGE_BYTES
            && self.bytes <= CHUNK_BYTES
            && self.values <= CHUNK_VALUES
            && self.dictionary_bytes.unwrap_or(0) <= DICTIONARY_BYTES;
        if within {
            return Ok(());
        }
        Err(ViewError::Limit("the size of its pages".into()))
    }
}

fn incomplete() -> ViewError {
    ViewError::malformed("a page header lacks a field")
}

fn size(fields: &Struct<'_>, id: i16) -> Result<u64, ViewError> {
    fields
        .i32(id)
        .and_then(|size| u64::try_from(size).ok())
        .ok_or_else(incomplete)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;
    use parquet::basic::GzipLevel;

    use super::*;
    use crate::thrift::Value;

    /// A data page of version 1 in front of `payload`.
    fn page(values: i32, uncompressed: i32, payload: &[u8]) -> Vec<u8> {
        let header = Struct::default()
            .with(1, Value::I32(values))
            .with(2, Value::I32(0));
        let mut page = Struct::default()
            .with(1, Value::I32(DATA_PAGE))
            .with(2, Value::I32(uncompressed))
            .with(3, Value::I32(payload.len() as i32))
            .with(5, Value::Struct(header))
            .to_bytes();
        page.extend_from_slice(payload);
        page
    }

    #[test]
    fn pages_are_counted() {
        let chunk = [page(3, 20, &[1; 10]), page(4, 10, &[2; 5])].concat();
        let survey = survey(&chunk, Compression::SNAPPY).unwrap();
        assert_eq!(
            (survey.values, survey.bytes, survey.largest_page),
            (7, 30, 20)
        );
        assert!(!survey.version_2 && survey.dictionary_bytes.is_none());
    }

    #[test]
    fn pages_that_ask_for_too_much_are_refused() {
        let refused = |chunk: &[u8]| survey(chunk, Compression::ZSTD(Default::default())).is_err();
        assert!(refused(&page(3, i32::MAX, &[1; 10])));
        assert!(refused(&page(i32::MAX, 10, &[1; 10])));
        assert!(refused(&page(-1, 10, &[1; 10])));
        assert!(refused(&page(1, -10, &[1; 10])));
        let whole = page(1, 10, &[1; 10]);
        assert!(refused(&whole[..whole.len() - 1]));
        assert!(!refused(&whole));
        assert!(refused(&vec![page(1 << 26, 1, &[]); 5].concat()));
    }

    #[test]
    fn gzip_that_inflates_to_more_than_it_says_is_refused() {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&vec![0; 80 << 20]).unwrap();
        let bomb = encoder.finish().unwrap();
        assert!(bomb.len() as u64 * GZIP_EXPANSION > PAGE_BYTES);
        let codec = Compression::GZIP(GzipLevel::default());
        assert!(matches!(
            survey(&page(1, 1000, &bomb), codec),
            Err(ViewError::Limit(_))
        ));
        assert!(survey(&page(1, 80 << 20, &bomb), codec).is_ok());
    }
}
