//! Columns into rows: the other half of the border between our words and polars' frames.

use market::{Date, FeedId, MarketEvent, Observation, Timestamp};
use polars::prelude::*;

use super::{
    Heading, Kind, alert, bar, chain, derivative, etf_flow, forecast, frame, gap, holding, liquidation,
    quote, regime,
};
use crate::table::{Cells, Row, Table};

/// The rows of a frame that was read from a file of `table`.
///
/// # Errors
/// Says which row and column hold what they cannot hold. Columns that the file does not have (it is
/// older than they are) count as empty.
pub(crate) fn to_rows(table: Table, frame: &DataFrame) -> Result<Vec<Row>, String> {
    let columns = Columns::of(frame, table.columns().iter().copied())?;
    let rows = 0..frame.height();
    rows.map(|at| {
        let seq = columns.integer("seq", at)?;
        let cells = match table {
            Table::Alerts => Cells::Alert(alert::read(&columns, at)?),
            Table::Frames => frame::read(&columns, at)?,
            Table::Liquidations => {
                Cells::Event(event(&columns, at, "venue", liquidation::read(&columns, at)?)?)
            }
            Table::Gaps => Cells::Event(event(&columns, at, "venue", gap::read(&columns, at)?)?),
            Table::EtfFlows => Cells::Event(event(&columns, at, "source", etf_flow::read(&columns, at)?)?),
            Table::Bars => Cells::Event(event(&columns, at, "venue", bar::read(&columns, at)?)?),
            Table::Quotes => Cells::Event(event(&columns, at, "venue", quote::read(&columns, at)?)?),
            Table::Funding => {
                Cells::Event(event(&columns, at, "venue", derivative::read_funding(&columns, at)?)?)
            }
            Table::OpenInterest => {
                Cells::Event(event(&columns, at, "venue", derivative::read_open_interest(&columns, at)?)?)
            }
            Table::Chain => Cells::Event(event(&columns, at, "venue", chain::read(&columns, at)?)?),
            Table::Holdings => Cells::Event(event(&columns, at, "source", holding::read(&columns, at)?)?),
            Table::Forecasts => Cells::Event(event(&columns, at, "source", forecast::read(&columns, at)?)?),
            Table::Regimes => Cells::Event(event(&columns, at, "source", regime::read(&columns, at)?)?),
        };
        Ok(Row::new(seq as u64, cells))
    })
    .collect::<Result<_, Bad>>()
    .map_err(|bad| format!("column {} of row {} {}", bad.column, bad.row, bad.problem))
}

fn event(
    columns: &Columns<'_>,
    at: usize,
    feed: &'static str,
    observation: Observation,
) -> Result<MarketEvent, Bad> {
    let event_time = match &observation {
        Observation::EtfFlow(flow) => flow.trade_date.start(),
        Observation::Holding(holding) => holding.as_of.start(),
        Observation::Bar(_) => columns.time("open_time", at)?,
        Observation::Liquidation(_)
        | Observation::Quote(_)
        | Observation::FundingRate(_)
        | Observation::OpenInterest(_)
        | Observation::ChainTip(_)
        | Observation::Gap(_)
        | Observation::Forecast(_)
        | Observation::Regime(_) => columns.time("event_time", at)?,
    };
    Ok(MarketEvent {
        feed: FeedId::new(columns.text(feed, at)?),
        event_time,
        receive_time: columns.time("receive_time", at)?,
        known_at: columns.time("known_at", at)?,
        observation,
    })
}

/// What a file holds that its table cannot.
pub(super) struct Bad {
    column: &'static str,
    row: usize,
    problem: String,
}

/// Columns of a frame, taken apart once so that rows are cheap to read.
pub(crate) struct Columns<'a> {
    strips: Vec<(&'static str, Strip<'a>)>,
}

enum Strip<'a> {
    Missing,
    Texts(Vec<Option<&'a str>>),
    Numbers(Vec<Option<f64>>),
    /// Integers, times as microseconds, days since 1970, flags as 0 and 1.
    Integers(Vec<Option<i64>>),
    Binaries(Vec<Option<&'a [u8]>>),
}

impl<'a> Columns<'a> {
    /// The columns under these headings.
    ///
    /// # Errors
    /// A column of another type than its heading says.
    pub(crate) fn of(frame: &'a DataFrame, headings: impl Iterator<Item = Heading>) -> Result<Self, String> {
        let strips = headings.map(|Heading { name, kind }| {
            let Ok(column) = frame.column(name) else {
                return Ok((name, Strip::Missing));
            };
            let strip = strip(column, kind).map_err(|error| format!("column {name}: {error}"))?;
            Ok((name, strip))
        });
        Ok(Self { strips: strips.collect::<Result<_, String>>()? })
    }

    fn strip(&self, name: &'static str) -> &Strip<'a> {
        self.strips.iter().find(|(of, _)| *of == name).map_or(&Strip::Missing, |(_, strip)| strip)
    }

    pub(crate) fn integer_or_null(&self, name: &'static str, at: usize) -> Option<i64> {
        match self.strip(name) {
            Strip::Integers(integers) => integers.get(at).copied().flatten(),
            Strip::Missing | Strip::Texts(_) | Strip::Numbers(_) | Strip::Binaries(_) => None,
        }
    }

    pub(super) fn integer(&self, name: &'static str, at: usize) -> Result<i64, Bad> {
        present(name, at, self.integer_or_null(name, at))
    }

    pub(super) fn count_or_null(&self, name: &'static str, at: usize) -> Result<Option<u64>, Bad> {
        self.integer_or_null(name, at).map(|count| meant(name, at, u64::try_from(count))).transpose()
    }

    pub(super) fn flag(&self, name: &'static str, at: usize) -> Result<bool, Bad> {
        Ok(self.integer(name, at)? != 0)
    }

    pub(super) fn time_or_null(&self, name: &'static str, at: usize) -> Result<Option<Timestamp>, Bad> {
        let to_time = |micros| {
            Timestamp::from_micros(micros).ok_or_else(|| Bad {
                column: name,
                row: at,
                problem: format!("is no time: {micros}"),
            })
        };
        self.integer_or_null(name, at).map(to_time).transpose()
    }

    pub(super) fn time(&self, name: &'static str, at: usize) -> Result<Timestamp, Bad> {
        present(name, at, self.time_or_null(name, at)?)
    }

    pub(super) fn day(&self, name: &'static str, at: usize) -> Result<Date, Bad> {
        let days = self.integer(name, at)?;
        let date = i32::try_from(days).ok().and_then(Date::from_days);
        date.ok_or_else(|| Bad { column: name, row: at, problem: format!("is no day: {days}") })
    }

    pub(crate) fn text_or_null(&self, name: &'static str, at: usize) -> Option<&'a str> {
        match self.strip(name) {
            Strip::Texts(texts) => texts.get(at).copied().flatten(),
            Strip::Missing | Strip::Integers(_) | Strip::Numbers(_) | Strip::Binaries(_) => None,
        }
    }

    pub(super) fn text(&self, name: &'static str, at: usize) -> Result<&'a str, Bad> {
        present(name, at, self.text_or_null(name, at))
    }

    pub(super) fn number_or_null(&self, name: &'static str, at: usize) -> Option<f64> {
        match self.strip(name) {
            Strip::Numbers(numbers) => numbers.get(at).copied().flatten(),
            Strip::Missing | Strip::Integers(_) | Strip::Texts(_) | Strip::Binaries(_) => None,
        }
    }

    pub(super) fn number(&self, name: &'static str, at: usize) -> Result<f64, Bad> {
        present(name, at, self.number_or_null(name, at))
    }

    pub(super) fn binary(&self, name: &'static str, at: usize) -> Result<&'a [u8], Bad> {
        let bytes = match self.strip(name) {
            Strip::Binaries(binaries) => binaries.get(at).copied().flatten(),
            Strip::Missing | Strip::Integers(_) | Strip::Texts(_) | Strip::Numbers(_) => None,
        };
        present(name, at, bytes)
    }

    /// A number that a newtype must accept, where there is one.
    pub(super) fn measure<T: TryFrom<f64>>(&self, name: &'static str, at: usize) -> Result<Option<T>, Bad>
    where
        T::Error: std::fmt::Display,
    {
        self.number_or_null(name, at).map(|number| meant(name, at, T::try_from(number))).transpose()
    }

    /// A number that a newtype must accept.
    pub(super) fn measured<T: TryFrom<f64>>(&self, name: &'static str, at: usize) -> Result<T, Bad>
    where
        T::Error: std::fmt::Display,
    {
        present(name, at, self.measure(name, at)?)
    }

    /// Text that reads as a `T`.
    pub(super) fn parsed<T: std::str::FromStr>(&self, name: &'static str, at: usize) -> Result<T, Bad>
    where
        T::Err: std::fmt::Display,
    {
        meant(name, at, self.text(name, at)?.parse())
    }

    /// A number of a regime.
    pub(super) fn regime(&self, name: &'static str, at: usize) -> Result<u8, Bad> {
        meant(name, at, u8::try_from(self.integer(name, at)?))
    }

    /// Text that reads as many `T`, with commas between; none where it is empty.
    pub(super) fn list<T: std::str::FromStr>(&self, name: &'static str, at: usize) -> Result<Vec<T>, Bad>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text_or_null(name, at).filter(|text| !text.is_empty());
        text.map_or(Ok(Vec::new()), |text| {
            text.split(',').map(|item| meant(name, at, item.parse())).collect()
        })
    }

    /// The one of `choices` that tables write as the cell's text.
    pub(super) fn chosen<T: Copy>(
        &self,
        name: &'static str,
        at: usize,
        choices: &[T],
        as_str: fn(T) -> &'static str,
    ) -> Result<T, Bad> {
        let text = self.text(name, at)?;
        choices.iter().copied().find(|choice| as_str(*choice) == text).ok_or_else(|| Bad {
            column: name,
            row: at,
            problem: format!("has no meaning: {text:?}"),
        })
    }
}

fn strip(column: &Column, kind: Kind) -> PolarsResult<Strip<'_>> {
    let wide = |days: Option<i32>| days.map(i64::from);
    Ok(match kind {
        Kind::Text => Strip::Texts(column.str()?.iter().collect()),
        Kind::Number => Strip::Numbers(column.f64()?.iter().collect()),
        Kind::Integer => Strip::Integers(column.i64()?.iter().collect()),
        Kind::Time => Strip::Integers(column.datetime()?.physical().iter().collect()),
        Kind::Day => Strip::Integers(column.date()?.physical().iter().map(wide).collect()),
        Kind::Flag => Strip::Integers(column.bool()?.iter().map(|flag| flag.map(i64::from)).collect()),
        Kind::Binary => Strip::Binaries(column.binary()?.iter().collect()),
    })
}

fn present<T>(column: &'static str, row: usize, value: Option<T>) -> Result<T, Bad> {
    value.ok_or(Bad { column, row, problem: "is empty".to_owned() })
}

fn meant<T, E: std::fmt::Display>(column: &'static str, row: usize, value: Result<T, E>) -> Result<T, Bad> {
    value.map_err(|error| Bad { column, row, problem: format!("is wrong: {error}") })
}
