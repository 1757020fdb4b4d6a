//! Re-encoding: the visible rows of the visible columns of a row group, value by value and level by
//! level, as a Parquet file of that one row group. It is written like the original was: the same
//! codec, dictionary or not, page version and encodings.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::column::writer::{ColumnWriter, ColumnWriterImpl};
use parquet::data_type::{AsBytes, DataType};
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnDescPtr, SchemaDescPtr};

use crate::decode::{ChunkData, guarded, schema_descriptor};
use crate::footer::Chunk;
use crate::limits::{ROW_BYTES, WRITE_BYTES};
use crate::thrift::Value;
use crate::work::{Work, wide};
use crate::{Source, ViewError};

/// Room for a dictionary beyond the size of the original's, in bytes: a writer that reaches its limit
/// gives the dictionary up, and would write out what the original says once.
const DICTIONARY_ROOM: u64 = 64 << 10;

/// Writes row groups with the visible columns.
pub(crate) struct Encoder {
    schema: SchemaDescPtr,
}

impl Encoder {
    /// An encoder for the visible columns, given by their schema elements.
    pub(crate) fn new(schema: &[Value<'_>]) -> Result<Self, ViewError> {
        Ok(Self {
            schema: schema_descriptor(schema)?,
        })
    }

    /// A Parquet file with one row group: the rows of `chunks` that `keep` tells.
    pub(crate) fn encode(
        &self,
        source: &dyn Source,
        chunks: &[&Chunk<'_>],
        keep: &[bool],
        work: &Work,
    ) -> Result<Bytes, ViewError> {
        if chunks.len() != self.schema.num_columns() {
            return Err(ViewError::Inspection("columns got lost".into()));
        }
        guarded(|| {
            let columns: Vec<ChunkData> = chunks
                .iter()
                .zip(self.schema.columns())
                .map(|(chunk, column)| ChunkData::read(source, chunk, column, work))
                .collect::<Result<_, _>>()?;
            self.write(&columns, keep, work)
        })
    }

    fn write(&self, columns: &[ChunkData], keep: &[bool], work: &Work) -> Result<Bytes, ViewError> {
        let properties = Arc::new(self.properties(columns));
        let schema = self.schema.root_schema_ptr();
        let mut file = SerializedFileWriter::new(Vec::new(), schema, properties)?;
        let mut group = file.next_row_group()?;
        let mut written = 0;
        for (data, column) in columns.iter().zip(self.schema.columns()) {
            let mut writer = group
                .next_column()?
                .ok_or_else(|| ViewError::Inspection("columns got lost".into()))?;
            let reader = data.reader(keep.len() as u64)?;
            let rows = Rows {
                keep,
                batch: data.batch_rows(),
                column,
                work,
                before: written,
            };
            written = rows.transcode(reader, writer.untyped())?;
            writer.close()?;
        }
        group.close()?;
        Ok(Bytes::from(file.into_inner()?))
    }

    fn properties(&self, columns: &[ChunkData]) -> WriterProperties {
        let version_2 = columns.iter().any(|data| data.survey.version_2);
        let mut properties = WriterProperties::builder()
            .set_writer_version(match version_2 {
                true => WriterVersion::PARQUET_2_0,
                false => WriterVersion::PARQUET_1_0,
            })
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_statistics_truncate_length(None)
            .set_offset_index_disabled(true);
        for (data, column) in columns.iter().zip(self.schema.columns()) {
            properties = mirror(properties, data, column);
        }
        properties.build()
    }
}

/// Writes a column as its original was.
fn mirror(
    properties: WriterPropertiesBuilder,
    data: &ChunkData,
    column: &ColumnDescPtr,
) -> WriterPropertiesBuilder {
    let path = || column.path().clone();
    let dictionary = data.survey.dictionary_bytes;
    let limit = dictionary.unwrap_or(0).saturating_add(DICTIONARY_ROOM);
    properties
        .set_column_compression(path(), data.compression)
        .set_column_dictionary_enabled(path(), dictionary.is_some())
        .set_column_dictionary_page_size_limit(path(), usize::try_from(limit).unwrap_or(usize::MAX))
        .set_column_encoding(path(), plain_encoding(data, column.physical_type()))
}

/// The encoding of values that are not in a dictionary: one that the original uses and that exists
/// for the type.
fn plain_encoding(data: &ChunkData, physical: Type) -> Encoding {
    let candidates: &[Encoding] = match physical {
        Type::BOOLEAN => &[Encoding::RLE],
        Type::INT32 | Type::INT64 => &[Encoding::DELTA_BINARY_PACKED, Encoding::BYTE_STREAM_SPLIT],
        Type::FLOAT | Type::DOUBLE => &[Encoding::BYTE_STREAM_SPLIT],
        Type::BYTE_ARRAY => &[
            Encoding::DELTA_LENGTH_BYTE_ARRAY,
            Encoding::DELTA_BYTE_ARRAY,
        ],
        Type::FIXED_LEN_BYTE_ARRAY => &[Encoding::DELTA_BYTE_ARRAY, Encoding::BYTE_STREAM_SPLIT],
        Type::INT96 => &[],
    };
    let used = |encoding: &&Encoding| data.survey.encodings.contains(&(**encoding as i32));
    candidates
        .iter()
        .find(used)
        .copied()
        .unwrap_or(Encoding::PLAIN)
}

/// The rows of a column to be copied.
struct Rows<'k> {
    keep: &'k [bool],
    batch: usize,
    column: &'k ColumnDescPtr,
    work: &'k Work,
    /// Bytes that were written before this column.
    before: u64,
}

impl Rows<'_> {
    /// Copies the rows to keep; tells how many bytes are written now, but for what the
    /// writer holds back: a dictionary and the pages that refer to it.
    fn transcode(
        &self,
        reader: ColumnReader,
        writer: &mut ColumnWriter<'_>,
    ) -> Result<u64, ViewError> {
        use {ColumnReader as From, ColumnWriter as To};
        match (reader, writer) {
            (From::BoolColumnReader(from), To::BoolColumnWriter(to)) => self.copy(from, to),
            (From::Int32ColumnReader(from), To::Int32ColumnWriter(to)) => self.copy(from, to),
            (From::Int64ColumnReader(from), To::Int64ColumnWriter(to)) => self.copy(from, to),
            (From::Int96ColumnReader(from), To::Int96ColumnWriter(to)) => self.copy(from, to),
            (From::FloatColumnReader(from), To::FloatColumnWriter(to)) => self.copy(from, to),
            (From::DoubleColumnReader(from), To::DoubleColumnWriter(to)) => self.copy(from, to),
            (From::ByteArrayColumnReader(from), To::ByteArrayColumnWriter(to)) => {
                self.copy(from, to)
            }
            (From::FixedLenByteArrayColumnReader(from), To::FixedLenByteArrayColumnWriter(to)) => {
                self.copy(from, to)
            }
            _ => Err(ViewError::Inspection("a column changed its type".into())),
        }
    }

    /// Copies the rows to keep, whole batches at a time.
    fn copy<T: DataType>(
        &self,
        mut reader: ColumnReaderImpl<T>,
        writer: &mut ColumnWriterImpl<'_, T>,
    ) -> Result<u64, ViewError> {
        let mut batch = Batch::<T>::default();
        let mut written = self.before;
        for keep in self.keep.chunks(self.batch) {
            if batch.read(&mut reader, keep.len())? != keep.len() {
                return Err(ViewError::malformed(
                    "a column has fewer rows than its row group",
                ));
            }
            let parts = batch.filter(keep, self.column)?;
            self.work.spend(parts.iter().map(|part| part.bytes).sum())?;
            for part in parts {
                part.write(writer, self.column)?;
                written = self.before.saturating_add(writer.get_total_bytes_written());
                self.work.fits(written)?;
            }
        }
        if batch.read(&mut reader, 1)? != 0 {
            return Err(ViewError::malformed(
                "a column has more rows than its row group",
            ));
        }
        Ok(written)
    }
}

/// Values and levels of some rows.
struct Batch<T: DataType> {
    values: Vec<T::T>,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    /// What the values cost beyond their number, in bytes; known of those to keep.
    bytes: u64,
}

impl<T: DataType> Default for Batch<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            definitions: Vec::new(),
            repetitions: Vec::new(),
            bytes: 0,
        }
    }
}

impl<T: DataType> Batch<T> {
    /// Reads the next rows in place of those that were here; tells how many there were.
    fn read(&mut self, reader: &mut ColumnReaderImpl<T>, rows: usize) -> Result<usize, ViewError> {
        self.values.clear();
        self.definitions.clear();
        self.repetitions.clear();
        let (rows, _, _) = reader.read_records(
            rows,
            Some(&mut self.definitions),
            Some(&mut self.repetitions),
            &mut self.values,
        )?;
        Ok(rows)
    }

    /// Writes all that is here.
    fn write(
        &self,
        writer: &mut ColumnWriterImpl<'_, T>,
        column: &ColumnDescPtr,
    ) -> Result<(), ViewError> {
        if self.bytes > ROW_BYTES {
            return Err(ViewError::Limit("the size of a row".into()));
        }
        let definitions = (column.max_def_level() > 0).then_some(&*self.definitions);
        let repetitions = (column.max_rep_level() > 0).then_some(&*self.repetitions);
        writer.write_batch(&self.values, definitions, repetitions)?;
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty() && self.definitions.is_empty()
    }

    /// The rows to keep, in parts small enough to be written at once; the values are taken out of
    /// this batch.
    fn filter(&mut self, keep: &[bool], column: &ColumnDescPtr) -> Result<Vec<Self>, ViewError> {
        let (max_definition, max_repetition) = (column.max_def_level(), column.max_rep_level());
        let levels = if max_definition > 0 {
            self.definitions.len()
        } else {
            self.values.len()
        };
        let (mut parts, mut kept) = (Vec::new(), Self::default());
        let mut values = self.values.drain(..);
        let mut keep = keep.iter();
        let mut keeping = None;
        let definitions = self
            .definitions
            .iter()
            .copied()
            .chain(std::iter::repeat(max_definition));
        let repetitions = self.repetitions.iter().copied().chain(std::iter::repeat(0));
        for (definition, repetition) in definitions.zip(repetitions).take(levels) {
            if repetition == 0 {
                keeping = keep.next().copied();
                if kept.bytes > WRITE_BYTES {
                    parts.push(std::mem::take(&mut kept));
                }
            }
            let keeping = keeping.ok_or_else(misaligned)?;
            let value = match definition == max_definition {
                true => Some(values.next().ok_or_else(misaligned)?),
                false => None,
            };
            if keeping {
                if let Some(value) = value {
                    kept.bytes = kept.bytes.saturating_add(wide(value.as_bytes().len()));
                    kept.values.push(value);
                }
                if max_definition > 0 {
                    kept.definitions.push(definition);
                }
                if max_repetition > 0 {
                    kept.repetitions.push(repetition);
                }
            }
        }
        if keep.next().is_some() || values.next().is_some() {
            return Err(misaligned());
        }
        if !kept.is_empty() {
            parts.push(kept);
        }
        Ok(parts)
    }
}

fn misaligned() -> ViewError {
    ViewError::malformed("values and levels of a column don't fit each other")
}
