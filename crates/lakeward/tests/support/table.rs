//! Parquet files as rows of text.

use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use parquet::{
    arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
    file::reader::{ChunkReader, FileReader, SerializedFileReader},
};

/// A whole table.
#[derive(Debug, PartialEq)]
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Decodes a file, every page of it.
    pub fn of(file: &Bytes) -> Self {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
        let fields = reader.schema().fields().iter();
        let columns = fields.map(|field| field.name().clone()).collect();
        let mut rows = Vec::new();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            let options = FormatOptions::default();
            let formatters: Vec<_> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
                .collect();
            for row in 0..batch.num_rows() {
                let values = formatters
                    .iter()
                    .map(|column| column.value(row).to_string());
                rows.push(values.collect());
            }
        }
        Self { columns, rows }
    }

    /// The place of a column.
    pub fn place(&self, column: &str) -> usize {
        let found = self.columns.iter().position(|name| name == column);
        found.unwrap_or_else(|| panic!("no column {column} in {:?}", self.columns))
    }

    /// A column's values.
    pub fn values(&self, column: &str) -> Vec<&str> {
        let place = self.place(column);
        self.rows.iter().map(|row| row[place].as_str()).collect()
    }

    /// The same rows with some of the columns.
    pub fn select(&self, columns: &[String]) -> Self {
        let places: Vec<usize> = columns.iter().map(|name| self.place(name)).collect();
        let keep = |row: &Vec<String>| places.iter().map(|place| row[*place].clone()).collect();
        Self {
            columns: columns.to_vec(),
            rows: self.rows.iter().map(keep).collect(),
        }
    }

    /// The rows that have a value in a column.
    pub fn only(&self, column: &str, value: &str) -> Self {
        let place = self.place(column);
        let rows = self.rows.iter().filter(|row| row[place] == value);
        Self {
            columns: self.columns.clone(),
            rows: rows.cloned().collect(),
        }
    }
}

/// The stored bytes of some columns, headers of pages included, one slice per column chunk.
pub fn column_bytes(file: &Bytes, columns: &[&str]) -> Vec<Bytes> {
    let reader = SerializedFileReader::new(file.clone()).unwrap();
    let mut slices = Vec::new();
    for group in reader.metadata().row_groups() {
        for chunk in group.columns() {
            if columns.contains(&chunk.column_path().string().as_str()) {
                let (start, length) = chunk.byte_range();
                let length = usize::try_from(length).unwrap();
                slices.push(file.get_bytes(start, length).unwrap());
            }
        }
    }
    slices
}

/// The names of the columns in a file's footer.
pub fn footer_columns(file: &Bytes) -> Vec<String> {
    let reader = SerializedFileReader::new(file.clone()).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr();
    schema
        .columns()
        .iter()
        .map(|column| column.path().string())
        .collect()
}

/// Whether `part` occurs in `whole`.
pub fn contains(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}
