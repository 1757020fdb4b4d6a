//! Offset indexes: where the pages of a chunk begin. They move along with their chunks.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

use crate::footer::Chunk;
use crate::limits::READ_GAP;
use crate::shapes::OFFSET_INDEX;
use crate::source::read;
use crate::thrift::{Struct, Value, read_struct};
use crate::{Source, ViewError};

/// The offset index of one column chunk.
pub(crate) struct OffsetIndex {
    pages: Vec<PageLocation>,
    unencoded_sizes: Option<Vec<i64>>,
}

/// Where a page is.
struct PageLocation {
    offset: u64,
    size: i32,
    first_row: i64,
}

/// Reads the offset indexes of all `chunks`. `None` unless every chunk has both page indexes and all
/// of them are sound: readers take a file's page indexes as a whole.
pub(crate) fn read_all(
    source: &dyn Source,
    chunks: &[&Chunk<'_>],
) -> Result<Option<Vec<OffsetIndex>>, ViewError> {
    let ranges: Option<Vec<Range<u64>>> = chunks
        .iter()
        .map(|chunk| chunk.column_index.as_ref().and(chunk.offset_index.clone()))
        .collect();
    let Some(ranges) = ranges else {
        return Ok(None);
    };
    let blocks = read_blocks(source, &ranges)?;
    let indexes = ranges
        .iter()
        .zip(chunks)
        .map(|(range, chunk)| OffsetIndex::parse(&slice(&blocks, range)?, chunk))
        .collect();
    Ok(indexes)
}

/// Reads `ranges`, joining those that are close to each other; blocks by where they begin.
fn read_blocks(
    source: &dyn Source,
    ranges: &[Range<u64>],
) -> Result<BTreeMap<u64, Bytes>, ViewError> {
    let mut sorted: Vec<Range<u64>> = ranges.to_vec();
    sorted.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(READ_GAP) => {
                last.end = last.end.max(range.end);
            }
            _ => joined.push(range),
        }
    }
    joined
        .into_iter()
        .map(|range| Ok((range.start, read(source, &range)?)))
        .collect()
}

fn slice(blocks: &BTreeMap<u64, Bytes>, range: &Range<u64>) -> Option<Bytes> {
    let (start, block) = blocks.range(..=range.start).next_back()?;
    let from = usize::try_from(range.start - start).ok()?;
    let to = usize::try_from(range.end - start).ok()?;
    (to <= block.len()).then(|| block.slice(from..to))
}

impl OffsetIndex {
    /// Reads an index; `None` when it points out of its chunk or makes no sense otherwise.
    fn parse(bytes: &[u8], chunk: &Chunk<'_>) -> Option<Self> {
        let (mut tree, _) = read_struct(bytes, OFFSET_INDEX).ok()?;
        let pages: Vec<PageLocation> = tree
            .take_list(1)?
            .iter()
            .map(|page| match page {
                Value::Struct(page) => PageLocation::parse(page, &chunk.range),
                _ => None,
            })
            .collect::<Option<_>>()?;
        let unencoded_sizes = match tree.take_list(2) {
            None => None,
            Some(sizes) if sizes.len() == pages.len() => {
                Some(sizes.iter().map(number).collect::<Option<_>>()?)
            }
            Some(_) => return None,
        };
        Some(Self {
            pages,
            unencoded_sizes,
        })
    }

    /// The index as bytes, with the chunk that began at `from` beginning at `to`.
    pub(crate) fn relocated(&self, from: u64, to: u64) -> Vec<u8> {
        let pages = self.pages.iter().map(|page| {
            let offset = (page.offset - from).saturating_add(to);
            Value::Struct(
                Struct::default()
                    .with(1, Value::I64(i64::try_from(offset).unwrap_or(i64::MAX)))
                    .with(2, Value::I32(page.size))
                    .with(3, Value::I64(page.first_row)),
            )
        });
        let mut tree = Struct::default().with(1, Value::List(pages.collect()));
        if let Some(sizes) = &self.unencoded_sizes {
            tree.set(
                2,
                Value::List(sizes.iter().copied().map(Value::I64).collect()),
            );
        }
        tree.to_bytes()
    }
}

impl PageLocation {
    fn parse(page: &Struct<'_>, chunk: &Range<u64>) -> Option<Self> {
        let offset = u64::try_from(page.i64(1)?).ok()?;
        let size = page.i32(2)?;
        let end = offset.checked_add(u64::try_from(size).ok()?)?;
        let inside = chunk.start <= offset && end <= chunk.end;
        inside.then_some(Self {
            offset,
            size,
            first_row: page.i64(3)?,
        })
    }
}

fn number(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::I64(number) => Some(*number),
        _ => None,
    }
}
