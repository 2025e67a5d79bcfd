//! `vigie export`: a table of the store as CSV or Parquet.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use market::{Clock, FeedId, Occasion, Timestamp};
use store::{Format, Query, Reader, Table};

use super::Global;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::failure::Failure;

const TABLES: &str = "Table: liquidations, etf_flows, bars, quotes, funding, open_interest, chain, holdings, gaps, \
                      alerts, forecasts, regimes, events or frames";

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// What to export.
    #[arg(value_parser = parse_table, help = TABLES)]
    table: Wanted,
    /// First moment wanted: 2026-01-31 or 2026-01-31T09:30:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// First moment no longer wanted
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Only this venue; may be given more than once
    #[arg(long, value_name = "FEED")]
    venue: Vec<String>,
    /// Only this instrument (BTC-USDT-PERP), asset (BTC), ticker (KEEL), pair (TAO-USDT), fund (IBIT), holder or
    /// forecast target (vol-24h); may be given more than once
    #[arg(long, value_name = "NAME", visible_alias = "symbol")]
    instrument: Vec<String>,
    /// Only what was known at this moment, as it was known then
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    /// csv, with RFC 3339 times, empty where unknown; or parquet, zstd-compressed, with UTC microseconds
    #[arg(long, value_enum, hide_possible_values = true, default_value_t = FileFormat::Csv)]
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

/// What is exported.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// A table of the store.
    Stored(Table),
    /// Dated facts, shipped and the user's own.
    Events,
}

fn parse_table(text: &str) -> Result<Wanted, String> {
    if text == "events" {
        return Ok(Wanted::Events);
    }
    Table::ALL.iter().copied().find(|table| table.name() == text).map(Wanted::Stored).ok_or_else(|| {
        let known: Vec<&str> = Table::ALL.iter().map(|table| table.name()).collect();
        format!("{text:?} is no table; known are {}, events", known.join(", "))
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
        let table = match self.table {
            Wanted::Stored(table) => table,
            Wanted::Events => return self.export_events(&settings),
        };
        let query = Query {
            from: self.from,
            to: self.to,
            feeds: self.venue.iter().map(|venue| FeedId::new(venue)).collect(),
            instruments: self.instrument.clone(),
            as_of: self.as_of,
            now: Some(SystemClock.now()),
        };
        let format = match self.format {
            FileFormat::Csv => Format::Csv,
            FileFormat::Parquet => Format::Parquet,
        };
        let reader = Reader::open(&settings.store_dir)?;
        self.check_venues(&reader, table)?;
        if self.out == Path::new("-") {
            let mut stdout = BufWriter::new(io::stdout().lock());
            reader.export(table, &query, format, &mut stdout)?;
            return stdout.flush().map_err(Failure::Stdout);
        }
        let rows = self.write_file(|file| Ok(reader.export(table, &query, format, file)?))?;
        tracing::info!(rows, out = %self.out.display(), "exported");
        Ok(())
    }

    /// A name that is no feed may be an import's source; one that the store has no row of is a mistake.
    fn check_venues(&self, reader: &Reader, table: Table) -> Result<(), Failure> {
        for venue in self.venue.iter().filter(|venue| feeds::find(venue).is_none()) {
            let query = Query { feeds: vec![FeedId::new(venue)], ..Query::default() };
            let has_rows = match table {
                Table::Frames | Table::Alerts => false,
                Table::Gaps => !reader.gaps(&query)?.is_empty(),
                _ => !reader.events(table, &query)?.is_empty(),
            };
            if !has_rows {
                let known: Vec<&str> = feeds::FEEDS.iter().map(|row| row.id).collect();
                return Err(Failure::Usage(format!(
                    "--venue {venue} is no feed, and no source of {table} in this store; feeds are {}",
                    known.join(", ")
                )));
            }
        }
        Ok(())
    }

    /// Dated facts as CSV: what is no measurement needs no Parquet.
    fn export_events(&self, settings: &Settings) -> Result<(), Failure> {
        if matches!(self.format, FileFormat::Parquet) {
            return Err(Failure::Usage("events are exported as CSV alone; leave --format out".to_owned()));
        }
        let wanted = settings.background.occasions.iter().filter(|occasion| {
            let start = occasion.at.start();
            self.from.is_none_or(|from| start >= from)
                && self.to.is_none_or(|to| start < to)
                && self.as_of.is_none_or(|as_of| start <= as_of)
        });
        let write = |out: &mut dyn Write| {
            let mut rows = 0;
            writeln!(out, "{}", EVENT_COLUMNS.join(","))?;
            for occasion in wanted.clone() {
                writeln!(out, "{}", event_row(occasion))?;
                rows += 1;
            }
            Ok::<u64, io::Error>(rows)
        };
        if self.out == Path::new("-") {
            let mut stdout = BufWriter::new(io::stdout().lock());
            return write(&mut stdout).and_then(|_| stdout.flush()).map_err(Failure::Stdout);
        }
        let failed = |source| Failure::Write { path: self.out.clone(), source };
        let rows = self.write_file(|file| write(file).map_err(failed))?;
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

const EVENT_COLUMNS: [&str; 12] = [
    "at",
    "id",
    "kind",
    "title",
    "entities",
    "usd",
    "years",
    "megawatts",
    "counterparty",
    "change_bp",
    "is_scheduled",
    "sources",
];

fn event_row(occasion: &Occasion) -> String {
    let figures = &occasion.figures;
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    [
        occasion.at.to_string(),
        occasion.id.to_string(),
        occasion.kind.as_str().to_owned(),
        occasion.title.clone(),
        occasion.entities.join(" "),
        number(figures.usd),
        number(figures.years),
        number(figures.megawatts),
        figures.counterparty.clone().unwrap_or_default(),
        number(figures.change_bp),
        occasion.is_scheduled.to_string(),
        occasion.sources.join("; "),
    ]
    .map(|cell| quoted(&cell))
    .join(",")
}

/// A CSV cell, in quotes where it needs them (RFC 4180).
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// Temporary files are made for their owner alone; an export is for others to read.
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}
