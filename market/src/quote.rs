//! Prices: the latest one, and bars of them.
//!
//! Symbols are one namespace across sources: equities and funds by their exchange ticker (`KEEL`),
//! spot pairs as `BASE-QUOTE` (`TAO-USDT`), contracts by their instrument (`BTC-USDT-PERP`).

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::money::{Price, Quantity};
use crate::time::Timestamp;

/// What a quoted price is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuoteKind {
    /// The last trade.
    Last,
    /// The venue's mark price of a contract.
    Mark,
}

impl QuoteKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Last, Self::Mark];

    /// `last` or `mark`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Mark => "mark",
        }
    }
}

impl fmt::Display for QuoteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A price at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// What is priced.
    pub symbol: SmolStr,
    /// What the price is.
    pub kind: QuoteKind,
    /// Quote units per base unit or share.
    pub price: Price,
    /// Best bid, where the source tells it.
    pub bid: Option<Price>,
    /// Best ask, where the source tells it.
    pub ask: Option<Price>,
    /// The close that the source counts changes from, where it tells one.
    pub previous_close: Option<Price>,
    /// Base units or shares traded today, where the source tells it.
    pub volume: Option<Quantity>,
}

/// A bar's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interval {
    /// A minute.
    Minute,
    /// Five minutes.
    FiveMinutes,
    /// An hour.
    Hour,
    /// Four hours.
    FourHours,
    /// A day: the UTC day of a coin, the trading day of an equity.
    Day,
}

impl Interval {
    /// Every length.
    pub const ALL: [Self; 5] = [Self::Minute, Self::FiveMinutes, Self::Hour, Self::FourHours, Self::Day];

    /// `1m`, `5m`, `1h`, `4h` or `1d`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::FiveMinutes => "5m",
            Self::Hour => "1h",
            Self::FourHours => "4h",
            Self::Day => "1d",
        }
    }

    /// How long it is.
    pub fn span(self) -> Duration {
        match self {
            Self::Minute => Duration::from_mins(1),
            Self::FiveMinutes => Duration::from_mins(5),
            Self::Hour => Duration::from_hours(1),
            Self::FourHours => Duration::from_hours(4),
            Self::Day => Duration::from_hours(24),
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Prices over one stretch of time. The event time is the stretch's start: for daily bars of
/// equities, midnight UTC of the trading day's date.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// What is priced.
    pub symbol: SmolStr,
    /// How long the bar is.
    pub interval: Interval,
    /// The first price.
    pub open: Price,
    /// The highest price.
    pub high: Price,
    /// The lowest price.
    pub low: Price,
    /// The last price. Adjusted for splits, not for dividends.
    pub close: Price,
    /// Base units or shares traded; `None` where unknown.
    pub volume: Option<Quantity>,
    /// Whether the stretch is over.
    pub is_final: bool,
}

impl Bar {
    /// Whether low ≤ open, close ≤ high.
    pub fn is_coherent(&self) -> bool {
        let (low, high) = (self.low.get(), self.high.get());
        [self.open, self.close].iter().all(|price| (low..=high).contains(&price.get()))
    }
}

/// When a daily bar that starts at `start` ends, for markets that never close.
pub fn day_end(start: Timestamp) -> Timestamp {
    start.plus(Interval::Day.span())
}
