//! What happened: one observation of one feed, with the three times that matter.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::feed::FeedId;
use crate::instrument::Instrument;
use crate::money::{Price, Quantity, Usd};
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

/// Everything that can be seen. Matches on it are exhaustive, so that a new kind is never ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Observation {
    /// A leveraged position was closed by force.
    Liquidation(Liquidation),
    /// A stretch of time in which a feed saw nothing because it could not look.
    Gap(Gap),
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
