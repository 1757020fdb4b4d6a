//! What a file may ask for. Far above what writers produce, far below what hurts.

/// Largest footer, in bytes, what is skipped of it included.
pub(crate) const FOOTER_BYTES: u64 = 64 << 20;
/// Bytes fetched from the end of a file before its footer's length is known.
pub(crate) const TAIL_BYTES: u64 = 64 << 10;
/// Most values (fields and list items) kept of one footer; a column chunk has about thirty.
pub(crate) const THRIFT_VALUES: usize = 2 << 20;
/// Deepest nesting of structs and lists in thrift.
pub(crate) const THRIFT_DEPTH: usize = 24;
/// Deepest nesting of a schema.
pub(crate) const SCHEMA_DEPTH: usize = 64;
/// Most bytes that the paths of all leaves take together.
pub(crate) const PATH_BYTES: usize = 64 << 20;
/// Most rows of a row group that has to be decoded.
pub(crate) const ROW_GROUP_ROWS: u64 = 1 << 28;
/// Most values of a page that has to be decoded.
pub(crate) const PAGE_VALUES: u64 = 1 << 26;
/// Most values of a column chunk that has to be decoded.
pub(crate) const CHUNK_VALUES: u64 = 1 << 28;
/// Largest page after decompression, in bytes.
pub(crate) const PAGE_BYTES: u64 = 1 << 28;
/// Largest column chunk after decompression, in bytes; it is decoded page by page.
pub(crate) const CHUNK_BYTES: u64 = 1 << 34;
/// Rows decoded at a time.
pub(crate) const BATCH_ROWS: usize = 8192;
/// Bytes that the values of one batch may take. Each delta-encoded byte array may repeat nearly the
/// whole page by a short reference.
pub(crate) const BATCH_BYTES: u64 = 1 << 28;
/// Widest gap that is read along to save a request, in bytes.
pub(crate) const READ_GAP: u64 = 64 << 10;
/// Deepest nesting of a predicate.
pub(crate) const PREDICATE_DEPTH: usize = 128;
/// Largest dictionary page after decompression, in bytes; its values are decoded at once.
pub(crate) const DICTIONARY_BYTES: u64 = 64 << 20;
/// How many times its declared size a filtered file may cost in decoded and re-encoded bytes.
pub(crate) const WORK_FACTOR: u64 = 64;
/// What any value costs, in bytes, however well its page is compressed.
pub(crate) const VALUE_BYTES: u64 = 4;
/// Bytes of a value that cost nothing beyond [`VALUE_BYTES`].
pub(crate) const NARROW_BYTES: u64 = 64;
/// Bytes of values that are handed to the writer at once, but for whole rows.
pub(crate) const WRITE_BYTES: u64 = 64 << 20;
/// Bytes of values that one row of a column may hold.
pub(crate) const ROW_BYTES: u64 = 1 << 29;
