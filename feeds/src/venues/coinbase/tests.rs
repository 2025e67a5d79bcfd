//! What becomes of every message that Coinbase was seen or documented to send.

use super::*;
use crate::config::Instruments;
use crate::venues::testing::{
    decode, describe, kind, received, recording, refuses_garbage, state, survives_anything,
};

const TICKER: &str = r#"{"channel":"ticker_batch","timestamp":"2026-10-03T04:00:00.123456789Z","sequence_num":4,"events":[{"type":"update","tickers":[{"type":"ticker","product_id":"TAO-USD","price":"205.55","volume_24_h":"29096.403","low_24_h":"198","high_24_h":"211","price_percent_chg_24_h":"3.4"},{"type":"ticker","product_id":"FET-USD","price":"0.13","volume_24_h":"1","best_bid":"0.12","best_ask":"0.14"}]}]}"#;
const HEARTBEAT: &str = r#"{"channel":"heartbeats","timestamp":"2026-10-03T04:00:01Z","sequence_num":5,"events":[{"current_time":"2026-10-03 04:00:01 +0000 UTC m=+1.0","heartbeat_counter":41}]}"#;
const PRODUCTS: &str = r#"{"products":[
    {"product_id":"TAO-USD","base_currency_id":"TAO","quote_currency_id":"USD","product_type":"SPOT","status":"online","alias":"","alias_to":["TAO-USDC"],"is_disabled":false,"trading_disabled":false},
    {"product_id":"TAO-USDC","base_currency_id":"TAO","quote_currency_id":"USDC","product_type":"SPOT","status":"online","alias":"TAO-USD"},
    {"product_id":"RNDR-USD","base_currency_id":"RNDR","quote_currency_id":"USD","product_type":"SPOT","status":"delisted","alias":"","trading_disabled":true},
    {"product_id":"FET-USDC","base_currency_id":"FET","quote_currency_id":"USDC","product_type":"SPOT","status":"online","alias":"FET-USD"},
    {"product_id":"NMR-USDT","base_currency_id":"NMR","quote_currency_id":"USDT","product_type":"SPOT","status":"online","alias":null},
    {"product_id":"BTC-PERP","base_currency_id":"NEAR","quote_currency_id":"USD","product_type":"FUTURE","status":"online","alias":""},7],"num_products":6}"#;

fn following(coins: &[&str]) -> Box<dyn StreamProtocol> {
    let instruments = Instruments::Assets(coins.iter().map(|coin| (*coin).to_owned()).collect());
    let rest_url = Some("http://127.0.0.1:9/".to_owned());
    protocol(&FeedConfig { rest_url, instruments, ..FeedConfig::default() })
}

fn at(frame: &str, sequence: i64) -> String {
    let (before, rest) = frame.split_once("\"sequence_num\":").unwrap();
    format!("{before}\"sequence_num\":{sequence}{}", &rest[rest.find(',').unwrap()..])
}

#[test]
fn a_ticker_is_the_last_price_with_bid_and_ask_where_they_are_told() {
    let mut coinbase = following(&["TAO", "FET"]);
    let told = ["quote TAO-USD last 205.55 - - - 29096.403", "quote FET-USD last 0.13 0.12 0.14 - 1"];
    assert_eq!(state(&mut *coinbase, "ticker", TICKER), told);
    assert_eq!(state(&mut *coinbase, "ticker", TICKER), Vec::<String>::new(), "the same second");
    let live = TICKER.replace("ticker_batch", "ticker").replace(":00.123", ":05.123");
    assert_eq!(state(&mut *coinbase, "ticker", &live), told);
    let (_, events) = decode(&mut *following(&["FET"]), TICKER);
    assert_eq!(events.len(), 1, "TAO is not wanted");
    assert_eq!(events[0].event_time.to_string(), "2026-10-03T04:00:00.123456Z");
}

#[test]
fn products_that_trade_under_their_own_name_are_followed_once_a_coin() {
    let mut coinbase = following(&["TAO", "FET", "RNDR", "NMR", "NEAR"]);
    let url = "http://127.0.0.1:9/api/v3/brokerage/market/products?product_type=SPOT";
    assert_eq!(coinbase.next_request().as_deref(), Some(url));
    assert_eq!(kind(&mut *coinbase, PRODUCTS), FrameKind::Reference("products"));
    assert_eq!(coinbase.next_request(), None);
    let messages: Vec<serde_json::Value> =
        coinbase.subscribe().iter().map(|message| serde_json::from_str(message).unwrap()).collect();
    assert_eq!(
        messages,
        [
            serde_json::json!({"type": "subscribe", "channel": "heartbeats"}),
            serde_json::json!({"type": "subscribe", "channel": "ticker_batch", "product_ids": ["NMR-USDT", "TAO-USD"]}),
        ]
    );
    coinbase.forget_references();
    assert_eq!(coinbase.next_request().as_deref(), Some(url));
}

#[test]
fn it_is_live_once_every_product_and_the_heartbeats_are_listed() {
    let mut coinbase = following(&["TAO", "NMR"]);
    kind(&mut *coinbase, PRODUCTS);
    coinbase.reset();
    coinbase.subscribe();
    let ack = |subscriptions: &str| {
        format!(
            r#"{{"channel":"subscriptions","timestamp":"2026-10-03T04:00:00Z","sequence_num":1,"events":[{{"subscriptions":{{{subscriptions}}}}}]}}"#
        )
    };
    for (subscriptions, is_live) in [
        (r#""heartbeats":["heartbeats"]"#, false),
        (r#""heartbeats":["heartbeats"],"ticker_batch":["TAO-USD"]"#, false),
        (r#""heartbeats":["heartbeats"],"level2":["NMR-USDT"],"ticker_batch":["TAO-USD"]"#, false),
        (r#""heartbeats":["heartbeats"],"ticker_batch":["NMR-USDT","TAO-USD"]"#, true),
    ] {
        assert_eq!(kind(&mut *coinbase, &ack(subscriptions)), FrameKind::Ack);
        assert_eq!(coinbase.is_subscribed(), is_live, "{subscriptions}");
    }
    coinbase.reset();
    assert!(!coinbase.is_subscribed());
}

#[test]
fn a_lost_message_asks_for_a_new_connection_and_costs_no_other() {
    let mut coinbase = following(&["TAO"]);
    coinbase.reset();
    assert_eq!(kind(&mut *coinbase, &at(HEARTBEAT, 0)), FrameKind::Keepalive);
    assert_eq!(state(&mut *coinbase, "ticker", &at(TICKER, 4)).len(), 1, "what came is told");
    let words = "sequence_num jumped from 0 to 4: 3 messages lost";
    assert_eq!(kind(&mut *coinbase, &at(HEARTBEAT, 5)), FrameKind::Closing(words.to_owned()));
    assert_eq!(kind(&mut *coinbase, &at(HEARTBEAT, 6)), FrameKind::Keepalive, "told once");
    coinbase.reset();
    assert_eq!(kind(&mut *coinbase, &at(HEARTBEAT, 0)), FrameKind::Keepalive, "the next connection");

    let mut replayed = following(&["TAO"]);
    for sequence in [0, 9, 3, 90] {
        assert_eq!(kind(&mut *replayed, &at(HEARTBEAT, sequence)), FrameKind::Keepalive, "not a connection");
    }
}

#[test]
fn other_channels_complaints_and_the_older_interface_are_known() {
    let mut coinbase = following(&["TAO"]);
    for (frame, expected) in [
        (
            r#"{"channel":"market_trades","timestamp":"x","sequence_num":0,"events":[{"trades":[7]}]}"#,
            FrameKind::Ignored("market_trades"),
        ),
        (
            r#"{"channel":"l2_data","timestamp":"x","sequence_num":0,"events":[{"updates":[7]}]}"#,
            FrameKind::Ignored("l2_data"),
        ),
        (r#"{"channel":"candles","sequence_num":0,"events":[]}"#, FrameKind::Ignored("candles")),
        (
            r#"{"type":"ticker","sequence":1,"product_id":"BTC-USD","price":"1","time":"2021-01-01T00:00:00Z"}"#,
            FrameKind::Ignored("exchange message"),
        ),
        (
            r#"{"type":"l2update","product_id":"BTC-USD","changes":[["buy","1","2"]],"time":"x"}"#,
            FrameKind::Ignored("exchange message"),
        ),
        (
            r#"{"type":"subscriptions","channels":[{"name":"ticker"}]}"#,
            FrameKind::Ignored("exchange message"),
        ),
        (
            r#"{"type":"error","message":"Failed to subscribe","reason":"X-USD is not a valid product"}"#,
            FrameKind::Refused("Failed to subscribe: X-USD is not a valid product".to_owned()),
        ),
        (
            r#"{"error":"NOT_FOUND","error_details":"x","message":"no such path"}"#,
            FrameKind::Refused("NOT_FOUND: no such path".to_owned()),
        ),
    ] {
        assert_eq!(kind(&mut *coinbase, frame), expected, "{frame}");
    }
}

#[test]
fn what_cannot_be_right_is_refused_with_the_field_and_its_value() {
    for (good, bad, error) in [
        ("\"205.55\"", "\"-1\"", r#"price is "-1", not a price above zero"#),
        ("\"0.12\"", "\"NaN\"", r#"best_bid is "NaN", not a finite number"#),
        ("\"29096.403\"", "\"-1\"", r#"volume_24_h is "-1", below zero"#),
        ("2026-10-03T04", "2026-13-03T04", "timestamp is "),
        ("\"FET-USD\"", "\"FETUSD\"", r#"product_id is "FETUSD", not a symbol"#),
        ("ticker_batch", "tickers", r#"channel is "tickers", not a known channel"#),
        ("\"events\"", "\"event\"", r#"events is "", missing"#),
    ] {
        let (result, events) = decode(&mut *following(&["TAO", "FET"]), &TICKER.replacen(good, bad, 1));
        let words = result.expect_err(bad).to_string();
        assert!(words.starts_with(error), "{words}");
        assert_eq!(events, [], "its neighbour is not kept alone");
    }
    assert!(decode(&mut *following(&["TAO"]), r#"{"products":[]}"#).0.is_err());
    assert!(decode(&mut *following(&["TAO"]), r#"{"type":"novelty"}"#).0.is_err());
    refuses_garbage(&mut *following(&["TAO"]), TICKER);
    survives_anything(|| protocol(&FeedConfig::default()), &[TICKER, HEARTBEAT, PRODUCTS]);
}

/// Every message of a real session is one of a known kind, none was lost, and each quote is its
/// message's own.
#[test]
fn a_real_session_is_understood_whole_and_lost_nothing() {
    let Some(capture) = recording("cryptofeed_coinbase.jsonl.zst") else { return };
    let mut coinbase =
        following(&["BTC", "ETH", "TAO", "FET", "OCEAN", "ATH", "RENDER", "NEAR", "AKT", "NMR"]);
    coinbase.reset();
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut told = 0;
    for text in received(&capture) {
        let (result, events) = decode(&mut *coinbase, &text);
        let kind = result.unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(!matches!(kind, FrameKind::Closing(_) | FrameKind::Refused(_)), "{kind:?}");
        *counts.entry(kind.label()).or_default() += 1;
        for stamped in events {
            let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
            let tickers = frame["events"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|event| event["tickers"].as_array().unwrap());
            let lines: Vec<String> = tickers
                .map(|ticker| {
                    let number = |key: &str| ticker[key].as_str().unwrap().parse::<f64>().unwrap();
                    let (price, bid, ask) = (number("price"), number("best_bid"), number("best_ask"));
                    let product = ticker["product_id"].as_str().unwrap();
                    format!("quote {product} last {price} {bid} {ask} - {}", number("volume_24_h"))
                })
                .collect();
            let line = describe(&stamped.observation);
            assert!(lines.contains(&line), "{line} in {lines:?}");
            told += 1;
        }
    }
    let expected = [
        ("ack", 5),
        ("candles", 6),
        ("keepalive", 25),
        ("l2_data", 775),
        ("market_trades", 59),
        ("products", 1),
        ("ticker", 160),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
    assert!((30..=52).contains(&told), "{told}: some 25 seconds of two products");
    let asked = coinbase.subscribe()[1].clone();
    for product in [
        "BTC-USD",
        "TAO-USD",
        "FET-USD",
        "OCEAN-USD",
        "ATH-USD",
        "RENDER-USD",
        "NEAR-USD",
        "AKT-USD",
        "NMR-USD",
    ] {
        assert!(asked.contains(&format!("\"{product}\"")), "{product}: {asked}");
    }
}
