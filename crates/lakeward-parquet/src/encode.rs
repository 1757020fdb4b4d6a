//! Re-encoding: the visible rows of the visible columns of a row group, value by value and level by
//! level, as a Parquet file of that one row group. It is written like the original was: the same
//! codec, dictionary or not, page version and encodings.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::column::writer::{ColumnWriter, ColumnWriterImpl};
use parquet::data_type::DataType;
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnDescPtr, SchemaDescPtr};

use crate::decode::{ChunkData, guarded, schema_descriptor};
use crate::footer::Chunk;
use crate::thrift::Value;
use crate::{Source, ViewError};

/// Room for the dictionary of a column whose original has a small one or none told, in bytes.
const LEAST_DICTIONARY: u64 = 64 << 10;

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
    ) -> Result<Bytes, ViewError> {
        if chunks.len() != self.schema.num_columns() {
            return Err(ViewError::Inspection("columns got lost".into()));
        }
        guarded(|| {
            let columns: Vec<ChunkData> = chunks
                .iter()
                .zip(self.schema.columns())
                .map(|(chunk, column)| ChunkData::read(source, chunk, column))
                .collect::<Result<_, _>>()?;
            self.write(&columns, keep)
        })
    }

    fn write(&self, columns: &[ChunkData], keep: &[bool]) -> Result<Bytes, ViewError> {
        let properties = Arc::new(self.properties(columns));
        let schema = self.schema.root_schema_ptr();
        let mut file = SerializedFileWriter::new(Vec::new(), schema, properties)?;
        let mut group = file.next_row_group()?;
        for (data, column) in columns.iter().zip(self.schema.columns()) {
            let mut writer = group
                .next_column()?
                .ok_or_else(|| ViewError::Inspection("columns got lost".into()))?;
            let reader = data.reader(keep.len() as u64)?;
            let rows = Rows {
                keep,
                batch: data.batch_rows(),
                column,
            };
            rows.transcode(reader, writer.untyped())?;
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
    let limit = dictionary.unwrap_or(0).max(LEAST_DICTIONARY);
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
}

impl Rows<'_> {
    fn transcode(
        &self,
        reader: ColumnReader,
        writer: &mut ColumnWriter<'_>,
    ) -> Result<(), ViewError> {
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
    ) -> Result<(), ViewError> {
        let mut batch = Batch::<T>::default();
        for keep in self.keep.chunks(self.batch) {
            if batch.read(&mut reader, keep.len())? != keep.len() {
                return Err(ViewError::malformed(
                    "a column has fewer rows than its row group",
                ));
            }
            let kept = batch.filter(keep, self.column)?;
            if !kept.values.is_empty() || !kept.definitions.is_empty() {
                let definitions = (self.column.max_def_level() > 0).then_some(&*kept.definitions);
                let repetitions = (self.column.max_rep_level() > 0).then_some(&*kept.repetitions);
                writer.write_batch(&kept.values, definitions, repetitions)?;
            }
        }
        if batch.read(&mut reader, 1)? != 0 {
            return Err(ViewError::malformed(
                "a column has more rows than its row group",
            ));
        }
        Ok(())
    }
}

/// Values and levels of some rows.
struct Batch<T: DataType> {
    values: Vec<T::T>,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

impl<T: DataType> Default for Batch<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            definitions: Vec::new(),
            repetitions: Vec::new(),
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

    /// The rows to keep; the values are taken out of this batch.
    fn filter(&mut self, keep: &[bool], column: &ColumnDescPtr) -> Result<Self, ViewError> {
        let (max_definition, max_repetition) = (column.max_def_level(), column.max_rep_level());
        let levels = if max_definition > 0 {
            self.definitions.len()
        } else {
            self.values.len()
        };
        let mut kept = Self::default();
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
            }
            let keeping = keeping.ok_or_else(misaligned)?;
            let value = match definition == max_definition {
                true => Some(values.next().ok_or_else(misaligned)?),
                false => None,
            };
            if keeping {
                kept.values.extend(value);
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
        Ok(kept)
    }
}

fn misaligned() -> ViewError {
    ViewError::malformed("values and levels of a column don't fit each other")
}
