//! What happened: one observation of one feed, with the three times that matter.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::chain::ChainTip;
use crate::derivative::{FundingRate, OpenInterest};
use crate::etf::EtfFlow;
use crate::feed::FeedId;
use crate::holding::Holding;
use crate::instrument::Instrument;
use crate::money::{Price, Quantity, Usd};
use crate::outlook::{Forecast, RegimeReading};
use crate::quote::{Bar, Quote};
use crate::time::Timestamp;

/// One observation. Never edited after decoding: a correction is a new event.
///
/// The journal stores events by field order: a new field goes last and takes `#[serde(default)]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarketEvent {
    /// The feed that saw it.
    pub feed: FeedId,
    /// The venue's own time of the event.
    pub event_time: Timestamp,
    /// When our socket returned the bytes; stamped by the runner, never by a decoder.
    pub receive_time: Timestamp,
    /// When a person could first have known it: `receive_time` live, publication time in a backfill.
    pub known_at: Timestamp,
    /// What was seen.
    pub observation: Observation,
}

impl MarketEvent {
    /// Whether it was learnt later than it could have been: a backfill or an import.
    pub fn is_backfilled(&self) -> bool {
        self.known_at < self.receive_time
    }
}

/// Everything that can be seen. Matches on it are exhaustive, so that a new kind is never ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Observation {
    /// A leveraged position was closed by force.
    Liquidation(Liquidation),
    /// A stretch of time in which a feed saw nothing because it could not look.
    Gap(Gap),
    /// A fund's flow of one day, or that it has not reported yet.
    EtfFlow(EtfFlow),
    /// Prices over a stretch of time.
    Bar(Bar),
    /// A price at a moment.
    Quote(Quote),
    /// A perpetual's funding.
    FundingRate(FundingRate),
    /// Contracts open.
    OpenInterest(OpenInterest),
    /// The Bitcoin chain.
    ChainTip(ChainTip),
    /// Coins held.
    Holding(Holding),
    /// What the forecaster said, by the moment it forecast from.
    Forecast(Forecast),
    /// The regime that the forecaster read, by the moment it read.
    Regime(RegimeReading),
}

impl Observation {
    /// Whether we said it ourselves, and no feed saw it.
    pub fn is_our_own(&self) -> bool {
        match self {
            Self::Forecast(_) | Self::Regime(_) => true,
            Self::Liquidation(_)
            | Self::Gap(_)
            | Self::EtfFlow(_)
            | Self::Bar(_)
            | Self::Quote(_)
            | Self::FundingRate(_)
            | Self::OpenInterest(_)
            | Self::ChainTip(_)
            | Self::Holding(_) => false,
        }
    }

    /// The liquidation, where it is one.
    pub fn liquidation(&self) -> Option<&Liquidation> {
        if let Self::Liquidation(liquidation) = self { Some(liquidation) } else { None }
    }

    /// The gap, where it is one.
    pub fn gap(&self) -> Option<&Gap> {
        if let Self::Gap(gap) = self { Some(gap) } else { None }
    }

    /// The fund flow, where it is one.
    pub fn etf_flow(&self) -> Option<&EtfFlow> {
        if let Self::EtfFlow(etf_flow) = self { Some(etf_flow) } else { None }
    }

    /// The bar, where it is one.
    pub fn bar(&self) -> Option<&Bar> {
        if let Self::Bar(bar) = self { Some(bar) } else { None }
    }

    /// The quote, where it is one.
    pub fn quote(&self) -> Option<&Quote> {
        if let Self::Quote(quote) = self { Some(quote) } else { None }
    }

    /// The funding rate, where it is one.
    pub fn funding_rate(&self) -> Option<&FundingRate> {
        if let Self::FundingRate(funding_rate) = self { Some(funding_rate) } else { None }
    }

    /// The open interest, where it is one.
    pub fn open_interest(&self) -> Option<&OpenInterest> {
        if let Self::OpenInterest(open_interest) = self { Some(open_interest) } else { None }
    }

    /// The chain's tip, where it is one.
    pub fn chain_tip(&self) -> Option<&ChainTip> {
        if let Self::ChainTip(chain_tip) = self { Some(chain_tip) } else { None }
    }

    /// The holding, where it is one.
    pub fn holding(&self) -> Option<&Holding> {
        if let Self::Holding(holding) = self { Some(holding) } else { None }
    }

    /// The forecast, where it is one.
    pub fn forecast(&self) -> Option<&Forecast> {
        if let Self::Forecast(forecast) = self { Some(forecast) } else { None }
    }

    /// The reading of a regime, where it is one.
    pub fn regime(&self) -> Option<&RegimeReading> {
        if let Self::Regime(regime) = self { Some(regime) } else { None }
    }
}

/// Which way the closed position was facing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PositionSide {
    /// The position gained when the price rose; its liquidation sells.
    Long,
    /// The position gained when the price fell; its liquidation buys.
    Short,
}

impl PositionSide {
    /// `long` or `short`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Short => "short",
        }
    }
}

impl fmt::Display for PositionSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A forced close. **`position` is the side of the position that was closed**, whatever the venue's
/// own field means; each decoder translates its venue's meaning once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Liquidation {
    /// The venue's own symbol, verbatim.
    pub symbol: SmolStr,
    /// The normalised instrument.
    pub instrument: Instrument,
    /// The side of the position that was closed.
    pub position: PositionSide,
    /// Quote units per base unit: the average fill where the venue gives it, else the bankruptcy price.
    pub price: Price,
    /// Base units; `None` where the contract value is unknown.
    pub quantity: Option<Quantity>,
    /// US dollars; `None` where the contract value is unknown, never guessed.
    pub notional: Option<Usd>,
    /// The venue's own id of the event, where it has one.
    pub venue_id: Option<SmolStr>,
}

/// A stretch in which a feed could not look. Absence of data is data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The last moment at which the feed was known to be watching.
    pub from: Timestamp,
    /// The first moment at which it watched again; `None` while it still does not.
    pub until: Option<Timestamp>,
    /// Why.
    pub cause: GapCause,
    /// The particulars, in the venue's or the system's words; empty where there are none.
    pub detail: String,
}

/// Why a feed could not look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapCause {
    /// The program was not running.
    NotRunning,
    /// The connection could not be made.
    Unreachable,
    /// The connection ended: closed, reset, or a protocol error.
    Disconnected,
    /// The connection stood, but neither data nor keepalive answers came.
    Silent,
    /// The venue refused the connection with an HTTP status (451, 403, 429, 418 and others).
    Refused,
    /// The venue refused or did not acknowledge the subscription.
    SubscriptionRejected,
    /// The feed itself ended, by an error that no retry mends or by a bug.
    FeedFailed,
    /// Journal records were unreadable and set aside.
    JournalDamaged,
}

impl GapCause {
    /// Every cause.
    pub const ALL: [Self; 8] = [
        Self::NotRunning,
        Self::Unreachable,
        Self::Disconnected,
        Self::Silent,
        Self::Refused,
        Self::SubscriptionRejected,
        Self::FeedFailed,
        Self::JournalDamaged,
    ];

    /// The cause as tables carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotRunning => "not_running",
            Self::Unreachable => "unreachable",
            Self::Disconnected => "disconnected",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::SubscriptionRejected => "subscription_rejected",
            Self::FeedFailed => "feed_failed",
            Self::JournalDamaged => "journal_damaged",
        }
    }
}

impl fmt::Display for GapCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
