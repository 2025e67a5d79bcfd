//! Reads one answer of Yahoo's chart service, day by day.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use market::{Bar, Date, Interval, Price, Quantity, Quote, QuoteKind, Timestamp, day_end, nyse};
use serde::Deserialize;
use smol_str::SmolStr;

use super::super::single::denoise;
use super::super::wire::{Scalar, required, wrong};
use crate::protocol::DecodeError;

/// From the opening bell to the closing one, where no calendar tells: half days end sooner, so that this
/// errs towards later.
const SESSION: Duration = Duration::from_mins(6 * 60 + 30);
/// No clock is further from UTC.
const LARGEST_OFFSET_SECS: i64 = 14 * 3600;

/// The answer as it comes.
#[derive(Deserialize)]
pub(super) struct Chart<'a> {
    #[serde(borrow)]
    chart: Outcome<'a>,
}

#[derive(Deserialize)]
struct Outcome<'a> {
    #[serde(borrow)]
    result: Option<Vec<Series<'a>>>,
    #[serde(borrow)]
    error: Option<Complaint<'a>>,
}

#[derive(Deserialize)]
struct Complaint<'a> {
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    description: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Series<'a> {
    #[serde(borrow)]
    meta: Meta<'a>,
    /// Seconds; the beginning of each session, but for the last one: its last trade. Missing where
    /// there is no bar in the range.
    #[serde(default)]
    timestamp: Vec<i64>,
    #[serde(borrow)]
    indicators: Indicators<'a>,
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow, rename = "instrumentType")]
    instrument_type: Option<Scalar<'a>>,
    gmtoffset: Option<i64>,
    #[serde(borrow, rename = "exchangeTimezoneName")]
    zone: Option<Scalar<'a>>,
    #[serde(borrow, rename = "regularMarketPrice")]
    price: Option<Scalar<'a>>,
    #[serde(rename = "regularMarketTime")]
    traded: Option<i64>,
    #[serde(borrow, rename = "regularMarketVolume")]
    volume: Option<Scalar<'a>>,
    #[serde(rename = "currentTradingPeriod")]
    period: Option<Periods>,
}

#[derive(Deserialize)]
struct Periods {
    regular: Option<Period>,
}

#[derive(Clone, Copy, Deserialize)]
struct Period {
    start: i64,
    end: i64,
}

#[derive(Deserialize)]
struct Indicators<'a> {
    #[serde(borrow)]
    quote: Vec<Columns<'a>>,
}

#[derive(Default, Deserialize)]
struct Columns<'a> {
    #[serde(borrow, default)]
    open: Vec<Option<Scalar<'a>>>,
    #[serde(borrow, default)]
    high: Vec<Option<Scalar<'a>>>,
    #[serde(borrow, default)]
    low: Vec<Option<Scalar<'a>>>,
    #[serde(borrow, default)]
    close: Vec<Option<Scalar<'a>>>,
    #[serde(borrow, default)]
    volume: Vec<Option<Scalar<'a>>>,
}

/// What one answer tells.
pub(super) struct DayByDay {
    /// Whose prices they are, as Yahoo writes it.
    pub(super) symbol: String,
    /// Oldest first, one a day.
    pub(super) bars: Vec<DayBar>,
    /// The last price, where there is one, and when it was paid.
    pub(super) quote: Option<(Timestamp, Quote)>,
    /// Days left out, and what is wrong with each.
    pub(super) refused: Vec<String>,
}

/// One day's bar.
pub(super) struct DayBar {
    /// The trading day.
    pub(super) date: Date,
    /// When its session ended; `None` while it goes on.
    pub(super) closed: Option<Timestamp>,
    pub(super) bar: Bar,
}

impl Chart<'_> {
    /// Yahoo's code and words, where it has no answer.
    pub(super) fn refusal(&self) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
        let complaint = self.chart.error.as_ref()?;
        let code = complaint.code.as_ref().map(Scalar::as_text).unwrap_or_default();
        let words = complaint.description.as_ref().map(Scalar::as_text);
        Some((code.clone(), words.unwrap_or(code)))
    }

    /// Everything in the answer.
    pub(super) fn read(&self) -> Result<DayByDay, DecodeError> {
        let [series] = self.chart.result.as_deref().unwrap_or_default() else {
            return Err(DecodeError::Unknown);
        };
        let meta = &series.meta;
        let market = Market::read(meta)?;
        let symbol = required("symbol", meta.symbol.as_ref())?.as_text().into_owned();
        let (bars, refused) = series.bars(&symbol, &market)?;
        let quote = match (&meta.price, market.traded) {
            (Some(price), Some(at)) => {
                let today = market.date(at)?;
                Some((
                    at,
                    Quote {
                        symbol: SmolStr::new(&symbol),
                        kind: QuoteKind::Last,
                        price: positive(price).ok_or_else(|| {
                            wrong("regularMarketPrice", &price.as_text(), "not a price above zero")
                        })?,
                        bid: None,
                        ask: None,
                        // Yahoo's own `chartPreviousClose` is the close before the whole range.
                        previous_close: bars
                            .iter()
                            .rev()
                            .find(|day| day.date < today)
                            .map(|day| day.bar.close),
                        volume: market.volume(meta.volume.as_ref()),
                    },
                ))
            }
            _ => None,
        };
        Ok(DayByDay { symbol, bars, quote, refused })
    }
}

/// When and how an instrument trades.
struct Market {
    /// Seconds that its clock is ahead of UTC.
    offset: i64,
    /// Whether it trades round the clock, by UTC days, with volumes in dollars.
    is_coin: bool,
    /// Whether it trades at New York's hours.
    is_in_new_york: bool,
    /// From a session's beginning to its end.
    session: Duration,
    /// The last session, or the next one: its day and its end.
    current: Option<(Date, Timestamp)>,
    /// When it was last traded.
    traded: Option<Timestamp>,
}

impl Market {
    fn read(meta: &Meta<'_>) -> Result<Self, DecodeError> {
        let offset = meta.gmtoffset.ok_or_else(|| wrong("gmtoffset", "", "missing"))?;
        if !(-LARGEST_OFFSET_SECS..=LARGEST_OFFSET_SECS).contains(&offset) {
            return Err(wrong("gmtoffset", &offset.to_string(), "not the seconds of a time zone"));
        }
        let is_coin = meta.instrument_type.as_ref().is_some_and(|kind| kind.as_text() == "CRYPTOCURRENCY");
        let traded = meta.traded.map(|secs| seconds("regularMarketTime", secs)).transpose()?;
        let is_in_new_york = meta.zone.as_ref().is_some_and(|zone| zone.as_text() == "America/New_York");
        let mut market = Self { offset, is_coin, is_in_new_york, session: SESSION, current: None, traded };
        if let Some(Period { start, end }) = meta.period.as_ref().and_then(|periods| periods.regular) {
            let (start, end) = (seconds("start", start)?, seconds("end", end)?);
            market.session = SESSION.max(end.since(start));
            market.current = Some((market.date(start)?, end));
        }
        Ok(market)
    }

    /// The exchange's day at `at`.
    fn date(&self, at: Timestamp) -> Result<Date, DecodeError> {
        let micros = at.as_micros() + self.offset * 1_000_000;
        let local = Timestamp::from_micros(micros);
        Ok(local
            .ok_or_else(|| wrong("timestamp", &at.to_string(), "before 1970 where it was traded"))?
            .date())
    }

    /// When the session of `date` ended, for a bar stamped `at`; `None` where it may go on.
    fn closed(&self, date: Date, at: Timestamp, is_last: bool) -> Option<Timestamp> {
        let current = self.current.filter(|(current, _)| *current == date).map(|(_, end)| end);
        let end = match () {
            () if self.is_coin => Some(day_end(date.start())),
            () if self.is_in_new_york => current.or_else(|| nyse().close(date)),
            () => current,
        };
        let end = end.unwrap_or_else(|| at.plus(self.session));
        let is_over = match self.current {
            // Trading goes on until a trade, or a later day, is seen at its end.
            Some((current, _)) if date >= current => self.traded.is_some_and(|traded| traded >= end),
            Some(_) => true,
            None => false,
        };
        (is_over || !is_last).then_some(end)
    }

    /// Shares traded; unknown for coins, which Yahoo counts in dollars.
    fn volume(&self, volume: Option<&Scalar<'_>>) -> Option<Quantity> {
        if self.is_coin {
            return None;
        }
        Quantity::new(volume?.number("volume").ok()?).ok()
    }
}

impl Series<'_> {
    /// The bars, oldest first, and what is wrong with those left out.
    fn bars(&self, symbol: &str, market: &Market) -> Result<(Vec<DayBar>, Vec<String>), DecodeError> {
        let none = Columns::default();
        let columns = match self.indicators.quote.as_slice() {
            [columns] => columns,
            [] => &none,
            [..] => {
                return Err(wrong(
                    "quote",
                    &self.indicators.quote.len().to_string(),
                    "not one table of prices",
                ));
            }
        };
        let named = [
            ("open", &columns.open),
            ("high", &columns.high),
            ("low", &columns.low),
            ("close", &columns.close),
            ("volume", &columns.volume),
        ];
        for (name, column) in named {
            if column.len() != self.timestamp.len() {
                return Err(wrong(
                    name,
                    &column.len().to_string(),
                    "not as many values as there are timestamps",
                ));
            }
        }
        // The day that goes on may come twice, the second time with the latest prices.
        let mut days: BTreeMap<Date, (Timestamp, usize)> = BTreeMap::new();
        for (row, secs) in self.timestamp.iter().enumerate() {
            let at = seconds("timestamp", *secs)?;
            let date = market.date(at)?;
            let is_priced = columns.close.get(row).is_some_and(Option::is_some);
            let known = days.get(&date).copied();
            let opened = known.map_or(at, |(first, _)| first.min(at));
            let row = known.map_or(row, |(_, before)| if is_priced { row } else { before });
            days.insert(date, (opened, row));
        }
        let last = days.last_key_value().map(|(date, _)| *date);
        let mut bars = Vec::with_capacity(days.len());
        let mut refused = Vec::new();
        for (date, (at, row)) in days {
            let prices = [&columns.open, &columns.high, &columns.low, &columns.close]
                .map(|column| column[row].as_ref());
            // A day without trades, or one that Yahoo has yet to fill in.
            let [Some(open), Some(high), Some(low), Some(close)] = prices else { continue };
            let words = [open, high, low, close].map(shown);
            let [Some(open), Some(high), Some(low), Some(close)] = [open, high, low, close].map(positive)
            else {
                refused.push(format!("{symbol} {date}: {} are not all prices above zero", words.join(" ")));
                continue;
            };
            let closed = market.closed(date, at, Some(date) == last);
            let bar = Bar {
                symbol: SmolStr::new(symbol),
                interval: Interval::Day,
                open,
                high,
                low,
                close,
                volume: market.volume(columns.volume[row].as_ref()),
                is_final: closed.is_some(),
            };
            if bar.is_coherent() {
                bars.push(DayBar { date, closed, bar });
            } else {
                refused.push(format!(
                    "{symbol} {date}: open or close is not between low and high: {}",
                    words.join(" ")
                ));
            }
        }
        Ok((bars, refused))
    }
}

/// A price as it came, but for single precision's noise.
fn shown(price: &Scalar<'_>) -> String {
    price.number("price").map_or_else(|_| price.as_text().into_owned(), |number| denoise(number).to_string())
}

/// A price above zero, without single precision's noise.
fn positive(price: &Scalar<'_>) -> Option<Price> {
    Price::new(denoise(price.number("price").ok()?)).ok()
}

fn seconds(field: &'static str, secs: i64) -> Result<Timestamp, DecodeError> {
    let moment = secs.checked_mul(1_000_000).and_then(Timestamp::from_micros);
    moment.ok_or_else(|| wrong(field, &secs.to_string(), "not a time in seconds between 1970 and 9999"))
}
