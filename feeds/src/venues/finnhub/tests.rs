use super::super::hostile::{following, kind, message, refusal, refuses_garbage, survives_anything, told};
use super::*;
use crate::config::Keys;

const TRADES: &str = r#"{"type":"trade","data":[{"c":["1"],"p":12.78,"s":"MARA","t":1794499200123,"v":100},{"c":null,"p":12.79,"s":"MARA","t":1794499200900,"v":5},{"c":["1","12"],"p":14.5,"s":"RIOT","t":1794499199000,"v":1},{"c":[],"p":600.25,"s":"SPY","t":1794499200123,"v":1}]}"#;

fn config() -> FeedConfig {
    let mut keys = Keys::default();
    keys.insert(KEY, "k/ey&1".to_owned());
    FeedConfig { keys, ..following(&["MARA", "RIOT", "BAD TICKER"]) }
}

fn finnhub() -> Box<dyn StreamProtocol> {
    protocol(&config())
}

#[test]
fn trades_tell_last_prices_at_most_one_a_second_and_symbol() {
    assert_eq!(
        told(finnhub().as_mut(), &message(TRADES)),
        [
            "2026-11-12T15:59:59Z now last RIOT 14.5 prev - vol -",
            "2026-11-12T16:00:00.123000Z now last MARA 12.78 prev - vol -",
        ]
    );
}

#[test]
fn the_key_goes_into_the_query_whatever_characters_it_has() {
    assert_eq!(finnhub().url(), "wss://ws.finnhub.io/?token=k%2Fey%261");
    let elsewhere = FeedConfig { url: Some("ws://127.0.0.1:9/ws?plan=free".to_owned()), ..config() };
    assert_eq!(protocol(&elsewhere).url(), "ws://127.0.0.1:9/ws?plan=free&token=k%2Fey%261");
    assert_eq!(protocol(&FeedConfig::default()).url(), URL, "no key, no token");
}

#[test]
fn each_symbol_is_asked_for_and_asked_for_is_all_that_can_be_known() {
    let mut finnhub = finnhub();
    assert!(!finnhub.is_subscribed());
    assert_eq!(
        finnhub.subscribe(),
        [r#"{"symbol":"MARA","type":"subscribe"}"#, r#"{"symbol":"RIOT","type":"subscribe"}"#,]
    );
    assert!(finnhub.is_subscribed());
    finnhub.reset();
    assert!(!finnhub.is_subscribed());
}

#[test]
fn small_talk_and_refusals_are_told_apart() {
    let cases = [
        (r#"{"type":"ping"}"#, FrameKind::Keepalive),
        (r#"{"type":"news","data":[{"category":"company","id":1}]}"#, FrameKind::Ignored("news")),
        (
            r#"{"type":"error","msg":"Subscribing to too many symbols"}"#,
            FrameKind::Refused("Subscribing to too many symbols".to_owned()),
        ),
        (r#"{"type":"trade","data":[]}"#, FrameKind::Data("trade")),
    ];
    for (frame, expected) in cases {
        assert_eq!(kind(finnhub().as_mut(), &message(frame)), expected, "{frame}");
    }
}

#[test]
fn a_frame_with_one_bad_trade_is_refused_as_a_whole() {
    for (from, to, problem) in [
        ("\"p\":14.5", "\"p\":0", "p is \"0\", not a price above zero"),
        ("\"t\":1794499199000", "\"t\":1794499199", "not a time in milliseconds"),
        ("\"s\":\"RIOT\"", "\"s\":\"ri ot\"", "s is \"ri ot\", not a ticker"),
        ("\"p\":14.5,", "", "p is \"\", missing"),
        ("\"type\":\"trade\"", "\"type\":\"deal\"", "not a known kind of message"),
    ] {
        let words = refusal(finnhub().as_mut(), &message(&TRADES.replace(from, to)));
        assert!(words.contains(problem), "{words}");
    }
    refuses_garbage(finnhub().as_mut(), message);
}

#[test]
fn it_survives_anything() {
    survives_anything(|| finnhub(), &[message(TRADES), message(r#"{"type":"error","msg":"no"}"#)]);
}
