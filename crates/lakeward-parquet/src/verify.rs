//! Inspection: of the original before anything is served from it, and of the finished file. Both are
//! written against the format alone, not against how files are put together here.

use std::ops::Range;

use parquet::file::metadata::ParquetMetaDataReader;

use crate::ViewError;
use crate::assemble::Planned;
use crate::decode::guarded;
use crate::footer::{Chunk, Footer, RowGroup};
use crate::plan::Piece;

/// The parts of the original that a view may show: ascending, disjoint, and joined where they touch.
pub(crate) struct Allowed(Vec<Range<u64>>);

impl Allowed {
    /// The visible columns' parts of those row groups that may be served as they are (`whole`).
    /// Refuses a file in which one of them overlaps anything else that the footer tells of.
    pub(crate) fn of<'g>(
        groups: impl Iterator<Item = (&'g RowGroup<'g>, bool)>,
        visible: &[bool],
    ) -> Result<Self, ViewError> {
        let mut parts: Vec<(Range<u64>, bool)> = Vec::new();
        for (group, whole) in groups {
            for (chunk, visible) in group.chunks.iter().zip(visible) {
                parts.extend(parts_of(chunk).map(|part| (part, *visible && whole)));
            }
        }
        parts.sort_by_key(|(part, _)| (part.start, part.end));
        let (mut visible_end, mut any_end) = (0, 0);
        let mut allowed: Vec<Range<u64>> = Vec::new();
        for (part, visible) in parts {
            let end = if visible { any_end } else { visible_end };
            if part.start < end {
                return Err(ViewError::malformed("parts of different columns overlap"));
            }
            any_end = any_end.max(part.end);
            if visible {
                visible_end = part.end;
                match allowed.last_mut() {
                    Some(last) if last.end == part.start => last.end = part.end,
                    _ => allowed.push(part),
                }
            }
        }
        Ok(Self(allowed))
    }

    fn contains(&self, start: u64, end: u64) -> bool {
        let after = self.0.partition_point(|part| part.start <= start);
        after
            .checked_sub(1)
            .and_then(|index| self.0.get(index))
            .is_some_and(|part| end <= part.end)
    }
}

fn parts_of(chunk: &Chunk<'_>) -> impl Iterator<Item = Range<u64>> {
    let others = [
        &chunk.bloom_filter,
        &chunk.column_index,
        &chunk.offset_index,
    ];
    std::iter::once(chunk.range.clone())
        .chain(others.into_iter().flatten().cloned())
        .filter(|part| !part.is_empty())
}

/// Inspects a finished file: its size, that every byte of the original in it is `allowed`, and that
/// its footer, read anew and by the `parquet` crate, tells of the visible columns and no others.
pub(crate) fn inspect(
    planned: &Planned,
    size: u64,
    allowed: &Allowed,
    paths: &[Vec<String>],
) -> Result<(), ViewError> {
    inspect_pieces(planned, size, allowed)?;
    inspect_footer(planned, paths)?;
    inspect_as_reader(planned, paths)
}

fn fail(what: &str) -> ViewError {
    ViewError::Inspection(what.into())
}

fn inspect_pieces(planned: &Planned, size: u64, allowed: &Allowed) -> Result<(), ViewError> {
    let mut position = 0u64;
    for (start, piece) in planned.plan.segments() {
        if *start != position {
            return Err(fail("its pieces leave a gap or overlap"));
        }
        if let Piece::Original { offset, len } = piece
            && !allowed.contains(*offset, offset.saturating_add(*len))
        {
            return Err(fail("a piece of the original is not of a visible column"));
        }
        position = position.saturating_add(piece.len());
    }
    if position != size || planned.plan.size() != size {
        return Err(fail("it has another size than declared"));
    }
    Ok(())
}

fn inspect_footer(planned: &Planned, paths: &[Vec<String>]) -> Result<(), ViewError> {
    let footer = Footer::parse(&planned.footer, planned.data_end)?;
    let found: Vec<&Vec<&str>> = footer.schema.leaves().map(|leaf| &leaf.path).collect();
    if found.len() != paths.len() || found.iter().zip(paths).any(|(found, path)| *found != path) {
        return Err(fail(
            "its footer tells of other columns than the visible ones",
        ));
    }
    let everything = vec![true; paths.len()];
    let groups = footer.row_groups.iter().map(|group| (group, true));
    Allowed::of(groups, &everything).map_err(|_| fail("its column chunks overlap"))?;
    Ok(())
}

fn inspect_as_reader(planned: &Planned, paths: &[Vec<String>]) -> Result<(), ViewError> {
    let metadata = guarded(|| Ok(ParquetMetaDataReader::decode_metadata(&planned.footer)?))?;
    if metadata.file_metadata().key_value_metadata().is_some() {
        return Err(fail("it has key-value metadata"));
    }
    let schema = metadata.file_metadata().schema_descr();
    let same = |columns: Vec<&[String]>| {
        columns.len() == paths.len()
            && columns
                .iter()
                .zip(paths)
                .all(|(found, path)| *found == path.as_slice())
    };
    if !same(
        schema
            .columns()
            .iter()
            .map(|leaf| leaf.path().parts())
            .collect(),
    ) {
        return Err(fail("a reader finds other columns than the visible ones"));
    }
    for group in metadata.row_groups() {
        if !same(
            group
                .columns()
                .iter()
                .map(|chunk| chunk.column_path().parts())
                .collect(),
        ) {
            return Err(fail(
                "a reader finds other column chunks than the visible ones",
            ));
        }
    }
    Ok(())
}
