//! What is asked of each source whose past forecasts can be made from, and how far back.

use std::time::Duration;

use feeds::backfill::Order;
use market::{Date, Interval, Timestamp, entities, settled_through};

use super::ForecastConfig;

/// Orders begin on a day that moves once in so many days, so that a run that is cut off is gone on with the day after.
const STRIDE_DAYS: i64 = 28;

/// A source whose past can be fetched.
#[derive(Clone, Copy, Debug)]
pub struct PastRow {
    /// Its name in `fetch`, and for `vigie backfill`.
    pub id: &'static str,
    /// Targets whose level it tells; the others know it as an outside group.
    pub targets: &'static [&'static str],
    errands: fn(&ForecastConfig, Timestamp) -> Vec<Errand>,
}

/// Something that is asked of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// Where below the forecaster's directory it is noted how far it came.
    pub place: &'static str,
    /// What is asked.
    pub order: Order,
}

/// Every source that can be fetched. Gate is none of them: what its past tells cannot be merged with its stream.
pub const PASTS: &[PastRow] = &[
    PastRow { id: "binance", targets: &["vol-24h", "vol-5d"], errands: bars },
    PastRow { id: "yahoo", targets: &[], errands: shares },
    PastRow { id: "nasdaq", targets: &[], errands: shares },
    PastRow { id: "farside", targets: &["flows-5s"], errands: flows },
    PastRow { id: "deribit", targets: &["burst-24h"], errands: |config, now| trades(config, now, perpetual) },
    PastRow {
        id: "kraken-futures",
        targets: &["burst-24h"],
        errands: |config, now| trades(config, now, product),
    },
    PastRow { id: "okx", targets: &["burst-24h"], errands: |config, now| trades(config, now, underlying) },
];

/// The row called `id`.
pub fn find(id: &str) -> Option<&'static PastRow> {
    PASTS.iter().find(|row| row.id == id)
}

impl PastRow {
    /// What is asked of it at `now`.
    pub fn errands(&self, config: &ForecastConfig, now: Timestamp) -> Vec<Errand> {
        (self.errands)(config, now)
    }
}

fn from(config: &ForecastConfig, now: Timestamp) -> Date {
    let wanted = now.minus(Duration::from_hours(24 * config.history_days));
    let into_stride = wanted.as_micros().div_euclid(86_400_000_000).rem_euclid(STRIDE_DAYS);
    wanted.minus(Duration::from_hours(24 * into_stride.unsigned_abs())).date()
}

fn order(config: &ForecastConfig, now: Timestamp, symbols: Vec<String>) -> Order {
    Order { from: from(config, now), to: now.date(), symbols, interval: None }
}

/// The asset's hours, and the days of the tokens of decentralised AI.
fn bars(config: &ForecastConfig, now: Timestamp) -> Vec<Errand> {
    let interval = |interval, order| Order { interval: Some(interval), ..order };
    let asset = config.asset.as_str();
    let hours = interval(Interval::Hour, order(config, now, vec![asset.to_owned()]));
    let mut tokens: Vec<String> = Vec::new();
    for token in entities().basket("ai_tokens").unwrap_or_default().iter().flat_map(|entity| &entity.tokens) {
        if token.is_valid_on(now.date()) && !tokens.iter().any(|known| *known == token.symbol) {
            tokens.push(token.symbol.to_string());
        }
    }
    // Outside groups are what a coin did beyond Bitcoin.
    if asset != "BTC" {
        tokens.push("BTC".to_owned());
    }
    let days = interval(Interval::Day, order(config, now, tokens));
    vec![Errand { place: "", order: hours }, Errand { place: "days", order: days }]
}

/// The days of the miners' shares, and of the Nasdaq-100.
fn shares(config: &ForecastConfig, now: Timestamp) -> Vec<Errand> {
    let today = now.date();
    let miners = entities().basket("miners").unwrap_or_default();
    let tickers = miners.iter().flat_map(|entity| &entity.tickers).filter(|ticker| ticker.is_valid_on(today));
    let mut symbols: Vec<String> = tickers.map(|ticker| ticker.symbol.to_string()).collect();
    symbols.push("QQQ".to_owned());
    vec![Errand { place: "", order: order(config, now, symbols) }]
}

/// The asset's fund flows, as far as they are settled: a page read earlier holds partial sums.
fn flows(config: &ForecastConfig, now: Timestamp) -> Vec<Errand> {
    let order = order(config, now, vec![config.asset.to_string()]);
    vec![Errand { place: "", order: Order { to: settled_through(now), ..order } }]
}

fn trades(config: &ForecastConfig, now: Timestamp, symbol: fn(&str) -> String) -> Vec<Errand> {
    vec![Errand { place: "", order: order(config, now, vec![symbol(&config.asset)]) }]
}

fn perpetual(asset: &str) -> String {
    format!("{asset}-PERPETUAL")
}

fn product(asset: &str) -> String {
    format!("PF_{}USD", if asset == "BTC" { "XBT" } else { asset })
}

fn underlying(asset: &str) -> String {
    format!("{asset}-USDT")
}

#[cfg(test)]
mod tests {
    use feeds::backfill;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn every_source_has_a_past_and_tells_what_is_forecast() {
        let config = ForecastConfig::default();
        for row in PASTS {
            assert!(backfill::find(row.id).is_some(), "{}", row.id);
            assert!(row.targets.iter().all(|target| market::target(target).is_some()), "{}", row.id);
            let errands = row.errands(&config, at("2026-11-20T15:00:00Z"));
            assert!(errands.iter().all(|errand| !errand.order.symbols.is_empty()), "{}", row.id);
            let mut places: Vec<&str> = errands.iter().map(|errand| errand.place).collect();
            places.dedup();
            assert_eq!(places.len(), errands.len(), "{}: each errand has a note of its own", row.id);
        }
        for target in market::TARGETS {
            assert!(PASTS.iter().any(|row| row.targets.contains(&target.id)), "{}", target.id);
        }
    }

    #[test]
    fn flows_are_fetched_once_they_are_settled() {
        let through = |now: &str| flows(&ForecastConfig::default(), at(now))[0].order.to.to_string();
        assert_eq!(through("2026-11-20T13:59:59Z"), "2026-11-18");
        assert_eq!(through("2026-11-20T14:00:00Z"), "2026-11-19", "known since that very moment");
        assert_eq!(market::settled_at("2026-11-19".parse().unwrap()), at("2026-11-20T14:00:00Z"));
    }

    #[test]
    fn orders_begin_on_the_same_day_for_weeks_and_never_later_than_wanted() {
        let config = ForecastConfig::default();
        let mut begins: Vec<Date> = Vec::new();
        for day in 0..56 {
            let now = at("2026-11-20T15:00:00Z").plus(Duration::from_hours(24 * day));
            let begin = from(&config, now);
            let wanted = now.minus(Duration::from_hours(24 * config.history_days)).date();
            assert!(begin <= wanted && begin.plus_days(28).unwrap() > wanted, "{begin} {wanted}");
            begins.push(begin);
        }
        begins.dedup();
        assert!((2..=3).contains(&begins.len()), "{begins:?}");
    }

    #[test]
    fn symbols_are_in_each_sources_words() {
        let asked = |id: &str, asset: &str| {
            let config = ForecastConfig { asset: asset.into(), ..ForecastConfig::default() };
            find(id).unwrap().errands(&config, at("2026-11-20T15:00:00Z")).remove(0).order.symbols
        };
        assert_eq!(asked("deribit", "BTC"), ["BTC-PERPETUAL"]);
        assert_eq!(asked("kraken-futures", "BTC"), ["PF_XBTUSD"]);
        assert_eq!(asked("kraken-futures", "ETH"), ["PF_ETHUSD"]);
        assert_eq!(asked("okx", "ETH"), ["ETH-USDT"]);
        assert_eq!(asked("farside", "SOL"), ["SOL"]);
        assert!(asked("yahoo", "BTC").contains(&"MARA".to_owned()));
        assert!(find("gate").is_none());
    }
}
