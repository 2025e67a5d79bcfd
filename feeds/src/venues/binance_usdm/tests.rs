//! What becomes of every message that Binance USD-M was seen or documented to send.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use market::{MarketEvent, PositionSide, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::config::Instruments;
use crate::venues::testing::{
    decode, expected_sides, is_close, kind, liquidations, received, recording, refuses_garbage,
    survives_anything, told,
};

fn binance() -> Box<dyn StreamProtocol> {
    protocol(&FeedConfig::default())
}

fn order(fields: &str) -> String {
    format!(
        r#"{{"stream":"!forceOrder@arr","data":{{"e":"forceOrder","E":1791000001000,"o":{{{fields},"o":"LIMIT","f":"IOC","X":"FILLED"}}}}}}"#
    )
}

const LONG: &str = r#""s":"BTCUSDT","S":"SELL","q":"0.300","p":"80000.0","ap":"80100.4","l":"0.050","z":"0.250","T":1791000000123"#;

#[test]
fn an_order_is_opposite_to_the_position_it_closes() {
    assert_eq!(told(&mut *binance(), &order(LONG)), "BTCUSDT BTC-USDT-PERP long 80100.4 0.25 20025.10");
    let short = LONG.replace("SELL", "BUY");
    assert_eq!(told(&mut *binance(), &order(&short)), "BTCUSDT BTC-USDT-PERP short 80100.4 0.25 20025.10");
    let (_, events) = decode(&mut *binance(), &order(LONG));
    assert_eq!(events[0].event_time.to_string(), "2026-10-03T04:00:00.123000Z");
}

#[test]
fn envelopes_bare_events_and_lists_tell_the_same() {
    let one = order(LONG);
    let event =
        one.strip_prefix(r#"{"stream":"!forceOrder@arr","data":"#).unwrap().strip_suffix('}').unwrap();
    let expected = liquidations(&mut *binance(), &one);
    for frame in [
        event.to_owned(),
        format!("[{event}]"),
        format!("[{one}]"),
        format!(r#"{{"data":[{event}],"stream":"btcusdt@forceOrder"}}"#),
        format!(" {one}\n"),
    ] {
        assert_eq!(liquidations(&mut *binance(), &frame), expected, "{frame}");
    }
    let later = event.replace("1791000000123", "1791000000999").replace("BTCUSDT", "ETHUSDT");
    let both = liquidations(&mut *binance(), &format!("[{later},{event}]"));
    assert_eq!(both.iter().map(|(_, l)| l.symbol.as_str()).collect::<Vec<_>>(), ["BTCUSDT", "ETHUSDT"]);
}

#[test]
fn sizes_and_prices_fall_back_while_nothing_is_filled() {
    for (fields, told_as) in [
        (r#""q":"3","p":"100","ap":"0","l":"0","z":"0""#, "100 3 300.00"),
        (r#""q":"3","p":"100","ap":"0.00","l":"0","z":"2""#, "100 2 200.00"),
        (r#""q":"3","p":"100","ap":"101","l":"1","z":0"#, "101 3 303.00"),
        (r#""q":3,"p":100,"ap":101.5,"l":1,"z":2"#, "101.5 2 203.00"),
        (r#""q":"3","p":"100""#, "100 3 300.00"),
    ] {
        let frame = order(&format!(r#""s":"SOLUSDT","S":"BUY","T":"1791000000123",{fields}"#));
        assert_eq!(
            told(&mut *binance(), &frame),
            format!("SOLUSDT SOL-USDT-PERP short {told_as}"),
            "{frame}"
        );
    }
}

#[test]
fn symbols_become_instruments_and_only_dollars_become_a_notional() {
    for (symbol, name, notional) in [
        ("BTCUSDC", "BTC-USDC-PERP", "50.00"),
        ("BTCFDUSD", "BTC-FDUSD-PERP", "50.00"),
        ("BNBBUSD", "BNB-BUSD-PERP", "50.00"),
        ("BTCUSD1", "BTC-USD1-PERP", "50.00"),
        ("1000PEPEUSDT", "1000PEPE-USDT-PERP", "50.00"),
        ("BTCUSDT_251226", "BTC-USDT-20251226", "50.00"),
        ("BTCBUSD_210129", "BTC-BUSD-20210129", "50.00"),
        ("币安人生USDT", "币安人生-USDT-PERP", "50.00"),
        ("\\u5e01\\u5b89USDT", "币安-USDT-PERP", "50.00"),
        ("ETHBTC", "ETH-BTC-PERP", "-"),
    ] {
        let frame = order(&format!(
            r#""s":"{symbol}","S":"SELL","p":"10","ap":"10","q":"5","z":"5","T":1791000000123"#
        ));
        let written = told(&mut *binance(), &frame);
        assert!(written.ends_with(&format!(" {name} long 10 5 {notional}")), "{written}");
    }
}

#[test]
fn coin_margined_intruders_are_left_to_their_own_feed() {
    let mut binance = binance();
    let intruder = format!(r#"{LONG},"ps":"BTCUSD","st":2"#);
    assert_eq!(kind(&mut *binance, &order(&intruder)), FrameKind::Ignored("coin-m order"));
    for (symbol, name) in [
        ("BTCUSD_PERP", "BTC-USD-PERP"),
        ("BTCUSD_200925", "BTC-USD-20200925"),
        ("BNBUSD_261225", "BNB-USD-20261225"),
        ("DOTUSD_210326", "DOT-USD-20210326"),
    ] {
        let found = liquidations(&mut *binance, &order(&LONG.replace("BTCUSDT", symbol)));
        let (_, liquidation) = &found[0];
        assert_eq!(liquidation.instrument.to_string(), name);
        assert_eq!(liquidation.position, PositionSide::Long);
        assert_eq!((liquidation.quantity, liquidation.notional), (None, None), "contracts of unknown worth");
    }
    assert_eq!(liquidations(&mut *binance, &order(&format!(r#"{LONG},"ps":"BTCUSDT","st":1"#))).len(), 1);
    let both = format!("[{},{}]", order(&intruder), order(LONG));
    assert_eq!(liquidations(&mut *binance, &both).len(), 1, "its neighbour is kept");
}

#[test]
fn what_cannot_be_right_is_refused_with_the_field_and_its_value() {
    for (good, bad, error) in [
        ("\"SELL\"", "\"LONG\"", r#"S is "LONG", neither SELL nor BUY"#),
        ("\"80100.4\"", "\"NaN\"", r#"ap is "NaN", not a finite number"#),
        ("\"80100.4\"", "\"-1\"", r#"ap is "-1", below zero"#),
        ("\"0.250\"", "\"-0.25\"", r#"z is "-0.25", below zero"#),
        ("\"0.250\"", "\"abc\"", r#"z is "abc", not a number"#),
        ("\"0.250\"", "1e300", "notional is "),
        ("1791000000123", "1791000000", r#"T is "1791000000", not a time"#),
        ("1791000000123", "1791000000123456789", r#"T is "1791000000123456789", not a time"#),
        ("\"BTCUSDT\"", "\"BTCXYZ\"", r#"s is "BTCXYZ", not a symbol"#),
        ("\"BTCUSDT\"", "\"BTCUSD\"", r#"s is "BTCUSD", not a symbol"#),
        ("\"BTCUSDT\"", "\"BTC\\u001b[31mUSDT\"", "s is "),
        ("\"BTCUSDT\"", "\"USDT\"", "s is "),
        ("\"BTCUSDT\"", "\"BTCUSDT_991399\"", "s is "),
        ("\"S\"", "\"X\"", r#"S is "", missing"#),
        ("\"T\"", "\"X2\"", r#"T is "", missing"#),
        ("\"forceOrder\"", "\"forceOrderV2\"", r#"e is "forceOrderV2", not a known kind of event"#),
    ] {
        let frame = order(LONG).replacen(good, bad, 1);
        let (result, events) = decode(&mut *binance(), &frame);
        let words = result.expect_err(&frame).to_string();
        assert!(words.starts_with(error), "{words}");
        assert_eq!(events, []);
    }
    let unfilled = LONG.replace("0.250", "0").replace("0.300", "0");
    assert!(decode(&mut *binance(), &order(&unfilled)).0.is_err(), "nothing filled, nothing ordered");
}

#[test]
fn one_bad_order_in_a_list_takes_the_others_with_it() {
    let frame = format!("[{},{}]", order(LONG), order(&LONG.replace("SELL", "?")));
    let earlier = liquidations_of(&order(LONG)).remove(0).observation;
    let mut out = vec![Stamped::news(Timestamp::EPOCH, earlier)];
    let before = out.clone();
    assert!(binance().decode(&Payload::Text(frame.into()), &mut out).is_err());
    assert_eq!(out, before);
}

fn liquidations_of(frame: &str) -> Vec<Stamped> {
    decode(&mut *binance(), frame).1
}

#[test]
fn only_wanted_assets_are_kept() {
    let config =
        FeedConfig { instruments: Instruments::Assets(vec!["PEPE".to_owned()]), ..FeedConfig::default() };
    let mut binance = protocol(&config);
    assert_eq!(liquidations(&mut *binance, &order(LONG)).len(), 0);
    assert_eq!(liquidations(&mut *binance, &order(&LONG.replace("BTCUSDT", "1000PEPEUSDT"))).len(), 1);
}

#[test]
fn the_answer_to_subscribe_or_an_order_proves_the_subscription() {
    let mut binance = binance();
    assert_eq!(binance.next_request(), None);
    assert_eq!(binance.subscribe(), [r#"{"method":"SUBSCRIBE","params":["!forceOrder@arr"],"id":1}"#]);
    assert!(!binance.is_subscribed());
    assert_eq!(kind(&mut *binance, r#"{"result":null,"id":7}"#), FrameKind::Ack);
    assert!(!binance.is_subscribed(), "an answer to someone else");
    assert_eq!(kind(&mut *binance, r#"{"result":null,"id":1}"#), FrameKind::Ack);
    assert!(binance.is_subscribed());
    binance.reset();
    assert!(!binance.is_subscribed());
    liquidations(&mut *binance, &order(LONG));
    assert!(binance.is_subscribed());
}

#[test]
fn a_refusal_is_told_in_the_venues_words() {
    for frame in [
        r#"{"code":2,"msg":"Invalid request: no such method","id":1}"#,
        r#"{"error":{"code":2,"msg":"Invalid request: no such method"},"id":1}"#,
    ] {
        let mut binance = binance();
        let refused = FrameKind::Refused("2: Invalid request: no such method".to_owned());
        assert_eq!(kind(&mut *binance, frame), refused);
        assert!(!binance.is_subscribed());
    }
}

#[test]
fn other_streams_are_known_and_not_wanted() {
    let mut binance = binance();
    for (frame, label) in [
        (
            r#"{"stream":"btcusdt@optionOpenInterest@261225","data":[{"e":"openInterest","E":1,"s":"BTC-261225-9-C","o":"1.0"}]}"#,
            "openInterest",
        ),
        (
            r#"{"stream":"!ticker@arr","data":[{"e":"24hrTicker","s":"BTCUSDT","o":"0.1","c":"2"}]}"#,
            "24hrTicker",
        ),
        (r#"{"e":"24hrTicker","s":"BTCUSDT","o":"0.1","c":"2","n":5}"#, "24hrTicker"),
        (r#"{"e":"aggTrade","s":"BTCUSDT","p":"1","q":"2","T":3,"m":true}"#, "aggTrade"),
    ] {
        assert_eq!(kind(&mut *binance, frame), FrameKind::Ignored(label));
    }
    assert!(!binance.is_subscribed());
}

#[test]
fn a_mark_is_told_but_proves_no_subscription_to_orders() {
    let mut binance = binance();
    let mark = r#"{"e":"markPriceUpdate","E":1791000003000,"s":"BTCUSDT","p":"80000.5"}"#;
    let (kind, events) = decode(&mut *binance, mark);
    assert_eq!((kind, events.len()), (Ok(FrameKind::Data("mark price")), 1));
    assert!(!binance.is_subscribed());
}

#[test]
fn garbage_is_refused_whole() {
    refuses_garbage(&mut *binance(), &order(LONG));
    let mark = r#"{"stream":"btcusdt@markPrice","data":{"e":"markPriceUpdate","E":1791000003000,"s":"BTCUSDT","p":"80000.5","r":"0.0001","T":1791014400000}}"#;
    let open = r#"{"openInterest":"10659.509","symbol":"BTCUSDT","time":1791000060000}"#;
    survives_anything(binance, &[mark, open, &order(LONG), &format!("[{},{}]", order(LONG), order(LONG))]);
}

proptest! {
    #[test]
    fn every_valid_order_keeps_its_side_and_its_worth(
        cents in 1_u64..100_000_000, milli in 1_u64..10_000_000, is_sell: bool, millis in 1_500_000_000_000_i64..2_500_000_000_000,
    ) {
        let (price, size) = (cents as f64 / 100.0, milli as f64 / 1000.0);
        let side = if is_sell { "SELL" } else { "BUY" };
        let fields = format!(r#""s":"ETHUSDT","S":"{side}","q":"9","p":"9","ap":"{price}","z":{size},"T":{millis}"#);
        let found = liquidations(&mut *binance(), &order(&fields));
        let (event_time, liquidation) = &found[0];
        prop_assert_eq!(Some(*event_time), Timestamp::from_millis(millis));
        prop_assert_eq!(liquidation.position, if is_sell { PositionSide::Long } else { PositionSide::Short });
        prop_assert!(is_close(liquidation.price.get(), price));
        prop_assert!(is_close(liquidation.quantity.unwrap().get(), size));
        prop_assert!(is_close(liquidation.notional.unwrap().get(), price * size));
    }
}

/// The delivery market's frames too, though their sizes, which count contracts, stay unknown.
#[test]
fn real_frames_decode_to_the_sides_that_others_found() {
    for market in ["binance futures", "binance delivery"] {
        for (frame, sides) in expected_sides(market).unwrap_or_default() {
            let found = liquidations(&mut *binance(), &frame);
            assert_eq!(found.iter().map(|(_, l)| l.position.as_str()).collect::<Vec<_>>(), sides, "{frame}");
        }
    }
}

#[test]
fn a_real_day_adds_up_to_the_cent() {
    #[derive(serde::Deserialize)]
    struct Line {
        text: Option<String>,
    }
    let (Some(frames), Some(expected)) =
        (recording("binance_usdm_2026-01-06.jsonl.zst"), recording("binance_usdm_2026-01-06.expected.csv"))
    else {
        return;
    };
    let mut binance = binance();
    let mut totals: BTreeMap<(String, &str), (u64, i128)> = BTreeMap::new();
    for line in frames.lines() {
        let Some(text) = serde_json::from_str::<Line>(line).unwrap().text else { continue };
        for (_, liquidation) in liquidations(&mut *binance, &text) {
            let key = (liquidation.symbol.to_string(), liquidation.position.as_str());
            let total = totals.entry(key).or_default();
            total.0 += 1;
            total.1 += liquidation.notional.unwrap().as_micros();
        }
    }
    let mut written = String::from("symbol,position,count,notional_usd\n");
    for ((symbol, position), (count, micros)) in &totals {
        let cents = (micros + 5_000) / 10_000;
        writeln!(written, "{symbol},{position},{count},{}.{:02}", cents / 100, cents % 100).unwrap();
    }
    assert_eq!(written.trim(), expected.replace('\r', "").trim());
    assert_eq!(totals.values().map(|(count, _)| count).sum::<u64>(), 541);
}

#[test]
fn a_real_session_of_other_streams_is_understood_whole() {
    let mut binance = binance();
    for frame in
        recording("cryptofeed_binance_futures.jsonl.zst").iter().flat_map(|capture| received(capture))
    {
        let kind = kind(&mut *binance, &frame);
        assert!(matches!(kind, FrameKind::Ignored(_)), "{kind:?}: {frame}");
    }
}

#[test]
fn a_decoded_event_survives_serialisation() {
    let stamped = liquidations_of(&order(LONG)).remove(0);
    let event = MarketEvent {
        feed: market::FeedId::new("binance-usdm"),
        event_time: stamped.event_time,
        receive_time: stamped.event_time,
        known_at: stamped.event_time,
        observation: stamped.observation,
    };
    let written = serde_json::to_string(&event).unwrap();
    assert_eq!(serde_json::from_str::<MarketEvent>(&written).unwrap(), event);
}
