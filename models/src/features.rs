//! From what was known of the world to rows that a forecast learns from.
//!
//! A row at a decision time holds only words with `known_at` ≤ that time: revisions, late words and gaps count
//! from when they were told, never from when they happened. One walk over the decision times, in order, takes
//! each word in once; there is no clock, store, chance or order of maps in here, and words of one moment give the
//! same row in any order. `docs/features.md` defines every column; [`audit()`] checks the claim of the first
//! sentence.

mod ai;
mod audit;
mod baskets;
mod calendar;
mod flows;
mod funding;
mod liquidations;
mod miners;
mod own;
mod prices;
mod range;
mod robust;
mod sessions;
mod sweep;
mod task;
mod volatility;
mod watch;

use market::{MarketEvent, Observation, Timestamp};

use crate::samples::{Column, Samples};

pub use audit::{AuditReport, Leak, RowBits, audit};
pub use task::{Grid, MOST_ROWS, TASKS, Task, task};

/// Every word ever told, all vintages, each table in ascending order of `known_at`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Bars: the asset's and Bitcoin's, AI tokens' and shares', hourly and daily. Others are passed over.
    pub bars: Vec<MarketEvent>,
    /// Fund flows.
    pub flows: Vec<MarketEvent>,
    /// Liquidations: better of all assets, since a feed that tells of any is known to watch.
    pub liquidations: Vec<MarketEvent>,
    /// Funding rates.
    pub funding: Vec<MarketEvent>,
    /// Open interest.
    pub open_interest: Vec<MarketEvent>,
    /// Gaps of the feeds of liquidations.
    pub gaps: Vec<MarketEvent>,
}

impl History {
    /// The tables with their names, in a fixed order.
    fn tables(&self) -> [(&'static str, &[MarketEvent]); 6] {
        [
            ("bars", &self.bars),
            ("flows", &self.flows),
            ("liquidations", &self.liquidations),
            ("funding", &self.funding),
            ("open_interest", &self.open_interest),
            ("gaps", &self.gaps),
        ]
    }

    fn check(&self) -> Result<(), FeatureError> {
        for (table, events) in self.tables() {
            for (row, event) in events.iter().enumerate() {
                let is_right = match &event.observation {
                    Observation::Bar(_) => table == "bars",
                    Observation::EtfFlow(_) => table == "flows",
                    Observation::Liquidation(_) => table == "liquidations",
                    Observation::FundingRate(_) => table == "funding",
                    Observation::OpenInterest(_) => table == "open_interest",
                    Observation::Gap(_) => table == "gaps",
                    Observation::Quote(_)
                    | Observation::ChainTip(_)
                    | Observation::Holding(_)
                    | Observation::Forecast(_)
                    | Observation::Regime(_) => false,
                };
                if !is_right {
                    return Err(FeatureError::WrongKind { table, row });
                }
                if row > 0 && events[row - 1].known_at > event.known_at {
                    return Err(FeatureError::NotInOrder { table, row });
                }
            }
        }
        Ok(())
    }
}

/// Rows of one task, with what documents them.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureSet {
    /// What is forecast.
    pub task: &'static Task,
    /// Of which asset.
    pub asset: String,
    /// The rows: from the first that has a level to the last decision by the time asked for.
    pub samples: Samples,
    /// One note a row.
    pub notes: Vec<RowNote>,
    /// Which pairs told the latest return of how many rows, the preferred pair first; empty where the level is
    /// not one of prices.
    pub prices: Vec<PriceUse>,
}

/// What a row rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowNote {
    /// Share of the level's window that was observed, 0 to 1.
    pub coverage: f64,
    /// When the latest word was known that the row could have used; never after the row's own time.
    pub known_through: Timestamp,
}

/// How much one pair contributed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceUse {
    /// The pair: `BTC-USDT`.
    pub symbol: String,
    /// Rows whose latest return it told.
    pub returns: usize,
}

impl FeatureSet {
    /// The row in bytes that never change while its inputs do not: task, asset, time, level and every column by
    /// name, group and bits, all little-endian, texts behind their length. `None` beyond the last row.
    pub fn row_bytes(&self, row: usize) -> Option<Vec<u8>> {
        let time = self.samples.times.get(row)?;
        let level = self.samples.level.get(row)?;
        let mut bytes = Vec::with_capacity(64 + 32 * self.samples.columns.len());
        put_text(&mut bytes, "vigie features 1");
        put_text(&mut bytes, self.task.id);
        put_text(&mut bytes, &self.asset);
        bytes.extend(time.as_micros().to_le_bytes());
        bytes.push(u8::from(level.is_some()));
        bytes.extend(level.unwrap_or(0.0).to_bits().to_le_bytes());
        put_count(&mut bytes, self.samples.columns.len());
        for (column, value) in self.samples.columns.iter().zip(self.samples.row(row)) {
            put_text(&mut bytes, &column.name);
            put_text(&mut bytes, column.group.as_str());
            bytes.extend(value.to_bits().to_le_bytes());
        }
        Some(bytes)
    }
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend((count as u64).to_le_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_count(bytes, text.len());
    bytes.extend(text.as_bytes());
}

/// Rows that can be compared bit by bit: of each row its time, then the level (all ones where there is none) and
/// the columns. For [`audit()`].
pub fn bits(samples: &Samples) -> Vec<RowBits> {
    let of_row = |row: usize| {
        let level = samples.level.get(row).copied().flatten().map_or(u64::MAX, f64::to_bits);
        [level].into_iter().chain(samples.row(row).iter().map(|value| value.to_bits())).collect()
    };
    samples.times.iter().enumerate().map(|(row, time)| (*time, of_row(row))).collect()
}

/// The columns of a task's rows, in order.
pub fn columns(task: &Task) -> Vec<Column> {
    sweep::columns(task)
}

/// Every symbol whose bars features of `asset` are made from, in order: its own pairs and Bitcoin's, those of tokens and
/// shares by all names that they ever went by.
pub fn symbols(asset: &str) -> Vec<String> {
    sweep::symbols(asset)
}

/// The rows of `task` for `asset` (`BTC`), up to the last decision that is not after `now`.
///
/// # Errors
/// A table is not in order of `known_at` or holds another kind of observation, the asset is no symbol, nothing is
/// known of the quantity itself, or the rows are too many.
pub fn samples(
    history: &History,
    task: &'static Task,
    asset: &str,
    now: Timestamp,
) -> Result<FeatureSet, FeatureError> {
    let is_symbol = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit();
    if asset.is_empty() || !asset.bytes().all(is_symbol) {
        return Err(FeatureError::Asset { asset: asset.to_owned() });
    }
    history.check()?;
    sweep::sweep(history, task, asset, now)
}

/// Why there are no rows.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FeatureError {
    /// Words are not in the order in which they became known.
    #[error("{table}: row {row} was known before the row above it; sort by known_at")]
    NotInOrder {
        /// The table.
        table: &'static str,
        /// The row, the first being 0.
        row: usize,
    },
    /// Another kind of observation than the table is of.
    #[error("{table}: row {row} is no word of that kind")]
    WrongKind {
        /// The table.
        table: &'static str,
        /// The row, the first being 0.
        row: usize,
    },
    /// The asset is no symbol.
    #[error("asset is {asset:?}; write a coin's symbol in upper case, such as BTC")]
    Asset {
        /// What was given.
        asset: String,
    },
    /// Nothing to forecast from.
    #[error(
        "too few {needed} of {asset} were known by {}; fetch or import their history (vigie backfill, vigie import)",
        .by.to_minute()
    )]
    NothingKnown {
        /// What it is made from: `fund flows`.
        needed: &'static str,
        /// The asset.
        asset: String,
        /// The moment.
        by: Timestamp,
    },
    /// More rows than any market has.
    #[error("{rows} rows from {from} on are more than {most}; the first word's known_at may be wrong")]
    TooManyRows {
        /// How many.
        rows: usize,
        /// How many may be.
        most: usize,
        /// The first decision asked for.
        from: Timestamp,
    },
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "shares, ages and what is left out are exact")]
mod tests;
