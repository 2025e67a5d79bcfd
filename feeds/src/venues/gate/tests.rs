//! What becomes of every message that Gate was seen or documented to send.

use super::*;
use crate::venues::testing::{
    context_frames, decode, describe, kind, liquidations, received, recording, refuses_garbage, state,
    survives_anything, told,
};

fn gate() -> Box<dyn StreamProtocol> {
    protocol(&FeedConfig::default())
}

const CONTRACTS: &str = r#"[{"name":"BTC_USDT","type":"direct","quanto_multiplier":"0.0001","funding_interval":28800,"in_delisting":false},{"name":"ETH_USDT","quanto_multiplier":"0.01","funding_interval":14400,"in_delisting":true},{"name":"BTC_USD","type":"inverse","quanto_multiplier":"0"}]"#;

fn informed() -> Box<dyn StreamProtocol> {
    let mut gate = gate();
    assert_eq!(kind(&mut *gate, CONTRACTS), FrameKind::Reference("contracts"));
    gate
}

fn order(contract: &str, size: &str) -> String {
    format!(r#"{{"price":50000,"size":{size},"time_ms":1791000000123,"contract":"{contract}"}}"#)
}

fn frame(channel: &str, result: &str) -> String {
    format!(
        r#"{{"time":1791000001,"time_ms":1791000001000,"channel":"{channel}","event":"update","result":{result}}}"#
    )
}

#[test]
fn the_sign_is_the_orders_and_contracts_have_base_units() {
    for (contract, size, told_as) in [
        ("BTC_USDT", "\"-124\"", "BTC-USDT-PERP long 50000 0.0124 620.00"),
        ("BTC_USDT", "124", "BTC-USDT-PERP short 50000 0.0124 620.00"),
        ("BTC_USDT", "\"0.5\"", "BTC-USDT-PERP short 50000 0.00005 2.50"),
        ("ETH_USDT", "-1.5", "ETH-USDT-PERP long 50000 0.015 750.00"),
        ("NEW_USDT", "-1", "NEW-USDT-PERP long 50000 - -"),
        ("BTC_USD", "-1", "BTC-USD-PERP long 50000 - -"),
    ] {
        let told_as = format!("{contract} {told_as}");
        let order = order(contract, size);
        for result in [order.clone(), format!("[{order}]"), format!("[[{order}]]")] {
            assert_eq!(told(&mut *informed(), &frame(LIQUIDATIONS, &result)), told_as);
        }
        let found = liquidations(&mut *informed(), &frame(LIQUIDATIONS, &order));
        assert_eq!(found[0].0.as_micros(), 1_791_000_000_123_000);
    }
    for (result, words) in [
        (order("BTC_USDT", "0"), r#"size is "0", no order, and so of no side"#),
        (order("BTCUSDT", "1"), r#"contract is "BTCUSDT", not a symbol whose instrument is known"#),
        (format!("[[[{}]]]", order("BTC_USDT", "1")), "result is "),
    ] {
        let (refused, _) = decode(&mut *informed(), &frame(LIQUIDATIONS, &result));
        assert!(refused.unwrap_err().to_string().starts_with(words), "{words}");
    }
}

#[test]
fn tickers_tell_mark_funding_and_open_interest() {
    let ticker =
        r#"[{"contract":"BTC_USDT","mark_price":"50000","funding_rate":"0.0001","total_size":"1000000"}]"#;
    assert_eq!(
        state(&mut *informed(), "ticker", &frame(TICKERS, ticker)),
        [
            "quote BTC-USDT-PERP mark 50000 - - - -",
            "funding BTC_USDT BTC-USDT-PERP 0.0001 8 -",
            "open BTC_USDT BTC-USDT-PERP 100 5000000.00",
        ]
    );
    assert_eq!(
        state(&mut *gate(), "ticker", &frame(TICKERS, ticker)),
        ["quote BTC-USDT-PERP mark 50000 - - - -", "funding BTC_USDT BTC-USDT-PERP 0.0001 - -",]
    );
    let other = ticker.replace("BTC_USDT", "XRP_USDT");
    assert_eq!(state(&mut *informed(), "ticker", &frame(TICKERS, &other)), Vec::<String>::new());
}

#[test]
fn tickers_are_asked_for_once_liquidations_are_subscribed() {
    let mut gate = informed();
    gate.reset();
    let asked = gate.subscribe();
    assert!(asked.len() == 1 && asked[0].contains(LIQUIDATIONS) && asked[0].contains("!all"), "{asked:?}");
    assert_eq!(gate.headers(), [("x-gate-size-decimal", "1")]);
    let ack = |channel| {
        format!(
            r#"{{"time":1,"channel":"{channel}","event":"subscribe","error":null,"result":{{"status":"success"}}}}"#
        )
    };
    assert_eq!(kind(&mut *gate, &ack("futures.trades")), FrameKind::Ack);
    assert!(!gate.is_subscribed() && gate.outgoing().is_empty());
    assert_eq!(kind(&mut *gate, &ack(LIQUIDATIONS)), FrameKind::Ack);
    assert!(gate.is_subscribed());
    let tickers = gate.outgoing().concat();
    assert!(tickers.contains("BTC_USDT") && !tickers.contains("ETH_USDT"), "{tickers}");
    assert!(gate.outgoing().is_empty());
}

#[test]
fn contracts_are_fetched_page_by_page() {
    let config = FeedConfig { rest_url: Some("http://127.0.0.1:9/".to_owned()), ..FeedConfig::default() };
    let mut gate = protocol(&config);
    let row = |n: usize| format!(r#"{{"name":"C{n}_USDT","quanto_multiplier":"1"}}"#);
    let full = format!("[{}]", (0..1_000).map(row).collect::<Vec<_>>().join(","));
    let page =
        |offset| format!("http://127.0.0.1:9/api/v4/futures/usdt/contracts?limit=1000&offset={offset}");
    assert_eq!(gate.next_request(), Some(page(0)));
    kind(&mut *gate, &full);
    assert_eq!(gate.next_request(), Some(page(1_000)));
    kind(&mut *gate, CONTRACTS);
    assert_eq!(gate.next_request(), None);
    gate.forget_references();
    for offset in 0..10 {
        assert_eq!(gate.next_request(), Some(page(offset * 1_000)));
        kind(&mut *gate, &full);
    }
    assert_eq!(gate.next_request(), None, "a server that repeats itself is not asked for ever");
}

#[test]
fn small_talk_and_refusals_are_told_apart() {
    let pong = r#"{"time":1,"time_ms":1000,"channel":"futures.pong","event":"","error":null,"result":null}"#;
    assert_eq!(kind(&mut *gate(), pong), FrameKind::Keepalive);
    let Heartbeat::Text { message, .. } = gate().heartbeat() else { panic!("Gate wants words") };
    assert!(message.contains("futures.ping"));
    let refused = r#"{"time":1,"channel":"futures.public_liquidates","event":"subscribe","error":{"code":2,"message":"unknown contract"},"result":null}"#;
    let words = "futures.public_liquidates: 2: unknown contract".to_owned();
    assert_eq!(kind(&mut *gate(), refused), FrameKind::Refused(words));
    let rest = r#"{"label":"TOO_MANY_REQUESTS","message":"slow down"}"#;
    assert_eq!(kind(&mut *gate(), rest), FrameKind::Refused("TOO_MANY_REQUESTS: slow down".to_owned()));
}

#[test]
fn garbage_is_refused_whole() {
    let data = frame(LIQUIDATIONS, &format!("[{}]", order("BTC_USDT", "\"-124\"")));
    let ticker = frame(
        TICKERS,
        r#"[{"contract":"BTC_USDT","mark_price":"50000","funding_rate":"0.0001","total_size":"1"}]"#,
    );
    refuses_garbage(&mut *informed(), &data);
    survives_anything(informed, &[&data, &ticker, CONTRACTS]);
}

#[test]
fn real_tickers_are_sensible() {
    let config = FeedConfig { context: Instruments::All, ..FeedConfig::default() };
    let mut told = Vec::new();
    for frame in context_frames("gate-io-futures") {
        let mut gate = protocol(&config);
        let (kind, events) = decode(&mut *gate, &frame);
        if kind == Ok(FrameKind::Ack) {
            continue;
        }
        assert_eq!(kind, Ok(FrameKind::Data("ticker")), "{frame}");
        let lines: Vec<String> = events.iter().map(|stamped| describe(&stamped.observation)).collect();
        assert!(lines.len() == 2 && lines[0].contains(" mark "), "{lines:?}");
        told.extend(lines);
    }
    assert!(
        told.is_empty() || told.contains(&"quote BTC-USDT-PERP mark 23175.64 - - - -".to_owned()),
        "{told:?}"
    );
}

#[test]
fn a_real_session_is_understood_whole_and_its_answers_value_contracts() {
    let Some(capture) = recording("cryptofeed_gateio_futures.jsonl.zst") else { return };
    let mut gate = gate();
    for frame in received(&capture) {
        let kind = kind(&mut *gate, &frame);
        assert!(
            matches!(kind, FrameKind::Ignored(_) | FrameKind::Ack | FrameKind::Reference("contracts")),
            "{kind:?}: {frame}"
        );
    }
    assert_eq!(gate.next_request(), None);
    let order = frame(LIQUIDATIONS, &order("BTC_USDT", "-10000"));
    assert_eq!(told(&mut *gate, &order), "BTC_USDT BTC-USDT-PERP long 50000 1 50000.00");
}
