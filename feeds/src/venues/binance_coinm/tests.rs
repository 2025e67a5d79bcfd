//! What becomes of every message that Binance COIN-M was seen or documented to send.

use super::*;
use crate::venues::testing::{
    context_frames, decode, expected_sides, kind, liquidations, received, recording, refuses_garbage, state,
    survives_anything, told,
};

fn coinm() -> Box<dyn StreamProtocol> {
    protocol(&FeedConfig::default())
}

const EXCHANGE_INFO: &str = r#"{"timezone":"UTC","symbols":[{"symbol":"BTCUSD_PERP","pair":"BTCUSD","contractStatus":"TRADING","contractSize":100,"quoteAsset":"USD"},{"symbol":"ETHUSD_PERP","contractStatus":"TRADING","contractSize":10},{"symbol":"ETHUSD_261225","contractStatus":"TRADING","contractSize":"10"},{"symbol":"ODDUSD_PERP","contractStatus":"TRADING","contractSize":10},{"symbol":"ODDUSD_261225","contractStatus":"TRADING","contractSize":1},{"symbol":"OLDUSD_PERP","contractStatus":"SETTLING","contractSize":10}]}"#;

fn informed() -> Box<dyn StreamProtocol> {
    let mut coinm = coinm();
    assert_eq!(kind(&mut *coinm, EXCHANGE_INFO), FrameKind::Reference("contracts"));
    coinm
}

fn order(symbol: &str, side: &str, rest: &str) -> String {
    format!(
        r#"{{"e":"forceOrder","E":1791000001000,"o":{{"s":"{symbol}","S":"{side}","o":"LIMIT","f":"IOC","q":"30","p":"51000","ap":"50000","X":"FILLED","l":"1","z":"20","T":1791000000990{rest}}}}}"#
    )
}

fn mark(symbol: &str, second: i64, rest: &str) -> String {
    format!(
        r#"{{"e":"markPriceUpdate","E":{},"s":"{symbol}","p":"50000.5"{rest}}}"#,
        1_791_000_000_000 + second * 1_000
    )
}

#[test]
fn contracts_are_worth_dollars_and_the_price_does_not_multiply_them() {
    for (symbol, side, told_as) in [
        ("BTCUSD_PERP", "SELL", "BTC-USD-PERP long 50000 0.04 2000.00"),
        ("BTCUSD_991225", "BUY", "BTC-USD-20991225 short 50000 0.04 2000.00"),
        ("ETHUSD_261225", "SELL", "ETH-USD-20261225 long 50000 0.004 200.00"),
        ("ODDUSD_991225", "BUY", "ODD-USD-20991225 short 50000 - -"),
        ("NEWUSD_PERP", "BUY", "NEW-USD-PERP short 50000 - -"),
    ] {
        let bare = order(symbol, side, "");
        let combined = format!(r#"{{"stream":"!forceOrder@arr","data":{bare}}}"#);
        for frame in [&bare, &combined, &format!("[{bare}]"), &format!(r#"{{"data":[{bare}]}}"#)] {
            assert_eq!(told(&mut *informed(), frame), format!("{symbol} {told_as}"));
        }
    }
    assert_eq!(
        told(&mut *coinm(), &order("BTCUSD_PERP", "SELL", "")),
        "BTCUSD_PERP BTC-USD-PERP long 50000 - -"
    );
}

#[test]
fn an_order_without_a_fill_falls_back_to_what_was_ordered() {
    let frame = order("BTCUSD_PERP", "SELL", "").replace(r#""z":"20""#, r#""z":"0""#);
    let frame = frame.replace(r#""ap":"50000""#, r#""ap":"0""#);
    assert_eq!(told(&mut *informed(), &frame), "BTCUSD_PERP BTC-USD-PERP long 51000 0.058823529 3000.00");
}

#[test]
fn orders_of_the_other_market_are_left_to_its_feed() {
    for frame in [
        order("BTCUSDT", "SELL", r#","ps":"BTCUSDT","st":1"#),
        order("BTCUSD_PERP", "SELL", r#","ps":"BTCUSD","st":1"#),
        order("BTCUSDT", "SELL", ""),
        order("BTCUSDT_261225", "SELL", r#","ps":"BTCUSDT""#),
        order("BTCBUSD_210129", "SELL", ""),
    ] {
        assert_eq!(kind(&mut *informed(), &frame), FrameKind::Ignored("usd-m order"), "{frame}");
    }
    let ours = order("BTCUSD_PERP", "SELL", r#","ps":"BTCUSD","st":2"#);
    assert_eq!(liquidations(&mut *informed(), &ours).len(), 1);
    let (refused, _) = decode(&mut *coinm(), &order("BTCUSD_PERP", "SELL", r#","st":3"#));
    assert_eq!(refused.unwrap_err().to_string(), r#"st is "3", neither 1 (USD-M) nor 2 (COIN-M)"#);
}

#[test]
fn a_path_on_which_the_control_stream_is_silent_is_given_up_for_the_other() {
    let mut coinm = coinm();
    let ack = r#"{"result":null,"id":1}"#;
    for (url, speaks) in [
        (URL, false),
        (OTHER_URL, false),
        (URL, false),
        (OTHER_URL, true),
        (OTHER_URL, true),
        (OTHER_URL, false),
    ] {
        coinm.reset();
        assert_eq!(coinm.url(), url);
        let asked = coinm.subscribe().concat();
        assert!(asked.contains(STREAM) && asked.contains(CONTROL), "{asked}");
        assert_eq!(kind(&mut *coinm, ack), FrameKind::Ack);
        assert!(!coinm.is_subscribed(), "an acknowledgement proves nothing here");
        if speaks {
            decode(&mut *coinm, &mark("BTCUSD_PERP", 1, "")).0.unwrap();
            assert!(coinm.is_subscribed());
        }
    }
    coinm.reset();
    assert_eq!(coinm.url(), URL);
    coinm.reset();
    assert_eq!(coinm.url(), URL, "a connection that could not be made proves nothing about the path");
}

#[test]
fn a_path_of_the_venue_is_given_up_though_it_was_given() {
    for (url, next) in [(URL, OTHER_URL), (OTHER_URL, URL)] {
        let mut coinm = protocol(&FeedConfig { url: Some(url.to_owned()), ..FeedConfig::default() });
        coinm.reset();
        assert_eq!(coinm.url(), url);
        coinm.subscribe();
        coinm.reset();
        assert_eq!(coinm.url(), next);
    }
}

#[test]
fn a_given_url_is_kept_and_its_acknowledgement_believed() {
    let mut coinm = protocol(&FeedConfig { url: Some("ws://x/y".to_owned()), ..FeedConfig::default() });
    for _ in 0..3 {
        coinm.reset();
        assert_eq!(coinm.url(), "ws://x/y");
        coinm.subscribe();
        kind(&mut *coinm, r#"{"result":null,"id":1}"#);
        assert!(coinm.is_subscribed());
    }
}

#[test]
fn marks_are_followed_where_they_are_wanted_and_the_control_always() {
    let config = FeedConfig { context: Instruments::Assets(vec!["ETH".to_owned()]), ..FeedConfig::default() };
    let mut coinm = protocol(&config);
    kind(&mut *coinm, EXCHANGE_INFO);
    let asked = coinm.subscribe().concat();
    assert!(asked.contains("ethusd_perp@markPrice@1s") && !asked.contains("261225"), "{asked}");
    assert!(!asked.contains("odd"), "{asked}");
    assert_eq!(kind(&mut *coinm, &mark("BTCUSD_PERP", 0, "")), FrameKind::Ignored("control"));
    let funding = r#","r":"0.00010000","T":1791014400000"#;
    assert_eq!(
        state(&mut *coinm, "mark price", &mark("ETHUSD_PERP", 0, funding)),
        ["quote ETH-USD-PERP mark 50000.5 - - - -", "funding ETHUSD_PERP ETH-USD-PERP 0.0001 - 1791014400",]
    );
    for (second, expected) in [(0, 0), (1, 1), (1, 0), (2, 1)] {
        assert_eq!(state(&mut *coinm, "mark price", &mark("ETHUSD_PERP", second, funding)).len(), expected);
    }
    for dated in [r#","r":"","T":0"#, r#","r":"0.00000000","T":0"#, ""] {
        let told = state(&mut *informed(), "mark price", &mark("ETHUSD_261225", 0, dated));
        assert_eq!(told, ["quote ETH-USD-20261225 mark 50000.5 - - - -"], "{dated}");
    }
}

#[test]
fn refusals_are_told_in_the_venues_words() {
    for frame in [
        r#"{"code":2,"msg":"Invalid request: bad","id":1}"#,
        r#"{"error":{"code":2,"msg":"Invalid request: bad"},"id":1}"#,
    ] {
        assert_eq!(kind(&mut *coinm(), frame), FrameKind::Refused("2: Invalid request: bad".to_owned()));
    }
}

#[test]
fn garbage_is_refused_whole() {
    let frame = order("BTCUSD_PERP", "SELL", "");
    refuses_garbage(&mut *informed(), &frame);
    let mark = mark("BTCUSD_PERP", 0, r#","r":"0.0001","T":1791014400000"#);
    survives_anything(informed, &[&frame, &mark, EXCHANGE_INFO, r#"{"result":null,"id":1}"#]);
}

#[test]
fn real_frames_decode_to_the_sides_that_others_found() {
    for (frame, sides) in expected_sides("binance delivery").unwrap_or_default() {
        let found = liquidations(&mut *informed(), &frame);
        assert_eq!(found.iter().map(|(_, l)| l.position.as_str()).collect::<Vec<_>>(), sides, "{frame}");
        let notional = found[0].1.notional.unwrap().get();
        assert!((notional - 300.0).abs() < 1e-9, "{notional}");
    }
}

#[test]
fn real_marks_are_sensible() {
    for frame in context_frames("binance delivery") {
        let told = state(&mut *coinm(), "mark price", &frame);
        assert!(told.iter().all(|line| line.starts_with("quote BTC-USD-")) && told.len() == 1, "{told:?}");
    }
}

#[test]
fn a_real_session_of_other_streams_is_understood_whole() {
    let Some(capture) = recording("cryptofeed_binance_delivery.jsonl.zst") else { return };
    let mut coinm = coinm();
    for frame in received(&capture) {
        let kind = kind(&mut *coinm, &frame);
        assert!(
            matches!(kind, FrameKind::Ignored(_) | FrameKind::Reference("contracts")),
            "{kind:?}: {frame}"
        );
    }
    assert_eq!(coinm.next_request(), None);
    for (symbol, told_as) in [
        ("BTCUSD_PERP", "BTC-USD-PERP long 50000 0.04 2000.00"),
        ("TRXUSD_PERP", "TRX-USD-PERP long 50000 0.004 200.00"),
    ] {
        assert_eq!(told(&mut *coinm, &order(symbol, "SELL", "")), format!("{symbol} {told_as}"));
    }
}
