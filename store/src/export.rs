//! Tables as files for other tools: CSV and Parquet, in bounded memory.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::io::Write;
use std::str::FromStr;

use crate::asof;
use crate::columns::{cell, to_frame};
use crate::error::StoreError;
use crate::lake;
use crate::query::Query;
use crate::reader::Reader;
use crate::snapshot::{Snapshot, Visit};
use crate::table::{Row, Table};

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
    /// Writes the wanted rows of a table to `out`, as they stand, and gives their number. Liquidations,
    /// alerts and frames are in order of their records, gaps by start and one for each, flows by day and
    /// fund, bars by symbol and time, holdings by day and holder, forecasts and regimes by time and target,
    /// others by time; the same whether sealed or not.
    ///
    /// # Errors
    /// [`StoreError::Export`] when `out` fails; [`StoreError::NoMoment`] for fund flows where the query
    /// has neither `as_of` nor `now`; otherwise as [`Reader::liquidations`]. What is in
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
        csv.write_record(table.columns().iter().map(|heading| heading.name))
            .map_err(|error| failed(error.into()))?;
        let mut count = 0;
        self.wanted(table, query, &mut |rows| {
            count += rows.len() as u64;
            for row in &rows {
                let cells = table.columns().iter().map(|heading| cell(row, heading.name).to_string());
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

    /// Wanted rows as they stand, in the order of exports.
    fn wanted(&self, table: Table, query: &Query, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        match table {
            Table::Gaps => visit(self.gap_rows(query)?),
            Table::EtfFlows if query.moment().is_none() => Err(StoreError::NoMoment),
            Table::EtfFlows
            | Table::Bars
            | Table::Chain
            | Table::Holdings
            | Table::Forecasts
            | Table::Regimes => visit(self.rows(table, query)?),
            Table::Quotes | Table::Funding | Table::OpenInterest => self.by_time(table, query, visit),
            Table::Liquidations => {
                let snapshot = self.snapshot()?;
                let mut replaced = replaced_in(&snapshot, query)?.into_iter().peekable();
                let mut number = 0_u64;
                visit_wanted(&snapshot, table, query, &mut |mut rows| {
                    rows.retain(|_| {
                        let at = number;
                        number += 1;
                        replaced.next_if_eq(&at).is_none()
                    });
                    visit(rows)
                })
            }
            Table::Alerts | Table::Frames => visit_wanted(&self.snapshot()?, table, query, visit),
        }
    }
}

fn visit_wanted(
    snapshot: &Snapshot,
    table: Table,
    query: &Query,
    visit: &mut Visit<'_>,
) -> Result<(), StoreError> {
    snapshot.visit(table, &|file| query.may_be_in(file), &mut |mut rows| {
        rows.retain(|row| query.wants(row));
        visit(rows)
    })
}

/// Which of the wanted liquidations (their numbers, from 0, in order) do not stand. Holds 8 bytes for
/// each, and the rows of those alone that are in the store more than once.
fn replaced_in(snapshot: &Snapshot, query: &Query) -> Result<Vec<u64>, StoreError> {
    let mut subjects = Vec::new();
    visit_wanted(snapshot, Table::Liquidations, query, &mut |rows| {
        for row in &rows {
            subjects.push(asof::subject_of(row)?);
        }
        Ok(())
    })?;
    subjects.sort_unstable();
    let repeated: HashSet<u64> =
        subjects.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    drop(subjects);
    if repeated.is_empty() {
        return Ok(Vec::new());
    }
    let (mut numbers, mut rows_of_them, mut number) = (Vec::new(), Vec::new(), 0);
    visit_wanted(snapshot, Table::Liquidations, query, &mut |rows| {
        for row in rows {
            if repeated.contains(&asof::subject_of(&row)?) {
                numbers.push(number);
                rows_of_them.push(row);
            }
            number += 1;
        }
        Ok(())
    })?;
    let stands = asof::standing(&rows_of_them)?;
    Ok(numbers.into_iter().zip(stands).filter_map(|(number, stands)| (!stands).then_some(number)).collect())
}
