//! Events in, the desk's tables out.

use std::time::Duration;

use market::{
    Bar, EtfFlow, FundingRate, Instrument, Interval, OpenInterest, Price, Quantity, Quote, QuoteKind,
    Standing, Usd,
};

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn event(feed: &str, time: Timestamp, observation: Observation) -> Arc<MarketEvent> {
    Arc::new(MarketEvent {
        feed: FeedId::new(feed),
        event_time: time,
        receive_time: time,
        known_at: time,
        observation,
    })
}

fn bar(symbol: &str, day: &str, close: f64) -> Arc<MarketEvent> {
    let price = |factor: f64| Price::new(close * factor).unwrap();
    let bar = Bar {
        symbol: symbol.into(),
        interval: Interval::Day,
        open: price(1.0),
        high: price(1.01),
        low: price(0.99),
        close: price(1.0),
        volume: None,
        is_final: true,
    };
    event("yahoo", at(day), Observation::Bar(bar))
}

fn quote(symbol: &str, kind: QuoteKind, price: f64, time: &str) -> Arc<MarketEvent> {
    let quote = Quote {
        symbol: symbol.into(),
        kind,
        price: Price::new(price).unwrap(),
        bid: None,
        ask: None,
        previous_close: None,
        volume: None,
    };
    event("yahoo", at(time), Observation::Quote(quote))
}

fn desk_of(events: &[Arc<MarketEvent>], now: &str) -> Desk {
    let mut books = Books::default();
    for event in events {
        books.apply(event);
    }
    books.desk(market::occasions(), &Assumptions::default(), at(now))
}

fn stock<'a>(desk: &'a Desk, symbol: &str) -> &'a market::StockRow {
    desk.stocks.iter().find(|row| row.symbol == symbol).unwrap()
}

#[test]
fn a_price_is_live_only_in_the_session_it_was_traded_in() {
    // Wednesday 2026-05-27; New York is four hours behind.
    let cases = [
        ("2026-05-27T15:00:00Z", "2026-05-27T15:05:00Z", Standing::Live),
        ("2026-05-27T15:00:00Z", "2026-05-27T16:00:00Z", Standing::Stale),
        ("2026-05-26T19:59:00Z", "2026-05-27T15:00:00Z", Standing::LastSession),
        ("2026-05-27T19:59:00Z", "2026-05-27T21:00:00Z", Standing::LastSession),
        ("2026-05-27T20:30:00Z", "2026-05-27T21:00:00Z", Standing::Post),
        ("2026-05-27T12:00:00Z", "2026-05-27T12:30:00Z", Standing::Pre),
        ("2026-05-27T15:00:00Z", "2026-05-30T15:00:00Z", Standing::LastSession),
    ];
    for (traded, now, standing) in cases {
        let desk = desk_of(&[quote("MARA", QuoteKind::Last, 15.0, traded)], now);
        assert_eq!(stock(&desk, "MARA").last.as_ref().unwrap().standing, standing, "{traded} at {now}");
    }
}

#[test]
fn gains_count_daily_closes_before_the_price_s_own_day() {
    let mut events: Vec<_> = (0..31_i32)
        .map(|day| {
            let date = market::Date::from_ymd(2026, 1, 1).unwrap().plus_days(day).unwrap();
            bar("TAO-USDT", &date.to_string(), 100.0 + f64::from(day))
        })
        .collect();
    events.push(quote("TAO-USD", QuoteKind::Last, 260.0, "2026-02-01T12:00:00Z"));
    let desk = desk_of(&events, "2026-02-01T12:01:00Z");
    let tao = desk.tokens.iter().find(|row| row.asset == "TAO").unwrap();
    let close = |gain: Option<f64>, base: f64| (gain.unwrap() - (260.0 / base - 1.0)).abs() < 1e-12;
    assert!(close(tao.gains.one_day, 130.0), "{:?}", tao.gains);
    assert!(close(tao.gains.five_days, 126.0), "{:?}", tao.gains);
    assert!(close(tao.gains.thirty_days, 101.0), "{:?}", tao.gains);
    assert_eq!((tao.pair.as_str(), desk.basket.1), ("TAO-USD", 1));
    assert_eq!(tao.against_bitcoin, None, "nothing is known of Bitcoin");
}

#[test]
fn beta_finds_the_line_that_was_planted() {
    let mut events = Vec::new();
    let (mut coin, mut share) = (100_000.0, 20.0);
    let mut day = market::Date::from_ymd(2026, 1, 1).unwrap();
    for step in 0..90_u32 {
        let return_of_coin = 0.01 * f64::from((step * 37 % 11) as i32 - 5) / 5.0;
        coin *= 1.0 + return_of_coin;
        share *= 1.0 + 0.001 + 1.8 * return_of_coin;
        day = day.next();
        events.push(bar("BTC-USD", &day.to_string(), coin));
        events.push(bar("MARA", &day.to_string(), share));
    }
    let desk = desk_of(&events, "2026-04-02T12:00:00Z");
    let beta = stock(&desk, "MARA").beta.unwrap();
    assert!((beta.beta - 1.8).abs() < 1e-9 && beta.days == 60, "{beta:?}");
    assert!(beta.residual.unwrap().abs() < 1e-9, "the whole move is the line's: {beta:?}");
}

#[test]
fn open_interest_in_coins_is_worth_its_mark_price() {
    let instrument = Instrument::perp("BTC", "USDT");
    let funding = FundingRate {
        symbol: "BTCUSDT".into(),
        instrument: instrument.clone(),
        rate: 0.0001,
        interval_hours: Some(8.0),
        next_funding: None,
    };
    let interest = OpenInterest {
        symbol: "BTCUSDT".into(),
        instrument,
        quantity: Some(Quantity::new(80_000.0).unwrap()),
        notional: None,
    };
    let time = at("2026-05-27T15:00:00Z");
    let unmarked = [event("binance-open-interest", time, Observation::OpenInterest(interest))];
    assert_eq!(desk_of(&unmarked, "2026-05-27T15:00:01Z").contracts[0].open_interest, None, "not guessed");
    let mut events = unmarked.to_vec();
    events.push(event("binance-context", time, Observation::FundingRate(funding)));
    let mark = quote("BTC-USDT-PERP", QuoteKind::Mark, 75_000.0, "2026-05-27T15:00:00Z");
    events.push(Arc::new(MarketEvent { feed: FeedId::new("binance-context"), ..(*mark).clone() }));
    let desk = desk_of(&events, "2026-05-27T15:00:01Z");
    assert_eq!(desk.contracts.len(), 1, "two feeds, one venue");
    let row = &desk.contracts[0];
    assert_eq!(row.open_interest.map(|(usd, _)| usd.get()), Some(6e9));
    assert!((row.annualised.unwrap() - 0.1095).abs() < 1e-12);
    assert_eq!(row.venue.as_str(), "binance-usdm");
}

#[test]
fn flows_have_a_price_where_the_day_s_close_is_known() {
    let flow = EtfFlow {
        fund: "IBIT".into(),
        asset: "BTC".into(),
        trade_date: "2025-09-10".parse().unwrap(),
        net_flow: Some(Usd::new(741.5e6).unwrap()),
    };
    let told = event("farside", at("2025-09-11T05:00:00Z"), Observation::EtfFlow(flow));
    let desk = desk_of(&[told, bar("BTC-USD", "2025-09-10", 113_955.0)], "2025-09-11T12:00:00Z");
    let (price, clock) = desk.flow_prices[&("BTC".into(), "2025-09-10".parse().unwrap())];
    assert_eq!((741.5e6 / price.get()).round() as i64, 6_507);
    assert!(clock.contains("UTC"));
    assert_eq!(desk.flows_of("BTC").unwrap().days[0].total.map(Usd::get), Some(741.5e6));
}

#[test]
fn mining_stands_beside_hosting_with_its_assumptions() {
    let tip = market::ChainTip {
        height: 930_000,
        hash: "00".into(),
        block_time: at("2026-01-01T00:00:00Z"),
        difficulty: Some(1.4e14),
        hash_rate: None,
        mempool_txs: None,
        mempool_vbytes: None,
        fee_fast: None,
        fee_hour: None,
        subsidy_btc: 3.125,
        fees_btc: Some(0.02),
        fee_blocks: 144,
    };
    let now = at("2026-01-01T00:10:00Z");
    let explorer = event("mempool-space", now, Observation::ChainTip(tip.clone()));
    let own = event("bitcoin-node", now.minus(Duration::from_mins(5)), Observation::ChainTip(tip));
    let price = quote("BTC-USD", QuoteKind::Last, 90_000.0, "2026-01-01T00:09:00Z");
    let desk = desk_of(&[explorer, own, price], "2026-01-01T00:10:00Z");
    let mining = desk.mining.as_ref().unwrap();
    assert_eq!(mining.chain.feed.as_str(), "bitcoin-node", "the user's own node first");
    let petahashes = 1.4e14 * 4_294_967_296.0 / 600.0 / 1e15;
    assert!((mining.hashprice_usd - 3.145 * 144.0 * 90_000.0 / petahashes).abs() < 1e-9);
    let deal = desk.deals.iter().find(|deal| deal.host == "IREN" && deal.counterparty.contains("Microsoft"));
    assert!((deal.unwrap().usd_per_mw_year.unwrap() - 9.7e9 / 200.0 / 5.0).abs() < 1.0);
}
