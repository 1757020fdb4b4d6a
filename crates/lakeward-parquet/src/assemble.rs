//! The filtered file: chunks packed from the start, zeros, and a footer that tells where they are.

use std::ops::Range;

use bytes::Bytes;

use crate::ViewError;
use crate::footer::{Chunk, Footer, MAGIC, RowGroup, RowGroupFields, TRAILER};
use crate::page_index::OffsetIndex;
use crate::plan::{Packer, Piece, Plan};
use crate::statistics;
use crate::thrift::{Struct, Value};

/// The longest `created_by` that is passed on, in bytes.
const CREATED_BY_BYTES: usize = 120;

/// What goes into a filtered file.
pub(crate) struct Output<'a> {
    version: i32,
    created_by: Option<&'a [u8]>,
    column_orders: Option<Vec<Value<'a>>>,
    schema: Vec<Value<'a>>,
    pub(crate) groups: Vec<OutputGroup<'a>>,
}

/// A row group of a filtered file.
pub(crate) struct OutputGroup<'a> {
    rows: u64,
    sorting: Vec<Value<'a>>,
    fields: RowGroupFields,
    pub(crate) chunks: Vec<OutputChunk<'a>>,
}

/// A column chunk of a filtered file.
pub(crate) struct OutputChunk<'a> {
    pub(crate) metadata: Struct<'a>,
    /// Its pages when they were encoded here; else they are those of the original at `range`.
    pub(crate) bytes: Option<Bytes>,
    /// Where it is in the file that it comes from, as are the offsets below.
    range: Range<u64>,
    data: u64,
    dictionary: Option<u64>,
    pub(crate) bloom_filter: Option<Range<u64>>,
    column_index: Option<Range<u64>>,
}

impl<'a> Output<'a> {
    /// An output without row groups, with the schema of the visible columns.
    pub(crate) fn new(footer: &Footer<'a>, visible: &[bool], schema: Vec<Value<'a>>) -> Self {
        let column_orders = footer.column_orders.as_ref().map(|orders| {
            let orders = orders.iter().zip(visible);
            orders
                .filter(|(_, visible)| **visible)
                .map(|(order, _)| order.clone())
                .collect()
        });
        Self {
            version: footer.version,
            created_by: footer.created_by.filter(|text| names_a_writer(text)),
            column_orders,
            schema,
            groups: Vec::new(),
        }
    }

    /// For each column, whether its minimum and maximum have the order that its type defines.
    fn ordered_columns(&self) -> Vec<bool> {
        let columns = self.groups.first().map_or(0, |group| group.chunks.len());
        let type_defined =
            |order: &Value<'_>| matches!(order, Value::Struct(order) if order.has(1));
        match &self.column_orders {
            Some(orders) => orders.iter().map(type_defined).collect(),
            None => vec![false; columns],
        }
    }

    /// Lays the file out to be `size` bytes long. What readers can do without is left out if it
    /// doesn't fit; what they need and doesn't fit is an error.
    pub(crate) fn plan(
        mut self,
        size: u64,
        indexes: Option<&[OffsetIndex]>,
    ) -> Result<Planned, ViewError> {
        let ordered = self.ordered_columns();
        statistics::settle(&mut self.groups, &ordered);
        if indexes.is_some() {
            match self.lay_out(size, indexes) {
                Err(ViewError::TooLarge { .. }) => {}
                planned => return planned,
            }
        }
        match self.lay_out(size, None) {
            Err(ViewError::TooLarge { .. }) => {}
            planned => return planned,
        }
        statistics::drop_all(&mut self.groups);
        self.lay_out(size, None)
    }

    fn lay_out(&self, size: u64, indexes: Option<&[OffsetIndex]>) -> Result<Planned, ViewError> {
        let mut packer = Packer::default();
        packer.push(Piece::Inline(Bytes::from_static(MAGIC)));
        let mut places: Vec<Placement> = self
            .chunks()
            .map(|chunk| Placement::at(chunk.place(&mut packer)))
            .collect();
        for (chunk, place) in self.chunks().zip(&mut places) {
            let filter = chunk.bloom_filter.as_ref();
            place.bloom_filter = filter.map(|filter| packer.push_original(filter));
        }
        if let Some(indexes) = indexes {
            self.place_indexes(&mut packer, &mut places, indexes);
        }
        let data_end = packer.position();
        let footer = self.footer(&places).to_bytes();
        let needed = data_end
            .saturating_add(footer.len() as u64)
            .saturating_add(TRAILER);
        let length = u32::try_from(footer.len())
            .map_err(|_| ViewError::Limit("the size of the new footer".into()))?;
        let padding = size.checked_sub(needed).ok_or(ViewError::TooLarge {
            needed,
            declared: size,
        })?;
        packer.push(Piece::Zeros(padding));
        let footer = Bytes::from(footer);
        let end = [footer.as_ref(), &length.to_le_bytes(), MAGIC].concat();
        packer.push(Piece::Inline(Bytes::from(end)));
        Ok(Planned {
            plan: packer.finish(),
            footer,
            data_end,
        })
    }

    fn chunks(&self) -> impl Iterator<Item = &OutputChunk<'a>> {
        self.groups.iter().flat_map(|group| &group.chunks)
    }

    /// Column indexes first, then offset indexes, each in the order of chunks, as writers do.
    fn place_indexes(
        &self,
        packer: &mut Packer,
        places: &mut [Placement],
        indexes: &[OffsetIndex],
    ) {
        for (chunk, place) in self.chunks().zip(&mut *places) {
            if let Some(index) = &chunk.column_index {
                place.column_index = Some((packer.push_original(index), length(index)));
            }
        }
        for ((chunk, place), index) in self.chunks().zip(&mut *places).zip(indexes) {
            let bytes = Bytes::from(index.relocated(chunk.range.start, place.start));
            let length = bytes.len() as u64;
            place.offset_index = Some((packer.push(Piece::Inline(bytes)), length));
        }
    }

    fn footer(&self, places: &[Placement]) -> Struct<'a> {
        let mut places = places.iter();
        let mut rows = 0u64;
        let mut groups = Vec::with_capacity(self.groups.len());
        for (ordinal, group) in self.groups.iter().enumerate() {
            rows = rows.saturating_add(group.rows);
            groups.push(Value::Struct(group.describe(ordinal, &mut places)));
        }
        let mut tree = Struct::default()
            .with(1, Value::I32(self.version))
            .with(2, Value::List(self.schema.clone()))
            .with(3, count(rows))
            .with(4, Value::List(groups));
        if let Some(created_by) = self.created_by {
            tree.set(6, Value::Binary(created_by));
        }
        if let Some(orders) = &self.column_orders {
            tree.set(7, Value::List(orders.clone()));
        }
        tree
    }
}

/// A laid-out file and what its inspection needs.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    /// The new footer.
    pub(crate) footer: Bytes,
    /// Where the data ends and zeros begin.
    pub(crate) data_end: u64,
}

/// Where a chunk and what belongs to it went, by offset (and length).
#[derive(Default)]
struct Placement {
    start: u64,
    bloom_filter: Option<u64>,
    column_index: Option<(u64, u64)>,
    offset_index: Option<(u64, u64)>,
}

impl Placement {
    fn at(start: u64) -> Self {
        Self {
            start,
            ..Self::default()
        }
    }
}

impl<'a> OutputGroup<'a> {
    /// A row group whose rows all show: the original's visible chunks.
    pub(crate) fn relocated(group: RowGroup<'a>, visible: &[bool]) -> Self {
        Self {
            rows: group.rows,
            sorting: visible_sorting(&group.sorting, visible),
            fields: group.fields,
            chunks: group
                .chunks
                .into_iter()
                .zip(visible)
                .filter(|(_, visible)| **visible)
                .map(|(chunk, _)| OutputChunk::from_chunk(chunk, None))
                .collect(),
        }
    }

    /// A row group of `file`, an encoded file of visible rows and columns, that stands for `group`.
    pub(crate) fn reencoded(
        group: &RowGroup<'a>,
        visible: &[bool],
        encoded: RowGroup<'a>,
        file: &Bytes,
    ) -> Result<Self, ViewError> {
        let mut chunks = Vec::with_capacity(encoded.chunks.len());
        for mut chunk in encoded.chunks {
            statistics::modernise(&mut chunk.metadata);
            chunk.bloom_filter = None;
            let range = usize::try_from(chunk.range.start)
                .ok()
                .zip(usize::try_from(chunk.range.end).ok())
                .filter(|(_, end)| *end <= file.len());
            let (start, end) =
                range.ok_or_else(|| ViewError::Inspection("an encoded chunk is cut off".into()))?;
            chunks.push(OutputChunk::from_chunk(chunk, Some(file.slice(start..end))));
        }
        Ok(Self {
            rows: encoded.rows,
            sorting: visible_sorting(&group.sorting, visible),
            fields: group.fields,
            chunks,
        })
    }

    fn describe<'p>(
        &self,
        ordinal: usize,
        places: &mut impl Iterator<Item = &'p Placement>,
    ) -> Struct<'a> {
        let (mut compressed, mut uncompressed) = (0u64, 0u64);
        let mut start = None;
        let mut chunks = Vec::with_capacity(self.chunks.len());
        for (chunk, place) in self.chunks.iter().zip(places) {
            start.get_or_insert(place.start);
            compressed = compressed.saturating_add(length(&chunk.range));
            let size = chunk.metadata.i64(6).unwrap_or(0).max(0);
            uncompressed = uncompressed.saturating_add(size.unsigned_abs());
            chunks.push(Value::Struct(chunk.describe(place)));
        }
        let mut tree = Struct::default()
            .with(1, Value::List(chunks))
            .with(2, count(uncompressed))
            .with(3, count(self.rows));
        if !self.sorting.is_empty() {
            tree.set(4, Value::List(self.sorting.clone()));
        }
        if let (true, Some(start)) = (self.fields.file_offset, start) {
            tree.set(5, count(start));
        }
        if self.fields.total_compressed_size {
            tree.set(6, count(compressed));
        }
        if let (true, Ok(ordinal)) = (self.fields.ordinal, i16::try_from(ordinal)) {
            tree.set(7, Value::I16(ordinal));
        }
        tree
    }
}

impl<'a> OutputChunk<'a> {
    fn from_chunk(chunk: Chunk<'a>, bytes: Option<Bytes>) -> Self {
        Self {
            metadata: chunk.metadata,
            bytes,
            range: chunk.range,
            data: chunk.data,
            dictionary: chunk.dictionary,
            bloom_filter: chunk.bloom_filter,
            column_index: chunk.column_index,
        }
    }

    /// Adds the chunk's pages and tells where they begin.
    fn place(&self, packer: &mut Packer) -> u64 {
        match &self.bytes {
            Some(bytes) => packer.push(Piece::Inline(bytes.clone())),
            None => packer.push_original(&self.range),
        }
    }

    /// `ColumnChunk` with every offset moved to where it went.
    fn describe(&self, place: &Placement) -> Struct<'a> {
        let moved = |offset: u64| count(place.start.saturating_add(offset - self.range.start));
        let mut metadata = self.metadata.clone();
        metadata.set(9, moved(self.data));
        match self.dictionary {
            Some(dictionary) => metadata.set(11, moved(dictionary)),
            None => drop(metadata.take(11)),
        }
        if let (Some(start), Some(range)) = (place.bloom_filter, &self.bloom_filter) {
            metadata.set(14, count(start));
            metadata.set(15, length_field(length(range)));
        }
        // The chunk's own file offset (2) is deprecated and 0, as the format now demands.
        let mut tree = Struct::default()
            .with(2, Value::I64(0))
            .with(3, Value::Struct(metadata));
        if let (Some(offsets), Some(columns)) = (place.offset_index, place.column_index) {
            tree.set(4, count(offsets.0));
            tree.set(5, length_field(offsets.1));
            tree.set(6, count(columns.0));
            tree.set(7, length_field(columns.1));
        }
        tree
    }
}

/// Whether `created_by` says `APPLICATION version VERSION`, perhaps with a build, which is what readers
/// make use of. Anything else could say anything, and is left out.
fn names_a_writer(created_by: &[u8]) -> bool {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || b" .:()_-+/,".contains(byte);
    if created_by.len() > CREATED_BY_BYTES || !created_by.iter().all(known) {
        return false;
    }
    let text = std::str::from_utf8(created_by).unwrap_or_default();
    text.split_once(" version ")
        .is_some_and(|(application, version)| {
            let number = version.strip_prefix('v').unwrap_or(version);
            !application.is_empty() && number.starts_with(|first: char| first.is_ascii_digit())
        })
}

fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

fn count(value: u64) -> Value<'static> {
    Value::I64(i64::try_from(value).unwrap_or(i64::MAX))
}

fn length_field(value: u64) -> Value<'static> {
    Value::I32(i32::try_from(value).unwrap_or(i32::MAX))
}

/// The sorting columns up to the first hidden one, by their new numbers: what comes after a hidden
/// column is not sorted as far as the view shows.
fn visible_sorting<'a>(sorting: &[Value<'a>], visible: &[bool]) -> Vec<Value<'a>> {
    let renumber = |column: &Value<'a>| {
        let Value::Struct(column) = column else {
            return None;
        };
        let index = usize::try_from(column.i32(1)?).ok()?;
        if !*visible.get(index)? {
            return None;
        }
        let before = visible
            .iter()
            .take(index)
            .filter(|visible| **visible)
            .count();
        let number = i32::try_from(before).ok()?;
        Some(Value::Struct(column.clone().with(1, Value::I32(number))))
    };
    sorting.iter().map_while(renumber).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_writers_are_passed_on() {
        for writer in [
            "parquet-mr version 1.12.3 (build f8dced182c4c1fbdec6ccb3185537b5a01e6ed6b)",
            "parquet-cpp-arrow version 14.0.1",
            "DuckDB version v1.0.0 (build 1f98600c2c)",
            "impala version 3.4.0-RELEASE (build 9f1c31c)",
        ] {
            assert!(names_a_writer(writer.as_bytes()), "{writer}");
        }
        let long = format!("a version 1.{}", "0".repeat(CREATED_BY_BYTES));
        for other in [
            "",
            "name=Alice; ssn=123",
            " version 1",
            "parquet-mr version secret",
            "parquet-mr version 1.0 {\"ssn\": 1}",
            "é version 1",
            &long,
        ] {
            assert!(!names_a_writer(other.as_bytes()), "{other}");
        }
    }
}
