//! Decoding, by the `parquet` crate, of column chunks that were surveyed here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaDataReader};
use parquet::file::properties::ReaderProperties;
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::schema::types::{ColumnDescPtr, SchemaDescPtr};

use crate::delta::check_counts;
use crate::footer::Chunk;
use crate::limits::{BATCH_BYTES, BATCH_ROWS};
use crate::pages::{Survey, survey};
use crate::source::read;
use crate::thrift::{Struct, Value};
use crate::work::Work;
use crate::{Source, ViewError};

/// Runs code of the `parquet` crate. It asserts and slices without checks in places that malformed
/// pages reach; such a panic means that the file is refused, like any other contradiction in it, and
/// must not depend on callers to be so. Nothing outlives the call, so nothing is left half-done.
pub(crate) fn guarded<T>(run: impl FnOnce() -> Result<T, ViewError>) -> Result<T, ViewError> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(ViewError::Values("a page makes no sense".into())))
}

/// The `parquet` crate's form of a schema, from its flattened elements.
pub(crate) fn schema_descriptor(elements: &[Value<'_>]) -> Result<SchemaDescPtr, ViewError> {
    let tree = Struct::default().with(2, Value::List(elements.to_vec()));
    guarded(|| Ok(ParquetMetaDataReader::decode_schema(&tree.to_bytes())?))
}

/// A column chunk that has been read and surveyed.
pub(crate) struct ChunkData {
    bytes: Bytes,
    metadata: ColumnChunkMetaData,
    descriptor: ColumnDescPtr,
    pub(crate) compression: Compression,
    pub(crate) survey: Survey,
}

impl ChunkData {
    /// Reads a chunk and surveys its pages.
    pub(crate) fn read(
        source: &dyn Source,
        chunk: &Chunk<'_>,
        descriptor: &ColumnDescPtr,
        work: &Work,
    ) -> Result<Self, ViewError> {
        let compression = compression(chunk.metadata.i32(4))?;
        work.spend(chunk.range.end.saturating_sub(chunk.range.start))?;
        let bytes = read(source, &chunk.range)?;
        let survey = survey(&bytes, compression)?;
        work.spend_pages(survey.values, survey.bytes)?;
        let within = |offset: u64| i64::try_from(offset - chunk.range.start).unwrap_or(i64::MAX);
        let metadata = ColumnChunkMetaData::builder(Arc::clone(descriptor))
            .set_compression(compression)
            .set_num_values(chunk.metadata.i64(5).unwrap_or(0))
            .set_total_compressed_size(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
            .set_data_page_offset(within(chunk.data))
            .set_dictionary_page_offset(chunk.dictionary.map(within))
            .build()?;
        Ok(Self {
            bytes,
            metadata,
            descriptor: Arc::clone(descriptor),
            compression,
            survey,
        })
    }

    /// A reader of the chunk's values; `rows` is the row group's number of rows.
    pub(crate) fn reader(&self, rows: u64) -> Result<ColumnReader, ViewError> {
        let bytes = Arc::new(self.bytes.clone());
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        // The framings that some old writers used for LZ4 don't tell how far they expand.
        let properties = ReaderProperties::builder()
            .set_backward_compatible_lz4(false)
            .build();
        let pages = SerializedPageReader::new_with_properties(
            bytes,
            &self.metadata,
            rows,
            None,
            Arc::new(properties),
        )?;
        let checked = CheckedPages {
            pages,
            descriptor: Arc::clone(&self.descriptor),
        };
        Ok(get_column_reader(
            Arc::clone(&self.descriptor),
            Box::new(checked),
        ))
    }

    /// How many rows to decode at a time, so that a batch stays within bounds: it keeps the pages of
    /// its values, and the values of a delta-encoded page may each repeat most of the page.
    pub(crate) fn batch_rows(&self) -> usize {
        let delta = Encoding::DELTA_BYTE_ARRAY as i32;
        let per_row = match self.survey.encodings.contains(&delta) {
            true => self.survey.largest_page,
            false => self.survey.bytes_per_value,
        };
        let rows = BATCH_BYTES / per_row.max(1);
        usize::try_from(rows)
            .unwrap_or(BATCH_ROWS)
            .clamp(1, BATCH_ROWS)
    }
}

/// A compression codec by its number in the format.
fn compression(number: Option<i32>) -> Result<Compression, ViewError> {
    Ok(match number {
        Some(0) => Compression::UNCOMPRESSED,
        Some(1) => Compression::SNAPPY,
        Some(2) => Compression::GZIP(GzipLevel::default()),
        Some(4) => return Err(ViewError::Brotli),
        Some(5) => Compression::LZ4,
        Some(6) => Compression::ZSTD(ZstdLevel::default()),
        Some(7) => Compression::LZ4_RAW,
        _ => return Err(ViewError::Values("an unsupported compression codec".into())),
    })
}

/// Pages as the `parquet` crate finds them, without empty ones (at which its column reader would stop
/// too early) and with checks of what its decoders take on trust.
struct CheckedPages {
    pages: SerializedPageReader<Bytes>,
    descriptor: ColumnDescPtr,
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>, ParquetError> {
        while let Some(page) = self.pages.get_next_page()? {
            if page.is_data_page() && page.num_values() == 0 {
                continue;
            }
            check_counts(&page, &self.descriptor)?;
            return Ok(Some(page));
        }
        Ok(None)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>, ParquetError> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<(), ParquetError> {
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool, ParquetError> {
        self.pages.at_record_boundary()
    }
}

impl Iterator for CheckedPages {
    type Item = Result<Page, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
