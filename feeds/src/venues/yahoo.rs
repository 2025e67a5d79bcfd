//! Asks Yahoo's chart service for daily bars and the last price: of shares, funds and bitcoin.
//!
//! Prices are adjusted for splits, not for dividends: the adjusted closes are left alone. Yahoo keeps
//! prices in single precision, whose noise is taken out. It counts a coin's volume in dollars, which is
//! no number of coins, so coins have no volume here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use market::{Bar, Date, Observation, Payload, Quote, Timestamp};
use smol_str::SmolStr;

use super::browser;
use super::tickers::Tickers;
use super::wire::{parse, text, wrong};
use crate::config::FeedConfig;
use crate::protocol::{Ask, DecodeError, Decoder, FrameKind, PollProtocol, Stamped};
use chart::{Chart, DayBar};

mod chart;

pub(super) const REST_URL: &str = "https://query1.finance.yahoo.com";

/// Trades round the clock: what the rest is compared with, and alive when exchanges are not.
pub(super) const ALWAYS: [&str; 1] = ["BTC-USD"];

const EVERY: Duration = Duration::from_mins(5);
const LEAST_EVERY: Duration = Duration::from_mins(1);
/// Yahoo answers 429 to anyone faster for long.
const SPACING: Duration = Duration::from_secs(1);
/// What the first answer of a day reaches back to, so that a split is noticed within one.
const WHOLE: &str = "3mo";
/// What the others do.
const RECENT: &str = "5d";
/// Bars remembered for each symbol, to tell only what is new: more than [`WHOLE`] has.
const REMEMBERED: usize = 120;

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn PollProtocol> {
    Box::new(Yahoo {
        tickers: Tickers::new(&config.instruments, &ALWAYS, None),
        today: None,
        queue: VecDeque::new(),
        whole: BTreeSet::new(),
        unknown: BTreeSet::new(),
        told: BTreeMap::new(),
    })
}

struct Yahoo {
    tickers: Tickers,
    /// The UTC day of the round.
    today: Option<Date>,
    /// What is left to ask in this round.
    queue: VecDeque<SmolStr>,
    /// Symbols of which the whole range was answered today.
    whole: BTreeSet<SmolStr>,
    /// Symbols that Yahoo does not know; asked for again tomorrow.
    unknown: BTreeSet<SmolStr>,
    told: BTreeMap<SmolStr, Told>,
}

/// What was last told of one symbol.
#[derive(Default)]
struct Told {
    bars: BTreeMap<Date, Bar>,
    /// What was said of days left out.
    refused: BTreeSet<String>,
    quote: Option<(Timestamp, Quote)>,
}

impl PollProtocol for Yahoo {
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
        let today = now.date();
        if self.today != Some(today) {
            self.today = Some(today);
            self.whole.clear();
            self.unknown.clear();
            self.tickers.report("yahoo");
        }
        self.queue = self
            .tickers
            .followed()
            .iter()
            .filter(|symbol| !self.unknown.contains(*symbol))
            .cloned()
            .collect();
    }

    fn next_ask(&mut self) -> Option<Ask> {
        let symbol = self.queue.pop_front()?;
        let range = if self.whole.contains(&symbol) { RECENT } else { WHOLE };
        // The only character of a ticker that does not stand for itself in a path.
        let symbol = symbol.replace('^', "%5E");
        let request = format!(
            "/v8/finance/chart/{symbol}?interval=1d&range={range}&events=div%2Csplits&includePrePost=false"
        );
        Some(Ask { headers: browser::headers(), ..Ask::get(request) })
    }
}

impl Decoder for Yahoo {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let asked = payload.request().and_then(Asked::parse);
        let chart: Chart<'_> = parse(text(payload)?)?;
        if let Some((code, words)) = chart.refusal() {
            let symbol = asked.as_ref().map_or("", |asked| asked.symbol.as_str());
            if code == "Not Found"
                && let Some(asked) = &asked
            {
                self.unknown.insert(asked.symbol.clone());
            }
            return Ok(FrameKind::Refused(format!("{symbol}: {words}")));
        }
        let day_by_day = chart.read()?;
        let (symbol, is_wanted) = self.tickers.look_up("symbol", &day_by_day.symbol)?;
        if let Some(asked) = &asked {
            if asked.symbol != symbol {
                return Err(wrong("symbol", &symbol, "not the symbol that was asked for"));
            }
            if asked.is_whole {
                self.whole.insert(symbol.clone());
            }
        }
        if !is_wanted {
            return Ok(FrameKind::Ignored("other symbol"));
        }
        let told = self.told.entry(symbol).or_default();
        let before = out.len();
        out.extend(day_by_day.bars.into_iter().filter_map(|bar| told.news_of_bar(bar)));
        if let Some((at, quote)) = day_by_day.quote {
            out.extend(told.news_of_quote(at, quote));
        }
        let refused = told.news_of_refused(day_by_day.refused);
        if !refused.is_empty() {
            return Ok(FrameKind::DataWithout { label: "chart", refused });
        }
        Ok(if out.len() > before { FrameKind::Data("chart") } else { FrameKind::Ignored("nothing new") })
    }
}

impl Told {
    /// The bar, unless it was told as it is.
    fn news_of_bar(&mut self, DayBar { date, closed, bar }: DayBar) -> Option<Stamped> {
        if self.bars.get(&date) == Some(&bar) {
            return None;
        }
        self.bars.insert(date, bar.clone());
        while self.bars.len() > REMEMBERED {
            self.bars.pop_first();
        }
        let observation = Observation::Bar(bar);
        Some(match closed {
            Some(closed) => Stamped::history(date.start(), closed, observation),
            None => Stamped::news(date.start(), observation),
        })
    }

    /// The days left out that were not so in the last answer.
    fn news_of_refused(&mut self, refused: Vec<String>) -> Vec<String> {
        let known = std::mem::replace(&mut self.refused, refused.iter().cloned().collect());
        refused.into_iter().filter(|day| !known.contains(day)).collect()
    }

    /// The quote, unless it was told as it is, or a later one was.
    fn news_of_quote(&mut self, at: Timestamp, quote: Quote) -> Option<Stamped> {
        if self
            .quote
            .as_ref()
            .is_some_and(|(told_at, told)| *told_at > at || (*told_at == at && *told == quote))
        {
            return None;
        }
        self.quote = Some((at, quote.clone()));
        Some(Stamped::news(at, Observation::Quote(quote)))
    }
}

/// What a request was for.
struct Asked {
    symbol: SmolStr,
    is_whole: bool,
}

impl Asked {
    fn parse(request: &str) -> Option<Self> {
        let (symbol, query) = request.strip_prefix("/v8/finance/chart/")?.split_once('?')?;
        let is_whole = query.split('&').any(|part| part.strip_prefix("range=") == Some(WHOLE));
        Some(Self { symbol: SmolStr::new(symbol.replace("%5E", "^")), is_whole })
    }
}

#[cfg(test)]
mod tests;
