//! The footer of an original: read, checked, and reduced to what a filtered file may know.

#[cfg(test)]
mod tests;

use std::ops::Range;

use bytes::Bytes;

use crate::limits::{FOOTER_BYTES, TAIL_BYTES};
use crate::schema::{Leaf, Schema};
use crate::shapes::FILE_META_DATA;
use crate::source::read;
use crate::thrift::{Struct, Value, read_struct};
use crate::{Source, ViewError};

/// Parquet's magic number.
pub(crate) const MAGIC: &[u8; 4] = b"PAR1";
const ENCRYPTED_MAGIC: &[u8; 4] = b"PARE";
/// Bytes behind the footer: its length and the magic number.
pub(crate) const TRAILER: u64 = 8;

/// A footer's bytes, and where in the file they begin.
pub(crate) struct RawFooter {
    pub(crate) bytes: Bytes,
    pub(crate) start: u64,
}

impl RawFooter {
    /// Reads the footer from the end of a file.
    pub(crate) fn read(source: &dyn Source) -> Result<Self, ViewError> {
        let size = source.size();
        if size < TRAILER + MAGIC.len() as u64 {
            return Err(ViewError::NotParquet);
        }
        let tail_start = size.saturating_sub(TAIL_BYTES);
        let tail = read(source, &(tail_start..size))?;
        let length = footer_length(&tail)?;
        let end = size - TRAILER;
        let start = end
            .checked_sub(length)
            .filter(|start| *start >= MAGIC.len() as u64)
            .ok_or(ViewError::NotParquet)?;
        if length > FOOTER_BYTES {
            return Err(ViewError::Limit(format!("its footer takes {length} bytes")));
        }
        let bytes = match start.checked_sub(tail_start) {
            Some(skip) => tail.slice(skip as usize..tail.len() - TRAILER as usize),
            None => read(source, &(start..end))?,
        };
        Ok(Self { bytes, start })
    }
}

fn footer_length(tail: &[u8]) -> Result<u64, ViewError> {
    let (rest, magic) = tail.split_last_chunk::<4>().ok_or(ViewError::NotParquet)?;
    if magic == ENCRYPTED_MAGIC {
        return Err(ViewError::Encrypted);
    }
    match rest.split_last_chunk::<4>() {
        Some((_, length)) if magic == MAGIC => Ok(u64::from(u32::from_le_bytes(*length))),
        _ => Err(ViewError::NotParquet),
    }
}

/// What a footer says.
pub(crate) struct Footer<'a> {
    pub(crate) version: i32,
    pub(crate) created_by: Option<&'a [u8]>,
    /// One order per leaf.
    pub(crate) column_orders: Option<Vec<Value<'a>>>,
    pub(crate) schema: Schema<'a>,
    /// The row groups that have rows.
    pub(crate) row_groups: Vec<RowGroup<'a>>,
}

/// A row group.
pub(crate) struct RowGroup<'a> {
    pub(crate) rows: u64,
    pub(crate) sorting: Vec<Value<'a>>,
    /// Which of the optional fields of the struct were there; filtered files have no others, so that
    /// they never grow by them.
    pub(crate) fields: RowGroupFields,
    /// One chunk per leaf.
    pub(crate) chunks: Vec<Chunk<'a>>,
}

/// Presence of a row group's optional fields.
#[derive(Clone, Copy)]
pub(crate) struct RowGroupFields {
    pub(crate) file_offset: bool,
    pub(crate) total_compressed_size: bool,
    pub(crate) ordinal: bool,
}

/// A column chunk: where its bytes are and what is said of them.
pub(crate) struct Chunk<'a> {
    /// `ColumnMetaData`, reduced to its allow-list.
    pub(crate) metadata: Struct<'a>,
    /// The pages.
    pub(crate) range: Range<u64>,
    /// Where the first data page begins.
    pub(crate) data: u64,
    /// Where the dictionary page begins, if that is told and believable.
    pub(crate) dictionary: Option<u64>,
    pub(crate) bloom_filter: Option<Range<u64>>,
    pub(crate) column_index: Option<Range<u64>>,
    pub(crate) offset_index: Option<Range<u64>>,
}

impl<'a> Footer<'a> {
    /// Reads `bytes`, the footer of a file whose data ends at `data_end`.
    pub(crate) fn parse(bytes: &'a [u8], data_end: u64) -> Result<Self, ViewError> {
        let (mut tree, _) = read_struct(bytes, FILE_META_DATA)
            .map_err(|error| ViewError::malformed(format!("its footer: {error}")))?;
        if tree.has(8) {
            return Err(ViewError::Encrypted);
        }
        let elements = tree.take_list(2).unwrap_or_default();
        let schema = Schema::new(elements)?;
        let leaves: Vec<&Leaf<'_>> = schema.leaves().collect();
        let row_groups = tree
            .take_list(4)
            .ok_or_else(|| ViewError::malformed("the footer lists no row groups"))?
            .into_iter()
            .filter_map(|group| RowGroup::parse(group, &leaves, data_end).transpose())
            .collect::<Result<_, _>>()?;
        let column_orders = tree
            .take_list(7)
            .filter(|orders| orders.len() == leaves.len());
        drop(leaves);
        Ok(Self {
            version: tree.i32(1).unwrap_or(1),
            created_by: tree.binary(6),
            column_orders,
            schema,
            row_groups,
        })
    }
}

impl<'a> RowGroup<'a> {
    /// Checks a row group; `None` when it has no rows.
    fn parse(
        group: Value<'a>,
        leaves: &[&Leaf<'_>],
        data_end: u64,
    ) -> Result<Option<Self>, ViewError> {
        let Value::Struct(mut group) = group else {
            return Err(ViewError::malformed("a row group is no struct"));
        };
        let rows = unsigned(group.i64(3), "a row group's number of rows")?;
        if rows == 0 {
            return Ok(None);
        }
        let chunks = group.take_list(1).unwrap_or_default();
        if chunks.len() != leaves.len() {
            return Err(ViewError::malformed(
                "a row group has another number of columns than the schema",
            ));
        }
        let chunks = chunks
            .into_iter()
            .zip(leaves)
            .map(|(chunk, leaf)| Chunk::parse(chunk, leaf, data_end))
            .collect::<Result<_, _>>()?;
        Ok(Some(Self {
            rows,
            sorting: group.take_list(4).unwrap_or_default(),
            fields: RowGroupFields {
                file_offset: group.has(5),
                total_compressed_size: group.has(6),
                ordinal: group.has(7),
            },
            chunks,
        }))
    }
}

impl<'a> Chunk<'a> {
    fn parse(chunk: Value<'a>, leaf: &Leaf<'_>, data_end: u64) -> Result<Self, ViewError> {
        let Value::Struct(mut chunk) = chunk else {
            return Err(ViewError::malformed("a column chunk is no struct"));
        };
        if chunk.has(8) || chunk.has(9) {
            return Err(ViewError::Encrypted);
        }
        if chunk.binary(1).is_some_and(|path| !path.is_empty()) {
            return Err(ViewError::ExternalFile);
        }
        let mut metadata = chunk
            .take_struct(3)
            .ok_or_else(|| ViewError::malformed("a column chunk has no metadata"))?;
        check_leaf(&metadata, leaf)?;
        unsigned(metadata.i64(5), "a column chunk's number of values")?;
        unsigned(metadata.i64(6), "a column chunk's uncompressed size")?;
        let data = unsigned(metadata.i64(9), "a column chunk's offset")?;
        let length = unsigned(metadata.i64(7), "a column chunk's size")?;
        let dictionary = believable_dictionary(&metadata, data);
        let bloom_filter = section(metadata.take(14), metadata.take(15), data_end)?;
        let start = dictionary.unwrap_or(data);
        let range = range(start, length, data_end)?;
        if !range.contains(&data) {
            return Err(ViewError::malformed(
                "a column chunk begins outside of itself",
            ));
        }
        Ok(Self {
            metadata,
            range,
            data,
            dictionary,
            bloom_filter,
            column_index: section(chunk.take(6), chunk.take(7), data_end)?,
            offset_index: section(chunk.take(4), chunk.take(5), data_end)?,
        })
    }
}

/// The offset of the dictionary page. Some writers put 0 or a later offset where there is none.
fn believable_dictionary(metadata: &Struct<'_>, data: u64) -> Option<u64> {
    let offset = u64::try_from(metadata.i64(11)?).ok()?;
    (offset > 0 && offset <= data).then_some(offset)
}

/// A chunk's metadata must be about the leaf at its position.
fn check_leaf(metadata: &Struct<'_>, leaf: &Leaf<'_>) -> Result<(), ViewError> {
    if metadata.i32(1) != Some(leaf.physical) {
        return Err(ViewError::malformed(
            "a column chunk has another type than its column",
        ));
    }
    let Some(path) = metadata.list(3) else {
        return Ok(());
    };
    let same = path.len() == leaf.path.len()
        && path
            .iter()
            .zip(&leaf.path)
            .all(|(part, name)| *part == Value::Binary(name.as_bytes()));
    if !same {
        return Err(ViewError::malformed(
            "a column chunk names another column than the schema at its position",
        ));
    }
    Ok(())
}

fn unsigned(value: Option<i64>, what: &str) -> Result<u64, ViewError> {
    value
        .and_then(|value| u64::try_from(value).ok())
        .ok_or_else(|| ViewError::malformed(format!("{what} is missing or negative")))
}

fn range(start: u64, length: u64, data_end: u64) -> Result<Range<u64>, ViewError> {
    start
        .checked_add(length)
        .filter(|end| start >= MAGIC.len() as u64 && *end <= data_end)
        .map(|end| start..end)
        .ok_or_else(|| ViewError::malformed("an offset points out of the file"))
}

/// An optional part of the file, told by offset and length; without both there is none.
fn section(
    offset: Option<Value<'_>>,
    length: Option<Value<'_>>,
    data_end: u64,
) -> Result<Option<Range<u64>>, ViewError> {
    let (Some(Value::I64(offset)), Some(Value::I32(length))) = (offset, length) else {
        return Ok(None);
    };
    match (u64::try_from(offset), u64::try_from(length)) {
        (Ok(offset), Ok(length)) if length > 0 => range(offset, length, data_end).map(Some),
        (Ok(_), Ok(_)) => Ok(None),
        _ => Err(ViewError::malformed("an offset or length is negative")),
    }
}
