//! A made-up world: histories told word by word.

use std::time::Duration;

use market::{
    Bar, Date, EtfFlow, FeedId, FundingRate, Gap, GapCause, Instrument, Interval, Liquidation, MarketEvent,
    Observation, OpenInterest, PositionSide, Price, Quantity, Timestamp, Usd, nyse, settled_at,
};

use super::super::{FeatureSet, History, samples, task};
use crate::chance::Chance;

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn day(text: &str) -> Date {
    text.parse().unwrap()
}

pub(super) fn event(
    feed: &str,
    event_time: Timestamp,
    known_at: Timestamp,
    observation: Observation,
) -> MarketEvent {
    MarketEvent { feed: FeedId::new(feed), event_time, receive_time: known_at, known_at, observation }
}

pub(super) fn bar(
    symbol: &str,
    interval: Interval,
    start: Timestamp,
    known_at: Timestamp,
    close: f64,
) -> MarketEvent {
    let price = Price::new(close).unwrap();
    let bar = Bar {
        symbol: symbol.into(),
        interval,
        open: price,
        high: price,
        low: price,
        close: price,
        volume: None,
        is_final: true,
    };
    event("file", start, known_at, Observation::Bar(bar))
}

pub(super) fn flow(fund: &str, date: Date, millions: Option<f64>, known_at: Timestamp) -> MarketEvent {
    let flow = EtfFlow {
        fund: fund.into(),
        asset: "BTC".into(),
        trade_date: date,
        net_flow: millions.map(|millions| Usd::new(millions * 1e6).unwrap()),
    };
    event("farside", date.start(), known_at, Observation::EtfFlow(flow))
}

pub(super) fn liquidation(
    feed: &str,
    at: Timestamp,
    known_at: Timestamp,
    side: PositionSide,
    usd: f64,
) -> MarketEvent {
    let liquidation = Liquidation {
        symbol: "BTCUSDT".into(),
        instrument: Instrument::perp("BTC", "USDT"),
        position: side,
        price: Price::new(100_000.0).unwrap(),
        quantity: None,
        notional: Some(Usd::new(usd).unwrap()),
        venue_id: None,
    };
    event(feed, at, known_at, Observation::Liquidation(liquidation))
}

pub(super) fn gap(feed: &str, from: Timestamp, until: Option<Timestamp>, known_at: Timestamp) -> MarketEvent {
    let gap = Gap { from, until, cause: GapCause::Disconnected, detail: String::new() };
    event(feed, from, known_at, Observation::Gap(gap))
}

pub(super) fn funding(feed: &str, at: Timestamp, rate: f64) -> MarketEvent {
    let instrument = Instrument::perp("BTC", "USDT");
    let rate =
        FundingRate { symbol: "B".into(), instrument, rate, interval_hours: Some(8.0), next_funding: None };
    event(feed, at, at, Observation::FundingRate(rate))
}

pub(super) fn interest(feed: &str, at: Timestamp, coins: f64) -> MarketEvent {
    let interest = OpenInterest {
        symbol: "B".into(),
        instrument: Instrument::perp("BTC", "USDT"),
        quantity: Some(Quantity::new(coins).unwrap()),
        notional: None,
    };
    event(feed, at, at, Observation::OpenInterest(interest))
}

/// The value of a column in the row at `time`.
pub(super) fn value(set: &FeatureSet, time: &str, column: &str) -> f64 {
    let row = set.samples.times.binary_search(&at(time)).unwrap_or_else(|_| panic!("no row at {time}"));
    let column = set.samples.columns.iter().position(|other| other.name == column).unwrap();
    set.samples.row(row)[column]
}

pub(super) fn level(set: &FeatureSet, time: &str) -> Option<f64> {
    set.samples.level[set.samples.times.binary_search(&at(time)).unwrap()]
}

/// How much of everything there is.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) days: u32,
    pub(super) has_hours: bool,
    pub(super) liquidations_a_day: u32,
}

/// A world of its own: everything from 2025-01-01 on, with revisions, late words, gaps and ties.
pub(super) fn world(seed: u64, size: Size) -> History {
    let mut chance = Chance::new(seed);
    let first = day("2025-01-01");
    let mut history = History::default();
    let mut prices: Vec<f64> = vec![100.0; 16];
    let shares = ["MARA", "RIOT", "CLSK", "CIFR", "WULF", "QQQ"];
    let tokens = ["TAO-USDT", "FET-USD", "NEAR-USDT", "RENDER-USDT"];
    for number in 0..size.days {
        let date = first.plus_days(number as i32).unwrap();
        let market = 0.02 * chance.normal();
        let mut step = |price: &mut f64, beta: f64, own: f64| {
            *price *= (beta * market + own * chance.normal()).exp();
            *price
        };
        let end = date.next().start();
        if size.has_hours {
            for hour in 0..24 {
                let start = date.start().plus(Duration::from_hours(hour));
                let close = step(&mut prices[0], 1.0 / 24.0, 0.004);
                history.bars.push(bar(
                    "BTC-USDT",
                    Interval::Hour,
                    start,
                    start.plus(Duration::from_hours(1)),
                    close,
                ));
            }
        }
        let close = step(&mut prices[1], 1.0, 0.01);
        history.bars.push(bar("BTC-USD", Interval::Day, date.start(), end, close));
        for (token, price) in tokens.iter().zip(&mut prices[2..]) {
            let close = step(price, 1.2, 0.03);
            history.bars.push(bar(token, Interval::Day, date.start(), end, close));
        }
        if let Some(close_time) = nyse().close(date) {
            for (share, price) in shares.iter().zip(&mut prices[6..]) {
                let close = step(price, 1.5, 0.03);
                history.bars.push(bar(share, Interval::Day, date.start(), close_time, close));
            }
            let evening = close_time.plus(Duration::from_hours(4));
            for (place, fund) in ["IBIT", "FBTC", "GBTC", "ARKB"].iter().enumerate() {
                history.flows.push(flow(fund, date, None, evening));
                let told = evening.plus(Duration::from_mins(90 * place as u64));
                let millions = 200.0 * chance.normal();
                history.flows.push(flow(fund, date, Some(millions), told));
                if chance.uniform() < 0.1 {
                    let later = settled_at(date).plus(Duration::from_hours(40));
                    history.flows.push(flow(fund, date, Some(millions + 5.0), later));
                }
            }
        }
        for _ in 0..size.liquidations_a_day {
            let moment = date.start().plus(Duration::from_secs_f64(86_399.0 * chance.uniform()));
            let position = if chance.uniform() < 0.5 { PositionSide::Long } else { PositionSide::Short };
            let delay = Duration::from_secs_f64(if chance.uniform() < 0.02 { 7_200.0 } else { 0.5 });
            let feed = ["binance-usdm", "okx"][chance.index(2)];
            let usd = 1e4 * (2.0 * chance.normal()).exp();
            history.liquidations.push(liquidation(feed, moment, moment.plus(delay), position, usd));
        }
        for hour in [0, 8, 16] {
            let moment = date.start().plus(Duration::from_hours(hour));
            for feed in ["binance-context", "okx-context", "bybit-context"] {
                history.funding.push(funding(feed, moment, 1e-4 * chance.normal()));
                history.open_interest.push(interest(feed, moment, 1e5 * (0.1 * chance.normal()).exp()));
            }
        }
        if chance.uniform() < 0.2 {
            let from = date.start().plus(Duration::from_hours(3));
            history.gaps.push(gap("okx", from, None, from.plus(Duration::from_mins(1))));
            let until = from.plus(Duration::from_hours(chance.index(9) as u64));
            history.gaps.push(gap("okx", from, Some(until), until.plus(Duration::from_mins(2))));
        }
    }
    for table in [
        &mut history.bars,
        &mut history.flows,
        &mut history.liquidations,
        &mut history.funding,
        &mut history.open_interest,
        &mut history.gaps,
    ] {
        table.sort_by_key(|event| event.known_at);
    }
    history
}

pub(super) fn build(history: &History, id: &str, now: &str) -> FeatureSet {
    samples(history, task(id).unwrap(), "BTC", at(now)).unwrap()
}

pub(super) fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// Hourly closes from `start` on, so that every hour has a row.
pub(super) fn hours(start: &str, count: u64) -> Vec<MarketEvent> {
    let mut chance = Chance::new(3);
    let mut price = 100.0;
    let bars = (0..count).map(|hour| {
        price *= (0.01 * chance.normal()).exp();
        let start = at(start).plus(Duration::from_hours(hour));
        bar("BTC-USDT", Interval::Hour, start, start.plus(Duration::from_hours(1)), price)
    });
    bars.collect()
}

pub(super) fn sort(events: &mut [MarketEvent]) {
    events.sort_by_key(|event| event.known_at);
}
