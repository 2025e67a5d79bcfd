//! Asks Nasdaq for daily prices of shares and funds: a second source beside Yahoo's.
//!
//! Prices are adjusted for splits. Rows say the day in New York, month first, newest first. A round asks
//! up to yesterday, so that no day that goes on is among them; the volume is the whole tape's.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use market::{Bar, Date, Interval, Observation, Payload, Price, Quantity, Timestamp, nyse};
use serde::Deserialize;
use smol_str::SmolStr;

use super::browser;
use super::prices::coherent;
use super::tickers::{Tickers, is_ticker};
use super::wire::{Scalar, parse, text, wrong};
use crate::config::FeedConfig;
use crate::protocol::{Ask, DecodeError, Decoder, FrameKind, PollProtocol, Stamped};

pub(super) const REST_URL: &str = "https://api.nasdaq.com";

const EVERY: Duration = Duration::from_hours(12);
const LEAST_EVERY: Duration = Duration::from_hours(1);
const SPACING: Duration = Duration::from_secs(2);
/// How far back a round asks.
const REACH: Duration = Duration::from_hours(24 * 400);
/// New York's market closes at 21:00 UTC in winter: for days that its calendar does not tell.
const CLOSE: Duration = Duration::from_hours(21);
/// Nasdaq's code for a symbol that is not of the class that was asked for.
const NO_SUCH_SYMBOL: &str = "1001";

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn PollProtocol> {
    Box::new(Nasdaq {
        tickers: Tickers::new(&config.instruments, &[], None),
        from: None,
        through: None,
        queue: VecDeque::new(),
        funds: BTreeSet::new(),
        told: BTreeMap::new(),
    })
}

struct Nasdaq {
    tickers: Tickers,
    from: Option<Date>,
    through: Option<Date>,
    queue: VecDeque<(SmolStr, Class)>,
    /// Symbols that turned out to be funds.
    funds: BTreeSet<SmolStr>,
    /// What was last told of each day.
    told: BTreeMap<SmolStr, BTreeMap<Date, Bar>>,
}

/// What Nasdaq wants to know beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Stock,
    Fund,
}

impl Class {
    fn as_str(self) -> &'static str {
        match self {
            Self::Stock => "stocks",
            Self::Fund => "etf",
        }
    }
}

impl PollProtocol for Nasdaq {
    fn every(&self) -> Duration {
        EVERY
    }

    fn least_every(&self) -> Duration {
        LEAST_EVERY
    }

    fn spacing(&self) -> Duration {
        SPACING
    }

    fn begin(&mut self, now: Timestamp) {
        self.tickers.report("nasdaq");
        self.from = Some(now.minus(REACH).date());
        self.through = Some(now.minus(Duration::from_hours(24)).date());
        let class = |symbol: &SmolStr| if self.funds.contains(symbol) { Class::Fund } else { Class::Stock };
        self.queue = self.tickers.followed().iter().map(|symbol| (symbol.clone(), class(symbol))).collect();
    }

    fn next_ask(&mut self) -> Option<Ask> {
        let (from, through) = (self.from?, self.through?);
        let (symbol, class) = self.queue.pop_front()?;
        let symbol = symbol.replace('^', "%5E");
        let class = class.as_str();
        let request = format!(
            "/api/quote/{symbol}/historical?assetclass={class}&fromdate={from}&todate={through}&limit=9999"
        );
        Some(Ask { headers: browser::headers(), ..Ask::get(request) })
    }
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Option<Table<'a>>,
    #[serde(borrow)]
    message: Option<Scalar<'a>>,
    #[serde(borrow)]
    status: Option<Status<'a>>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow, rename = "rCode")]
    code: Option<Scalar<'a>>,
    #[serde(borrow, rename = "bCodeMessage")]
    complaints: Option<Vec<Complaint<'a>>>,
}

#[derive(Deserialize)]
struct Complaint<'a> {
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow, rename = "errorMessage")]
    words: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Table<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow, rename = "tradesTable")]
    trades: Option<Rows<'a>>,
}

#[derive(Deserialize)]
struct Rows<'a> {
    #[serde(borrow)]
    rows: Option<Vec<Row<'a>>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    date: Option<Scalar<'a>>,
    #[serde(borrow)]
    open: Option<Scalar<'a>>,
    #[serde(borrow)]
    high: Option<Scalar<'a>>,
    #[serde(borrow)]
    low: Option<Scalar<'a>>,
    #[serde(borrow)]
    close: Option<Scalar<'a>>,
    #[serde(borrow)]
    volume: Option<Scalar<'a>>,
}

impl Decoder for Nasdaq {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let asked = payload.request().and_then(asked);
        let answer: Answer<'_> = parse(text(payload)?)?;
        let Some(table) = &answer.data else {
            return self.take_refusal(&answer, asked);
        };
        let symbol = table.symbol.as_ref().ok_or(DecodeError::Unknown)?.as_text().to_ascii_uppercase();
        let (symbol, is_wanted) = self.tickers.look_up("symbol", &symbol)?;
        if asked.is_some_and(|(asked, _)| asked != symbol) {
            return Err(wrong("symbol", &symbol, "not the symbol that was asked for"));
        }
        let rows = table.trades.as_ref().and_then(|trades| trades.rows.as_deref()).unwrap_or_default();
        if !is_wanted {
            return Ok(FrameKind::Ignored("other symbol"));
        }
        let mut days = BTreeMap::new();
        let mut refused = Vec::new();
        for row in rows {
            match row.read(&symbol) {
                Ok(Some((date, bar))) => drop(days.insert(date, bar)),
                Ok(None) => {}
                Err(error) => refused.push(format!("{symbol}: {error}")),
            }
        }
        let told = self.told.entry(symbol).or_default();
        let before = out.len();
        for (date, bar) in &days {
            if told.get(date) != Some(bar) {
                let closed = nyse().close(*date).unwrap_or_else(|| date.start().plus(CLOSE));
                out.push(Stamped::history(date.start(), closed, Observation::Bar(bar.clone())));
            }
        }
        // What the answer no longer reaches back to needs no remembering.
        *told = days;
        Ok(match () {
            () if !refused.is_empty() => FrameKind::DataWithout { label: "history", refused },
            () if out.len() > before => FrameKind::Data("history"),
            () => FrameKind::Ignored("nothing new"),
        })
    }
}

impl Nasdaq {
    fn take_refusal(
        &mut self,
        answer: &Answer<'_>,
        asked: Option<(SmolStr, Class)>,
    ) -> Result<FrameKind, DecodeError> {
        let status = answer.status.as_ref().ok_or(DecodeError::Unknown)?;
        let complaint = status.complaints.as_deref().unwrap_or_default().first();
        let code = complaint.and_then(|complaint| complaint.code.as_ref()).or(status.code.as_ref());
        let code = code.map(Scalar::as_text).unwrap_or_default();
        let words = complaint.and_then(|complaint| complaint.words.as_ref()).or(answer.message.as_ref());
        let words = words.map(Scalar::as_text).unwrap_or_default();
        let Some((symbol, class)) = asked else {
            return Ok(FrameKind::Refused(format!("{code} {words}")));
        };
        if class == Class::Stock && code == NO_SUCH_SYMBOL {
            self.funds.insert(symbol.clone());
            self.queue.push_back((symbol, Class::Fund));
            return Ok(FrameKind::Ignored("not a stock"));
        }
        // Neither: tomorrow it is asked for as a stock again.
        self.funds.remove(&symbol);
        Ok(FrameKind::Refused(format!("{symbol}: {code} {words}")))
    }
}

impl Row<'_> {
    /// The day's bar; `None` where Nasdaq has no price.
    fn read(&self, symbol: &SmolStr) -> Result<Option<(Date, Bar)>, DecodeError> {
        let written = self.date.as_ref().map(Scalar::as_text).unwrap_or_default();
        let date =
            month_first(&written).ok_or_else(|| wrong("date", &written, "not a day such as 11/13/2025"))?;
        let prices = [("open", &self.open), ("high", &self.high), ("low", &self.low), ("close", &self.close)];
        let mut read = [None; 4];
        for ((field, written), price) in prices.into_iter().zip(&mut read) {
            let Some(number) = amount(field, written.as_ref())? else { return Ok(None) };
            let wrong = |_| wrong(field, &number.to_string(), "not a price above zero");
            *price = Some(Price::new(number).map_err(wrong)?);
        }
        let [Some(open), Some(high), Some(low), Some(close)] = read else { return Ok(None) };
        let volume = amount("volume", self.volume.as_ref())?.map(Quantity::new).transpose();
        let bar = Bar {
            symbol: symbol.clone(),
            interval: Interval::Day,
            open,
            high,
            low,
            close,
            volume: volume.map_err(|error| wrong("volume", &error.value.to_string(), "below zero"))?,
            is_final: true,
        };
        coherent(&bar)?;
        Ok(Some((date, bar)))
    }
}

/// `$1,234.56`, `55,123,456`; nothing for `N/A` and where it is missing.
fn amount(field: &'static str, written: Option<&Scalar<'_>>) -> Result<Option<f64>, DecodeError> {
    let Some(written) = written.map(Scalar::as_text) else { return Ok(None) };
    let plain: String = written.trim().trim_start_matches('$').chars().filter(|c| *c != ',').collect();
    if plain.is_empty() || plain == "N/A" || plain == "--" {
        return Ok(None);
    }
    match plain.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Some(number)),
        Ok(_) | Err(_) => Err(wrong(field, &written, "not an amount such as $12.78")),
    }
}

/// `11/13/2025`.
fn month_first(text: &str) -> Option<Date> {
    let mut parts = text.split('/');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    Date::from_ymd(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// What a request was for.
fn asked(request: &str) -> Option<(SmolStr, Class)> {
    let (symbol, query) = request.strip_prefix("/api/quote/")?.split_once("/historical?")?;
    let class =
        if query.split('&').any(|part| part == "assetclass=etf") { Class::Fund } else { Class::Stock };
    let symbol = symbol.replace("%5E", "^");
    is_ticker(&symbol).then(|| (SmolStr::new(symbol), class))
}

#[cfg(test)]
mod tests;
