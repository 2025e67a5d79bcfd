//! The latest price and the daily closes of every symbol, and what they say about gains.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use market::{
    Bar, Date, FeedId, FlowTable, Gains, Interval, MarketEvent, Price, PricePoint, Quote, QuoteKind, Session,
    Standing, Timestamp, nyse,
};
use smol_str::SmolStr;

/// A price of a market that is open is stale at this age. Polled sources come every five minutes,
/// and free ones are fifteen behind.
const STALE_AFTER: Duration = Duration::from_mins(20);
/// What a day's flows are turned into coins with.
const FLOW_PRICE: &str = "daily close at 00:00 UTC after the trading day";

/// A daily close, and how far it can be trusted.
#[derive(Clone, Debug)]
struct Close {
    price: Price,
    is_final: bool,
    known_at: Timestamp,
    feed: FeedId,
}

/// Everything known about the price of one thing.
#[derive(Debug, Default)]
struct Series {
    /// The last trade, whoever told it.
    last: Option<Arc<MarketEvent>>,
    /// The close that some source counts changes from, and when it said so.
    previous: Option<(Price, Timestamp)>,
    closes: BTreeMap<Date, Close>,
}

/// What a series is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Market {
    /// Shares: New York's sessions.
    Shares,
    /// A coin: it never closes.
    Coins,
}

/// Prices by ticker, and of coins by the coin: `BTC-USD` and `BTC-USDT` are one market here.
#[derive(Debug, Default)]
pub(crate) struct Prices {
    shares: BTreeMap<SmolStr, Series>,
    coins: BTreeMap<SmolStr, Series>,
}

/// The coin of a spot pair in dollars or dollar stablecoins: `TAO` of `TAO-USDT`.
fn coin_of(symbol: &str) -> Option<&str> {
    let (base, quote) = symbol.split_once('-')?;
    matches!(quote, "USD" | "USDT" | "USDC").then_some(base)
}

impl Prices {
    fn series_mut(&mut self, symbol: &SmolStr) -> &mut Series {
        match coin_of(symbol) {
            Some(coin) => self.coins.entry(SmolStr::new(coin)).or_default(),
            None => self.shares.entry(symbol.clone()).or_default(),
        }
    }

    pub(crate) fn take_quote(&mut self, event: &Arc<MarketEvent>, quote: &Quote) {
        if quote.kind != QuoteKind::Last {
            return;
        }
        let series = self.series_mut(&quote.symbol);
        if let Some(close) = quote.previous_close
            && series.previous.is_none_or(|(_, told)| event.event_time >= told)
        {
            series.previous = Some((close, event.event_time));
        }
        if series.last.as_ref().is_none_or(|last| event.event_time >= last.event_time) {
            series.last = Some(Arc::clone(event));
        }
    }

    pub(crate) fn take_bar(&mut self, event: &MarketEvent, bar: &Bar) {
        if bar.interval != Interval::Day {
            return;
        }
        let close = Close {
            price: bar.close,
            is_final: bar.is_final,
            known_at: event.known_at,
            feed: event.feed.clone(),
        };
        let closes = &mut self.series_mut(&bar.symbol).closes;
        let rank = |close: &Close| (close.is_final, close.known_at);
        let known = closes.entry(event.event_time.date()).or_insert_with(|| close.clone());
        if rank(&close) >= rank(known) {
            *known = close;
        }
    }

    /// A coin's price and gains.
    pub(crate) fn coin(&self, coin: &str, now: Timestamp) -> Option<(PricePoint, Gains)> {
        self.coins.get(coin)?.standing(Market::Coins, now)
    }

    /// The pair that the coin's last price is of.
    pub(crate) fn pair_of(&self, coin: &str) -> Option<SmolStr> {
        let last = self.coins.get(coin)?.last.as_ref()?;
        last.observation.quote().map(|quote| quote.symbol.clone())
    }

    /// A share's price and gains.
    pub(crate) fn share(&self, ticker: &str, now: Timestamp) -> Option<(PricePoint, Gains)> {
        self.shares.get(ticker)?.standing(Market::Shares, now)
    }

    /// Final daily closes of a share, oldest first.
    pub(crate) fn closes_of_share(&self, ticker: &str) -> Vec<(Date, f64)> {
        self.shares.get(ticker).map(Series::final_closes).unwrap_or_default()
    }

    /// Final daily closes of a coin, oldest first.
    pub(crate) fn closes_of_coin(&self, coin: &str) -> Vec<(Date, f64)> {
        self.coins.get(coin).map(Series::final_closes).unwrap_or_default()
    }

    /// What turns each day's flows into coins, and what price that is.
    pub(crate) fn flow_prices(
        &self,
        flows: &[Arc<FlowTable>],
    ) -> BTreeMap<(SmolStr, Date), (Price, &'static str)> {
        let mut prices = BTreeMap::new();
        for table in flows {
            let Some(series) = self.coins.get(&table.asset) else { continue };
            for day in &table.days {
                if let Some(close) = series.closes.get(&day.trade_date).filter(|close| close.is_final) {
                    prices.insert((table.asset.clone(), day.trade_date), (close.price, FLOW_PRICE));
                }
            }
        }
        prices
    }
}

impl Series {
    fn final_closes(&self) -> Vec<(Date, f64)> {
        let closes = self.closes.iter().filter(|(_, close)| close.is_final);
        closes.map(|(date, close)| (*date, close.price.get())).collect()
    }

    /// The price as of `now`, and what it gained.
    fn standing(&self, market: Market, now: Timestamp) -> Option<(PricePoint, Gains)> {
        let quoted = self.last.as_ref().and_then(|event| {
            let quote = event.observation.quote()?;
            Some((quote, event.event_time, &event.feed))
        });
        let closed = self.closes.last_key_value().map(|(date, close)| (*date, close));
        // The later of the last trade and the last bar is the price.
        let (price, at, source, day) = match (quoted, closed) {
            (Some((quote, at, feed)), closed)
                if closed.is_none_or(|(date, _)| day_of(market, at).is_some_and(|day| day >= date)) =>
            {
                (quote.price, at, feed, day_of(market, at)?)
            }
            (_, Some((date, close))) => (close.price, end_of(market, date, close), &close.feed, date),
            (_, None) => return None,
        };
        let standing = match market {
            Market::Coins if now.since(at) > STALE_AFTER => Standing::Stale,
            Market::Coins => Standing::Live,
            Market::Shares => standing_of_share(at, now),
        };
        let point = PricePoint { price, at, source: source.clone(), standing };
        // Sources differ in what they tell: one may have the price, another the close before.
        let fallback =
            self.previous.filter(|(_, told)| at.since(*told) <= STALE_AFTER).map(|(close, _)| close);
        Some((point, self.gains(price, day, fallback)))
    }

    /// Gains of `price`, which is of `day`, over the closes of earlier days.
    fn gains(&self, price: Price, day: Date, previous_close: Option<Price>) -> Gains {
        let mut earlier = self.closes.range(..day).rev().filter(|(_, close)| close.is_final);
        let mut over = |nth: usize| earlier.nth(nth).map(|(_, close)| price.get() / close.price.get() - 1.0);
        let one_day = over(0);
        // `nth` consumes: the fifth close back is the fourth after the first, and so on.
        let five_days = over(3);
        let thirty_days = over(24);
        let told = previous_close.map(|close| price.get() / close.get() - 1.0);
        Gains { one_day: one_day.or(told), five_days, thirty_days }
    }
}

/// The day that a trade belongs to: New York's for shares, UTC's for coins.
fn day_of(market: Market, at: Timestamp) -> Option<Date> {
    match market {
        Market::Coins => Some(at.date()),
        Market::Shares => nyse().trade_date(at),
    }
}

/// When the price of a day's close was made.
fn end_of(market: Market, day: Date, close: &Close) -> Timestamp {
    let end = match market {
        Market::Shares => nyse().close(day),
        Market::Coins => Some(day.next().start()),
    };
    if close.is_final { end.unwrap_or(close.known_at) } else { close.known_at }
}

/// What a share's price of `at` is worth at `now`.
fn standing_of_share(at: Timestamp, now: Timestamp) -> Standing {
    let calendar = nyse();
    let (Some(session), Some(today), Some(day)) =
        (calendar.session(now), calendar.trade_date(now), calendar.trade_date(at))
    else {
        return Standing::Stale;
    };
    let traded_in = calendar.session(at);
    let is_of_now = day == today && traded_in == Some(session);
    match session {
        Session::Regular if is_of_now && now.since(at) <= STALE_AFTER => Standing::Live,
        Session::Regular if is_of_now => Standing::Stale,
        Session::Pre if is_of_now => Standing::Pre,
        Session::Post if is_of_now => Standing::Post,
        Session::Regular | Session::Pre | Session::Post | Session::Closed => Standing::LastSession,
    }
}
