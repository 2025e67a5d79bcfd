//! What the desk's words mean: events, instruments, money, time and the Board.
//!
//! This crate does no I/O and reads no clock. Every other crate of ours meets the rest here.

mod alert;
mod board;
mod chain;
mod derivative;
mod desk;
mod entity;
mod etf;
mod event;
mod feed;
mod flows;
mod frame;
mod holding;
mod instrument;
mod money;
mod nyse;
mod occasion;
mod outlook;
mod quote;
mod reference;
mod ring;
mod target;
mod time;
mod treasury;
mod windows;

pub use alert::{
    Alert, AlertState, Evidence, ForecastEvidence, LiquidationEvidence, Measure, RuleState, RuleStatus,
    Severity,
};
pub use board::{Board, Mode, StoreHealth};
pub use chain::{ChainTip, mining_usd_per_mw_year, subsidy_btc};
pub use derivative::{FundingRate, OpenInterest};
pub use desk::{
    Beta, ContractRow, Deal, Desk, Gains, Mining, PricePoint, Standing, StockRow, TokenRow, Treasury,
};
pub use entity::{AssetClass, Basket, Entities, Entity, Fund, Role, Symbol, SymbolMatch, entities};
pub use etf::{ALL_FUNDS, EtfFlow, FlowStatus, settled_at, settled_through};
pub use event::{Gap, GapCause, Liquidation, MarketEvent, Observation, PositionSide};
pub use feed::{Completeness, FeedHealth, FeedId, FeedState};
pub use flows::{FlowBook, FlowCell, FlowDay, FlowTable, Rarity, Streak};
pub use frame::{Payload, RawFrame};
pub use holding::Holding;
pub use instrument::{Contract, Instrument, ParseInstrumentError};
pub use money::{NotFinite, Price, Quantity, Usd};
pub use nyse::{NyseCalendar, Session, nyse};
pub use occasion::{
    Figures, Occasion, OccasionKind, OccasionTime, PowerMeasure, Service, occasions, parse_occasions,
};
pub use outlook::{
    Baselines, Chances, Driver, FORECASTER, Forecast, GroupStanding, Interval95, LedgerHead, LiveRecord,
    LiveScore, ModelStanding, Outlook, RegimeReading, ReliabilityBin, Scoreboard, Silence,
};
pub use quote::{Bar, Interval, Quote, QuoteKind, day_end};
pub use reference::ReferenceError;
pub use ring::Ring;
pub use target::{
    Boundary, Grid, MOST_DECISIONS, STORMY, Subject, TARGETS, Target, TooManyDecisions, target, target_names,
};
pub use time::{Clock, Date, ManualClock, ParseTimeError, Timestamp};
pub use treasury::{TreasuryAggregate, TreasuryHolding, TreasurySeed, treasury_seed};
pub use windows::{RollingWindows, SideTotals, StripBin, TotalRow, Totals, WINDOWS, Window};
