//! What becomes of every message that OKX was seen or documented to send since 2020.

use market::PositionSide;
use proptest::prelude::*;

use super::*;
use crate::config::Instruments;
use crate::venues::testing::{
    decode, expected_sides, is_close, kind, liquidations, received, recording, refuses_garbage,
    survives_anything, told,
};

const SWAPS: &str = r#"{"code":"0","msg":"","data":[
    {"instType":"SWAP","instId":"BTC-USDT-SWAP","instFamily":"BTC-USDT","ctVal":"0.01","ctMult":"1","ctValCcy":"BTC","ctType":"linear","settleCcy":"USDT"},
    {"instType":"SWAP","instId":"BTC-USD-SWAP","instFamily":"BTC-USD","ctVal":"100","ctMult":"1","ctValCcy":"USD","ctType":"inverse","settleCcy":"BTC"},
    {"instType":"SWAP","instId":"ETH-USD_UM-SWAP","instFamily":"ETH-USD_UM","ctVal":0.01,"ctMult":10,"ctValCcy":"ETH","ctType":"linear","settleCcy":"USDC"},
    {"instType":"SWAP","instId":"QTE-USDT-SWAP","instFamily":"QTE-USDT","ctVal":"5","ctMult":"2","ctValCcy":"USDT","ctType":"linear","settleCcy":"USDT"},
    {"instType":"SWAP","instId":"ETH-BTC-SWAP","instFamily":"ETH-BTC","ctVal":"1","ctMult":"1","ctValCcy":"ETH","ctType":"linear","settleCcy":"BTC"},
    {"instType":"SWAP","instId":"ODD-USDT-SWAP","instFamily":"ODD-USDT","ctVal":"1","ctMult":"1","ctValCcy":"EUR","ctType":"linear","settleCcy":"USDT"},
    {"instType":"SWAP","instId":"BAD-USDT-SWAP","instFamily":"BAD-USDT","ctVal":"","ctMult":"1","ctValCcy":"BAD","ctType":"linear","settleCcy":"USDT"},
    {"instType":"SWAP","instId":"MIX-USDT-SWAP","instFamily":"MIX-USDT","ctVal":"1","ctMult":"1","ctValCcy":"MIX","ctType":"linear","settleCcy":"USDT"}]}"#;
const FUTURES: &str = r#"{"code":"0","msg":"","data":[
    {"instType":"FUTURES","instId":"BTC-USD-261225","instFamily":"","uly":"BTC-USD","ctVal":"100","ctMult":"1","ctValCcy":"USD","ctType":"inverse"},
    {"instType":"FUTURES","instId":"MIX-USDT-261225","instFamily":"MIX-USDT","ctVal":"10","ctMult":"1","ctValCcy":"MIX","ctType":"linear"}]}"#;

fn okx() -> Box<dyn StreamProtocol> {
    protocol(&FeedConfig::default())
}

/// A decoder that knows what contracts are worth.
fn informed() -> Box<dyn StreamProtocol> {
    let mut okx = okx();
    for answer in [SWAPS, FUTURES] {
        assert_eq!(kind(&mut *okx, answer), FrameKind::Reference("instruments"));
    }
    okx
}

fn frame(inst_id: &str, detail: &str) -> String {
    let (family, _) = inst_id.rsplit_once('-').unwrap();
    format!(
        r#"{{"arg":{{"channel":"liquidation-orders","instType":"SWAP"}},"data":[{{"details":[{{{detail}}}],"instFamily":"{family}","instId":"{inst_id}","instType":"SWAP","uly":"{family}"}}]}}"#
    )
}

fn long(inst_id: &str) -> String {
    let detail = r#""bkLoss":"0","bkPx":"50000","ccy":"","posSide":"long","side":"sell","sz":"8.5","ts":"1791000000771""#;
    frame(inst_id, detail)
}

#[test]
fn contracts_become_base_units_and_dollars_by_the_currency_of_their_value() {
    for (inst_id, told_as) in [
        ("BTC-USDT-SWAP", "BTC-USDT-PERP long 50000 0.085 4250.00"),
        ("BTC-USD-SWAP", "BTC-USD-PERP long 50000 0.017 850.00"),
        ("BTC-USD-261225", "BTC-USD-20261225 long 50000 0.017 850.00"),
        ("ETH-USD_UM-SWAP", "ETH-USD_UM-PERP long 50000 0.85 42500.00"),
        ("QTE-USDT-SWAP", "QTE-USDT-PERP long 50000 0.0017 85.00"),
        ("ETH-BTC-SWAP", "ETH-BTC-PERP long 50000 8.5 -"),
    ] {
        assert_eq!(told(&mut *informed(), &long(inst_id)), format!("{inst_id} {told_as}"));
    }
}

#[test]
fn an_unlisted_contract_borrows_from_its_family_and_nothing_is_guessed() {
    for (inst_id, told_as) in [
        ("BTC-USDT-251226", "BTC-USDT-20251226 long 50000 0.085 4250.00"),
        ("BTC-USD-220520", "BTC-USD-20220520 long 50000 0.017 850.00"),
        ("MIX-USDT-SWAP", "MIX-USDT-PERP long 50000 8.5 425000.00"),
        ("MIX-USDT-270326", "MIX-USDT-20270326 long 50000 - -"),
        ("NEW-USDT-SWAP", "NEW-USDT-PERP long 50000 - -"),
        ("ODD-USDT-SWAP", "ODD-USDT-PERP long 50000 - -"),
        ("BAD-USDT-SWAP", "BAD-USDT-PERP long 50000 - -"),
    ] {
        assert_eq!(told(&mut *informed(), &long(inst_id)), format!("{inst_id} {told_as}"));
    }
    assert_eq!(told(&mut *okx(), &long("BTC-USDT-SWAP")), "BTC-USDT-SWAP BTC-USDT-PERP long 50000 - -");
}

#[test]
fn a_new_answer_replaces_the_old_one_of_its_kind() {
    let mut okx = informed();
    kind(&mut *okx, &SWAPS.replace("\"0.01\"", "\"0.1\""));
    assert_eq!(
        told(&mut *okx, &long("BTC-USDT-SWAP")),
        "BTC-USDT-SWAP BTC-USDT-PERP long 50000 0.85 42500.00"
    );
    assert!(told(&mut *okx, &long("BTC-USD-261225")).ends_with("850.00"), "futures stay");
}

#[test]
fn the_position_decides_and_the_order_only_where_positions_are_netted() {
    for (pos_side, side, expected) in [
        ("long", "sell", Ok("long")),
        ("short", "buy", Ok("short")),
        ("net", "sell", Ok("long")),
        ("net", "buy", Ok("short")),
        ("net", "", Err(r#"side is "", neither sell nor buy"#)),
        ("", "sell", Err(r#"posSide is "", neither long, short nor net"#)),
        ("Long", "sell", Err(r#"posSide is "Long", neither long, short nor net"#)),
    ] {
        let detail =
            format!(r#""bkPx":"5","posSide":"{pos_side}","side":"{side}","sz":"1","ts":"1791000000771""#);
        let (result, events) = decode(&mut *okx(), &frame("BTC-USDT-SWAP", &detail));
        match expected {
            Ok(position) => assert!(told(&mut *okx(), &frame("BTC-USDT-SWAP", &detail)).contains(position)),
            Err(words) => assert_eq!((result.unwrap_err().to_string(), events.len()), (words.to_owned(), 0)),
        }
    }
}

#[test]
fn every_detail_of_every_contract_is_told_oldest_first_at_the_venues_time() {
    let detail = |ts: &str| format!(r#"{{"bkPx":"5","posSide":"short","side":"buy","sz":"1","ts":{ts}}}"#);
    let frame = format!(
        r#"{{"arg":{{"channel":"liquidation-orders","instType":"FUTURES"}},"data":[{{"instId":"A-USDT-261225","details":[{},{}]}},{{"instId":"B-USDT-261225","details":[{}]}},{{"instId":"C-USDT-261225","details":[]}}]}}"#,
        detail("1791000000900"),
        detail("\"1791000000100\""),
        detail("1790999500000")
    );
    let found = liquidations(&mut *okx(), &frame);
    let times: Vec<_> = found.iter().map(|(at, l)| (at.as_micros() / 1_000, l.symbol.as_str())).collect();
    let expected = [
        (1_790_999_500_000, "B-USDT-261225"),
        (1_791_000_000_100, "A-USDT-261225"),
        (1_791_000_000_900, "A-USDT-261225"),
    ];
    assert_eq!(times, expected);
}

#[test]
fn older_recordings_are_read_too() {
    let mut okx = informed();
    for (frame, told_as) in [
        (
            r#"{"table":"swap/liquidation","generated":true,"data":[{"loss":"0","size":"30","price":"20000","created_at":"2020-12-18T00:31:08.794Z","type":"3","instrument_id":"BTC-USDT-SWAP"}]}"#,
            "BTC-USDT-SWAP BTC-USDT-PERP long 20000 0.3 6000.00",
        ),
        (
            r#"{"table":"futures/liquidation","data":[{"size":"8","price":"20000","created_at":"2020-12-18T08:32:34.576Z","type":4,"instrument_id":"BTC-USD-210326"}]}"#,
            "BTC-USD-210326 BTC-USD-20210326 short 20000 0.04 800.00",
        ),
        (
            r#"{"arg":{"channel":"liquidations","instId":"BTC-USDT-211231"},"data":[{"bkPx":"50000","posSide":"short","side":"buy","sz":"40","ts":"1640140211925"}]}"#,
            "BTC-USDT-211231 BTC-USDT-20211231 short 50000 0.4 20000.00",
        ),
    ] {
        assert_eq!(told(&mut *okx, frame), told_as);
    }
}

#[test]
fn only_wanted_assets_are_kept_and_a_prefix_is_not_an_asset() {
    let instruments = Instruments::Assets(vec!["BTC".to_owned()]);
    let mut okx = protocol(&FeedConfig { instruments, ..FeedConfig::default() });
    assert_eq!(liquidations(&mut *okx, &long("BTC-USDT-SWAP")).len(), 1);
    assert_eq!(liquidations(&mut *okx, &long("BTCDOM-USDT-SWAP")).len(), 0);
}

#[test]
fn contract_values_are_fetched_for_swaps_and_futures() {
    let config = FeedConfig { rest_url: Some("http://127.0.0.1:9/".to_owned()), ..FeedConfig::default() };
    let mut okx = protocol(&config);
    let url = |kind: &str| Some(format!("http://127.0.0.1:9/api/v5/public/instruments?instType={kind}"));
    assert_eq!(okx.next_request(), url("SWAP"));
    kind(&mut *okx, SWAPS);
    assert_eq!(okx.next_request(), url("FUTURES"));
    kind(&mut *okx, r#"{"code":"0","msg":"","data":[]}"#);
    assert_eq!(okx.next_request(), None);
    okx.reset();
    assert_eq!(okx.next_request(), None, "a new connection needs no new values");
    okx.forget_references();
    assert_eq!(okx.next_request(), url("SWAP"));
    assert!(told(&mut *okx, &long("BTC-USDT-SWAP")).ends_with("4250.00"), "the old values serve meanwhile");
}

#[test]
fn other_answers_are_not_contract_values() {
    let mut okx = okx();
    for (frame, label) in [
        (
            r#"{"code":"0","msg":"","data":[{"instType":"SPOT","instId":"BTC-USDT","ctVal":"","ctMult":""}]}"#,
            "other instruments",
        ),
        (
            r#"{"code":"0","msg":"","data":[{"instType":"OPTION","instId":"BTC-USD-261225-9-C","ctVal":"1","ctMult":"0.1"}]}"#,
            "other instruments",
        ),
        (
            r#"{"code":"0","msg":"","data":[{"instType":"SWAP","instId":"BTC-USDT-SWAP","last":"50000"}]}"#,
            "other answer",
        ),
    ] {
        assert_eq!(kind(&mut *okx, frame), FrameKind::Ignored(label), "{frame}");
    }
    let limited = r#"{"code":"50011","msg":"Too Many Requests","data":[]}"#;
    assert_eq!(kind(&mut *okx, limited), FrameKind::Refused("50011: Too Many Requests".to_owned()));
    assert!(okx.next_request().is_some_and(|url| url.ends_with("instType=SWAP")));
}

#[test]
fn both_kinds_are_asked_for_in_one_message_and_both_must_be_acknowledged() {
    let mut okx = okx();
    let messages = okx.subscribe();
    let asked: serde_json::Value = serde_json::from_str(&messages[0]).unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(
        asked,
        serde_json::json!({"op": "subscribe", "args": [
            {"channel": "liquidation-orders", "instType": "SWAP"},
            {"channel": "liquidation-orders", "instType": "FUTURES"},
        ]})
    );
    let ack = |channel: &str, inst_type: &str| {
        format!(
            r#"{{"event":"subscribe","arg":{{"channel":"{channel}","instType":"{inst_type}"}},"connId":"a4d3ae55"}}"#
        )
    };
    for (channel, inst_type, is_complete) in [
        ("liquidation-orders", "SWAP", false),
        ("liquidation-orders", "SWAP", false),
        ("mark-price", "FUTURES", false),
        ("liquidation-orders", "FUTURES", true),
    ] {
        assert_eq!(kind(&mut *okx, &ack(channel, inst_type)), FrameKind::Ack);
        assert_eq!(okx.is_subscribed(), is_complete, "{channel} {inst_type}");
    }
    okx.reset();
    assert!(!okx.is_subscribed());
}

#[test]
fn what_the_venue_says_about_itself_is_understood() {
    let mut okx = okx();
    for (frame, expected) in [
        ("pong", FrameKind::Keepalive),
        (
            r#"{"event":"error","code":"60012","msg":"Invalid request: x","connId":"a4"}"#,
            FrameKind::Refused("60012: Invalid request: x".to_owned()),
        ),
        (
            r#"{"event":"error","code":60018,"msg":"Wrong URL or channel","connId":"a4"}"#,
            FrameKind::Refused("60018: Wrong URL or channel".to_owned()),
        ),
        (
            r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed.","connId":"a4"}"#,
            FrameKind::Closing("64008: The connection will soon be closed.".to_owned()),
        ),
        (r#"{"event":"notice","code":"1","msg":"x"}"#, FrameKind::Ignored("notice")),
        (
            r#"{"event":"channel-conn-count","channel":"liquidation-orders","connCount":"2","connId":"a4"}"#,
            FrameKind::Ignored("channel-conn-count"),
        ),
        (
            r#"{"event":"channel-conn-count-error","channel":"x","connCount":"20","connId":"a4"}"#,
            FrameKind::Ignored("channel-conn-count"),
        ),
        (
            r#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"last":"1"}]}"#,
            FrameKind::Ignored("tickers"),
        ),
        (
            r#"{"arg":{"channel":"liquidation-orders","instType":"MARGIN"},"data":[{"details":[{"ccy":"BTC"}]}]}"#,
            FrameKind::Ignored("margin liquidation"),
        ),
    ] {
        assert_eq!(kind(&mut *okx, frame), expected, "{frame}");
    }
}

#[test]
fn what_cannot_be_right_is_refused_with_the_field_and_its_value() {
    for (good, bad, error) in [
        ("\"50000\"", "\"\"", r#"bkPx is "", not a number"#),
        ("\"50000\"", "\"0\"", r#"bkPx is "0", not a price above zero"#),
        ("\"8.5\"", "\"-8.5\"", r#"sz is "-8.5", below zero"#),
        ("\"8.5\"", "\"1e200\"", "notional is "),
        ("\"1791000000771\"", "\"\"", r#"ts is "", not whole milliseconds"#),
        ("\"instId\":\"BTC-USDT-SWAP\"", "\"instId\":\"BTC-USDT\"", r#"instId is "BTC-USDT", not a symbol"#),
        ("\"instId\":", "\"id\":", r#"instId is "", missing"#),
        ("liquidation-orders", "liquidations-v6", r#"channel is "liquidations-v6", not a known channel"#),
        ("\"SWAP\"}", "\"EVENTS\"}", r#"instType is "EVENTS", not a known kind"#),
    ] {
        let (result, events) = decode(&mut *informed(), &long("BTC-USDT-SWAP").replacen(good, bad, 1));
        let words = result.expect_err(bad).to_string();
        assert!(words.starts_with(error), "{words}");
        assert_eq!(events, []);
    }
}

#[test]
fn garbage_is_refused_whole() {
    let old = r#"{"table":"swap/liquidation","data":[{"size":"30","price":"20000","created_at":"2020-12-18T00:31:08.794Z","type":"3","instrument_id":"BTC-USDT-SWAP"}]}"#;
    let ack = r#"{"event":"subscribe","arg":{"channel":"liquidation-orders","instType":"SWAP"}}"#;
    refuses_garbage(&mut *informed(), &long("BTC-USDT-SWAP"));
    let open = r#"{"arg":{"channel":"open-interest","instId":"BTC-USD-SWAP"},"data":[{"instId":"BTC-USD-SWAP","instType":"SWAP","oi":"5000","oiCcy":"10","oiUsd":"500000","ts":"1791000000000"}]}"#;
    let funding = r#"{"arg":{"channel":"funding-rate","instId":"BTC-USDT-SWAP"},"data":[{"fundingRate":"0.0001","fundingTime":"1791014400000","nextFundingTime":"1791043200000","instId":"BTC-USDT-SWAP","ts":"1791000000000"}]}"#;
    survives_anything(informed, &[open, funding, &long("BTC-USDT-SWAP"), old, ack, FUTURES]);
}

proptest! {
    #[test]
    fn every_valid_liquidation_keeps_its_side_and_its_worth(
        cents in 1_u64..100_000_000, milli in 1_u64..10_000_000, is_net: bool, is_long: bool, is_inverse: bool,
        millis in 1_500_000_000_000_i64..2_500_000_000_000,
    ) {
        let (price, count) = (cents as f64 / 100.0, milli as f64 / 1000.0);
        let (position, side) = if is_long { ("long", "sell") } else { ("short", "buy") };
        let pos_side = if is_net { "net" } else { position };
        let inst_id = if is_inverse { "BTC-USD-SWAP" } else { "BTC-USDT-SWAP" };
        let detail = format!(r#""bkPx":{price},"posSide":"{pos_side}","side":"{side}","sz":"{count}","ts":"{millis}""#);
        let found = liquidations(&mut *informed(), &frame(inst_id, &detail));
        let (event_time, liquidation) = &found[0];
        prop_assert_eq!(Some(*event_time), Timestamp::from_millis(millis));
        prop_assert_eq!(liquidation.position, if is_long { PositionSide::Long } else { PositionSide::Short });
        let (quantity, notional) = (liquidation.quantity.unwrap().get(), liquidation.notional.unwrap().get());
        prop_assert!(is_close(notional, quantity * price));
        let counted = if is_inverse { notional / 100.0 } else { quantity / 0.01 };
        prop_assert!(is_close(counted, count));
    }
}

#[test]
fn real_frames_decode_to_the_sides_that_others_found() {
    for (frame, sides) in expected_sides("okex").unwrap_or_default() {
        let found = liquidations(&mut *okx(), &frame);
        assert_eq!(found.iter().map(|(_, l)| l.position.as_str()).collect::<Vec<_>>(), sides, "{frame}");
    }
}

#[test]
fn a_real_session_is_understood_whole_and_its_answers_value_contracts() {
    let Some(capture) = recording("cryptofeed_okx.jsonl.zst") else { return };
    let mut okx = okx();
    let mut references = 0;
    for frame in received(&capture) {
        match kind(&mut *okx, &frame) {
            FrameKind::Reference(_) => references += 1,
            FrameKind::Ignored(_) | FrameKind::Ack => {}
            other => panic!("{other:?}: {frame}"),
        }
    }
    assert!(references >= 2, "{references}");
    assert_eq!(okx.next_request(), None);
    for (inst_id, told_as) in [
        ("BTC-USDT-SWAP", "BTC-USDT-PERP long 50000 0.085 4250.00"),
        ("BTC-USD-SWAP", "BTC-USD-PERP long 50000 0.017 850.00"),
        ("DOGE-USDT-SWAP", "DOGE-USDT-PERP long 50000 8500 425000000.00"),
        ("ETH-USD-991231", "ETH-USD-20991231 long 50000 0.0017 85.00"),
    ] {
        assert_eq!(told(&mut *okx, &long(inst_id)), format!("{inst_id} {told_as}"));
    }
}
