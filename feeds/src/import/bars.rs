//! Reads a user's file of prices: one symbol's bars, daily or shorter.

use std::collections::BTreeMap;
use std::time::Duration;

use market::{
    Bar, Date, FeedId, Interval, MarketEvent, Observation, Price, Quantity, Timestamp, day_end, nyse,
};
use smol_str::SmolStr;

use super::dates::Order;
use super::length::length_of;
use super::numbers::{Cell, read_cell};
use super::report::{ImportError, Imported, Report};
use super::sheet::{Row, Sheet};
use super::times::{Written, read_time};

/// What the file does not say itself.
#[derive(Clone, Debug)]
pub struct BarImport {
    /// What is priced: a ticker (`KEEL`), a pair (`TAO-USDT`), or a contract (`BTC-USDT-PERP`).
    pub symbol: SmolStr,
    /// How long the bars are; told by their times where `None`.
    pub interval: Option<Interval>,
    /// Under which source the bars are kept.
    pub source: FeedId,
    /// The time of the import.
    pub now: Timestamp,
}

const TIMES: [&str; 9] =
    ["open_time", "timestamp", "datetime", "date_time", "time", "date", "day", "trade_date", "start"];
const OPENS: [&str; 3] = ["open", "open_price", "o"];
const HIGHS: [&str; 3] = ["high", "high_price", "h"];
const LOWS: [&str; 3] = ["low", "low_price", "l"];
const CLOSES: [&str; 5] = ["close", "close_price", "close/last", "last", "c"];
const VOLUMES: [&str; 4] = ["volume", "vol", "vol.", "v"];
/// Yahoo's files have it. What is in it is adjusted for dividends, which bars are not.
const ADJUSTED: [&str; 2] = ["adj_close", "adj_close**"];
const WANTED: &str =
    "bars have a time (Date, open_time, timestamp), Open, High, Low and Close, and may have Volume";
/// How far open or close may lie outside low and high as a share of the price: single precision's
/// noise, and no more.
const NOISE: f64 = 1e-6;
/// The latest that New York closes, after midnight UTC.
const LATEST_CLOSE: Duration = Duration::from_hours(21);

/// Reads bars from `sheet`, in any order of rows.
///
/// Times are days, ISO with a zone, or counted since 1970; they are the bars' beginnings. A bar is known
/// since its end: for a share's day New York's close (21:00 UTC where its calendar does not tell), for
/// what trades round the clock the end of the UTC day. One that ends after `now` is open, and known now.
/// A symbol `BASE-QUOTE` with a quote of three letters or more trades round the clock; one with a stop in
/// it (`HIVE.V`) is listed outside New York. An empty volume is unknown; a coin's in a file of Yahoo's is
/// in dollars and left out.
///
/// A row is refused where a price is no number above zero, open or close lies outside low and high by
/// more than single precision's noise, the market was closed, or another row tells the same bar.
///
/// # Errors
/// The columns are not those of bars, their length cannot be told, day and month are mixed up, or no row
/// can be taken.
pub fn bars(sheet: &Sheet, import: &BarImport) -> Result<Imported, ImportError> {
    let reader = Reader::new(sheet, import)?;
    let mut report = Report { layout: "bars", ..Report::default() };
    if let Some(row) = sheet.rows().first().filter(|_| reader.is_in_dollars) {
        let words = "from here on: volumes in a file of Yahoo's are dollars for coins; left out";
        report.corrected.push((row.number, words.to_owned()));
    }
    let mut read = Vec::new();
    for row in sheet.rows() {
        match reader.times_of(row) {
            Ok(written) => read.push((row, written)),
            Err(problem) => report.refused.push((row.number, problem)),
        }
    }
    if read.is_empty() {
        return Imported::unless_empty(Vec::new(), report);
    }
    let interval = match import.interval {
        Some(interval) => interval,
        None => {
            length_of(read.iter().map(|(_, written)| *written)).map_err(|wanted| reader.layout(wanted))?
        }
    };
    let mut by_start: BTreeMap<Timestamp, Vec<(usize, Taken)>> = BTreeMap::new();
    for (row, written) in read {
        match reader.bar_of(row, written, interval, &mut report) {
            Ok((start, taken)) => by_start.entry(start).or_default().push((row.number, taken)),
            Err(problem) => report.refused.push((row.number, problem)),
        }
    }
    let mut events = Vec::with_capacity(by_start.len());
    for (start, taken) in by_start {
        events.extend(reader.settle(start, &taken, &mut report));
    }
    if interval == Interval::Day && reader.hours == Hours::NewYork {
        report.sessions = events.len();
    }
    events.sort_by_key(|event| event.known_at);
    Imported::unless_empty(events, report)
}

/// When a symbol trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hours {
    /// Round the clock.
    Always,
    /// At New York's exchanges.
    NewYork,
    /// At another exchange, whose calendar is not known.
    Elsewhere,
}

impl Hours {
    fn of(symbol: &str) -> Self {
        // Share classes are one letter (`BRK-B`), currencies three or more.
        match symbol.rsplit_once('-') {
            Some((base, quote)) if !base.is_empty() && quote.len() >= 3 => Self::Always,
            Some(_) | None if symbol.contains('.') || symbol.starts_with('^') => Self::Elsewhere,
            Some(_) | None => Self::NewYork,
        }
    }
}

/// A bar, and when it ends.
#[derive(Clone, Debug, PartialEq)]
struct Taken {
    bar: Bar,
    end: Timestamp,
}

struct Reader<'a> {
    sheet: &'a Sheet,
    import: &'a BarImport,
    hours: Hours,
    order: Order,
    time: usize,
    /// Open, high, low, close.
    prices: [usize; 4],
    volume: Option<usize>,
    /// Whether there are volumes, in dollars.
    is_in_dollars: bool,
}

impl<'a> Reader<'a> {
    fn new(sheet: &'a Sheet, import: &'a BarImport) -> Result<Self, ImportError> {
        if sheet.header().is_empty() || sheet.rows().is_empty() {
            return Err(ImportError::Empty);
        }
        let layout = || ImportError::Layout { found: sheet.header().to_vec(), wanted: WANTED };
        let column = |names: &[&str]| sheet.column(names).ok_or_else(layout);
        let time = column(&TIMES)?;
        let prices = [column(&OPENS)?, column(&HIGHS)?, column(&LOWS)?, column(&CLOSES)?];
        let hours = Hours::of(&import.symbol);
        let volume = sheet.column(&VOLUMES);
        for at in prices.into_iter().chain([time]).chain(volume) {
            once(sheet, at)?;
        }
        let is_in_dollars = hours == Hours::Always && volume.is_some() && sheet.column(&ADJUSTED).is_some();
        let order = Order::of(sheet.rows().iter().map(|row| row.cell(time)))
            .map_err(|(day_first, month_first)| ImportError::MixedDates { day_first, month_first })?;
        Ok(Self {
            sheet,
            import,
            hours,
            order,
            time,
            prices,
            volume: volume.filter(|_| !is_in_dollars),
            is_in_dollars,
        })
    }

    fn layout(&self, wanted: &'static str) -> ImportError {
        ImportError::Layout { found: self.sheet.header().to_vec(), wanted }
    }

    fn name(&self, at: usize) -> &str {
        self.sheet.header().get(at).map_or("", String::as_str)
    }

    fn times_of(&self, row: &Row) -> Result<Written, String> {
        if let Some(problem) = row.complain_of_length(self.sheet.header().len()) {
            return Err(problem);
        }
        let text = row.cell(self.time);
        read_time(text, self.order)
            .map_err(|problem| format!("{} is {text:?}, {problem}", self.name(self.time)))
    }

    fn bar_of(
        &self,
        row: &Row,
        written: Written,
        interval: Interval,
        report: &mut Report,
    ) -> Result<(Timestamp, Taken), String> {
        let (start, end) = match interval {
            Interval::Day => {
                let date = self.day_of(written)?;
                (date.start(), self.end_of_day(date, report)?)
            }
            Interval::Minute | Interval::FiveMinutes | Interval::Hour | Interval::FourHours => {
                let Written::Moment(start, _) = written else {
                    return Err(format!(
                        "{} has a day where bars of {interval} need a time",
                        self.name(self.time)
                    ));
                };
                (start, start.plus(interval.span()))
            }
        };
        if start > self.import.now {
            return Err(format!("the bar begins at {start}, which is still to come"));
        }
        let [open, mut high, mut low, close] = self.prices_of(row)?;
        let outermost = |pick: fn(f64, f64) -> f64| pick(open.get(), close.get());
        let (top, bottom) = (outermost(f64::max), outermost(f64::min));
        if high.get() < low.get() {
            return Err(format!("high {high} is below low {low}"));
        }
        for (edge, reached, name) in [(&mut high, top, "high"), (&mut low, bottom, "low")] {
            let is_outside = if name == "high" { reached > edge.get() } else { reached < edge.get() };
            if !is_outside {
                continue;
            }
            let beyond = format!("open {open} or close {close} is beyond {name} {edge}");
            if (reached - edge.get()).abs() > NOISE * reached {
                return Err(beyond);
            }
            report
                .corrected
                .push((row.number, format!("{beyond} by a rounding error; {name} is taken as {reached}")));
            *edge = Price::new(reached).map_err(|error| error.to_string())?;
        }
        let bar = Bar {
            symbol: self.import.symbol.clone(),
            interval,
            open,
            high,
            low,
            close,
            volume: self.volume_of(row)?,
            is_final: end <= self.import.now,
        };
        Ok((start, Taken { bar, end }))
    }

    /// The day that a daily bar is for.
    fn day_of(&self, written: Written) -> Result<Date, String> {
        match (written, self.hours) {
            (Written::Day(day), _) | (Written::Moment(_, Some(day)), Hours::NewYork | Hours::Elsewhere) => {
                Ok(day)
            }
            (Written::Moment(at, _), Hours::Always) if at == at.date().start() => Ok(at.date()),
            (Written::Moment(at, _), Hours::Always) => {
                Err(format!("the day begins at {at}; days of coins begin at midnight UTC"))
            }
            (Written::Moment(at, None), Hours::NewYork) if at != at.date().start() => {
                Ok(nyse().trade_date(at).unwrap_or_else(|| at.date()))
            }
            (Written::Moment(at, None), Hours::NewYork | Hours::Elsewhere) => Ok(at.date()),
        }
    }

    /// When a day's bar was known.
    fn end_of_day(&self, date: Date, report: &mut Report) -> Result<Timestamp, String> {
        match self.hours {
            Hours::Always | Hours::Elsewhere => Ok(day_end(date.start())),
            Hours::NewYork => {
                let is_closed = nyse().is_trading_day(date) == Some(false) || date.is_weekend();
                if is_closed {
                    report.closed += 1;
                    let why = nyse().holiday(date).unwrap_or("weekend");
                    return Err(format!("{date}: New York's market was closed ({why})"));
                }
                // 21:00 UTC is the close in winter, and an hour after it in summer.
                Ok(nyse().close(date).unwrap_or_else(|| date.start().plus(LATEST_CLOSE)))
            }
        }
    }

    fn prices_of(&self, row: &Row) -> Result<[Price; 4], String> {
        let mut prices = [None; 4];
        for (at, price) in self.prices.into_iter().zip(&mut prices) {
            let text = row.cell(at);
            let problem = match read_cell(text, self.sheet.commas()) {
                Ok(Cell::Amount(amount)) => match Price::new(amount) {
                    Ok(read) => {
                        *price = Some(read);
                        continue;
                    }
                    Err(_) => "not a price above zero",
                },
                Ok(Cell::Blank | Cell::Dash) => "no price",
                Err(problem) => problem,
            };
            return Err(format!("{} is {text:?}, {problem}", self.name(at)));
        }
        let [Some(open), Some(high), Some(low), Some(close)] = prices else {
            return Err("no prices".to_owned());
        };
        Ok([open, high, low, close])
    }

    fn volume_of(&self, row: &Row) -> Result<Option<Quantity>, String> {
        let Some(at) = self.volume else { return Ok(None) };
        let text = row.cell(at);
        let wrong = |problem: &str| format!("{} is {text:?}, {problem}", self.name(at));
        match read_cell(text, self.sheet.commas()) {
            Ok(Cell::Amount(amount)) => Quantity::new(amount).map(Some).map_err(|_| wrong("below zero")),
            Ok(Cell::Blank | Cell::Dash) => Ok(None),
            Err(problem) => Err(wrong(problem)),
        }
    }

    /// The event of one bar, unless rows tell it differently.
    fn settle(&self, start: Timestamp, taken: &[(usize, Taken)], report: &mut Report) -> Option<MarketEvent> {
        let (first_row, first) = taken.first()?.clone();
        let is_one = taken.iter().all(|(_, other)| *other == first);
        for (row, _) in taken.iter().skip(1) {
            let words = if is_one {
                format!("the same bar as in row {first_row}; taken once")
            } else {
                format!("another bar of {start} than in row {first_row}; neither is taken")
            };
            report.refused.push((*row, words));
        }
        if !is_one {
            let words = format!("another row tells the bar of {start} differently; neither is taken");
            report.refused.push((first_row, words));
            return None;
        }
        Some(MarketEvent {
            feed: self.import.source.clone(),
            event_time: start,
            receive_time: self.import.now,
            known_at: first.end.min(self.import.now),
            observation: Observation::Bar(first.bar),
        })
    }
}

/// That the column `at` is there but once, or that its copies are empty, as programs leave them behind.
pub(super) fn once(sheet: &Sheet, at: usize) -> Result<(), ImportError> {
    let name = &sheet.header()[at];
    let mut copies = sheet.header().iter().enumerate().filter(|(copy, other)| *copy != at && *other == name);
    let is_told_twice = copies.any(|(copy, _)| sheet.rows().iter().any(|row| !row.cell(copy).is_empty()));
    if is_told_twice { Err(ImportError::ColumnTwice { name: name.clone() }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
