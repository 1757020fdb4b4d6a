//! From an original and a view to a plan.

use bytes::Bytes;
use lakeward_grants::{Predicate, Rows, TableView};

use crate::assemble::{Output, OutputGroup};
use crate::decide::{Selection, decide};
use crate::encode::Encoder;
use crate::filter::Filter;
use crate::footer::{Chunk, Footer, RawFooter, RowGroup};
use crate::page_index;
use crate::source::read;
use crate::thrift::Value;
use crate::verify::{Allowed, inspect};
use crate::work::Work;
use crate::{Piece, Plan, Source, ViewError, virtual_size};

/// Plans the filtered file that `view` gives of the original in `source`.
///
/// Reads the footer and page indexes of the original. A view of some rows also reads the columns of
/// its predicate, and of row groups that show in part the visible columns; its re-encoded chunks are
/// part of the plan, in memory.
///
/// # Errors
/// Whatever keeps the file from being served through the view; nothing of it must be served then.
pub fn plan(source: &dyn Source, view: &TableView) -> Result<Plan, ViewError> {
    if !view.cells.is_empty() {
        return Err(ViewError::CellFilterUnsupported);
    }
    let raw = RawFooter::read(source)?;
    let footer = Footer::parse(&raw.bytes, raw.start)?;
    let visible = footer.schema.visible_leaves(view);
    if !visible.contains(&true) {
        return Err(ViewError::NothingGranted);
    }
    let allowed = Allowed::of(
        footer.row_groups.iter().map(|group| (group, true)),
        &visible,
    )?;
    let file = Original {
        source,
        schema: footer.schema.elements(|column| view.shows(&column.name)),
        paths: visible_paths(&footer, &visible),
        visible,
        allowed,
        size: virtual_size(source.size(), view),
    };
    match &view.rows {
        Rows::All => file.plan_columns(footer),
        Rows::Where(predicate) => file.plan_rows(footer, predicate),
    }
}

/// The whole filtered file that [`plan`] describes, in memory.
///
/// # Errors
/// Those of [`plan`], and failures to read the original.
pub fn materialize(source: &dyn Source, view: &TableView) -> Result<Vec<u8>, ViewError> {
    let plan = plan(source, view)?;
    let mut file = Vec::new();
    for piece in plan.pieces(0..plan.size()) {
        match piece {
            Piece::Original { offset, len } => {
                let end = offset.saturating_add(len);
                file.extend_from_slice(&read(source, &(offset..end))?);
            }
            Piece::Inline(bytes) => file.extend_from_slice(&bytes),
            Piece::Zeros(len) => {
                let end = file
                    .len()
                    .saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
                file.resize(end, 0);
            }
        }
    }
    Ok(file)
}

/// An original and what the view shows of it.
struct Original<'s, 'a> {
    source: &'s dyn Source,
    /// For each leaf, whether it shows.
    visible: Vec<bool>,
    /// The schema elements that show.
    schema: Vec<Value<'a>>,
    paths: Vec<Vec<String>>,
    /// The parts of the original that may be served if all rows show.
    allowed: Allowed,
    size: u64,
}

impl<'a> Original<'_, 'a> {
    fn plan_columns(self, footer: Footer<'a>) -> Result<Plan, ViewError> {
        let mut output = Output::new(&footer, &self.visible, self.schema.clone());
        let chunks: Vec<&Chunk<'_>> = footer
            .row_groups
            .iter()
            .flat_map(|group| self.visible_chunks(group))
            .collect();
        let indexes = page_index::read_all(self.source, &chunks)?;
        drop(chunks);
        output.groups = footer
            .row_groups
            .into_iter()
            .map(|group| OutputGroup::relocated(group, &self.visible))
            .collect();
        self.finish(output, indexes, &self.allowed)
    }

    fn plan_rows(self, footer: Footer<'a>, predicate: &Predicate) -> Result<Plan, ViewError> {
        let filter = Filter::compile(predicate, &footer.schema)?;
        let encoder = Encoder::new(&self.schema)?;
        let work = Work::new(self.size);
        let mut decisions = Vec::with_capacity(footer.row_groups.len());
        for group in &footer.row_groups {
            let decision = self.decide(group, &filter, &encoder, &work)?;
            work.write(decision.size(self.visible_chunks(group)))?;
            decisions.push(decision);
        }
        // The encoded files are read like any other; their footers must live as long as the output.
        let encoded: Vec<Option<RawFooter>> = decisions
            .iter()
            .map(|decision| match decision {
                Decision::Encoded(file) => RawFooter::read(file).map(Some),
                _ => Ok(None),
            })
            .collect::<Result<_, _>>()?;
        self.splice(footer, &decisions, &encoded)
    }

    fn decide(
        &self,
        group: &RowGroup<'_>,
        filter: &Filter,
        encoder: &Encoder,
        work: &Work,
    ) -> Result<Decision, ViewError> {
        Ok(match decide(self.source, group, filter, work)? {
            Selection::None => Decision::Hidden,
            Selection::All => Decision::Whole,
            Selection::Some(keep) => {
                let chunks: Vec<&Chunk<'_>> = self.visible_chunks(group).collect();
                Decision::Encoded(encoder.encode(self.source, &chunks, &keep, work)?)
            }
        })
    }

    fn splice(
        &self,
        footer: Footer<'_>,
        decisions: &[Decision],
        encoded: &[Option<RawFooter>],
    ) -> Result<Plan, ViewError> {
        let mut output = Output::new(&footer, &self.visible, self.schema.clone());
        let whole = decisions
            .iter()
            .map(|decision| matches!(decision, Decision::Whole));
        let allowed = Allowed::of(footer.row_groups.iter().zip(whole.clone()), &self.visible)?;
        let chunks: Vec<&Chunk<'_>> = footer
            .row_groups
            .iter()
            .zip(whole)
            .filter(|(_, whole)| *whole)
            .flat_map(|(group, _)| self.visible_chunks(group))
            .collect();
        let indexes = match encoded.iter().any(Option::is_some) {
            true => None,
            false => page_index::read_all(self.source, &chunks)?,
        };
        drop(chunks);
        for ((group, decision), raw) in footer.row_groups.into_iter().zip(decisions).zip(encoded) {
            match (decision, raw) {
                (Decision::Hidden, _) => {}
                (Decision::Whole, _) => {
                    output
                        .groups
                        .push(OutputGroup::relocated(group, &self.visible));
                }
                (Decision::Encoded(file), Some(raw)) => {
                    for part in Footer::parse(&raw.bytes, raw.start)?.row_groups {
                        let part = OutputGroup::reencoded(&group, &self.visible, part, file)?;
                        output.groups.push(part);
                    }
                }
                (Decision::Encoded(_), None) => {
                    return Err(ViewError::Inspection("an encoded row group is lost".into()));
                }
            }
        }
        self.finish(output, indexes, &allowed)
    }

    fn visible_chunks<'g, 'f>(
        &self,
        group: &'g RowGroup<'f>,
    ) -> impl Iterator<Item = &'g Chunk<'f>> {
        let chunks = group.chunks.iter().zip(&self.visible);
        chunks
            .filter(|(_, visible)| **visible)
            .map(|(chunk, _)| chunk)
    }

    fn finish(
        &self,
        output: Output<'_>,
        indexes: Option<Vec<page_index::OffsetIndex>>,
        allowed: &Allowed,
    ) -> Result<Plan, ViewError> {
        let planned = output.plan(self.size, indexes.as_deref())?;
        inspect(&planned, self.size, allowed, &self.paths)?;
        Ok(planned.plan)
    }
}

/// What becomes of a row group.
enum Decision {
    /// No row shows.
    Hidden,
    /// All rows show.
    Whole,
    /// Some rows show; a Parquet file of one row group that holds them.
    Encoded(Bytes),
}

impl Decision {
    /// How much of the filtered file it takes, in bytes.
    fn size<'g>(&self, chunks: impl Iterator<Item = &'g Chunk<'g>>) -> u64 {
        match self {
            Self::Hidden => 0,
            Self::Whole => chunks
                .map(|chunk| chunk.range.end - chunk.range.start)
                .sum(),
            Self::Encoded(file) => file.len() as u64,
        }
    }
}

fn visible_paths(footer: &Footer<'_>, visible: &[bool]) -> Vec<Vec<String>> {
    let leaves = footer.schema.leaves().zip(visible);
    leaves
        .filter(|(_, visible)| **visible)
        .map(|(leaf, _)| leaf.path.iter().map(|part| (*part).to_owned()).collect())
        .collect()
}
