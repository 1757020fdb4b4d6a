//! What a filtered file may say about its values.
//!
//! Statistics, size statistics, page encodings and bloom filters are kept for a column when every
//! row group has them, and else dropped everywhere: engines that meet a column with statistics in
//! some row groups only have been seen to skip rows that match.

use crate::assemble::{OutputChunk, OutputGroup};
use crate::thrift::{Struct, Value};

/// `ColumnMetaData` fields that come for all row groups or for none.
const STATISTICS: i16 = 12;
const ENCODING_STATISTICS: i16 = 13;
const SIZE_STATISTICS: i16 = 16;

/// Makes every kind of statistics complete or absent, column by column. `ordered` tells for each
/// column whether the file's column orders give its minimum and maximum a meaning.
pub(crate) fn settle(groups: &mut [OutputGroup<'_>], ordered: &[bool]) {
    let reencoded = groups
        .iter()
        .flat_map(|group| &group.chunks)
        .any(|chunk| chunk.bytes.is_some());
    for (column, ordered) in ordered.iter().enumerate() {
        for field in [STATISTICS, ENCODING_STATISTICS, SIZE_STATISTICS] {
            if !all(groups, column, |chunk| chunk.metadata.has(field)) {
                drop_field(groups, column, field);
            }
        }
        if !all(groups, column, |chunk| chunk.bloom_filter.is_some()) {
            each(groups, column, |chunk| chunk.bloom_filter = None);
        }
        let usable = *ordered && all(groups, column, has_bounds);
        if reencoded && !usable {
            drop_field(groups, column, STATISTICS);
        }
    }
}

/// Drops what readers can do without.
pub(crate) fn drop_all(groups: &mut [OutputGroup<'_>]) {
    for chunk in groups.iter_mut().flat_map(|group| &mut group.chunks) {
        chunk.bloom_filter = None;
        for field in [STATISTICS, ENCODING_STATISTICS, SIZE_STATISTICS] {
            chunk.metadata.take(field);
        }
    }
}

/// Reduces statistics that this crate's encoder wrote to those that mean the same to every reader:
/// not the deprecated minimum and maximum, whose order was never defined.
pub(crate) fn modernise(metadata: &mut Struct<'_>) {
    let Some(mut statistics) = metadata.take_struct(STATISTICS) else {
        return;
    };
    statistics.take(1);
    statistics.take(2);
    metadata.set(STATISTICS, Value::Struct(statistics));
}

/// Whether a chunk tells its number of NULLs, and its minimum and maximum unless all is NULL.
fn has_bounds(chunk: &OutputChunk<'_>) -> bool {
    let Some(statistics) = chunk.metadata.structure(STATISTICS) else {
        return false;
    };
    let nulls = statistics.i64(3);
    let bounded = statistics.has(5) && statistics.has(6);
    nulls.is_some() && (bounded || nulls == chunk.metadata.i64(5))
}

fn all(groups: &[OutputGroup<'_>], column: usize, test: impl Fn(&OutputChunk<'_>) -> bool) -> bool {
    groups
        .iter()
        .all(|group| group.chunks.get(column).is_some_and(&test))
}

fn drop_field(groups: &mut [OutputGroup<'_>], column: usize, field: i16) {
    each(groups, column, |chunk| drop(chunk.metadata.take(field)));
}

fn each(groups: &mut [OutputGroup<'_>], column: usize, change: impl Fn(&mut OutputChunk<'_>)) {
    for group in groups {
        if let Some(chunk) = group.chunks.get_mut(column) {
            change(chunk);
        }
    }
}
