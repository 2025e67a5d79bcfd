//! What becomes of every message that Bitfinex was seen or documented to send.

use super::*;
use crate::venues::testing::{
    decode, expected_sides, is_close, kind, liquidations, refuses_garbage, survives_anything, told,
};

fn bitfinex() -> Box<dyn StreamProtocol> {
    protocol(&FeedConfig::default())
}

fn row(id: u64, symbol: &str, amount: f64, is_match: u8, price: &str) -> String {
    format!(r#"["pos",{id},1791000000123,null,"{symbol}",{amount},40000,null,{is_match},1,null,{price}]"#)
}

fn frame(rows: &[String]) -> String {
    format!("[42,[{}]]", rows.join(","))
}

const BTC: &str = "tBTCF0:USTF0";

#[test]
fn the_sign_is_the_positions() {
    for (row, told_as) in [
        (row(1, BTC, 0.5, 0, "50000"), "tBTCF0:USTF0 BTC-USDT-PERP long 50000 0.5 25000.00"),
        (row(1, BTC, -0.5, 0, "50000"), "tBTCF0:USTF0 BTC-USDT-PERP short 50000 0.5 25000.00"),
        (row(1, BTC, 0.5, 0, "null"), "tBTCF0:USTF0 BTC-USDT-PERP long 40000 0.5 20000.00"),
        (row(1, "tETHF0:BTCF0", 0.5, 1, "50000"), "tETHF0:BTCF0 ETH-BTC-PERP long 50000 0.5 -"),
    ] {
        for frame in [frame(std::slice::from_ref(&row)), format!("[42,{row}]")] {
            assert_eq!(told(&mut *bitfinex(), &frame), told_as);
        }
    }
    for (row, words) in [
        (row(1, BTC, 0.0, 0, "1"), r#"amount is "0", no position, and so of no side"#),
        (row(1, BTC, 1.0, 7, "1"), r#"isMatch is "7", neither 0 nor 1"#),
        (row(1, BTC, 1.0, 0, "-1"), r#"price is "-1", not a price above zero"#),
    ] {
        assert_eq!(decode(&mut *bitfinex(), &frame(&[row])).0.unwrap_err().to_string(), words);
    }
}

#[test]
fn a_position_counts_once_and_every_frame_tells_its_side_alone() {
    let (execution, trigger) = (row(7, BTC, -5.0, 1, "50000"), row(7, BTC, -8.0, 0, "null"));
    for alone in [&execution, &trigger] {
        let found = liquidations(&mut *bitfinex(), &frame(std::slice::from_ref(alone)));
        assert_eq!(found[0].1.position, PositionSide::Short);
    }
    let mut bitfinex = bitfinex();
    let mut sum = 0.0;
    for next in [execution, trigger, row(7, BTC, -3.0, 1, "51000")] {
        let found = liquidations(&mut *bitfinex, &frame(&[next]));
        sum += found.iter().map(|(_, l)| l.quantity.unwrap().get()).sum::<f64>();
    }
    assert!(is_close(sum, 8.0), "{sum}");
}

#[test]
fn a_row_in_a_refused_frame_does_not_count_as_told() {
    let mut bitfinex = bitfinex();
    let good = row(7, BTC, 1.0, 0, "50000");
    assert!(decode(&mut *bitfinex, &frame(&[good.clone(), row(8, BTC, 0.0, 0, "1")])).0.is_err());
    assert_eq!(liquidations(&mut *bitfinex, &frame(&[good])).len(), 1);
}

#[test]
fn what_the_snapshot_repeats_was_known_when_it_happened() {
    for (sent, published) in [("1791000000200", None), ("1791000900000", Some(1_791_000_000_123))] {
        let frame = format!(r#"[42,[{}],17,{sent},"liquidations","global"]"#, row(1, BTC, 1.0, 0, "1"));
        let (_, events) = decode(&mut *bitfinex(), &frame);
        assert_eq!(events[0].published.map(|at| at.as_micros() / 1_000), published, "{sent}");
    }
}

#[test]
fn margin_positions_are_no_contracts() {
    let margin = row(1, "tBTCUSD", 1.0, 0, "50000");
    assert_eq!(
        kind(&mut *bitfinex(), &frame(std::slice::from_ref(&margin))),
        FrameKind::Ignored("margin liquidation")
    );
    let both = frame(&[margin, row(2, BTC, 1.0, 0, "50000")]);
    assert_eq!(liquidations(&mut *bitfinex(), &both).len(), 1);
}

#[test]
fn small_talk_is_told_apart() {
    let mut bitfinex = bitfinex();
    for (text, expected) in [
        (
            r#"{"event":"info","version":2,"serverId":"x","platform":{"status":1}}"#,
            FrameKind::Ignored("info"),
        ),
        (r#"{"event":"conf","status":"OK","flags":32768}"#, FrameKind::Ack),
        (r#"{"event":"subscribed","channel":"status","chanId":9,"key":"deriv:x"}"#, FrameKind::Ack),
        (r#"{"event":"pong","ts":1791000000000,"cid":1}"#, FrameKind::Keepalive),
        (r#"[9,"hb",1791000000000]"#, FrameKind::Keepalive),
        (
            r#"{"event":"error","msg":"key: invalid","code":10300}"#,
            FrameKind::Refused("10300: key: invalid".to_owned()),
        ),
        (
            r#"{"event":"info","code":20051,"msg":"Stopping"}"#,
            FrameKind::Closing("20051: Stopping".to_owned()),
        ),
    ] {
        assert_eq!(kind(&mut *bitfinex, text), expected, "{text}");
        assert!(!bitfinex.is_subscribed());
    }
    assert!(bitfinex.subscribe().concat().contains(KEY));
    kind(&mut *bitfinex, r#"{"event":"subscribed","channel":"status","chanId":9,"key":"liq:global"}"#);
    assert!(bitfinex.is_subscribed());
}

#[test]
fn garbage_is_refused_whole() {
    let data = frame(&[row(1, BTC, 0.5, 0, "50000")]);
    refuses_garbage(&mut *bitfinex(), &data);
    survives_anything(bitfinex, &[&data, r#"{"event":"info","code":20051,"msg":"Stopping"}"#]);
}

#[test]
fn real_frames_decode_to_the_sides_that_others_found_and_one_position_counts_once() {
    let mut replay = bitfinex();
    let mut sum = 0.0;
    let frames = expected_sides("bitfinex derivatives").unwrap_or_default();
    for (frame, sides) in &frames {
        if sides.is_empty() {
            assert_eq!(kind(&mut *bitfinex(), frame), FrameKind::Keepalive, "{frame}");
            continue;
        }
        let found = liquidations(&mut *bitfinex(), frame);
        assert_eq!(found.iter().map(|(_, l)| l.position.as_str()).collect::<Vec<_>>(), *sides, "{frame}");
        for (_, liquidation) in liquidations(&mut *replay, frame) {
            if liquidation.venue_id.as_deref().is_some_and(|id| id.starts_with("143679087")) {
                sum += liquidation.quantity.unwrap().get();
            }
        }
    }
    assert!(frames.is_empty() || is_close(sum, 8.6007), "{sum}");
}
