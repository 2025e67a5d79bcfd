//! Events of every kind, made for stories: who told what of which day, and when it was known.

use market::{
    Bar, Baselines, ChainTip, Chances, Date, EtfFlow, FORECASTER, Forecast, FundingRate, Holding, Interval,
    OpenInterest, Quote, QuoteKind, RegimeReading,
};

use super::*;

/// A moment or day by its text.
pub(super) fn when(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn day(text: &str) -> Date {
    text.parse().unwrap()
}

pub(super) fn price(value: f64) -> Price {
    Price::new(value).unwrap()
}

pub(super) fn amount(value: f64) -> Quantity {
    Quantity::new(value).unwrap()
}

/// An event of `feed`, received when it was known.
pub(super) fn event(
    feed: &str,
    event_time: Timestamp,
    known_at: &str,
    observation: Observation,
) -> MarketEvent {
    let known_at = when(known_at);
    MarketEvent { feed: FeedId::new(feed), event_time, receive_time: known_at, known_at, observation }
}

/// The same event learnt on 2026-02-01 instead: what an import brings.
pub(super) fn imported(event: MarketEvent) -> MarketEvent {
    MarketEvent { receive_time: when("2026-02-01"), ..event }
}

pub(super) fn flow(fund: &str, date: &str, millions: Option<f64>, known_at: &str) -> MarketEvent {
    let trade_date = day(date);
    let net_flow = millions.map(|millions| Usd::new(millions * 1e6).unwrap());
    let flow = EtfFlow { fund: fund.into(), asset: "BTC".into(), trade_date, net_flow };
    event("farside", trade_date.start(), known_at, Observation::EtfFlow(flow))
}

pub(super) fn bar(symbol: &str, date: &str, close: f64, known_at: &str) -> MarketEvent {
    let bar = Bar {
        symbol: symbol.into(),
        interval: Interval::Day,
        open: price(10.0),
        high: price(20.0),
        low: price(9.5),
        close: price(close),
        volume: Some(amount(1_000.0)),
        is_final: when(known_at) >= day(date).next().start(),
    };
    event("yahoo", day(date).start(), known_at, Observation::Bar(bar))
}

pub(super) fn quote(symbol: &str, last: f64, at: &str) -> MarketEvent {
    let quote = Quote {
        symbol: symbol.into(),
        kind: QuoteKind::Last,
        price: price(last),
        bid: Some(price(last - 0.25)),
        ask: None,
        previous_close: None,
        volume: Some(amount(12.5)),
    };
    event("okx", when(at), at, Observation::Quote(quote))
}

pub(super) fn funding(rate: f64, at: &str) -> MarketEvent {
    let funding = FundingRate {
        symbol: "BTC-USDT-SWAP".into(),
        instrument: Instrument::perp("BTC", "USDT"),
        rate,
        interval_hours: Some(8.0),
        next_funding: Some(when("2026-01-06T16:00:00Z")),
    };
    event("okx", when(at), at, Observation::FundingRate(funding))
}

pub(super) fn open_interest(coins: f64, at: &str) -> MarketEvent {
    let interest = OpenInterest {
        symbol: "BTC-USDT-SWAP".into(),
        instrument: Instrument::perp("BTC", "USDT"),
        quantity: Some(amount(coins)),
        notional: None,
    };
    event("okx", when(at), at, Observation::OpenInterest(interest))
}

pub(super) fn tip(height: u64, block_time: &str, fee_fast: f64, known_at: &str) -> MarketEvent {
    let tip = ChainTip {
        height,
        hash: format!("{height:064x}").into(),
        block_time: when(block_time),
        difficulty: Some(1.5e14),
        hash_rate: None,
        mempool_txs: Some(41_000),
        mempool_vbytes: None,
        fee_fast: Some(fee_fast),
        fee_hour: None,
        subsidy_btc: 3.125,
        fees_btc: Some(0.021),
        fee_blocks: 144,
    };
    event("node", when(block_time), known_at, Observation::ChainTip(tip))
}

pub(super) fn holding(holder: &str, as_of: &str, coins: f64, known_at: &str) -> MarketEvent {
    let holding = Holding {
        holder: holder.into(),
        ticker: Some("XYZ".into()),
        asset: "BTC".into(),
        quantity: amount(coins),
        as_of: day(as_of),
    };
    event("filings", day(as_of).start(), known_at, Observation::Holding(holding))
}

/// What was forecast of Bitcoin's volatility at `from` for the day after; an abstention without `probability`.
pub(super) fn forecast(from: &str, probability: Option<f64>, known_at: &str) -> MarketEvent {
    let forecast = Forecast {
        target: "vol-24h".into(),
        asset: "BTC".into(),
        regime: 0,
        until: when(from).plus(Duration::from_hours(24)),
        shift: probability.map(|probability| Chances {
            probability,
            low: probability - 0.125,
            high: probability + 0.25,
        }),
        abstained: probability.is_none().then(|| "outside what it learnt from".into()),
        baselines: Baselines { base: 0.12, markov: 0.09, margin_only: 0.2 },
        regimes: if probability.is_some() { vec![0, 1] } else { vec![] },
        model: "vol-24h-7f3a".into(),
        sequence: 41,
    };
    event(FORECASTER, when(from), known_at, Observation::Forecast(forecast))
}

/// The regime that was read of Bitcoin's volatility at `at`.
pub(super) fn reading(at: &str, stormy: f64, known_at: &str) -> MarketEvent {
    let reading = RegimeReading {
        target: "vol-24h".into(),
        asset: "BTC".into(),
        regime: u8::from(stormy > 0.5),
        name: if stormy > 0.5 { "stormy" } else { "calm" }.into(),
        probabilities: vec![1.0 - stormy, stormy],
        since: when("2026-01-05"),
        model: "vol-24h-7f3a".into(),
    };
    event(FORECASTER, when(at), known_at, Observation::Regime(reading))
}

/// Appends events as one batch.
pub(super) fn append_batch(store: &mut Store, origin: &str, events: &[MarketEvent]) -> u64 {
    store.append(Record::Batch { origin, at: at(0), events }).unwrap()
}

/// A store made by `fill`, looked at while unsealed, when sealed, and when sealed record by record, so
/// that seals have merged files.
pub(super) fn in_all_states(fill: &[MarketEvent], check: impl Fn(&Reader, &str)) {
    for state in ["unsealed", "sealed", "sealed bit by bit"] {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = open(dir.path());
        for event in fill {
            append_batch(&mut store, "a story", std::slice::from_ref(event));
            if state == "sealed bit by bit" {
                store.seal().unwrap();
            }
        }
        if state == "sealed" {
            store.seal().unwrap();
        }
        store.flush().unwrap();
        check(&Reader::open(dir.path()).unwrap(), state);
        store.close().unwrap();
        check(&Reader::open(dir.path()).unwrap(), state);
    }
}
