//! What becomes of every message that Kraken's WebSocket v2 was seen or documented to send.

use super::*;
use crate::config::Instruments;
use crate::venues::testing::{decode, kind, refuses_garbage, state, survives_anything};

const TICKER: &str = r#"{"channel":"ticker","type":"update","data":[{"symbol":"TAO/USD","bid":205.1,"bid_qty":3.5,"ask":205.9,"ask_qty":1,"last":205.5,"volume":1234.5,"vwap":204,"low":199,"high":210,"change":5.5,"change_pct":2.75,"trades":99,"timestamp":"2026-10-03T04:00:00.123456Z"}]}"#;
const INSTRUMENTS: &str = r#"{"channel":"instrument","type":"snapshot","data":{"assets":[{"id":"TAO","status":"enabled"}],"pairs":[
    {"symbol":"TAO/USD","base":"TAO","quote":"USD","status":"online","qty_precision":8},
    {"symbol":"TAO/EUR","base":"TAO","quote":"EUR","status":"online"},
    {"symbol":"BTC/USDT","base":"BTC","quote":"USDT","status":"online"},
    {"symbol":"BTC/USD","base":"BTC","quote":"USD","status":"limit_only"},
    {"symbol":"OCEAN/USD","base":"OCEAN","quote":"USD","status":"delisted"},
    {"symbol":"SOL/USD","base":"SOL","quote":"USD","status":"online"},7]}}"#;

fn following(coins: &[&str]) -> Box<dyn StreamProtocol> {
    let instruments = Instruments::Assets(coins.iter().map(|coin| (*coin).to_owned()).collect());
    protocol(&FeedConfig { instruments, ..FeedConfig::default() })
}

fn ack(channel: &str, symbol: &str) -> String {
    format!(
        r#"{{"method":"subscribe","result":{{"channel":"{channel}","event_trigger":"trades","snapshot":true,"symbol":"{symbol}"}},"success":true,"time_in":"x","time_out":"y"}}"#
    )
}

#[test]
fn a_ticker_is_the_last_price_with_bid_and_ask_once_a_second() {
    let mut kraken = following(&["TAO"]);
    let told = "quote TAO-USD last 205.5 205.1 205.9 - 1234.5";
    assert_eq!(state(&mut *kraken, "ticker", TICKER), [told]);
    assert_eq!(state(&mut *kraken, "ticker", &TICKER.replace(":00.123", ":01.000")), Vec::<String>::new());
    assert_eq!(state(&mut *kraken, "ticker", &TICKER.replace(":00.123", ":01.123")), [told]);
    let (_, events) = decode(&mut *following(&["TAO"]), TICKER);
    assert_eq!(events[0].event_time.to_string(), "2026-10-03T04:00:00.123456Z");
    let other = TICKER.replace("TAO/USD", "SOL/USD");
    assert_eq!(state(&mut *kraken, "ticker", &other), Vec::<String>::new(), "not wanted");
}

#[test]
fn bitcoin_goes_by_its_common_name_under_either_of_krakens() {
    for symbol in ["BTC/USD", "XBT/USD"] {
        let told = state(&mut *following(&["BTC"]), "ticker", &TICKER.replace("TAO/USD", symbol));
        assert_eq!(told, ["quote BTC-USD last 205.5 205.1 205.9 - 1234.5"]);
    }
    let mut kraken = following(&["BTC"]);
    kind(&mut *kraken, &INSTRUMENTS.replace(r#""base":"BTC""#, r#""base":"XBT""#));
    assert!(kraken.outgoing()[0].contains(r#"["BTC/USD"]"#));
}

#[test]
fn a_ticker_of_before_2025_has_no_time_and_cannot_be_placed() {
    let old = TICKER.replace(r#","timestamp":"2026-10-03T04:00:00.123456Z""#, "");
    assert_eq!(kind(&mut *following(&["TAO"]), &old), FrameKind::Ignored("ticker without a time"));
}

#[test]
fn pairs_are_listed_on_the_socket_and_then_asked_for_once_a_coin() {
    let mut kraken = following(&["TAO", "BTC", "OCEAN"]);
    assert_eq!(kraken.next_request(), None);
    let first: serde_json::Value = serde_json::from_str(&kraken.subscribe()[0]).unwrap();
    assert_eq!(
        first,
        serde_json::json!({"method": "subscribe", "params": {"channel": "instrument", "snapshot": true}})
    );
    assert_eq!(kind(&mut *kraken, &ack("instrument", "")), FrameKind::Ack);
    assert!(!kraken.is_subscribed() && kraken.outgoing().is_empty());
    assert_eq!(kind(&mut *kraken, INSTRUMENTS), FrameKind::Reference("pairs"));
    let asked = kraken.outgoing();
    assert_eq!(asked.len(), 1);
    let asked: serde_json::Value = serde_json::from_str(&asked[0]).unwrap();
    let expected = serde_json::json!({"method": "subscribe", "params": {"channel": "ticker", "symbol": ["BTC/USD", "TAO/USD"]}});
    assert_eq!(asked, expected);
    assert!(kraken.outgoing().is_empty(), "each message is sent once");
    for symbol in ["TAO/USD", "BTC/USD"] {
        assert!(!kraken.is_subscribed());
        assert_eq!(kind(&mut *kraken, &ack("ticker", symbol)), FrameKind::Ack);
    }
    assert!(kraken.is_subscribed());
    let change = INSTRUMENTS.replace("\"snapshot\"", "\"update\"");
    assert_eq!(kind(&mut *kraken, &change), FrameKind::Ignored("instrument change"));
    assert!(kraken.is_subscribed() && kraken.outgoing().is_empty());
    kraken.reset();
    assert!(!kraken.is_subscribed());

    let mut none = following(&["ATH"]);
    none.subscribe();
    kind(&mut *none, INSTRUMENTS);
    assert!(none.is_subscribed() && none.outgoing().is_empty(), "nothing to wait for");
}

#[test]
fn a_pair_that_is_not_served_is_not_asked_for_again() {
    let mut kraken = following(&["TAO", "BTC"]);
    kind(&mut *kraken, INSTRUMENTS);
    let words = "Currency pair not supported TAO/USD";
    let refusal = format!(
        r#"{{"error":"{words}","method":"subscribe","success":false,"symbol":"TAO/USD","time_in":"x"}}"#
    );
    assert_eq!(kind(&mut *kraken, &refusal), FrameKind::Refused(words.to_owned()));
    assert!(!kraken.is_subscribed());
    kraken.reset();
    kind(&mut *kraken, INSTRUMENTS);
    assert!(!kraken.outgoing()[0].contains("TAO/USD"));
    kraken.forget_references();
    kind(&mut *kraken, INSTRUMENTS);
    assert!(kraken.outgoing()[0].contains("TAO/USD"));
}

#[test]
fn what_the_venue_says_about_itself_is_understood() {
    let mut kraken = following(&["TAO"]);
    for (frame, expected) in [
        (r#"{"channel":"heartbeat"}"#, FrameKind::Keepalive),
        (r#"{"method":"pong","time_in":"x","time_out":"y"}"#, FrameKind::Keepalive),
        (
            r#"{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":9471984923908980762}]}"#,
            FrameKind::Ignored("status"),
        ),
        (r#"{"channel":"book","type":"snapshot","data":[7]}"#, FrameKind::Ignored("book")),
        (r#"{"method":"unsubscribe","success":true,"result":{}}"#, FrameKind::Ignored("unsubscribe")),
    ] {
        assert_eq!(kind(&mut *kraken, frame), expected, "{frame}");
    }
}

#[test]
fn what_cannot_be_right_is_refused_with_the_field_and_its_value() {
    for (good, bad, error) in [
        ("205.5,", "-205.5,", r#"last is "-205.5", not a price above zero"#),
        ("1234.5", "-1", r#"volume is "-1", below zero"#),
        ("205.1", "\"x\"", r#"bid is "x", not a number"#),
        ("2026-10-03T04", "2026-10-33T04", "timestamp is "),
        ("\"TAO/USD\"", "\"TAOUSD\"", r#"symbol is "TAOUSD", not a symbol"#),
        ("\"ticker\"", "\"tickers\"", r#"channel is "tickers", not a known channel"#),
        ("\"data\"", "\"date\"", r#"data is "", missing"#),
    ] {
        let (result, events) = decode(&mut *following(&["TAO"]), &TICKER.replacen(good, bad, 1));
        let words = result.expect_err(bad).to_string();
        assert!(words.starts_with(error), "{words}");
        assert_eq!(events, []);
    }
    refuses_garbage(&mut *following(&["TAO"]), TICKER);
    survives_anything(|| protocol(&FeedConfig::default()), &[TICKER, INSTRUMENTS, &ack("ticker", "TAO/USD")]);
}
