//! What became of a user's file, row by row.

use market::MarketEvent;

/// A file's events and the report on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// What the file tells, in the order in which it became known.
    pub events: Vec<MarketEvent>,
    /// What became of its rows.
    pub report: Report,
}

/// What became of a file's rows. Rows are counted as the user sees them: in a CSV the header is line 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How the file is laid out, in a word.
    pub layout: &'static str,
    /// Events made.
    pub accepted: usize,
    /// Rows that were taken otherwise than they are written: the row, and what was done.
    pub corrected: Vec<(usize, String)>,
    /// Rows that were not taken: the row, and what is wrong with it.
    pub refused: Vec<(usize, String)>,
    /// Trading days told; zero where the file is about none.
    pub sessions: usize,
    /// Days in the file on which the market was closed.
    pub closed: usize,
    /// Totals compared with the sum of what they are the total of.
    pub checked_totals: usize,
    /// Of those, the ones that did not agree.
    pub mismatched_totals: usize,
}

/// Why nothing was taken from a file.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not text.
    #[error("the file is not UTF-8 text from byte {at} on; save it as CSV in UTF-8")]
    NotText {
        /// Where it stops being text.
        at: usize,
    },
    /// The file is no CSV.
    #[error("the file is no CSV: {source}")]
    Csv {
        /// The parser's words.
        source: csv::Error,
    },
    /// Nothing is in it.
    #[error("the file has no header or no row below it")]
    Empty,
    /// A column is there twice.
    #[error("the column {name:?} is there twice; rename or drop the one that does not count")]
    ColumnTwice {
        /// Its name.
        name: String,
    },
    /// A column that was asked for is not there.
    #[error("there is no column {name:?}; the columns are {found:?}")]
    NoColumn {
        /// What was asked for.
        name: String,
        /// The columns.
        found: Vec<String>,
    },
    /// A cell is not what its column holds.
    #[error("row {row}, column {column}: {reason}")]
    Cell {
        /// The row as the user counts it.
        row: usize,
        /// The column's name.
        column: String,
        /// What is wrong.
        reason: String,
    },
    /// The columns are those of no known layout.
    #[error("the columns are {found:?}; {wanted}")]
    Layout {
        /// The columns.
        found: Vec<String>,
        /// What they should be.
        wanted: &'static str,
    },
    /// Some dates have the day first and some the month.
    #[error("{day_first:?} has the day first and {month_first:?} the month; write all dates as 2024-01-31")]
    MixedDates {
        /// A date that has the day first.
        day_first: String,
        /// A date that has the month first.
        month_first: String,
    },
    /// No row could be taken.
    #[error("none of the rows can be taken; the first: row {row}: {reason}")]
    NothingTaken {
        /// The first row that was refused.
        row: usize,
        /// Why.
        reason: String,
        /// The whole report.
        report: Box<Report>,
    },
}

impl Imported {
    /// The events with their report, unless rows were refused and nothing is left.
    pub(super) fn unless_empty(events: Vec<MarketEvent>, mut report: Report) -> Result<Self, ImportError> {
        report.accepted = events.len();
        report.refused.sort();
        report.corrected.sort();
        match report.refused.first() {
            Some((row, reason)) if events.is_empty() => {
                Err(ImportError::NothingTaken { row: *row, reason: reason.clone(), report: Box::new(report) })
            }
            _ => Ok(Self { events, report }),
        }
    }
}
