//! Users' own files as market events: fund flows, treasuries, bars, liquidations, funding and open interest, however
//! written.
//!
//! Pure: text in, events and a report out. What cannot be read for certain is refused row by row, and
//! the report says which row and why.

mod bars;
pub(crate) mod dates;
mod etf_flows;
mod funding;
mod length;
mod liquidations;
pub(crate) mod numbers;
mod open_interest;
mod report;
mod series;
mod sheet;
mod stamps;
mod times;
mod treasuries;

pub use bars::{BarImport, bars};
pub use etf_flows::{EtfImport, KnownAt, etf_flows};
pub use funding::{FundingImport, RateUnit, funding};
pub use liquidations::{LiquidationImport, SideOf, liquidations};
pub use open_interest::{InterestImport, InterestUnit, open_interest};
pub use report::{ImportError, Imported, Report};
pub use series::{Series, TimeColumn, series};
pub use sheet::Sheet;
pub use treasuries::{TreasuryImport, treasuries};

#[cfg(test)]
mod tests;
