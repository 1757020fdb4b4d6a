use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
    process::ExitCode,
    sync::Mutex,
};

use anyhow::{Context, Result};
use bytes::Bytes;
use clap::Args;
use lakeward_grants::{Rows, TableView, VisibleColumns, parse_row_filter};
use lakeward_parquet::Source;

use crate::demo::hive_schema;

#[derive(Args)]
pub(super) struct View {
    /// The original file.
    input: PathBuf,
    /// Where to write what the gate would serve.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Columns to keep, by name.
    #[arg(
        long,
        value_delimiter = ',',
        conflicts_with = "exclude",
        value_name = "A,B"
    )]
    columns: Option<Vec<String>>,
    /// Columns to leave out, by name.
    #[arg(long, value_delimiter = ',', value_name = "X,Y")]
    exclude: Option<Vec<String>>,
    /// Rows to keep, in the row-filter language, for instance "i_category = 'Electronics'".
    #[arg(long = "where", value_name = "EXPR")]
    rows: Option<String>,
}

impl View {
    pub(super) fn run(self) -> Result<ExitCode> {
        let source = FileSource::open(&self.input)?;
        let view = self.view()?;
        let served = lakeward_parquet::materialize(&source, &view)
            .with_context(|| format!("no view of {} can be served", self.input.display()))?;
        std::fs::write(&self.out, &served)
            .with_context(|| format!("{} can't be written", self.out.display()))?;
        eprintln!("{} bytes, from {} bytes", served.len(), source.size());
        Ok(ExitCode::SUCCESS)
    }

    fn view(&self) -> Result<TableView> {
        let file = File::open(&self.input)?;
        let schema = hive_schema::of_file(file)?;
        let names: Vec<String> = schema
            .columns
            .iter()
            .map(|column| column.name.to_ascii_lowercase())
            .collect();
        let check = |asked: &[String]| -> Result<Vec<String>> {
            let asked: Vec<String> = asked.iter().map(|name| name.to_ascii_lowercase()).collect();
            match asked.iter().find(|name| !names.contains(name)) {
                Some(missing) => anyhow::bail!(
                    "the file has no column `{missing}`; it has: {}",
                    names.join(", ")
                ),
                None => Ok(asked),
            }
        };
        let columns = match (&self.columns, &self.exclude) {
            (Some(kept), _) => {
                let kept = check(kept)?;
                VisibleColumns::Only(
                    names
                        .iter()
                        .filter(|name| kept.contains(name))
                        .cloned()
                        .collect(),
                )
            }
            (None, Some(left)) => {
                let left = check(left)?;
                VisibleColumns::Only(
                    names
                        .iter()
                        .filter(|name| !left.contains(name))
                        .cloned()
                        .collect(),
                )
            }
            (None, None) => VisibleColumns::All,
        };
        let rows = match &self.rows {
            Some(text) => {
                Rows::Where(parse_row_filter(text, &schema).context("--where is not a row filter")?)
            }
            None => Rows::All,
        };
        Ok(TableView {
            columns,
            rows,
            cells: Default::default(),
        })
    }
}

struct FileSource {
    file: Mutex<File>,
    size: u64,
}

impl FileSource {
    fn open(path: &PathBuf) -> Result<Self> {
        let file =
            File::open(path).with_context(|| format!("{} can't be opened", path.display()))?;
        Ok(Self {
            size: file.metadata()?.len(),
            file: Mutex::new(file),
        })
    }
}

impl Source for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let mut file = self
            .file
            .lock()
            .map_err(|_| io::Error::other("an earlier read panicked"))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut buffer = vec![0; length];
        file.read_exact(&mut buffer)?;
        Ok(buffer.into())
    }
}
