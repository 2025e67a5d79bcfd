//! What becomes of every message that HTX was seen or documented to send.

use std::io::Write;

use base64::Engine as _;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::venues::testing::{
    decode, expected_sides, kind, liquidations, recording, refuses_garbage, survives_anything, told,
};

fn htx() -> Box<dyn StreamProtocol> {
    linear(&FeedConfig::default())
}

const CONTRACTS: &str = r#"{"status":"ok","data":[{"symbol":"BTC","contract_code":"BTC-USD","contract_size":100.000000000000000000,"contract_status":1},{"contract_code":"ETH-USD","contract_size":10.0},{"contract_code":"OLD-USDT","contract_size":0.001}],"ts":1791000000000}"#;

fn informed() -> Box<dyn StreamProtocol> {
    let mut htx = coin_margined(&FeedConfig::default());
    assert_eq!(kind(&mut *htx, CONTRACTS), FrameKind::Reference("contracts"));
    htx
}

fn frame(code: &str, direction: &str, rest: &str) -> String {
    format!(
        r#"{{"op":"notify","topic":"public.*.liquidation_orders","ts":1791000000200,"data":[{{"symbol":"X","contract_code":"{code}","direction":"{direction}","offset":"close","volume":30,"price":50000,"created_at":1791000000123{rest}}}]}}"#
    )
}

fn packed(text: &str) -> Payload {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    Payload::Binary(Bytes::from(encoder.finish().unwrap()))
}

#[test]
fn a_forced_sale_closes_a_long_and_units_follow_the_margin() {
    let linear = r#","amount":0.03,"trade_turnover":1501.5"#;
    for (code, direction, rest, told_as) in [
        ("BTC-USDT", "sell", linear, "BTC-USDT-PERP long 50000 0.03 1501.50"),
        ("BTC-USDT", "buy", linear, "BTC-USDT-PERP short 50000 0.03 1501.50"),
        ("BTC-USDT-261225", "buy", linear, "BTC-USDT-20261225 short 50000 0.03 1501.50"),
        ("BTC-USDT", "buy", r#","amount":0.03"#, "BTC-USDT-PERP short 50000 0.03 1500.00"),
        ("OLD-USDT", "buy", "", "OLD-USDT-PERP short 50000 0.03 1500.00"),
        ("NEW-USDT", "buy", "", "NEW-USDT-PERP short 50000 - -"),
        ("BTC-USD", "sell", "", "BTC-USD-PERP long 50000 0.06 3000.00"),
        ("ETH-USD", "sell", "", "ETH-USD-PERP long 50000 0.006 300.00"),
        ("BTC261225", "sell", "", "BTC-USD-20261225 long 50000 - -"),
    ] {
        assert_eq!(told(&mut *informed(), &frame(code, direction, rest)), format!("{code} {told_as}"));
    }
    for (good, bad, words) in [
        ("\"close\"", "\"open\"", r#"offset is "open", not the closing of a position"#),
        ("\"sell\"", "\"SELL\"", r#"direction is "SELL", neither sell nor buy"#),
        ("\"BTC-USDT\"", "\"BTC\"", r#"contract_code is "BTC", not a symbol"#),
    ] {
        let (refused, _) = decode(&mut *htx(), &frame("BTC-USDT", "sell", linear).replace(good, bad));
        assert!(refused.unwrap_err().to_string().starts_with(words), "{words}");
    }
}

#[test]
fn packed_messages_tell_the_same() {
    let text = frame("BTC-USDT", "sell", r#","amount":0.03,"trade_turnover":1501.5"#);
    let (mut htx, mut out) = (htx(), Vec::new());
    assert_eq!(htx.decode(&packed(&text), &mut out), Ok(FrameKind::Data("liquidation")));
    assert_eq!(out, decode(&mut *htx, &text).1);
    let Payload::Binary(bytes) = packed(&text) else { panic!("packed") };
    let cut = Payload::Binary(bytes.slice(..bytes.len() / 2));
    assert!(htx.decode(&cut, &mut out).unwrap_err().to_string().contains("gzip"));
    assert_eq!(out.len(), 1);
}

#[test]
fn a_ping_is_echoed_as_it_came() {
    for (ping, pong) in [
        (r#"{"op":"ping","ts":"1791000000123"}"#, r#"{"op":"pong","ts":"1791000000123"}"#),
        (r#"{"op":"ping","ts":1791000000123}"#, r#"{"op":"pong","ts":1791000000123}"#),
        (r#"{"ping":1791000000123}"#, r#"{"pong":1791000000123}"#),
    ] {
        let mut htx = htx();
        assert_eq!(kind(&mut *htx, ping), FrameKind::Keepalive);
        assert_eq!(htx.outgoing(), [pong]);
        assert!(htx.outgoing().is_empty());
    }
    for bad in
        [r#"{"op":"ping","ts":{"a":1}}"#, r#"{"op":"ping"}"#, &format!(r#"{{"ping":"{}"}}"#, "9".repeat(99))]
    {
        assert!(decode(&mut *htx(), bad).0.is_err(), "{bad}");
    }
}

#[test]
fn a_subscription_is_taken_repeated_or_refused() {
    let ack = |code: i64| {
        format!(
            r#"{{"op":"sub","cid":"1","topic":"public.*.liquidation_orders","ts":1791000000000,"err-code":{code},"err-msg":"words"}}"#
        )
    };
    for (code, is_subscribed) in [(0, true), (2014, true), (2001, false)] {
        let mut htx = htx();
        htx.reset();
        let expected =
            if is_subscribed { FrameKind::Ack } else { FrameKind::Refused("2001: words".to_owned()) };
        assert_eq!(kind(&mut *htx, &ack(code)), expected);
        assert_eq!(htx.is_subscribed(), is_subscribed);
    }
    let other = r#"{"op":"sub","cid":"1","topic":"public.BTC-USDT.funding_rate","err-code":0}"#;
    let mut htx = htx();
    assert_eq!(kind(&mut *htx, other), FrameKind::Ack);
    assert!(!htx.is_subscribed());
}

#[test]
fn only_the_coin_margined_feed_needs_contract_values() {
    assert_eq!(htx().next_request(), None);
    let mut coin = coin_margined(&FeedConfig::default());
    let url = Some("https://api.hbdm.com/swap-api/v1/swap_contract_info".to_owned());
    assert_eq!(coin.next_request(), url);
    kind(&mut *coin, CONTRACTS);
    assert_eq!(coin.next_request(), None);
    coin.forget_references();
    assert_eq!(coin.next_request(), url);
}

#[test]
fn other_words_are_told_apart() {
    for (text, expected) in [
        (r#"{"op":"error","err-code":2007,"err-msg":"bad"}"#, FrameKind::Refused("2007: bad".to_owned())),
        (r#"{"op":"close","ts":1}"#, FrameKind::Closing("no reason given".to_owned())),
        (r#"{"status":"error","err_code":1,"err_msg":"busy"}"#, FrameKind::Refused("busy".to_owned())),
        (
            r#"{"op":"notify","topic":"public.BTC-USDT.funding_rate","data":[]}"#,
            FrameKind::Ignored("funding_rate"),
        ),
    ] {
        assert_eq!(kind(&mut *htx(), text), expected, "{text}");
    }
}

#[test]
fn garbage_is_refused_whole() {
    let data = frame("BTC-USDT", "sell", r#","amount":0.03,"trade_turnover":1501.5"#);
    refuses_garbage(&mut *htx(), &data);
    survives_anything(
        informed,
        &[&data, &frame("BTC-USD", "buy", ""), CONTRACTS, r#"{"op":"ping","ts":"1"}"#],
    );
}

#[test]
fn real_frames_decode_to_the_sides_that_others_found() {
    for (frame, sides) in expected_sides("huobi-dm").unwrap_or_default() {
        if sides.is_empty() {
            assert_eq!(kind(&mut *htx(), &frame), FrameKind::Ack, "{frame}");
            continue;
        }
        let found = liquidations(&mut *htx(), &frame);
        assert_eq!(found.iter().map(|(_, l)| l.position.as_str()).collect::<Vec<_>>(), sides, "{frame}");
    }
}

#[test]
fn a_real_session_of_other_channels_is_understood_whole_and_its_answers_value_contracts() {
    #[derive(Deserialize)]
    struct Line {
        t: String,
        data: Option<String>,
        b64: Option<String>,
    }
    let Some(capture) = recording("cryptofeed_huobi_swap.jsonl.zst") else { return };
    let mut htx = coin_margined(&FeedConfig::default());
    let mut pongs = 0;
    for line in capture.lines().map(|line| serde_json::from_str::<Line>(line).unwrap()) {
        if line.t != "recv" && line.t != "http" {
            continue;
        }
        let payload = match (line.data, line.b64) {
            (Some(text), _) => Payload::Text(Bytes::from(text)),
            (None, b64) => {
                let engine = base64::engine::general_purpose::STANDARD;
                Payload::Binary(Bytes::from(engine.decode(b64.unwrap()).unwrap()))
            }
        };
        let kind = htx.decode(&payload, &mut Vec::new());
        assert!(
            matches!(
                kind,
                Ok(FrameKind::Ignored("trade" | "depth")
                    | FrameKind::Ack
                    | FrameKind::Keepalive
                    | FrameKind::Reference("contracts"))
            ),
            "{kind:?}: {payload:?}"
        );
        pongs += htx.outgoing().len();
    }
    assert_eq!(pongs, 12);
    assert_eq!(
        told(&mut *htx, &frame("BTC-USD", "sell", "")),
        "BTC-USD BTC-USD-PERP long 50000 0.06 3000.00"
    );
}
