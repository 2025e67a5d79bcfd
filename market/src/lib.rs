//! What the desk's words mean: events, instruments, money, time and the Board.
//!
//! This crate does no I/O and reads no clock. Every other crate of ours meets the rest here.

mod alert;
mod board;
mod entity;
mod event;
mod feed;
mod frame;
mod instrument;
mod money;
mod nyse;
mod occasion;
mod reference;
mod ring;
mod time;
mod treasury;
mod windows;

pub use alert::{Alert, AlertState, Evidence, RuleState, RuleStatus, Severity};
pub use board::{Board, Mode, StoreHealth};
pub use entity::{AssetClass, Basket, Entities, Entity, Fund, Role, Symbol, SymbolMatch, entities};
pub use event::{Gap, GapCause, Liquidation, MarketEvent, Observation, PositionSide};
pub use feed::{Completeness, FeedHealth, FeedId, FeedState};
pub use frame::{Payload, RawFrame};
pub use instrument::{Contract, Instrument, ParseInstrumentError};
pub use money::{NotFinite, Price, Quantity, Usd};
pub use nyse::{NyseCalendar, Session, nyse};
pub use occasion::{
    Figures, Occasion, OccasionKind, OccasionTime, PowerMeasure, Service, occasions, parse_occasions,
};
pub use reference::ReferenceError;
pub use ring::Ring;
pub use time::{Clock, Date, ManualClock, ParseTimeError, Timestamp};
pub use treasury::{TreasuryAggregate, TreasuryHolding, TreasurySeed, treasury_seed};
pub use windows::{RollingWindows, SideTotals, StripBin, TotalRow, Totals, WINDOWS, Window};
