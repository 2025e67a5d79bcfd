//! Reads from the store every word that features are made from.

use std::path::Path;

use market::{Interval, MarketEvent, Timestamp};
use models::features::{self, History};
use store::{Query, Reader, StoreError, Table};

/// Everything known of `asset` and of what moves it by `now`, all vintages, in order of when it was known.
///
/// # Errors
/// The store cannot be read.
pub fn read(store_dir: &Path, asset: &str, now: Timestamp) -> Result<History, StoreError> {
    let reader = Reader::open(store_dir)?;
    let words = |table: Table, instruments: Vec<String>| {
        reader.words(table, &Query { instruments, as_of: Some(now), ..Query::default() })
    };
    let is_wanted = |event: &MarketEvent| {
        event.observation.bar().is_some_and(|bar| matches!(bar.interval, Interval::Hour | Interval::Day))
    };
    let mut bars = words(Table::Bars, features::symbols(asset))?;
    bars.retain(is_wanted);
    let of_asset = || vec![asset.to_owned()];
    Ok(History {
        bars,
        flows: words(Table::EtfFlows, of_asset())?,
        liquidations: words(Table::Liquidations, Vec::new())?,
        funding: words(Table::Funding, of_asset())?,
        open_interest: words(Table::OpenInterest, of_asset())?,
        gaps: words(Table::Gaps, Vec::new())?,
    })
}
