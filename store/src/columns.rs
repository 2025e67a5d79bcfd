//! Rows into columns: what each cell says, and how it becomes CSV text or a column of a frame.

mod alert;
mod bar;
mod chain;
mod derivative;
mod etf_flow;
mod forecast;
mod frame;
mod gap;
mod holding;
mod liquidation;
mod quote;
mod read;
mod regime;

use std::borrow::Cow;
use std::fmt;

use market::{Date, Observation, Timestamp};
use polars::prelude::*;

pub(crate) use read::{Columns, to_rows};

use crate::table::{Cells, Row, Table};

/// A column's name and what its cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heading {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// What the cells of a column are. Any of them may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Integer,
    /// Microseconds, UTC.
    Time,
    /// A calendar day.
    Day,
    Flag,
    Binary,
}

const fn text(name: &'static str) -> Heading {
    Heading { name, kind: Kind::Text }
}

const fn number(name: &'static str) -> Heading {
    Heading { name, kind: Kind::Number }
}

const fn integer(name: &'static str) -> Heading {
    Heading { name, kind: Kind::Integer }
}

const fn time(name: &'static str) -> Heading {
    Heading { name, kind: Kind::Time }
}

const fn day(name: &'static str) -> Heading {
    Heading { name, kind: Kind::Day }
}

impl Table {
    /// Its columns, in the order of files and exports. The order never changes; new ones go last.
    pub(crate) fn columns(self) -> &'static [Heading] {
        match self {
            Self::Liquidations => &liquidation::COLUMNS,
            Self::EtfFlows => &etf_flow::COLUMNS,
            Self::Bars => &bar::COLUMNS,
            Self::Quotes => &quote::COLUMNS,
            Self::Funding => &derivative::FUNDING,
            Self::OpenInterest => &derivative::OPEN_INTEREST,
            Self::Chain => &chain::COLUMNS,
            Self::Holdings => &holding::COLUMNS,
            Self::Gaps => &gap::COLUMNS,
            Self::Alerts => &alert::COLUMNS,
            Self::Frames => &frame::COLUMNS,
            Self::Forecasts => &forecast::COLUMNS,
            Self::Regimes => &regime::COLUMNS,
        }
    }
}

/// What a cell says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Empty,
    Text(Cow<'a, str>),
    Number(f64),
    Integer(i64),
    Time(Timestamp),
    Day(Date),
    Flag(bool),
    Binary(&'a [u8]),
}

impl<'a> Value<'a> {
    fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    fn shown(what: &impl fmt::Display) -> Self {
        Self::Text(Cow::Owned(what.to_string()))
    }

    /// Items with commas between; empty where there are none.
    fn list(items: &[impl fmt::Display]) -> Self {
        let items: Vec<String> = items.iter().map(ToString::to_string).collect();
        if items.is_empty() { Self::Empty } else { Self::Text(Cow::Owned(items.join(","))) }
    }

    fn text_or_empty(text: Option<&'a str>) -> Self {
        text.map_or(Self::Empty, Self::text)
    }

    fn number(number: Option<impl Into<f64>>) -> Self {
        number.map_or(Self::Empty, |number| Self::Number(number.into()))
    }

    fn count(count: Option<u64>) -> Self {
        count.map_or(Self::Empty, |count| Self::Integer(count as i64))
    }

    fn time(time: Option<Timestamp>) -> Self {
        time.map_or(Self::Empty, Self::Time)
    }
}

/// As CSV text: nothing where empty, binary in hexadecimal.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Integer(integer) => integer.fmt(f),
            Self::Time(time) => time.fmt(f),
            Self::Day(day) => day.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Binary(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// What `row` says in the column called `name`.
pub(crate) fn cell<'a>(row: &'a Row, name: &str) -> Value<'a> {
    if name == "seq" {
        return Value::Integer(row.seq as i64);
    }
    let event = match &row.cells {
        Cells::Event(event) => event,
        Cells::Alert(alert) => return alert::cell(alert, name),
        Cells::Frame { frame, rejected } => return frame::cell(frame, rejected.as_deref(), name),
    };
    match (name, &event.observation) {
        ("venue" | "source", _) => Value::text(event.feed.as_str()),
        ("event_time" | "open_time", _) => Value::Time(event.event_time),
        ("receive_time", _) => Value::Time(event.receive_time),
        ("known_at", _) => Value::Time(event.known_at),
        ("status", Observation::EtfFlow(_)) => {
            Value::text_or_empty(row.status.map(market::FlowStatus::as_str))
        }
        (_, Observation::Liquidation(liquidation)) => liquidation::cell(liquidation, name),
        (_, Observation::EtfFlow(flow)) => etf_flow::cell(flow, name),
        (_, Observation::Bar(bar)) => bar::cell(bar, name),
        (_, Observation::Quote(quote)) => quote::cell(quote, event.event_time, name),
        (_, Observation::FundingRate(funding)) => derivative::funding_cell(funding, name),
        (_, Observation::OpenInterest(interest)) => derivative::open_interest_cell(interest, name),
        (_, Observation::ChainTip(tip)) => chain::cell(tip, name),
        (_, Observation::Holding(holding)) => holding::cell(holding, name),
        (_, Observation::Gap(gap)) => gap::cell(gap, name),
        (_, Observation::Forecast(forecast)) => forecast::cell(forecast, name),
        (_, Observation::Regime(regime)) => regime::cell(regime, name),
    }
}

/// The columns of `rows`, which must all be of `table`, in the table's order.
pub(crate) fn to_frame(table: Table, rows: &[Row]) -> PolarsResult<DataFrame> {
    let columns = table.columns().iter().map(|heading| column(*heading, rows)).collect();
    DataFrame::new(rows.len(), columns)
}

fn column(Heading { name, kind }: Heading, rows: &[Row]) -> Column {
    macro_rules! of {
        ($values:ident as $variant:ident => $what:expr) => {
            rows.iter().map(|row| match cell(row, name) {
                Value::$variant($values) => Some($what),
                empty => {
                    debug_assert_eq!(empty, Value::Empty, "column {name} holds {kind:?}");
                    None
                }
            })
        };
    }
    let named = || name.into();
    match kind {
        Kind::Text => {
            let mut texts = StringChunkedBuilder::new(named(), rows.len());
            of!(text as Text => text).for_each(|text| texts.append_option(text));
            texts.finish().into_column()
        }
        Kind::Number => {
            Float64Chunked::from_iter_options(named(), of!(number as Number => number)).into_column()
        }
        Kind::Integer => {
            Int64Chunked::from_iter_options(named(), of!(integer as Integer => integer)).into_column()
        }
        Kind::Time => Int64Chunked::from_iter_options(named(), of!(time as Time => time.as_micros()))
            .into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
            .into_column(),
        Kind::Day => Int32Chunked::from_iter_options(named(), of!(day as Day => days_of(day)))
            .into_date()
            .into_column(),
        Kind::Flag => BooleanChunked::from_iter_options(named(), of!(flag as Flag => flag)).into_column(),
        Kind::Binary => {
            BinaryChunked::from_iter_options(named(), of!(bytes as Binary => bytes)).into_column()
        }
    }
}

/// Microseconds in a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// Days since 1970-01-01.
fn days_of(date: Date) -> i32 {
    (date.start().as_micros() / DAY_MICROS) as i32
}
