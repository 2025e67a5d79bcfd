//! The tables a store keeps, and one row of each.

use std::fmt;
use std::str::FromStr;

use market::{Alert, Date, FlowStatus, Gap, MarketEvent, Observation, RawFrame, Timestamp};

use crate::record::Entry;

/// A table of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Forced closes, by the venue's event time.
    Liquidations,
    /// Fund flows, by trading day: every word of every source.
    EtfFlows,
    /// Prices over stretches of time, by their start.
    Bars,
    /// Prices, by the source's time.
    Quotes,
    /// Funding rates, by the venue's time.
    Funding,
    /// Contracts open, by the venue's time.
    OpenInterest,
    /// The Bitcoin chain, by the tip's block time.
    Chain,
    /// Coins held, by the day that the figure is for.
    Holdings,
    /// Stretches in which a feed could not look, by their start.
    Gaps,
    /// Changes of alert rules, by the time of the change.
    Alerts,
    /// Raw frames, by receive time.
    Frames,
    /// What the forecaster said, abstentions included, by the moment it forecast from.
    Forecasts,
    /// The regimes that the forecaster read, by the moment it read.
    Regimes,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 13] = [
        Self::Liquidations,
        Self::EtfFlows,
        Self::Bars,
        Self::Quotes,
        Self::Funding,
        Self::OpenInterest,
        Self::Chain,
        Self::Holdings,
        Self::Gaps,
        Self::Alerts,
        Self::Frames,
        Self::Forecasts,
        Self::Regimes,
    ];

    /// Its name in paths and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Liquidations => "liquidations",
            Self::EtfFlows => "etf_flows",
            Self::Bars => "bars",
            Self::Quotes => "quotes",
            Self::Funding => "funding",
            Self::OpenInterest => "open_interest",
            Self::Chain => "chain",
            Self::Holdings => "holdings",
            Self::Gaps => "gaps",
            Self::Alerts => "alerts",
            Self::Frames => "frames",
            Self::Forecasts => "forecasts",
            Self::Regimes => "regimes",
        }
    }

    /// The table that an event goes to.
    pub fn of(observation: &Observation) -> Self {
        match observation {
            Observation::Liquidation(_) => Self::Liquidations,
            Observation::EtfFlow(_) => Self::EtfFlows,
            Observation::Bar(_) => Self::Bars,
            Observation::Quote(_) => Self::Quotes,
            Observation::FundingRate(_) => Self::Funding,
            Observation::OpenInterest(_) => Self::OpenInterest,
            Observation::ChainTip(_) => Self::Chain,
            Observation::Holding(_) => Self::Holdings,
            Observation::Gap(_) => Self::Gaps,
            Observation::Forecast(_) => Self::Forecasts,
            Observation::Regime(_) => Self::Regimes,
        }
    }

    /// Whether its rows are what decoders made of frames, and so made again by a rebuild.
    pub(crate) fn is_derived(self) -> bool {
        match self {
            Self::Liquidations
            | Self::EtfFlows
            | Self::Bars
            | Self::Quotes
            | Self::Funding
            | Self::OpenInterest
            | Self::Chain
            | Self::Holdings => true,
            Self::Gaps | Self::Alerts | Self::Frames | Self::Forecasts | Self::Regimes => false,
        }
    }

    /// Whether a seal may take earlier small files of a partition into a new one. Not where exports
    /// stream in order of records, which needs the files of one run to stay together.
    pub(crate) fn is_merged_when_sealed(self) -> bool {
        match self {
            Self::EtfFlows
            | Self::Bars
            | Self::Quotes
            | Self::Funding
            | Self::OpenInterest
            | Self::Chain
            | Self::Holdings
            | Self::Forecasts
            | Self::Regimes => true,
            Self::Liquidations | Self::Gaps | Self::Alerts | Self::Frames => false,
        }
    }

    /// The partition of a row of this table. What arrives with years of history, or a few times an hour, is
    /// kept by year, so that it is a few files; what streams is kept by day.
    pub(crate) fn partition(self, at: Timestamp) -> Partition {
        match self {
            Self::EtfFlows | Self::Bars | Self::Chain | Self::Holdings | Self::Forecasts | Self::Regimes => {
                Partition::Year(year_of(at.date()))
            }
            Self::Liquidations
            | Self::Quotes
            | Self::Funding
            | Self::OpenInterest
            | Self::Gaps
            | Self::Alerts
            | Self::Frames => Partition::Day(at.date()),
        }
    }
}

fn year_of(date: Date) -> u16 {
    date.compact()[..4].parse().unwrap_or_default()
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no table has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a table; choose one of {}", Table::ALL.map(Table::name).join(", "))]
pub struct ParseTableError {
    /// What was given.
    pub text: String,
}

impl FromStr for Table {
    type Err = ParseTableError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|table| table.name() == text)
            .ok_or_else(|| ParseTableError { text: text.to_owned() })
    }
}

/// A directory of a table, in the form that other tools read as a column: `date=2026-01-06`, `year=2026`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Partition {
    Day(Date),
    Year(u16),
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(date) => write!(f, "date={date}"),
            Self::Year(year) => write!(f, "year={year:04}"),
        }
    }
}

/// One row of one table, with the number of the record it came from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) seq: u64,
    pub(crate) cells: Cells,
    /// Whether a fund flow may still change: computed when read, never sealed.
    pub(crate) status: Option<FlowStatus>,
}

/// What a row says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cells {
    Event(MarketEvent),
    Alert(Alert),
    Frame { frame: RawFrame, rejected: Option<String> },
}

impl Row {
    pub(crate) fn new(seq: u64, cells: Cells) -> Self {
        Self { seq, cells, status: None }
    }

    pub(crate) fn table(&self) -> Table {
        match &self.cells {
            Cells::Event(event) => Table::of(&event.observation),
            Cells::Alert(_) => Table::Alerts,
            Cells::Frame { .. } => Table::Frames,
        }
    }

    /// The time that the table is partitioned and queried by.
    pub(crate) fn time(&self) -> Timestamp {
        match &self.cells {
            Cells::Event(event) => time_of(event),
            Cells::Alert(alert) => alert.at,
            Cells::Frame { frame, .. } => frame.receive_time,
        }
    }

    pub(crate) fn partition(&self) -> Partition {
        self.table().partition(self.time())
    }

    /// When it reached us.
    pub(crate) fn receive_time(&self) -> Timestamp {
        match &self.cells {
            Cells::Event(event) => event.receive_time,
            Cells::Alert(alert) => alert.at,
            Cells::Frame { frame, .. } => frame.receive_time,
        }
    }

    /// When it could first have been known.
    pub(crate) fn known_at(&self) -> Timestamp {
        match &self.cells {
            Cells::Event(event) => event.known_at,
            Cells::Alert(_) | Cells::Frame { .. } => self.receive_time(),
        }
    }

    pub(crate) fn event(&self) -> Option<&MarketEvent> {
        match &self.cells {
            Cells::Event(event) => Some(event),
            Cells::Alert(_) | Cells::Frame { .. } => None,
        }
    }

    pub(crate) fn into_event(self) -> Option<MarketEvent> {
        match self.cells {
            Cells::Event(event) => Some(event),
            Cells::Alert(_) | Cells::Frame { .. } => None,
        }
    }

    pub(crate) fn into_alert(self) -> Option<Alert> {
        match self.cells {
            Cells::Alert(alert) => Some(alert),
            Cells::Event(_) | Cells::Frame { .. } => None,
        }
    }

    pub(crate) fn gap(&self) -> Option<(&MarketEvent, &Gap)> {
        self.event().and_then(|event| event.observation.gap().map(|gap| (event, gap)))
    }

    pub(crate) fn frame(&self) -> Option<&RawFrame> {
        match &self.cells {
            Cells::Frame { frame, .. } => Some(frame),
            Cells::Event(_) | Cells::Alert(_) => None,
        }
    }
}

/// The time of an event that its table is kept by.
pub(crate) fn time_of(event: &MarketEvent) -> Timestamp {
    match &event.observation {
        Observation::EtfFlow(flow) => flow.trade_date.start(),
        Observation::Holding(holding) => holding.as_of.start(),
        Observation::ChainTip(tip) => tip.block_time,
        Observation::Gap(gap) => gap.from,
        Observation::Liquidation(_)
        | Observation::Bar(_)
        | Observation::Quote(_)
        | Observation::FundingRate(_)
        | Observation::OpenInterest(_)
        | Observation::Forecast(_)
        | Observation::Regime(_) => event.event_time,
    }
}

/// An event as its table gives it back: a flow's and a holding's time is the start of their day, a
/// tip's that of its block, so that the journal and the sealed files say the same.
fn settled(mut event: MarketEvent) -> MarketEvent {
    match &event.observation {
        Observation::EtfFlow(_) | Observation::Holding(_) | Observation::ChainTip(_) => {
            event.event_time = time_of(&event);
        }
        Observation::Liquidation(_)
        | Observation::Bar(_)
        | Observation::Quote(_)
        | Observation::FundingRate(_)
        | Observation::OpenInterest(_)
        | Observation::Gap(_)
        | Observation::Forecast(_)
        | Observation::Regime(_) => {}
    }
    event
}

/// The rows of events of one record, in order of partition, then as decoded: the same order whether
/// they are read from the journal or from sealed files.
pub(crate) fn rows_of(seq: u64, events: Vec<MarketEvent>) -> Vec<Row> {
    let mut rows: Vec<Row> =
        events.into_iter().map(|event| Row::new(seq, Cells::Event(settled(event)))).collect();
    if rows.len() > 1 {
        rows.sort_by_cached_key(|row| (row.table(), row.partition()));
    }
    rows
}

impl Entry {
    /// The rows that a record becomes.
    pub(crate) fn into_rows(self, seq: u64) -> Vec<Row> {
        match self {
            Self::Frame { frame, rejected, events } => {
                let mut rows = rows_of(seq, events);
                rows.push(Row::new(seq, Cells::Frame { frame, rejected }));
                rows
            }
            Self::Batch { events, .. } => rows_of(seq, events),
            Self::Gap(event) => vec![Row::new(seq, Cells::Event(event))],
            Self::Alert(alert) => vec![Row::new(seq, Cells::Alert(alert))],
            Self::Alive { .. } | Self::Damage(_) => Vec::new(),
        }
    }
}
