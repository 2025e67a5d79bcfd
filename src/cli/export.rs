//! `vigie export`: a table of the store as CSV or Parquet.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use market::{Clock, FeedId, Timestamp};
use store::{Format, Query, Reader, Table};

use super::Global;
use crate::clock::SystemClock;
use crate::failure::Failure;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Table: liquidations, gaps, alerts or frames
    #[arg(value_parser = parse_table)]
    table: Table,
    /// First moment wanted: 2026-01-31 or 2026-01-31T09:30:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// First moment no longer wanted
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Only this venue; may be given more than once
    #[arg(long, value_name = "FEED")]
    venue: Vec<String>,
    /// Only this instrument (BTC-USDT-PERP) or asset (BTC); may be given more than once
    #[arg(long, value_name = "NAME")]
    instrument: Vec<String>,
    /// Format
    #[arg(long, value_enum, default_value_t = FileFormat::Csv)]
    format: FileFormat,
    /// File to write, or - for standard output
    #[arg(long, value_name = "FILE|-", default_value = "-")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FileFormat {
    /// RFC 3339 times, empty where unknown
    Csv,
    /// zstd-compressed, timestamps in UTC microseconds
    Parquet,
}

fn parse_table(text: &str) -> Result<Table, String> {
    Table::ALL.iter().copied().find(|table| table.name() == text).ok_or_else(|| {
        let known: Vec<&str> = Table::ALL.iter().map(|table| table.name()).collect();
        format!("{text:?} is no table; known are {}", known.join(", "))
    })
}

impl Export {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let settings = global.settings()?;
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            return Err(Failure::Usage(format!("--from {from} is not before --to {to}; swap them")));
        }
        if let Some(unknown) = self.venue.iter().find(|venue| feeds::find(venue).is_none()) {
            let known: Vec<&str> = feeds::FEEDS.iter().map(|row| row.id).collect();
            return Err(Failure::Usage(format!(
                "--venue {unknown} is no feed; known are {}",
                known.join(", ")
            )));
        }
        let query = Query {
            from: self.from,
            to: self.to,
            feeds: self.venue.iter().map(|venue| FeedId::new(venue)).collect(),
            instruments: self.instrument.clone(),
            as_of: None,
            now: Some(SystemClock.now()),
        };
        let format = match self.format {
            FileFormat::Csv => Format::Csv,
            FileFormat::Parquet => Format::Parquet,
        };
        let reader = Reader::open(&settings.store_dir)?;
        if self.out == Path::new("-") {
            let mut stdout = BufWriter::new(io::stdout().lock());
            reader.export(self.table, &query, format, &mut stdout)?;
            return stdout.flush().map_err(Failure::Stdout);
        }
        let rows = self.write_file(|file| Ok(reader.export(self.table, &query, format, file)?))?;
        tracing::info!(rows, out = %self.out.display(), "exported");
        Ok(())
    }

    /// Writes beside the file and renames, so that a failed export leaves nothing half-written.
    fn write_file(&self, write: impl FnOnce(&mut dyn Write) -> Result<u64, Failure>) -> Result<u64, Failure> {
        let failed = |source| Failure::Write { path: self.out.clone(), source };
        let directory = self.out.parent().filter(|parent| !parent.as_os_str().is_empty());
        let file = tempfile::NamedTempFile::new_in(directory.unwrap_or(Path::new("."))).map_err(failed)?;
        let mut buffered = BufWriter::new(file);
        let rows = write(&mut buffered)?;
        let file = buffered.into_inner().map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        make_readable(file.as_file()).map_err(failed)?;
        file.persist(&self.out).map_err(|error| failed(error.error))?;
        Ok(rows)
    }
}

/// Temporary files are made for their owner alone; an export is for others to read.
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}
