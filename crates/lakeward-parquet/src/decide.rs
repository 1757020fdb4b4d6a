//! Which rows of a row group show: decided by decoding the columns that the filter reads. Statistics
//! are not trusted; a wrong maximum would show a hidden row.

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{DataType, FixedLenByteArray};

use crate::column_kind::Kind;
use crate::decode::{ChunkData, guarded};
use crate::filter::{Filter, FilterColumn, Values};
use crate::footer::RowGroup;
use crate::limits::ROW_GROUP_ROWS;
use crate::number::from_big_endian;
use crate::work::Work;
use crate::{Source, ViewError};

/// The rows of a row group that show.
pub(crate) enum Selection {
    None,
    All,
    /// For each row, whether it shows.
    Some(Vec<bool>),
}

/// Decides on each row of `group`.
pub(crate) fn decide(
    source: &dyn Source,
    group: &RowGroup<'_>,
    filter: &Filter,
    work: &Work,
) -> Result<Selection, ViewError> {
    if filter.columns.is_empty() {
        return Ok(match filter.passes(&[], 0) {
            true => Selection::All,
            false => Selection::None,
        });
    }
    if group.rows > ROW_GROUP_ROWS {
        return Err(ViewError::Limit(format!(
            "{} rows in a row group",
            group.rows
        )));
    }
    let keep = guarded(|| rows(source, group, filter, work))?;
    Ok(match keep.iter().filter(|keep| **keep).count() {
        0 => Selection::None,
        kept if kept == keep.len() => Selection::All,
        _ => Selection::Some(keep),
    })
}

fn rows(
    source: &dyn Source,
    group: &RowGroup<'_>,
    filter: &Filter,
    work: &Work,
) -> Result<Vec<bool>, ViewError> {
    let mut columns: Vec<Cursor> = filter
        .columns
        .iter()
        .map(|column| Cursor::open(source, group, column, work))
        .collect::<Result<_, _>>()?;
    let batch = columns
        .iter()
        .map(|column| column.batch_rows)
        .min()
        .unwrap_or(1);
    let total = usize::try_from(group.rows).unwrap_or(usize::MAX);
    let mut keep = Vec::new();
    while keep.len() < total {
        let count = batch.min(total - keep.len());
        let values: Vec<Values> = columns
            .iter_mut()
            .map(|column| column.next(count))
            .collect::<Result<_, _>>()?;
        work.spend(values.iter().map(Values::wide_bytes).sum())?;
        keep.extend((0..count).map(|row| filter.passes(&values, row)));
    }
    for column in &mut columns {
        column.finish()?;
    }
    Ok(keep)
}

/// A column that is read along.
struct Cursor {
    reader: ColumnReader,
    kind: Kind,
    nullable: bool,
    batch_rows: usize,
}

impl Cursor {
    fn open(
        source: &dyn Source,
        group: &RowGroup<'_>,
        column: &FilterColumn,
        work: &Work,
    ) -> Result<Self, ViewError> {
        let chunk = group
            .chunks
            .get(column.leaf)
            .ok_or_else(|| ViewError::malformed("a row group lacks a column"))?;
        let data = ChunkData::read(source, chunk, &column.descriptor, work)?;
        Ok(Self {
            reader: data.reader(group.rows)?,
            kind: column.kind,
            nullable: column.descriptor.max_def_level() > 0,
            batch_rows: data.batch_rows(),
        })
    }

    /// The values of the next `count` rows.
    fn next(&mut self, count: usize) -> Result<Values, ViewError> {
        let nullable = self.nullable;
        let unsigned = matches!(self.kind, Kind::Whole { unsigned: true, .. });
        let opaque = self.kind == Kind::Opaque;
        Ok(match &mut self.reader {
            ColumnReader::Int96ColumnReader(reader) => nulls(take(reader, count, nullable)?),
            ColumnReader::BoolColumnReader(reader) if opaque => {
                nulls(take(reader, count, nullable)?)
            }
            ColumnReader::Int32ColumnReader(reader) if opaque => {
                nulls(take(reader, count, nullable)?)
            }
            ColumnReader::Int64ColumnReader(reader) if opaque => {
                nulls(take(reader, count, nullable)?)
            }
            ColumnReader::FloatColumnReader(reader) if opaque => {
                nulls(take(reader, count, nullable)?)
            }
            ColumnReader::DoubleColumnReader(reader) if opaque => {
                nulls(take(reader, count, nullable)?)
            }
            ColumnReader::ByteArrayColumnReader(reader) if opaque => {
                nulls(take(reader, count, nullable)?)
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) if opaque => {
                nulls(take(reader, count, nullable)?)
            }
            ColumnReader::BoolColumnReader(reader) => {
                Values::Boolean(take(reader, count, nullable)?)
            }
            ColumnReader::Int32ColumnReader(reader) => {
                whole(take(reader, count, nullable)?, |value| {
                    Some(if unsigned {
                        i128::from(value as u32)
                    } else {
                        i128::from(value)
                    })
                })?
            }
            ColumnReader::Int64ColumnReader(reader) => {
                whole(take(reader, count, nullable)?, |value| {
                    Some(if unsigned {
                        i128::from(value as u64)
                    } else {
                        i128::from(value)
                    })
                })?
            }
            ColumnReader::FloatColumnReader(reader) => {
                Values::Single(take(reader, count, nullable)?)
            }
            ColumnReader::DoubleColumnReader(reader) => {
                Values::Double(take(reader, count, nullable)?)
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                let values = take(reader, count, nullable)?;
                match self.kind {
                    Kind::Text => Values::Text(values),
                    _ => whole(values, |value| from_big_endian(value.data()))?,
                }
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                let values = take(reader, count, nullable)?;
                whole(values, |value: FixedLenByteArray| {
                    from_big_endian(value.data())
                })?
            }
        })
    }

    /// Checks that no rows are left.
    fn finish(&mut self) -> Result<(), ViewError> {
        match self.next(1) {
            Err(ViewError::Malformed(_)) => Ok(()),
            Err(other) => Err(other),
            Ok(_) => Err(ViewError::malformed(
                "a column has more rows than its row group",
            )),
        }
    }
}

/// Reads exactly `count` rows of a column that holds at most one value per row.
fn take<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    count: usize,
    nullable: bool,
) -> Result<Vec<Option<T::T>>, ViewError> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    let (rows, _, _) = reader.read_records(count, Some(&mut levels), None, &mut values)?;
    if rows != count {
        return Err(ViewError::malformed(
            "a column has fewer rows than its row group",
        ));
    }
    if !nullable {
        return Ok(values.into_iter().map(Some).collect());
    }
    let mut values = values.into_iter();
    let rows = levels.into_iter();
    Ok(rows
        .map(|level| if level > 0 { values.next() } else { None })
        .collect())
}

fn nulls<T>(values: Vec<Option<T>>) -> Values {
    Values::Opaque(values.into_iter().map(|value| value.map(drop)).collect())
}

fn whole<T>(
    values: Vec<Option<T>>,
    convert: impl Fn(T) -> Option<i128>,
) -> Result<Values, ViewError> {
    let convert = |value: Option<T>| match value {
        None => Ok(None),
        Some(value) => convert(value)
            .map(Some)
            .ok_or_else(|| ViewError::malformed("a decimal has more digits than its type allows")),
    };
    Ok(Values::Whole(
        values.into_iter().map(convert).collect::<Result<_, _>>()?,
    ))
}
