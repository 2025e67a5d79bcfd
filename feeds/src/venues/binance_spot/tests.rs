//! What becomes of every message of Binance's spot market that this feed may see.

use super::*;
use crate::config::Instruments;
use crate::venues::testing::{decode, kind, refuses_garbage, state, survives_anything};

const TICKER: &str = r#"{"stream":"taousdt@miniTicker","data":{"e":"24hrMiniTicker","E":1791000001000,"s":"TAOUSDT","c":"205.50","o":"200.00","h":"210","l":"199","v":"1234.5","q":"250000"}}"#;
const LIST: &str = r#"{"timezone":"UTC","serverTime":1791000000000,"rateLimits":[],"exchangeFilters":[],"symbols":[
    {"symbol":"TAOUSDT","status":"TRADING","baseAsset":"TAO","quoteAsset":"USDT","isSpotTradingAllowed":true},
    {"symbol":"TAOUSDC","status":"TRADING","baseAsset":"TAO","quoteAsset":"USDC"},
    {"symbol":"FETUSDT","status":"BREAK","baseAsset":"FET","quoteAsset":"USDT"},
    {"symbol":"FETUSDC","status":"TRADING","baseAsset":"FET","quoteAsset":"USDC"},
    {"symbol":"SOLUSDT","status":"TRADING","baseAsset":"SOL","quoteAsset":"USDT"},
    {"symbol":"1","status":"TRADING"},7]}"#;

fn following(coins: &[&str]) -> Box<dyn StreamProtocol> {
    let instruments = Instruments::Assets(coins.iter().map(|coin| (*coin).to_owned()).collect());
    let rest_url = Some("http://127.0.0.1:9/".to_owned());
    protocol(&FeedConfig { rest_url, instruments, ..FeedConfig::default() })
}

#[test]
fn a_ticker_is_the_last_price_once_a_second() {
    let mut binance = following(&["TAO"]);
    let told = "quote TAO-USDT last 205.5 - - 200 1234.5";
    assert_eq!(state(&mut *binance, "ticker", TICKER), [told]);
    let (_, events) = decode(&mut *following(&["TAO"]), TICKER);
    assert_eq!(events[0].event_time.as_micros(), 1_791_000_001_000_000);
    assert_eq!(state(&mut *binance, "ticker", &TICKER.replace("1000,", "1999,")), Vec::<String>::new());
    assert_eq!(state(&mut *binance, "ticker", &TICKER.replace("1000,", "2000,")), [told]);
    let other = TICKER.replace("TAOUSDT", "SOLUSDT");
    assert_eq!(state(&mut *binance, "ticker", &other), Vec::<String>::new(), "not wanted");
    let untraded = TICKER.replace("205.50", "0.00000000").replace("1000,", "9000,");
    assert_eq!(state(&mut *binance, "ticker", &untraded), Vec::<String>::new(), "no trade yet, no price");
}

#[test]
fn envelopes_bare_events_and_lists_tell_the_same() {
    let expected = state(&mut *following(&["TAO"]), "ticker", TICKER);
    let event =
        TICKER.strip_prefix(r#"{"stream":"taousdt@miniTicker","data":"#).unwrap().strip_suffix('}').unwrap();
    for frame in [
        event.to_owned(),
        format!("[{event}]"),
        format!(r#"{{"stream":"!miniTicker@arr","data":[{event}]}}"#),
        format!(r#"[{{"e":"24hrTicker","s":"TAOUSDT"}},{event}]"#),
    ] {
        assert_eq!(state(&mut *following(&["TAO"]), "ticker", &frame), expected, "{frame}");
    }
    let aggregate = r#"{"stream":"taousdt@aggTrade","data":{"e":"aggTrade","E":1,"s":"TAOUSDT","p":"1"}}"#;
    assert_eq!(kind(&mut *following(&["TAO"]), aggregate), FrameKind::Ignored("aggTrade"));
}

#[test]
fn what_trades_is_listed_first_and_each_coin_is_followed_once() {
    let mut binance = following(&["TAO", "FET", "ATH"]);
    let url = "http://127.0.0.1:9/api/v3/exchangeInfo?permissions=SPOT&symbolStatus=TRADING&showPermissionSets=false";
    assert_eq!(binance.next_request().as_deref(), Some(url));
    assert_eq!(kind(&mut *binance, LIST), FrameKind::Reference("pairs"));
    assert_eq!(binance.next_request(), None);
    let message: serde_json::Value = serde_json::from_str(&binance.subscribe()[0]).unwrap();
    let expected = serde_json::json!({"method": "SUBSCRIBE", "id": 1, "params": ["fetusdc@miniTicker", "taousdt@miniTicker"]});
    assert_eq!(message, expected);
    binance.forget_references();
    assert_eq!(binance.next_request().as_deref(), Some(url));
}

#[test]
fn every_message_must_be_acknowledged() {
    let rows: Vec<String> = (0..450)
        .map(|n| {
            format!(r#"{{"symbol":"C{n}USDT","status":"TRADING","baseAsset":"C{n}","quoteAsset":"USDT"}}"#)
        })
        .collect();
    let mut binance = protocol(&FeedConfig::default());
    kind(&mut *binance, &format!(r#"{{"symbols":[{}]}}"#, rows.join(",")));
    assert!(!binance.is_subscribed());
    assert_eq!(binance.subscribe().len(), 3);
    for id in [3, 1, 2] {
        assert!(!binance.is_subscribed());
        assert_eq!(kind(&mut *binance, &format!(r#"{{"result":null,"id":{id}}}"#)), FrameKind::Ack);
    }
    assert!(binance.is_subscribed());
    binance.reset();
    assert!(!binance.is_subscribed());
    let mut none = following(&["ATH"]);
    kind(&mut *none, LIST);
    assert!(none.subscribe().is_empty() && none.is_subscribed(), "nothing to wait for");
}

#[test]
fn what_cannot_be_right_is_refused_with_the_field_and_its_value() {
    for (good, bad, error) in [
        ("\"205.50\"", "\"-1\"", r#"c is "-1", not a price above zero"#),
        ("\"1234.5\"", "\"-1\"", r#"v is "-1", below zero"#),
        ("1791000001000", "1791000001", r#"E is "1791000001", not a time"#),
        ("\"TAOUSDT\"", "\"TAO\"", r#"s is "TAO", not a symbol whose pair is known"#),
        ("24hrMiniTicker", "25hrMiniTicker", r#"e is "25hrMiniTicker", not a known kind"#),
    ] {
        let (result, events) = decode(&mut *following(&["TAO"]), &TICKER.replacen(good, bad, 1));
        let words = result.expect_err(bad).to_string();
        assert!(words.starts_with(error), "{words}");
        assert_eq!(events, []);
    }
    for frame in [
        r#"{"code":-1003,"msg":"Too much request weight used"}"#,
        r#"{"error":{"code":-1003,"msg":"Too much request weight used"},"id":1}"#,
    ] {
        let refused = FrameKind::Refused("-1003: Too much request weight used".to_owned());
        assert_eq!(kind(&mut *following(&["TAO"]), frame), refused);
    }
    assert!(decode(&mut *following(&["TAO"]), r#"{"symbols":[]}"#).0.is_err());
    refuses_garbage(&mut *following(&["TAO"]), TICKER);
    survives_anything(|| protocol(&FeedConfig::default()), &[TICKER, LIST]);
}
