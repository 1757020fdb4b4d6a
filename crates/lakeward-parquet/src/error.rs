//! Why a view cannot be served.

/// Why a file cannot be served through a view. The messages may name hidden columns.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The original could not be read.
    #[error("the original object cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// The object doesn't end like a Parquet file.
    #[error("the object is not a parquet file")]
    NotParquet,
    /// The file contradicts itself or the format.
    #[error("the parquet file is malformed: {0}")]
    Malformed(String),
    /// The file asks for more than is given to any file.
    #[error("the parquet file goes over a limit: {0}")]
    Limit(String),
    /// The file is encrypted (Parquet modular encryption), wholly or in part.
    #[error(
        "the parquet file is encrypted, and encrypted files cannot be filtered; store it decrypted"
    )]
    Encrypted,
    /// Column chunks are in other files.
    #[error("the parquet file keeps column chunks in other files; rewrite it as one file")]
    ExternalFile,
    /// Two columns of the file have one name in the catalog, which ignores case.
    #[error("two columns of the file are both named {name:?} when case is ignored; rename one")]
    AmbiguousColumn {
        /// The name, in lower case.
        name: String,
    },
    /// No column of the file is visible.
    #[error("the view shows no column of this file")]
    NothingGranted,
    /// The view hides single cells.
    #[error(
        "the view shows some columns in fewer rows than others, which is not built yet for files"
    )]
    CellFilterUnsupported,
    /// The row filter reads a column that the file lacks.
    #[error("the row filter reads column {column:?}, which this file doesn't have")]
    FilterColumnMissing {
        /// The column.
        column: String,
    },
    /// The row filter can't be evaluated exactly on this file.
    #[error("the row filter cannot be evaluated on column {column:?}: {reason}")]
    FilterUnsupported {
        /// The column; empty when the filter as a whole is meant.
        column: String,
        /// Why not.
        reason: String,
    },
    /// A column that has to be decoded is compressed with brotli.
    #[error(
        "a row filter needs columns decoded, and pages compressed with brotli are not, since they don't tell how far they expand; rewrite the file with zstd, snappy or gzip"
    )]
    Brotli,
    /// The filtered file doesn't fit the size that was declared for it.
    #[error(
        "the filtered file needs {needed} bytes but {declared} are declared for it; rewrite the original with larger pages or plain encodings"
    )]
    TooLarge {
        /// Bytes needed, at least.
        needed: u64,
        /// Bytes declared by [`virtual_size`](crate::virtual_size).
        declared: u64,
    },
    /// Values could not be decoded or encoded.
    #[error("the values of the parquet file cannot be processed: {0}")]
    Values(String),
    /// The finished plan failed its own inspection; a defect of this crate or a file it misjudged.
    #[error("the filtered file failed inspection and is not served: {0}")]
    Inspection(String),
}

impl ViewError {
    /// A contradiction in the file.
    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }
}

impl From<parquet::errors::ParquetError> for ViewError {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Self::Values(error.to_string())
    }
}
