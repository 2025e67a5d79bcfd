//! What the inverse contracts have of their own: the unit, the roster, the names of futures.

use super::*;
use crate::protocol::FrameKind;
use crate::venues::testing::{
    context_frames, decode, describe, expected_sides, kind, liquidations, refuses_garbage, state,
    survives_anything, told,
};

fn inverse() -> Box<dyn StreamProtocol> {
    protocol(&FeedConfig::default())
}

fn item(symbol: &str, side: &str, v: &str, p: &str) -> String {
    format!(
        r#"{{"topic":"allLiquidation.{symbol}","type":"snapshot","ts":1791000001500,"data":[{{"T":1791000001400,"s":"{symbol}","S":"{side}","v":"{v}","p":"{p}"}}]}}"#
    )
}

const ROSTER: &str = r#"{"retCode":0,"retMsg":"OK","result":{"category":"inverse","list":[{"symbol":"BTCUSD","contractType":"InversePerpetual","status":"Trading","baseCoin":"BTC","quoteCoin":"USD","deliveryTime":"0"},{"symbol":"BTCUSDH27","contractType":"InverseFutures","status":"Trading","baseCoin":"BTC","quoteCoin":"USD","deliveryTime":"1806048000000"},{"symbol":"OLDUSD","contractType":"InversePerpetual","status":"Settling","baseCoin":"OLD","quoteCoin":"USD","deliveryTime":"0"}],"nextPageCursor":""}}"#;

#[test]
fn a_contract_is_a_dollar_whatever_the_price() {
    for (frame, told_as) in [
        (item("BTCUSD", "Buy", "25000", "50000"), "BTCUSD BTC-USD-PERP long 50000 0.5 25000.00"),
        (item("ETHUSD", "Sell", "1000", "2000"), "ETHUSD ETH-USD-PERP short 2000 0.5 1000.00"),
        (item("BTCUSDZ26", "Buy", "100", "80000"), "BTCUSDZ26 BTC-USD-20261225 long 80000 0.00125 100.00"),
    ] {
        assert_eq!(told(&mut *inverse(), &frame), told_as);
    }
}

#[test]
fn the_inverse_roster_is_asked_for_and_no_other_is_taken() {
    let config = FeedConfig { rest_url: Some("http://127.0.0.1:9".to_owned()), ..FeedConfig::default() };
    let mut inverse = protocol(&config);
    let first = "http://127.0.0.1:9/v5/market/instruments-info?category=inverse&limit=1000";
    assert_eq!(inverse.next_request().as_deref(), Some(first));
    let linear = ROSTER.replace(r#""category":"inverse""#, r#""category":"linear""#);
    assert_eq!(kind(&mut *inverse, &linear), FrameKind::Ignored("other category"));
    assert_eq!(kind(&mut *inverse, ROSTER), FrameKind::Reference("instruments"));
    assert_eq!(inverse.next_request(), None);
    let asked = inverse.subscribe().concat();
    for (topic, is_asked) in [
        ("allLiquidation.BTCUSD", true),
        ("allLiquidation.BTCUSDH27", true),
        ("OLDUSD", false),
        ("tickers.BTCUSD", true),
    ] {
        assert_eq!(asked.contains(&format!("{topic}\"")), is_asked, "{topic}: {asked}");
    }
    let future = item("BTCUSDH27", "Sell", "100", "100000");
    assert_eq!(told(&mut *inverse, &future), "BTCUSDH27 BTC-USD-20270326 short 100000 0.001 100.00");
}

#[test]
fn garbage_is_refused_whole() {
    let frame = item("BTCUSD", "Buy", "25000", "50000");
    refuses_garbage(&mut *inverse(), &frame);
    survives_anything(inverse, &[&frame, ROSTER]);
}

#[test]
fn open_interest_counts_dollars() {
    let ticker = r#"{"topic":"tickers.BTCUSD","type":"snapshot","data":{"symbol":"BTCUSD","markPrice":"50000","openInterest":"300000000","openInterestValue":"6000","singleOpenInterest":"150000000","fundingRate":"0.0001","nextFundingTime":"1791014400000","fundingIntervalHour":"8"},"ts":1791000000000}"#;
    assert_eq!(
        state(&mut *inverse(), "ticker", ticker),
        [
            "quote BTC-USD-PERP mark 50000 - - - -",
            "funding BTCUSD BTC-USD-PERP 0.0001 8 1791014400",
            "open BTCUSD BTC-USD-PERP 3000 150000000.00",
        ]
    );
}

#[test]
fn real_tickers_are_sensible() {
    let mut inverse = inverse();
    let mut told = Vec::new();
    for frame in context_frames("bybit messages").iter().filter(|frame| !frame.contains("USDT")) {
        let (kind, events) = decode(&mut *inverse, frame);
        assert_eq!(kind, Ok(FrameKind::Data("ticker")), "{frame}");
        told.extend(events.iter().map(|stamped| describe(&stamped.observation)));
    }
    if !told.is_empty() {
        assert!(told.iter().any(|line| line.contains("BTC-USD-20230929 mark")), "{told:?}");
        let open = told.iter().find(|line| line.starts_with("open BTCUSD ")).unwrap();
        assert!(open.ends_with(" 449736676.00"), "{open}");
        assert_eq!(told.iter().filter(|line| line.starts_with("funding")).count(), 1, "{told:?}");
    }
}

#[test]
fn real_frames_decode_to_the_sides_that_others_found() {
    for (frame, sides) in expected_sides("bybit messages").unwrap_or_default() {
        let found = liquidations(&mut *inverse(), &frame);
        assert_eq!(found.iter().map(|(_, l)| l.position.as_str()).collect::<Vec<_>>(), sides, "{frame}");
        for (_, liquidation) in found.iter().filter(|(_, l)| l.instrument.quote == "USD") {
            let (quantity, notional) = (liquidation.quantity.unwrap(), liquidation.notional.unwrap());
            assert!(
                (quantity.get() * liquidation.price.get() - notional.get()).abs() < 1e-6 * notional.get()
            );
        }
    }
}
