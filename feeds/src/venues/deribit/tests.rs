//! What becomes of every message that Deribit was seen or documented to send.

use super::*;
use crate::venues::testing::{
    context_frames, decode, expected_sides, is_close, kind, liquidations, received, recording,
    refuses_garbage, state, survives_anything, told,
};

fn deribit() -> Box<dyn StreamProtocol> {
    protocol(&FeedConfig::default())
}

fn trade(id: &str, name: &str, rest: &str) -> String {
    format!(
        r#"{{"trade_seq":1,"trade_id":"{id}","timestamp":1791000000500,"tick_direction":3,"instrument_name":"{name}","index_price":50001.0,{rest}}}"#
    )
}

fn batch(trades: &[String]) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"trades.future.BTC.100ms","data":[{}]}}}}"#,
        trades.join(",")
    )
}

fn ticker(name: &str, second: i64, rest: &str) -> String {
    let at = 1_791_000_000_000 + second * 1_000;
    format!(
        r#"{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"ticker.{name}.agg2","data":{{"timestamp":{at},"state":"open","stats":{{"volume":1.0}},"instrument_name":"{name}","mark_price":50000.0{rest}}}}}}}"#
    )
}

const ACK: &str = r#"{"jsonrpc":"2.0","id":2,"result":["trades.future.BTC.100ms","trades.future.ETH.100ms","trades.future.USDC.100ms"],"usIn":1,"usOut":2,"usDiff":1,"testnet":false}"#;
const INSTRUMENTS: &str = r#"{"jsonrpc":"2.0","id":5,"result":[{"instrument_name":"BTC-PERPETUAL","kind":"future","is_active":true},{"instrument_name":"BTC-25DEC26","kind":"future","is_active":true},{"instrument_name":"DOGE_USDC-PERPETUAL","kind":"future","is_active":true}]}"#;

#[test]
fn the_side_that_was_liquidated_is_the_takers_or_the_makers() {
    for (liquidation, direction, position) in
        [("T", "sell", "long"), ("M", "buy", "long"), ("T", "buy", "short"), ("M", "sell", "short")]
    {
        let rest = format!(
            r#""price":50000.0,"liquidation":"{liquidation}","direction":"{direction}","amount":25000.0"#
        );
        assert_eq!(
            told(&mut *deribit(), &batch(&[trade("7", "BTC-PERPETUAL", &rest)])),
            format!("BTC-PERPETUAL BTC-USD-PERP {position} 50000 0.5 25000.00")
        );
    }
    let both = r#""price":50000.0,"liquidation":"MT","direction":"buy","amount":100.0"#;
    let found = liquidations(&mut *deribit(), &batch(&[trade("7", "BTC-PERPETUAL", both)]));
    let sides: Vec<&str> = found.iter().map(|(_, l)| l.position.as_str()).collect();
    assert_eq!(sides, ["long", "short"]);
    assert!(found.iter().all(|(_, l)| l.venue_id.as_deref() == Some("7")));
    for (liquidation, direction, words) in
        [("X", "sell", r#"liquidation is "X", neither M, T nor MT"#), ("T", "Sell", r#"direction is "Sell""#)]
    {
        let rest = format!(r#""price":1,"liquidation":"{liquidation}","direction":"{direction}","amount":1"#);
        let (refused, _) = decode(&mut *deribit(), &batch(&[trade("7", "BTC-PERPETUAL", &rest)]));
        assert!(refused.unwrap_err().to_string().starts_with(words));
    }
}

#[test]
fn amounts_are_dollars_or_coins_by_what_settles_the_contract() {
    let rest = r#""price":2000.0,"liquidation":"T","direction":"sell","amount":10.0"#;
    for (name, told_as) in [
        ("ETH-PERPETUAL", "ETH-USD-PERP long 2000 0.005 10.00"),
        ("ETH-25DEC26", "ETH-USD-20261225 long 2000 0.005 10.00"),
        ("ETH_USDC-PERPETUAL", "ETH-USDC-PERP long 2000 10 20000.00"),
        ("ETH_USDC-5JUN26", "ETH-USDC-20260605 long 2000 10 20000.00"),
    ] {
        assert_eq!(told(&mut *deribit(), &batch(&[trade("1", name, rest)])), format!("{name} {told_as}"));
    }
}

#[test]
fn fills_of_one_moment_side_and_contract_are_one_liquidation_at_their_average_price() {
    let fill = |id, name, price: f64, amount: f64, side| {
        let rest = format!(r#""price":{price},"liquidation":"T","direction":"{side}","amount":{amount}"#);
        trade(id, name, &rest)
    };
    let frame = batch(&[
        fill("1", "BTC-PERPETUAL", 50_000.0, 100.0, "sell"),
        fill("2", "BTC-PERPETUAL", 40_000.0, 300.0, "sell"),
        fill("3", "BTC-25DEC26", 40_000.0, 10.0, "sell"),
        fill("4", "BTC-PERPETUAL", 40_000.0, 20.0, "buy"),
        trade("5", "BTC-PERPETUAL", r#""price":1.0,"direction":"buy","amount":20"#),
        fill("6", "ETH_USDC-PERPETUAL", 1_000.0, 1.0, "buy"),
        fill("7", "ETH_USDC-PERPETUAL", 4_000.0, 2.0, "buy"),
    ]);
    let mut deribit = deribit();
    let found = liquidations(&mut *deribit, &frame);
    let mut lines: Vec<String> = found
        .iter()
        .map(|(_, l)| format!("{} {} {:.2} {}", l.symbol, l.position, l.notional.unwrap().get(), l.price))
        .collect();
    assert!(is_close(found[1].1.quantity.unwrap().get(), 0.002 + 0.0075));
    assert_eq!(lines.remove(1).split('.').next(), Some("BTC-PERPETUAL long 400"), "{lines:?}");
    assert!(is_close(found[1].1.price.get(), 400.0 / 0.0095));
    assert_eq!(
        lines,
        [
            "BTC-25DEC26 long 10.00 40000",
            "BTC-PERPETUAL short 20.00 40000",
            "ETH_USDC-PERPETUAL short 9000.00 3000",
        ]
    );
    assert_eq!(liquidations(&mut *deribit, &frame), [], "every trade was told already");
    let later =
        batch(&[fill("2", "BTC-PERPETUAL", 1.0, 1.0, "sell"), fill("8", "BTC-PERPETUAL", 1.0, 1.0, "sell")]);
    assert_eq!(liquidations(&mut *deribit, &later)[0].1.venue_id.as_deref(), Some("8"));
}

#[test]
fn a_trade_in_a_refused_batch_does_not_count_as_told() {
    let good = r#""price":50000.0,"liquidation":"T","direction":"sell","amount":10"#;
    let bad = r#""price":0,"liquidation":"T","direction":"sell","amount":10"#;
    let mut deribit = deribit();
    let both = batch(&[trade("1", "BTC-PERPETUAL", good), trade("2", "BTC-PERPETUAL", bad)]);
    assert!(decode(&mut *deribit, &both).0.is_err());
    assert_eq!(liquidations(&mut *deribit, &batch(&[trade("1", "BTC-PERPETUAL", good)])).len(), 1);
}

#[test]
fn ordinary_trades_and_options_are_no_liquidations() {
    let ordinary = trade("1", "BTC-PERPETUAL", r#""price":1.0,"direction":"buy","amount":20"#);
    let option =
        trade("2", "BTC-25DEC26-15000-C", r#""price":0.1,"liquidation":"T","direction":"sell","amount":1.0"#);
    assert_eq!(kind(&mut *deribit(), &batch(&[ordinary, option])), FrameKind::Ignored("trades"));
}

#[test]
fn a_ticker_tells_mark_funding_and_open_interest() {
    let rest = r#","open_interest":1000000,"funding_8h":0.0001,"current_funding":0.0"#;
    let mut deribit = deribit();
    assert_eq!(
        state(&mut *deribit, "ticker", &ticker("BTC-PERPETUAL", 0, rest)),
        [
            "quote BTC-USD-PERP mark 50000 - - - -",
            "funding BTC-PERPETUAL BTC-USD-PERP 0.0001 8 -",
            "open BTC-PERPETUAL BTC-USD-PERP 20 1000000.00",
        ]
    );
    assert_eq!(
        state(&mut *deribit, "ticker", &ticker("BTC_USDC-PERPETUAL", 0, r#","open_interest":2.5"#)),
        ["quote BTC-USDC-PERP mark 50000 - - - -", "open BTC_USDC-PERPETUAL BTC-USDC-PERP 2.5 125000.00"]
    );
    let moved = r#","open_interest":1000000,"funding_8h":0.0002"#;
    assert_eq!(state(&mut *deribit, "ticker", &ticker("BTC-PERPETUAL", 30, moved)).len(), 1, "a mark alone");
    assert_eq!(state(&mut *deribit, "ticker", &ticker("BTC-PERPETUAL", 60, moved)).len(), 2);
    assert_eq!(kind(&mut *deribit, &ticker("SOL_USDC-PERPETUAL", 0, "")), FrameKind::Ignored("ticker"));
    let option = ticker("BTC-25DEC26-15000-C", 0, "");
    assert_eq!(kind(&mut *deribit, &option), FrameKind::Ignored("option ticker"));
}

#[test]
fn a_test_request_is_answered_once_and_no_plain_heartbeat_is() {
    let beat =
        |kind: &str| format!(r#"{{"jsonrpc":"2.0","method":"heartbeat","params":{{"type":"{kind}"}}}}"#);
    let mut deribit = deribit();
    assert_eq!(kind(&mut *deribit, &beat("heartbeat")), FrameKind::Keepalive);
    assert!(deribit.outgoing().is_empty());
    assert_eq!(kind(&mut *deribit, &beat("test_request")), FrameKind::Keepalive);
    let answer = deribit.outgoing();
    assert!(answer.len() == 1 && answer[0].contains("public/test"), "{answer:?}");
    assert!(deribit.outgoing().is_empty());
    let version = r#"{"jsonrpc":"2.0","id":3,"result":{"version":"1.2.26"},"usIn":1,"usOut":2}"#;
    assert_eq!(kind(&mut *deribit, version), FrameKind::Keepalive);
}

#[test]
fn context_is_asked_for_once_trades_are_subscribed_and_never_holds_them_up() {
    let mut deribit = deribit();
    deribit.reset();
    let asked = deribit.subscribe();
    assert!(asked.iter().all(|message| !message.contains("ticker")), "{asked:?}");
    assert_eq!(kind(&mut *deribit, r#"{"jsonrpc":"2.0","id":1,"result":"ok"}"#), FrameKind::Ack);
    assert!(!deribit.is_subscribed());
    assert_eq!(kind(&mut *deribit, ACK), FrameKind::Ack);
    assert!(deribit.is_subscribed());
    assert_eq!(deribit.outgoing().iter().filter(|ask| ask.contains("get_instruments")).count(), 3);
    assert_eq!(kind(&mut *deribit, INSTRUMENTS), FrameKind::Reference("instruments"));
    let tickers = deribit.outgoing().concat();
    assert!(tickers.contains("ticker.BTC-PERPETUAL.agg2"), "{tickers}");
    assert!(!tickers.contains("DOGE") && !tickers.contains("25DEC26"), "{tickers}");
    let served = r#"{"jsonrpc":"2.0","id":4,"result":["ticker.BTC-PERPETUAL.agg2"]}"#;
    assert_eq!(kind(&mut *deribit, served), FrameKind::Ack);
}

#[test]
fn what_is_not_served_is_refused() {
    let mut deribit = deribit();
    let partly = r#"{"jsonrpc":"2.0","id":2,"result":["trades.future.BTC.100ms"]}"#;
    let words = "trades.future.ETH.100ms was asked for and is not served".to_owned();
    assert_eq!(kind(&mut *deribit, partly), FrameKind::Refused(words));
    assert!(!deribit.is_subscribed());
    let busy = r#"{"jsonrpc":"2.0","id":2,"error":{"message":"too_many_requests","code":10028}}"#;
    assert_eq!(kind(&mut *deribit, busy), FrameKind::Refused("10028: too_many_requests".to_owned()));
    let config =
        FeedConfig { instruments: Instruments::Assets(vec!["SOL".to_owned()]), ..FeedConfig::default() };
    let linear = r#"{"jsonrpc":"2.0","id":2,"result":["trades.future.USDC.100ms"]}"#;
    assert_eq!(kind(&mut *protocol(&config), linear), FrameKind::Ack);
}

#[test]
fn garbage_is_refused_whole() {
    let rest = r#""price":50000.0,"liquidation":"T","direction":"sell","amount":10"#;
    let frame = batch(&[trade("1", "BTC-PERPETUAL", rest)]);
    let ticker = ticker("BTC-PERPETUAL", 0, r#","open_interest":1000000,"funding_8h":0.0001"#);
    refuses_garbage(&mut *deribit(), &frame);
    survives_anything(deribit, &[&frame, &ticker, ACK, INSTRUMENTS]);
}

#[test]
fn real_frames_decode_to_the_sides_that_others_found() {
    for (frame, sides) in expected_sides("deribit").unwrap_or_default() {
        let found = liquidations(&mut *deribit(), &frame);
        assert_eq!(found.iter().map(|(_, l)| l.position.as_str()).collect::<Vec<_>>(), sides, "{frame}");
        assert!(found.iter().all(|(_, l)| l.notional.unwrap().get() >= 1_120.0));
    }
}

#[test]
fn real_tickers_are_sensible() {
    for frame in context_frames("deribit") {
        let told = state(&mut *deribit(), "ticker", &frame);
        let words: Vec<&str> = told.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(words, ["quote", "funding", "open"], "{told:?}");
    }
}

#[test]
fn a_real_session_of_other_channels_is_understood_whole() {
    let Some(capture) = recording("cryptofeed_deribit.jsonl.zst") else { return };
    let mut deribit = deribit();
    let mut references = 0;
    for frame in received(&capture) {
        match decode(&mut *deribit, &frame).0 {
            Ok(FrameKind::Reference("instruments")) => references += 1,
            Ok(FrameKind::Ignored(_) | FrameKind::Ack) => {}
            other => panic!("{other:?}: {}", &frame[..frame.len().min(300)]),
        }
    }
    assert_eq!(references, 4);
}
