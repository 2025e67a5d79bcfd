//! Tables as files for other tools: CSV and Parquet, in bounded memory.

use std::error::Error;
use std::fmt;
use std::io::Write;
use std::str::FromStr;

use market::{Quantity, Timestamp, Usd};

use crate::columns::to_frame;
use crate::error::StoreError;
use crate::lake;
use crate::query::Query;
use crate::reader::{Reader, Visit};
use crate::table::{Row, Table, text_of};

/// Rows that make up one row group of an exported Parquet file.
const GROUP_ROWS: usize = 65_536;

/// What an export is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 with a header row: times as RFC 3339 in UTC with microseconds, numbers in their
    /// shortest exact form, nothing where the value is unknown, binary frames in hexadecimal.
    Csv,
    /// One Parquet file, zstd: times as microseconds in UTC.
    Parquet,
}

impl Format {
    /// `csv` or `parquet`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Csv, Self::Parquet]
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| ParseFormatError { text: text.to_owned() })
    }
}

/// A name that no format has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an export format; choose csv or parquet")]
pub struct ParseFormatError {
    /// What was given.
    pub text: String,
}

impl Reader {
    /// Writes the wanted rows of a table to `out` and gives their number. Rows are in order of their
    /// records, gaps by start and one for each; the same whether sealed or not.
    ///
    /// # Errors
    /// [`StoreError::Export`] when `out` fails; otherwise as [`Reader::liquidations`]. What is in
    /// `out` after an error is incomplete.
    pub fn export(
        &self,
        table: Table,
        query: &Query,
        format: Format,
        out: &mut dyn Write,
    ) -> Result<u64, StoreError> {
        let failed = |source| StoreError::Export { table: table.name(), source };
        match format {
            Format::Csv => self.export_csv(table, query, out, &failed),
            Format::Parquet => self.export_parquet(table, query, out, &failed),
        }
    }

    fn export_csv(
        &self,
        table: Table,
        query: &Query,
        out: &mut dyn Write,
        failed: &dyn Fn(Box<dyn Error + Send + Sync>) -> StoreError,
    ) -> Result<u64, StoreError> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(table.columns()).map_err(|error| failed(error.into()))?;
        let mut count = 0;
        self.wanted(table, query, &mut |rows| {
            count += rows.len() as u64;
            for row in &rows {
                let cells = table.columns().iter().map(|name| cell(row, name));
                csv.write_record(cells).map_err(|error| failed(error.into()))?;
            }
            Ok(())
        })?;
        csv.flush().map_err(|error| failed(error.into()))?;
        Ok(count)
    }

    fn export_parquet(
        &self,
        table: Table,
        query: &Query,
        out: &mut dyn Write,
        failed: &dyn Fn(Box<dyn Error + Send + Sync>) -> StoreError,
    ) -> Result<u64, StoreError> {
        let schema = to_frame(table, &[]).map_err(|error| failed(error.into()))?.schema().clone();
        let mut parquet = lake::writer(&mut *out, None)
            .and_then(|writer| writer.batched(&schema))
            .map_err(|error| failed(error.into()))?;
        let mut waiting: Vec<Row> = Vec::new();
        let mut count = 0;
        let mut write = |rows: &[Row]| {
            to_frame(table, rows)
                .and_then(|frame| parquet.write_batch(&frame))
                .map_err(|error| failed(error.into()))
        };
        self.wanted(table, query, &mut |rows| {
            count += rows.len() as u64;
            waiting.extend(rows);
            if waiting.len() >= GROUP_ROWS {
                write(&waiting)?;
                waiting.clear();
            }
            Ok(())
        })?;
        if !waiting.is_empty() {
            write(&waiting)?;
        }
        parquet.finish().map_err(|error| failed(error.into()))?;
        drop(parquet);
        out.flush().map_err(|error| failed(error.into()))?;
        Ok(count)
    }

    /// Wanted rows in the order of exports.
    fn wanted(&self, table: Table, query: &Query, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        match table {
            Table::Gaps => visit(self.gap_rows(query)?),
            Table::Liquidations | Table::Alerts | Table::Frames => {
                let snapshot = self.snapshot()?;
                snapshot.visit(table, &|file| query.may_be_in(file), &mut |mut rows| {
                    rows.retain(|row| query.wants(row));
                    visit(rows)
                })
            }
        }
    }
}

/// A row's value in a column, as CSV text.
fn cell(row: &Row, name: &str) -> String {
    if name == "seq" {
        return row.seq.to_string();
    }
    if let Some((event, liquidation)) = row.liquidation() {
        return match name {
            "event_time" => event.event_time.to_string(),
            "receive_time" => event.receive_time.to_string(),
            "known_at" => event.known_at.to_string(),
            "venue" => event.feed.to_string(),
            "symbol" => liquidation.symbol.to_string(),
            "instrument" => liquidation.instrument.to_string(),
            "asset" => liquidation.instrument.asset().to_owned(),
            "position" => liquidation.position.to_string(),
            "price" => liquidation.price.get().to_string(),
            "quantity" => liquidation.quantity.map(Quantity::get).map_or_else(String::new, |q| q.to_string()),
            "notional_usd" => liquidation.notional.map(Usd::get).map_or_else(String::new, |n| n.to_string()),
            "venue_id" => liquidation.venue_id.as_deref().unwrap_or_default().to_owned(),
            _ => String::new(),
        };
    }
    if let Some((event, gap)) = row.gap() {
        return match name {
            "venue" => event.feed.to_string(),
            "from" => gap.from.to_string(),
            "until" => gap.until.as_ref().map_or_else(String::new, Timestamp::to_string),
            "cause" => gap.cause.to_string(),
            "detail" => gap.detail.clone(),
            "event_time" => event.event_time.to_string(),
            "receive_time" => event.receive_time.to_string(),
            "known_at" => event.known_at.to_string(),
            _ => String::new(),
        };
    }
    if let Some(alert) = row.alert() {
        let evidence = &alert.evidence;
        return match name {
            "at" => alert.at.to_string(),
            "rule" => alert.rule.clone(),
            "severity" => alert.severity.as_str().to_owned(),
            "state" => alert.state.as_str().to_owned(),
            "subject" => alert.subject.clone(),
            "headline" => alert.headline.clone(),
            "notional_usd" => evidence.notional_usd.to_string(),
            "threshold_usd" => evidence.threshold_usd.to_string(),
            "window_secs" => evidence.window_secs.to_string(),
            "events" => evidence.events.to_string(),
            "unknown_notional" => evidence.unknown_notional.to_string(),
            "coverage" => evidence.coverage.to_string(),
            _ => String::new(),
        };
    }
    let Some((frame, rejected)) = row.frame() else {
        return String::new();
    };
    match (name, text_of(frame)) {
        ("receive_time", _) => frame.receive_time.to_string(),
        ("venue", _) => frame.feed.to_string(),
        ("text", Some(text)) => text.to_owned(),
        ("binary", None) => hexadecimal(frame.payload.as_bytes()),
        ("rejected", _) => rejected.unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
