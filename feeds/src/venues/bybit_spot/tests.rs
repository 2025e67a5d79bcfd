//! What becomes of every message of Bybit's spot market that this feed may see.

use super::*;
use crate::config::Instruments;
use crate::venues::testing::{
    decode, describe, kind, received_from, recording, refuses_garbage, state, survives_anything,
};

const TICKER: &str = r#"{"topic":"tickers.ATHUSDT","ts":1791000001000,"type":"snapshot","cs":7,"data":{"symbol":"ATHUSDT","lastPrice":"0.0407","highPrice24h":"0.05","lowPrice24h":"0.04","prevPrice24h":"0.04","volume24h":"1000","turnover24h":"40","price24hPcnt":"0.0175","usdIndexPrice":""}}"#;
const LIST: &str = r#"{"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[
    {"symbol":"ATHUSDT","baseCoin":"ATH","quoteCoin":"USDT","status":"Trading"},
    {"symbol":"ATHUSDC","baseCoin":"ATH","quoteCoin":"USDC","status":"Trading"},
    {"symbol":"TAOUSDT","baseCoin":"TAO","quoteCoin":"USDT","status":"Closed"},
    {"symbol":"BTCUSDT","baseCoin":"BTC","quoteCoin":"USDT","status":"Trading"},7]},"time":1791000000000}"#;

fn following(coins: &[&str]) -> Box<dyn StreamProtocol> {
    let instruments = Instruments::Assets(coins.iter().map(|coin| (*coin).to_owned()).collect());
    let rest_url = Some("http://127.0.0.1:9/".to_owned());
    protocol(&FeedConfig { rest_url, instruments, ..FeedConfig::default() })
}

#[test]
fn a_ticker_is_the_last_price_once_a_second() {
    let mut bybit = following(&["ATH"]);
    let told = "quote ATH-USDT last 0.0407 - - 0.04 1000";
    assert_eq!(state(&mut *bybit, "ticker", TICKER), [told]);
    assert_eq!(state(&mut *bybit, "ticker", &TICKER.replace("1000,", "1050,")), Vec::<String>::new());
    assert_eq!(state(&mut *bybit, "ticker", &TICKER.replace("1000,", "2000,")), [told]);
    let other = TICKER.replace("ATHUSDT", "BTCUSDT");
    assert_eq!(state(&mut *bybit, "ticker", &other), Vec::<String>::new(), "not wanted");
}

#[test]
fn what_trades_is_listed_first_and_each_coin_is_followed_once() {
    let mut bybit = following(&["ATH", "TAO", "BTC"]);
    let url = "http://127.0.0.1:9/v5/market/instruments-info?category=spot&limit=1000";
    assert_eq!(bybit.next_request().as_deref(), Some(url));
    let linear = LIST.replace("\"spot\"", "\"linear\"");
    assert_eq!(kind(&mut *bybit, &linear), FrameKind::Ignored("other category"));
    assert_eq!(kind(&mut *bybit, LIST), FrameKind::Reference("pairs"));
    assert_eq!(bybit.next_request(), None);
    let messages = bybit.subscribe();
    let message: serde_json::Value = serde_json::from_str(&messages[0]).unwrap();
    assert_eq!(message["args"], serde_json::json!(["tickers.ATHUSDT", "tickers.BTCUSDT"]));
    assert!(!bybit.is_subscribed() && messages.len() == 1);
    let ack = r#"{"success":true,"ret_msg":"subscribe","conn_id":"x","op":"subscribe"}"#;
    assert_eq!(kind(&mut *bybit, ack), FrameKind::Ack);
    assert!(bybit.is_subscribed());
    bybit.reset();
    assert!(!bybit.is_subscribed());
    bybit.forget_references();
    assert_eq!(bybit.next_request().as_deref(), Some(url));
}

#[test]
fn a_pair_that_is_not_served_does_not_silence_its_neighbours() {
    let mut bybit = following(&["ATH", "BTC"]);
    kind(&mut *bybit, LIST);
    bybit.subscribe();
    let words = "error:handler not found,topic:tickers.ATHUSDT";
    let refusal = format!(r#"{{"success":false,"ret_msg":"{words}","conn_id":"x","op":"subscribe"}}"#);
    assert_eq!(kind(&mut *bybit, &refusal), FrameKind::Refused(words.to_owned()));
    let again = bybit.outgoing();
    assert!(
        again.len() == 1 && again[0].contains("tickers.BTCUSDT") && !again[0].contains("ATH"),
        "{again:?}"
    );
}

#[test]
fn keepalives_and_other_topics_are_known() {
    let mut bybit = following(&["BTC"]);
    let pong = r#"{"success":true,"ret_msg":"pong","conn_id":"x","req_id":"ping","op":"ping"}"#;
    assert_eq!(kind(&mut *bybit, pong), FrameKind::Keepalive);
    let book = r#"{"topic":"orderbook.1.BTCUSDT","ts":1,"type":"delta","data":{"s":7}}"#;
    assert_eq!(kind(&mut *bybit, book), FrameKind::Ignored("orderbook"));
    let limited = r#"{"retCode":10006,"retMsg":"Too many visits!","result":{}}"#;
    assert_eq!(kind(&mut *bybit, limited), FrameKind::Refused("10006: Too many visits!".to_owned()));
}

#[test]
fn what_cannot_be_right_is_refused_with_the_field_and_its_value() {
    for (good, bad, error) in [
        ("\"0.0407\"", "\"-1\"", r#"lastPrice is "-1", not a price above zero"#),
        ("\"1000\"", "\"-1\"", r#"volume24h is "-1", below zero"#),
        ("\"ts\"", "\"tt\"", r#"ts is "", missing"#),
        ("\"symbol\":\"ATHUSDT\"", "\"symbol\":\"ATH\"", r#"symbol is "ATH", not a symbol"#),
        ("tickers.ATHUSDT", "prices.ATHUSDT", r#"topic is "prices.ATHUSDT", not a known topic"#),
    ] {
        let (result, events) = decode(&mut *following(&["ATH"]), &TICKER.replacen(good, bad, 1));
        let words = result.expect_err(bad).to_string();
        assert!(words.starts_with(error), "{words}");
        assert_eq!(events, []);
    }
    refuses_garbage(&mut *following(&["ATH"]), TICKER);
    survives_anything(|| protocol(&FeedConfig::default()), &[TICKER, LIST]);
}

/// Every ticker of a real session: at most one a second and pair is told, and what is told is the
/// message's own price.
#[test]
fn a_real_session_is_understood_whole() {
    let Some(capture) = recording("cryptofeed_bybit.jsonl.zst") else { return };
    let mut bybit = following(&["BTC", "ETH", "TAO", "ATH", "NEAR"]);
    let (mut tickers, mut told, mut references) = (0, 0, 0);
    for text in received_from(&capture, "spot") {
        let (result, events) = decode(&mut *bybit, &text);
        match result.unwrap_or_else(|error| panic!("{error}: {text}")) {
            FrameKind::Data("ticker") => tickers += 1,
            FrameKind::Reference("pairs") => references += 1,
            FrameKind::Ack | FrameKind::Ignored("orderbook" | "kline" | "publicTrade") => {}
            other => panic!("{other:?}: {text}"),
        }
        for stamped in events {
            let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
            let number = |key: &str| frame["data"][key].as_str().unwrap().parse::<f64>().unwrap();
            let name = frame["data"]["symbol"].as_str().unwrap().replace("USDT", "-USDT");
            let volume = (number("volume24h") * 1e8).round() / 1e8;
            let (last, before) = (number("lastPrice"), number("prevPrice24h"));
            let expected = format!("quote {name} last {last} - - {before} {volume}");
            assert_eq!(describe(&stamped.observation), expected);
            told += 1;
        }
    }
    assert_eq!((tickers, references), (81, 1));
    assert!((20..=81).contains(&told), "{told}");
    let asked: Vec<String> = bybit.subscribe();
    assert_eq!(asked.len(), 1);
    for topic in ["tickers.BTCUSDT", "tickers.ETHUSDT", "tickers.ATHUSDT", "tickers.NEARUSDT"] {
        assert!(asked[0].contains(topic), "{asked:?}");
    }
}
