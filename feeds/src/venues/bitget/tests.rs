//! What becomes of every message that Bitget was seen or documented to send.

use super::*;
use crate::venues::testing::{
    decode, expected_sides, is_close, kind, liquidations, refuses_garbage, survives_anything, told,
};

fn bitget() -> Box<dyn StreamProtocol> {
    protocol(&FeedConfig::default())
}

fn frame(inst_type: &str, symbol: &str, side: &str) -> String {
    format!(
        r#"{{"action":"update","arg":{{"instType":"{inst_type}","topic":"liquidation"}},"data":[{{"symbol":"{symbol}","side":"{side}","price":"50000","amount":"25000","ts":"1791000000123"}}],"ts":1791000001000}}"#
    )
}

#[test]
fn the_side_is_the_positions_and_the_amount_is_its_worth() {
    for (inst_type, symbol, side, told_as) in [
        ("usdt-futures", "BTCUSDT", "buy", "BTC-USDT-PERP long 50000 0.5 25000.00"),
        ("usdt-futures", "BTCUSDT", "sell", "BTC-USDT-PERP short 50000 0.5 25000.00"),
        ("usdc-futures", "BTCPERP", "sell", "BTC-USDC-PERP short 50000 0.5 25000.00"),
        ("coin-futures", "BTCUSD", "buy", "BTC-USD-PERP long 50000 - -"),
        ("coin-futures", "BTCUSDH27", "buy", "BTC-USD-20270326 long 50000 - -"),
    ] {
        assert_eq!(told(&mut *bitget(), &frame(inst_type, symbol, side)), format!("{symbol} {told_as}"));
    }
    for (frame, words) in [
        (frame("usdt-futures", "BTCUSDT", "Buy"), r#"side is "Buy", neither buy nor sell"#),
        (frame("spot", "BTCUSDT", "buy"), r#"instType is "spot", not a known kind of futures"#),
        (frame("usdt-futures", "BTCEUR", "buy"), r#"symbol is "BTCEUR", not a symbol"#),
    ] {
        assert!(decode(&mut *bitget(), &frame).0.unwrap_err().to_string().starts_with(words), "{words}");
    }
}

#[test]
fn every_market_must_be_acknowledged() {
    let mut bitget = bitget();
    bitget.reset();
    let asked = bitget.subscribe().concat();
    for market in Market::ALL {
        assert!(asked.contains(market.as_str()), "{asked}");
        assert!(!bitget.is_subscribed());
        let ack = format!(
            r#"{{"event":"subscribe","arg":{{"instType":"{}","topic":"liquidation"}},"connId":"x"}}"#,
            market.as_str()
        );
        assert_eq!(kind(&mut *bitget, &ack), FrameKind::Ack);
    }
    assert!(bitget.is_subscribed());
}

#[test]
fn small_talk_and_refusals_are_told_apart() {
    assert_eq!(kind(&mut *bitget(), "pong"), FrameKind::Keepalive);
    let refused = r#"{"event":"error","arg":{"instType":"x","topic":"liquidation"},"code":30001,"msg":"no such channel"}"#;
    assert_eq!(kind(&mut *bitget(), refused), FrameKind::Refused("30001: no such channel".to_owned()));
    let ticker = r#"{"action":"snapshot","arg":{"instType":"usdt-futures","topic":"ticker","symbol":"BTCUSDT"},"data":[]}"#;
    assert_eq!(kind(&mut *bitget(), ticker), FrameKind::Ignored("ticker"));
}

#[test]
fn garbage_is_refused_whole() {
    let data = frame("usdt-futures", "BTCUSDT", "buy");
    refuses_garbage(&mut *bitget(), &data);
    let ack = r#"{"event":"subscribe","arg":{"instType":"usdt-futures","topic":"liquidation"}}"#;
    survives_anything(bitget, &[&data, ack]);
}

#[test]
fn real_frames_decode_to_the_sides_that_others_found_in_whole_steps_of_quantity() {
    for (frame, sides) in expected_sides("bitget").unwrap_or_default() {
        let found = liquidations(&mut *bitget(), &frame);
        let mut positions: Vec<&str> = found.iter().map(|(_, l)| l.position.as_str()).collect();
        positions.sort_unstable();
        assert_eq!(positions, sides, "{frame}");
        for (_, liquidation) in found {
            let steps = liquidation.quantity.unwrap().get() * 10.0;
            assert!(is_close(steps, steps.round()), "{steps}");
        }
    }
}
