//! Users' own files as market events: fund flows and treasuries, however they are written.
//!
//! Pure: text in, events and a report out. What cannot be read for certain is refused row by row, and
//! the report says which row and why.

pub(crate) mod dates;
mod etf_flows;
pub(crate) mod numbers;
mod report;
mod sheet;
mod treasuries;

pub use etf_flows::{EtfImport, KnownAt, etf_flows};
pub use report::{ImportError, Imported, Report};
pub use sheet::Sheet;
pub use treasuries::{TreasuryImport, treasuries};

#[cfg(test)]
mod tests;
