//! The tables a store keeps, and one row of each.

use std::fmt;
use std::str::FromStr;

use market::{Alert, Gap, Liquidation, MarketEvent, Observation, Payload, RawFrame, Timestamp};

use crate::record::Entry;

/// A table of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Forced closes, by the venue's event time.
    Liquidations,
    /// Stretches in which a feed could not look, by their start.
    Gaps,
    /// Changes of alert rules, by the time of the change.
    Alerts,
    /// Raw frames, by receive time.
    Frames,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 4] = [Self::Liquidations, Self::Gaps, Self::Alerts, Self::Frames];

    /// Its name in paths and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Liquidations => "liquidations",
            Self::Gaps => "gaps",
            Self::Alerts => "alerts",
            Self::Frames => "frames",
        }
    }

    /// Its columns, in the order of files and exports. The order never changes; new ones go last.
    pub(crate) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Liquidations => &[
                "event_time",
                "receive_time",
                "venue",
                "symbol",
                "instrument",
                "position",
                "price",
                "quantity",
                "notional_usd",
                "known_at",
                "asset",
                "venue_id",
                "seq",
            ],
            Self::Gaps => &[
                "venue",
                "from",
                "until",
                "cause",
                "detail",
                "seq",
                "event_time",
                "receive_time",
                "known_at",
            ],
            Self::Alerts => &[
                "at",
                "rule",
                "severity",
                "state",
                "subject",
                "headline",
                "notional_usd",
                "threshold_usd",
                "window_secs",
                "events",
                "unknown_notional",
                "coverage",
                "seq",
            ],
            Self::Frames => &["receive_time", "venue", "text", "binary", "rejected", "seq"],
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no table has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a table; choose liquidations, gaps, alerts or frames")]
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

/// One row of one table, with the number of the record it came from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) seq: u64,
    pub(crate) cells: Cells,
}

/// What a row says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cells {
    Event(MarketEvent),
    Alert(Alert),
    Frame { frame: RawFrame, rejected: Option<String> },
}

impl Row {
    pub(crate) fn table(&self) -> Table {
        match &self.cells {
            Cells::Event(event) => match event.observation {
                Observation::Liquidation(_) => Table::Liquidations,
                Observation::Gap(_) => Table::Gaps,
            },
            Cells::Alert(_) => Table::Alerts,
            Cells::Frame { .. } => Table::Frames,
        }
    }

    /// The time that the table is partitioned and queried by.
    pub(crate) fn time(&self) -> Timestamp {
        match &self.cells {
            Cells::Event(event) => match &event.observation {
                Observation::Liquidation(_) => event.event_time,
                Observation::Gap(gap) => gap.from,
            },
            Cells::Alert(alert) => alert.at,
            Cells::Frame { frame, .. } => frame.receive_time,
        }
    }

    /// When it reached us.
    pub(crate) fn receive_time(&self) -> Timestamp {
        match &self.cells {
            Cells::Event(event) => event.receive_time,
            Cells::Alert(alert) => alert.at,
            Cells::Frame { frame, .. } => frame.receive_time,
        }
    }

    pub(crate) fn liquidation(&self) -> Option<(&MarketEvent, &Liquidation)> {
        match &self.cells {
            Cells::Event(event) => match &event.observation {
                Observation::Liquidation(liquidation) => Some((event, liquidation)),
                Observation::Gap(_) => None,
            },
            Cells::Alert(_) | Cells::Frame { .. } => None,
        }
    }

    pub(crate) fn gap(&self) -> Option<(&MarketEvent, &Gap)> {
        match &self.cells {
            Cells::Event(event) => match &event.observation {
                Observation::Gap(gap) => Some((event, gap)),
                Observation::Liquidation(_) => None,
            },
            Cells::Alert(_) | Cells::Frame { .. } => None,
        }
    }

    pub(crate) fn alert(&self) -> Option<&Alert> {
        match &self.cells {
            Cells::Alert(alert) => Some(alert),
            Cells::Event(_) | Cells::Frame { .. } => None,
        }
    }

    pub(crate) fn frame(&self) -> Option<(&RawFrame, Option<&str>)> {
        match &self.cells {
            Cells::Frame { frame, rejected } => Some((frame, rejected.as_deref())),
            Cells::Event(_) | Cells::Alert(_) => None,
        }
    }
}

/// A frame's text, if it is one. Text that is not UTF-8 after all counts as binary.
pub(crate) fn text_of(frame: &RawFrame) -> Option<&str> {
    match &frame.payload {
        Payload::Text(bytes) => std::str::from_utf8(bytes).ok(),
        Payload::Binary(_) => None,
    }
}

impl Entry {
    /// The rows that a record becomes. Rows of one record are in order of partition, then as decoded:
    /// the same order whether they are read from the journal or from sealed files.
    pub(crate) fn into_rows(self, seq: u64) -> Vec<Row> {
        match self {
            Self::Frame { frame, rejected, events } => {
                let mut rows: Vec<Row> =
                    events.into_iter().map(|event| Row { seq, cells: Cells::Event(event) }).collect();
                rows.sort_by_key(|row| row.time().date());
                rows.push(Row { seq, cells: Cells::Frame { frame, rejected } });
                rows
            }
            Self::Gap(event) => vec![Row { seq, cells: Cells::Event(event) }],
            Self::Alert(alert) => vec![Row { seq, cells: Cells::Alert(alert) }],
            Self::Alive { .. } | Self::Damage(_) => Vec::new(),
        }
    }
}
