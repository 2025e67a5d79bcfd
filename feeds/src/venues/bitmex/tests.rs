//! What becomes of every message that BitMEX was seen or documented to send.

use market::Timestamp;

use super::*;
use crate::venues::testing::{
    context_frames, decode, describe, expected_sides, kind, liquidations, refuses_garbage, state,
    survives_anything, told,
};

fn bitmex() -> Box<dyn StreamProtocol> {
    protocol(&FeedConfig::default())
}

const ACTIVE: &str = r#"[
{"symbol":"XBTUSD","typ":"FFWCSX","state":"Open","underlying":"XBT","quoteCurrency":"USD","settlCurrency":"XBt","isInverse":true,"isQuanto":false,"multiplier":-100000000,"underlyingToPositionMultiplier":null,"underlyingToSettleMultiplier":-100000000,"expiry":null,"fundingInterval":"2000-01-01T08:00:00.000Z"},
{"symbol":"XBTUSDT","typ":"FFWCSX","state":"Open","underlying":"XBT","quoteCurrency":"USDT","settlCurrency":"USDt","isInverse":false,"isQuanto":false,"multiplier":1,"underlyingToPositionMultiplier":1000000,"fundingInterval":"2000-01-01T04:00:00.000Z"},
{"symbol":"ETHUSD","typ":"FFWCSX","state":"Open","underlying":"ETH","quoteCurrency":"USD","settlCurrency":"XBt","isInverse":false,"isQuanto":true,"multiplier":100},
{"symbol":"ETHM27","typ":"FFCCSX","state":"Open","underlying":"ETH","quoteCurrency":"XBT","settlCurrency":"XBt","isInverse":false,"isQuanto":false,"underlyingToPositionMultiplier":100000,"expiry":"2027-06-25T12:00:00.000Z"},
{"symbol":"DOGEUSD","typ":"FFWCSX","state":"Open","underlying":"DOGE","quoteCurrency":"USD","settlCurrency":"ETh","isInverse":false,"isQuanto":true,"multiplier":100},
{"symbol":"XBT_USDT","typ":"IFXXXP","state":"Open","underlying":"XBT","quoteCurrency":"USDT"}]"#;

fn informed() -> Box<dyn StreamProtocol> {
    let mut bitmex = bitmex();
    assert_eq!(kind(&mut *bitmex, ACTIVE), FrameKind::Reference("instruments"));
    bitmex
}

fn table(action: &str, rows: &str) -> String {
    format!(r#"{{"table":"liquidation","action":"{action}","data":[{rows}]}}"#)
}

fn row(id: &str, symbol: &str, side: &str, leaves: f64) -> String {
    format!(r#"{{"orderID":"{id}","symbol":"{symbol}","side":"{side}","price":50000,"leavesQty":{leaves}}}"#)
}

fn instrument(action: &str, row: &str) -> String {
    format!(r#"{{"table":"instrument","action":"{action}","data":[{row}]}}"#)
}

#[test]
fn a_forced_sale_closes_a_long_and_contracts_are_worth_what_the_list_says() {
    for (symbol, side, told_as) in [
        ("XBTUSD", "Sell", "BTC-USD-PERP long 50000 0.02 1000.00"),
        ("XBTUSD", "Buy", "BTC-USD-PERP short 50000 0.02 1000.00"),
        ("XBTUSDT", "Sell", "BTC-USDT-PERP long 50000 0.001 50.00"),
        ("ETHM27", "Sell", "ETH-BTC-20270625 long 50000 0.01 -"),
        ("ETHUSD", "Sell", "ETH-USD-PERP long 50000 - -"),
        ("DOGEUSD", "Sell", "DOGE-USD-PERP long 50000 - -"),
        ("NEWUSDT", "Sell", "NEW-USDT-PERP long 50000 - -"),
    ] {
        let frame = table("insert", &row("a", symbol, side, 1_000.0));
        assert_eq!(told(&mut *informed(), &frame), format!("{symbol} {told_as}"));
    }
    let frame = table("insert", &row("a", "XBTUSD", "Sell", 1_000.0));
    assert_eq!(told(&mut *bitmex(), &frame), "XBTUSD BTC-USD-PERP long 50000 0.02 1000.00");
    let found = liquidations(&mut *bitmex(), &frame);
    assert_eq!(found[0].1.venue_id.as_deref(), Some("a"));
    assert_eq!(found[0].0, Stamped::UNTOLD, "the receive time will stand for it");
}

#[test]
fn a_quanto_contract_is_worth_bitcoins_once_their_price_is_known() {
    let mut bitmex = informed();
    decode(
        &mut *bitmex,
        &instrument(
            "partial",
            r#"{"symbol":"XBTUSD","markPrice":60000,"timestamp":"2026-11-01T00:00:00.000Z"}"#,
        ),
    )
    .0
    .unwrap();
    // 1,000 contracts of 100 satoshis per dollar at 50,000 dollars are 50 bitcoins.
    let frame = table("insert", &row("a", "ETHUSD", "Sell", 1_000.0));
    assert_eq!(told(&mut *bitmex, &frame), "ETHUSD ETH-USD-PERP long 50000 60 3000000.00");
}

/// Rows told, then contracts counted.
#[test]
fn only_what_is_new_counts() {
    let change =
        |id: &str, leaves: f64| format!(r#"{{"orderID":"{id}","symbol":"XBTUSD","leavesQty":{leaves}}}"#);
    let reprice = r#"{"orderID":"b","symbol":"XBTUSD","price":49000}"#.to_owned();
    let gone = |id: &str| format!(r#"{{"orderID":"{id}","symbol":"XBTUSD"}}"#);
    let mut bitmex = informed();
    let story = [
        ("update", change("early", 500.0), 0.0, "an update of an order that was never told"),
        ("insert", row("b0", "XBTUSD", "Sell", 70.0), 70.0, "an insert before the table was told whole"),
        ("partial", row("a", "XBTUSD", "Sell", 12_900.0), 0.0, "what was there before us"),
        ("update", change("a", 21_600.0), 8_700.0, "it grew"),
        ("update", change("a", 20_000.0), 0.0, "it was filled in part"),
        ("update", change("a", 20_500.0), 500.0, "it grew again"),
        ("insert", row("b", "XBTUSD", "Buy", 900.0), 900.0, "a new order"),
        ("update", reprice, 0.0, "its price changed"),
        ("update", change("b", 1_400.0), 500.0, "it grew"),
        ("delete", gone("b"), 0.0, "it is gone"),
        ("update", change("b", 2_000.0), 0.0, "an order that is gone"),
        ("delete", gone("never"), 0.0, "an order that was never told"),
    ];
    for (action, rows, counted, why) in story {
        let found = liquidations(&mut *bitmex, &table(action, &rows));
        let sum: f64 = found.iter().map(|(_, l)| l.notional.unwrap().get()).sum();
        assert!((sum - counted).abs() < 1e-6, "{why}: {sum}");
    }
    bitmex.reset();
    assert_eq!(
        liquidations(&mut *bitmex, &table("update", &change("a", 99_999.0))),
        [],
        "another connection"
    );
}

#[test]
fn a_refused_message_changes_nothing() {
    let mut bitmex = informed();
    let rows = [row("a", "XBTUSD", "Sell", 100.0), row("b", "XBTUSD", "Neither", 100.0)].join(",");
    let refused = decode(&mut *bitmex, &table("insert", &rows)).0.unwrap_err();
    assert_eq!(refused.to_string(), r#"side is "Neither", neither Sell nor Buy"#);
    assert_eq!(liquidations(&mut *bitmex, &table("insert", &row("a", "XBTUSD", "Sell", 100.0))).len(), 1);
    for action in ["upsert", ""] {
        assert!(decode(&mut *bitmex, &table(action, "")).0.is_err());
    }
}

#[test]
fn sparse_changes_add_up_to_a_state() {
    let mut bitmex = informed();
    let whole = r#"{"symbol":"XBTUSD","markPrice":50000,"fundingRate":0.0001,"fundingTimestamp":"2026-11-01T12:00:00.000Z","openInterest":200000000,"timestamp":"2026-11-01T10:00:00.000Z"}"#;
    assert_eq!(
        state(&mut *bitmex, "instrument", &instrument("partial", whole)),
        [
            "quote BTC-USD-PERP mark 50000 - - - -",
            "funding XBTUSD BTC-USD-PERP 0.0001 8 1793534400",
            "open XBTUSD BTC-USD-PERP 4000 200000000.00",
        ]
    );
    let nothing = r#"{"symbol":"XBTUSD","lastPrice":50001,"timestamp":"2026-11-01T10:00:00.500Z"}"#;
    assert_eq!(state(&mut *bitmex, "instrument", &instrument("update", nothing)), Vec::<String>::new());
    let later = r#"{"symbol":"XBTUSD","openInterest":100000000,"timestamp":"2026-11-01T10:01:00.000Z"}"#;
    assert_eq!(
        state(&mut *bitmex, "instrument", &instrument("update", later)),
        ["quote BTC-USD-PERP mark 50000 - - - -", "open XBTUSD BTC-USD-PERP 2000 100000000.00",]
    );
    let unknown = r#"{"symbol":".BXBT","markPrice":1,"timestamp":"2026-11-01T10:01:00.000Z"}"#;
    assert_eq!(state(&mut *bitmex, "instrument", &instrument("update", unknown)), Vec::<String>::new());
    let (_, events) = decode(&mut *informed(), &instrument("update", &whole.replace("XBTUSD", "XBTUSDT")));
    assert_eq!(events[0].event_time, "2026-11-01T10:00:00Z".parse::<Timestamp>().unwrap());
    assert_eq!(describe(&events[2].observation), "open XBTUSDT BTC-USDT-PERP 200 10000000.00");
}

#[test]
fn context_is_asked_for_once_liquidations_are_subscribed() {
    let mut bitmex = informed();
    bitmex.reset();
    assert_eq!(bitmex.subscribe(), [r#"{"args":["liquidation"],"op":"subscribe"}"#]);
    assert!(bitmex.outgoing().is_empty());
    let ack =
        r#"{"success":true,"subscribe":"liquidation","request":{"op":"subscribe","args":["liquidation"]}}"#;
    assert_eq!(kind(&mut *bitmex, ack), FrameKind::Ack);
    assert!(bitmex.is_subscribed());
    assert_eq!(
        bitmex.outgoing(),
        [r#"{"args":["instrument:ETHUSD","instrument:XBTUSD","instrument:XBTUSDT"],"op":"subscribe"}"#]
    );
}

#[test]
fn small_talk_and_refusals_are_told_apart() {
    for (text, expected) in [
        ("pong", FrameKind::Keepalive),
        (
            r#"{"info":"Welcome to the BitMEX Realtime API.","version":"2.0.0","timestamp":"2026-11-01T00:00:00.000Z","limit":{"remaining":719}}"#,
            FrameKind::Ignored("welcome"),
        ),
        (
            r#"{"status":400,"error":"Unknown table: x","meta":{},"request":{"op":"subscribe"}}"#,
            FrameKind::Refused("400: Unknown table: x".to_owned()),
        ),
        (
            r#"{"error":{"message":"busy","name":"HTTPError"}}"#,
            FrameKind::Refused(r#"{"message":"busy","name":"HTTPError"}"#.to_owned()),
        ),
        (
            r#"{"success":false,"subscribe":"liquidation"}"#,
            FrameKind::Refused("liquidation was refused".to_owned()),
        ),
        (r#"{"table":"trade","action":"insert","data":[]}"#, FrameKind::Ignored("trade")),
    ] {
        assert_eq!(kind(&mut *bitmex(), text), expected, "{text}");
    }
}

#[test]
fn garbage_is_refused_whole() {
    let data = table("insert", &row("a", "XBTUSD", "Sell", 1_000.0));
    let grown = table("update", &row("a", "XBTUSD", "Sell", 9_000.0));
    let state = instrument(
        "partial",
        r#"{"symbol":"XBTUSD","markPrice":50000,"fundingRate":0.0001,"fundingTimestamp":"2026-11-01T12:00:00.000Z","openInterest":2,"timestamp":"2026-11-01T10:00:00.000Z"}"#,
    );
    refuses_garbage(&mut *informed(), &data);
    survives_anything(informed, &[&data, &grown, &state, ACTIVE]);
}

#[test]
fn real_frames_decode_to_the_sides_that_others_found() {
    for (frame, sides) in expected_sides("bitmex").unwrap_or_default() {
        let found = liquidations(&mut *bitmex(), &frame);
        assert_eq!(found.iter().map(|(_, l)| l.position.as_str()).collect::<Vec<_>>(), sides, "{frame}");
    }
}

#[test]
fn real_changes_of_state_are_sensible() {
    let mut bitmex = informed();
    let mark = instrument(
        "partial",
        r#"{"symbol":"XBTUSD","markPrice":8000,"timestamp":"2019-06-01T00:00:00.000Z"}"#,
    );
    decode(&mut *bitmex, &mark).0.unwrap();
    let price = instrument(
        "partial",
        r#"{"symbol":"ETHUSD","markPrice":250,"timestamp":"2019-06-01T00:00:00.000Z"}"#,
    );
    decode(&mut *bitmex, &price).0.unwrap();
    for frame in context_frames("bitmex") {
        let told = state(&mut *bitmex, "instrument", &frame);
        if frame.contains("openInterest") {
            // Each contract: 100 satoshis × 250, at 8,000 dollars a bitcoin.
            assert_eq!(told, ["open ETHUSD ETH-USD-PERP 471377.224 117844306.00"]);
        }
    }
}
