//! What can be asked for: the table of sources, and what an order may say.

use std::time::Duration;

use market::{Date, Interval, Timestamp};
use smol_str::SmolStr;

use super::history::{History, Span};
use super::{binance, days, deribit, gate, kraken_futures, okx};
use crate::config::FeedConfig;

/// No venue's symbol is so long, bytes.
const LONGEST: usize = 40;

/// One source with a past.
#[derive(Clone, Copy)]
pub struct BackfillRow {
    /// The name on the command line and of its cursor.
    pub id: &'static str,
    /// One line for help and docs.
    pub about: &'static str,
    /// The live feed under whose name its events are kept, and whose table says where it is asked.
    pub feed: &'static str,
    /// The source's own base URL.
    pub rest_url: &'static str,
    /// What it calls a symbol, with an example.
    pub symbols: &'static str,
    /// How long its bars may be; the default first; none where it has no bars to choose.
    pub intervals: &'static [Interval],
    /// Whether it is asked where no source is named.
    pub by_default: bool,
    /// The least time between two requests.
    pub(super) spacing: Duration,
    pub(super) plan: fn(&BackfillRow, &Order, &FeedConfig) -> Result<Plan, PlanError>,
}

/// The only registry of sources with a past; help, docs and the command walk it.
pub const BACKFILLS: &[BackfillRow] = &[
    BackfillRow {
        id: "binance",
        about: "Binance spot: daily or hourly bars of coins against USDT, since they were listed",
        feed: "binance-spot",
        rest_url: "https://data-api.binance.vision",
        symbols: "a coin: TAO",
        intervals: &[
            Interval::Day,
            Interval::FourHours,
            Interval::Hour,
            Interval::FiveMinutes,
            Interval::Minute,
        ],
        by_default: true,
        // Two of 6,000 a minute each.
        spacing: Duration::from_millis(250),
        plan: binance::plan,
    },
    BackfillRow {
        id: "yahoo",
        about: "Yahoo charts: daily bars of shares, funds and bitcoin",
        feed: "yahoo",
        rest_url: "https://query1.finance.yahoo.com",
        symbols: "a ticker: MARA",
        intervals: &[],
        by_default: true,
        spacing: Duration::from_secs(2),
        plan: days::yahoo,
    },
    BackfillRow {
        id: "nasdaq",
        about: "Nasdaq: daily bars of US shares and funds, a second source beside Yahoo",
        feed: "nasdaq",
        rest_url: "https://api.nasdaq.com",
        symbols: "a ticker: MARA",
        intervals: &[],
        by_default: false,
        spacing: Duration::from_secs(3),
        plan: days::nasdaq,
    },
    BackfillRow {
        id: "farside",
        about: "Farside: US spot fund flows by fund and day, whole pages; mind its terms",
        feed: "farside",
        rest_url: "https://farside.co.uk",
        symbols: "a coin: BTC, ETH or SOL",
        intervals: &[],
        by_default: false,
        spacing: Duration::from_secs(10),
        plan: days::farside,
    },
    BackfillRow {
        id: "deribit",
        about: "Deribit: every liquidating trade, since the venue began",
        feed: "deribit",
        // The venue's own host keeps a day of trades.
        rest_url: "https://history.deribit.com",
        symbols: "an instrument: BTC-PERPETUAL",
        intervals: &[],
        by_default: true,
        spacing: Duration::from_millis(250),
        plan: deribit::plan,
    },
    BackfillRow {
        id: "kraken-futures",
        about: "Kraken Futures: every liquidating trade of the last seven days",
        feed: "kraken-futures",
        rest_url: "https://futures.kraken.com",
        symbols: "a product: PF_XBTUSD",
        intervals: &[],
        by_default: true,
        spacing: Duration::from_millis(250),
        plan: kraken_futures::plan,
    },
    BackfillRow {
        id: "okx",
        about: "OKX: liquidation orders of swaps of the last seven days, while OKX still tells them",
        feed: "okx",
        rest_url: "https://www.okx.com",
        symbols: "an underlying: BTC-USDT",
        intervals: &[],
        by_default: true,
        // 40 in 2 s.
        spacing: Duration::from_millis(250),
        plan: okx::plan,
    },
    BackfillRow {
        id: "gate",
        about: "Gate: liquidations of USDT perpetuals, hour by hour",
        feed: "gate",
        rest_url: "https://api.gateio.ws",
        symbols: "a contract: BTC_USDT; all of them where none is named",
        intervals: &[],
        // The live feed tells the same liquidations at other prices, which cannot be merged.
        by_default: false,
        spacing: Duration::from_millis(250),
        plan: gate::plan,
    },
];

/// The source called `name`.
pub fn find(name: &str) -> Option<&'static BackfillRow> {
    BACKFILLS.iter().find(|row| row.id == name)
}

impl BackfillRow {
    /// Whether its bars come in several lengths.
    pub(super) fn has_intervals(&self) -> bool {
        !self.intervals.is_empty()
    }
}

/// What is wanted of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The first day, UTC.
    pub from: Date,
    /// The last day, UTC; what is not over yet is left out.
    pub to: Date,
    /// What to ask for, in the source's words; the source's own choice where empty.
    pub symbols: Vec<String>,
    /// How long bars are to be; the source's first choice unless given.
    pub interval: Option<Interval>,
}

/// How a source is asked for an order.
pub(super) struct Plan {
    pub(super) history: Box<dyn History>,
    /// One lane each, in this order.
    pub(super) symbols: Vec<SmolStr>,
    /// What is told ends at a multiple of this: bars that go on are no history, and an order that ends now
    /// must end somewhere.
    pub(super) grain: Duration,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlanError {
    /// A symbol that cannot be one.
    #[error("--symbol {symbol:?} {problem}")]
    Symbol {
        /// As given.
        symbol: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A bug: the row names no live feed, or one of another kind.
    #[error("has no live feed whose decoder could read it")]
    NoStream,
}

impl Order {
    /// Refuses what no source, or not this one, can be asked for; the words say what.
    pub(super) fn check(&self, row: &BackfillRow) -> Result<(), String> {
        if self.from > self.to {
            return Err(format!("--from {} is after --to {}", self.from, self.to));
        }
        match self.interval {
            Some(interval) if !row.has_intervals() => {
                Err(format!("--interval {interval} is of no use here: it has bars of one length, or none"))
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn interval_or_day(&self) -> Interval {
        self.interval.unwrap_or(Interval::Day)
    }

    /// The named symbols, upper case and each once, else `defaults`.
    pub(super) fn symbols_or(&self, defaults: &[&str]) -> Result<Vec<SmolStr>, PlanError> {
        let mut symbols: Vec<SmolStr> = Vec::new();
        for symbol in &self.symbols {
            // Symbols become part of requests.
            let is_sound = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b'^');
            if symbol.is_empty() || symbol.len() > LONGEST || !symbol.bytes().all(is_sound) {
                let problem = "is no symbol: write letters, digits, and - _ . or ^";
                return Err(PlanError::Symbol { symbol: symbol.clone(), problem });
            }
            let symbol = SmolStr::new(symbol.to_ascii_uppercase());
            if !symbols.contains(&symbol) {
                symbols.push(symbol);
            }
        }
        if symbols.is_empty() {
            symbols = defaults.iter().map(SmolStr::new).collect();
        }
        Ok(symbols)
    }

    /// The stretch of time that can be had at `now`: nothing that is not over.
    pub(super) fn span(&self, now: Timestamp, grain: Duration) -> Span {
        let grain = (grain.as_micros() as i64).max(1);
        let over = Timestamp::from_micros(now.as_micros() / grain * grain).unwrap_or(now);
        let from = self.from.start();
        Span { from, until: self.to.next().start().min(over).max(from) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venues::{self, Protocol};

    fn order(from: &str, to: &str) -> Order {
        Order { from: from.parse().unwrap(), to: to.parse().unwrap(), symbols: Vec::new(), interval: None }
    }

    #[test]
    fn every_source_is_found_by_its_own_name_and_has_a_live_feed() {
        for row in BACKFILLS {
            assert_eq!(find(row.id).map(|found| found.about), Some(row.about));
            assert_eq!(BACKFILLS.iter().filter(|other| other.id == row.id).count(), 1, "{}", row.id);
            let live = venues::find(row.feed).expect(row.feed);
            assert!(!matches!(live.protocol, Protocol::Node(_)) && live.keys.is_empty(), "{}", row.id);
            let plan = (row.plan)(row, &order("2026-01-01", "2026-01-02"), &FeedConfig::default());
            assert!(!plan.unwrap_or_else(|error| panic!("{}: {error}", row.id)).symbols.is_empty());
        }
        assert!(find("bybit").is_none());
    }

    #[test]
    fn what_is_not_over_is_no_history() {
        let now: Timestamp = "2026-01-03T10:20:30.5Z".parse().unwrap();
        let until = |to: &str, grain| order("2026-01-01", to).span(now, grain).until.to_string();
        let (minute, day) = (Duration::from_mins(1), Duration::from_hours(24));
        assert_eq!(until("2026-01-02", minute), "2026-01-03T00:00:00.000000Z");
        assert_eq!(until("2026-01-03", minute), "2026-01-03T10:20:00.000000Z");
        assert_eq!(until("2026-01-03", day), "2026-01-03T00:00:00.000000Z");
        assert_eq!(until("2027-01-01", day), "2026-01-03T00:00:00.000000Z");
        assert!(order("2026-02-01", "2026-02-03").span(now, day).is_empty(), "the future");
    }

    #[test]
    fn an_impossible_order_is_refused_in_words() {
        let deribit = find("deribit").unwrap();
        let wrong = order("2026-01-03", "2026-01-02").check(deribit).unwrap_err();
        assert!(wrong.contains("2026-01-03 is after"), "{wrong}");
        let hourly = Order { interval: Some(Interval::Hour), ..order("2026-01-01", "2026-01-02") };
        assert!(hourly.check(deribit).unwrap_err().contains("--interval 1h"));
        assert!(hourly.check(find("binance").unwrap()).is_ok());
        for bad in ["", "A/B", "A?B", "A B", "A%20", "Ä", &"A".repeat(41)] {
            let named = Order { symbols: vec![bad.to_owned()], ..order("2026-01-01", "2026-01-02") };
            assert!(named.symbols_or(&[]).is_err(), "{bad}");
        }
        let named =
            Order { symbols: vec!["btc-perpetual".to_owned(); 2], ..order("2026-01-01", "2026-01-02") };
        assert_eq!(named.symbols_or(&["X"]).unwrap(), ["BTC-PERPETUAL"]);
    }
}
