//! What becomes of every message that Bybit was seen or documented to send since 2020.

use market::{PositionSide, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::config::Instruments;
use crate::venues::testing::{
    decode, expected_sides, is_close, kind, liquidations, received_from, recording, refuses_garbage, state,
    survives_anything, told,
};

fn bybit() -> Box<dyn StreamProtocol> {
    protocol(&FeedConfig::default())
}

fn wanting(assets: &[&str]) -> Box<dyn StreamProtocol> {
    let assets = assets.iter().map(|asset| (*asset).to_owned()).collect();
    protocol(&FeedConfig { instruments: Instruments::Assets(assets), ..FeedConfig::default() })
}

fn row(symbol: &str, base: &str, quote: &str) -> String {
    format!(
        r#"{{"symbol":"{symbol}","contractType":"LinearPerpetual","status":"Trading","baseCoin":"{base}","quoteCoin":"{quote}","deliveryTime":"0"}}"#
    )
}

fn page(rows: &[String], cursor: &str) -> String {
    format!(
        r#"{{"retCode":0,"retMsg":"OK","result":{{"category":"linear","list":[{}],"nextPageCursor":"{cursor}"}},"time":1791000000000}}"#,
        rows.join(",")
    )
}

/// A feed that knows `count` contracts, `C0USDT` and so on.
fn listing(count: usize) -> Box<dyn StreamProtocol> {
    let mut bybit = bybit();
    let rows: Vec<String> = (0..count).map(|n| row(&format!("C{n}USDT"), &format!("C{n}"), "USDT")).collect();
    assert_eq!(kind(&mut *bybit, &page(&rows, "")), FrameKind::Reference("instruments"));
    bybit
}

fn args(message: &str) -> (String, Vec<String>) {
    let message: serde_json::Value = serde_json::from_str(message).unwrap();
    assert_eq!(message["op"], "subscribe");
    let topics = message["args"].as_array().unwrap().iter();
    (
        message["req_id"].as_str().unwrap().to_owned(),
        topics.map(|topic| topic.as_str().unwrap().to_owned()).collect(),
    )
}

fn answer(is_success: bool, req_id: &str, words: &str) -> String {
    format!(
        r#"{{"success":{is_success},"ret_msg":"{words}","conn_id":"x","req_id":"{req_id}","op":"subscribe"}}"#
    )
}

const BATCH: &str = r#"{"topic":"allLiquidation.ETHUSDT","type":"snapshot","ts":1791000001500,"data":[{"T":1791000001400,"s":"ETHUSDT","S":"Buy","v":"2.5","p":"3000.10"},{"T":1791000001300,"s":"ETHUSDT","S":"Sell","v":"1","p":"3001"}]}"#;

#[test]
fn buy_is_a_long_that_was_closed_and_a_batch_is_told_oldest_first() {
    let found = liquidations(&mut *bybit(), BATCH);
    let sides: Vec<_> = found.iter().map(|(at, l)| (at.as_micros() / 1_000, l.position.as_str())).collect();
    assert_eq!(sides, [(1_791_000_001_300, "short"), (1_791_000_001_400, "long")]);
    assert!(is_close(found[1].1.notional.unwrap().get(), 7_500.25));
}

#[test]
fn every_shape_since_2020_tells_the_same() {
    for (frame, told_as) in [
        (
            r#"{"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1791000001500,"data":[{"T":1791000001400,"s":"BTCUSDT","S":"Sell","v":"0.5","p":"60000"}]}"#,
            "BTCUSDT BTC-USDT-PERP short 60000 0.5 30000.00",
        ),
        (
            r#"{"data":{"price":"0.04","side":"Buy","size":"1000","symbol":"GALAUSDT","updatedTime":1673000000000},"topic":"liquidation.GALAUSDT","ts":1673000000000,"type":"snapshot"}"#,
            "GALAUSDT GALA-USDT-PERP long 0.04 1000 40.00",
        ),
        (
            r#"{"topic":"liquidation.BTCUSDT","data":{"symbol":"BTCUSDT","side":"Sell","price":"40000","qty":"0.01","time":1632000000000}}"#,
            "BTCUSDT BTC-USDT-PERP short 40000 0.01 400.00",
        ),
        (
            r#"{"topic":"liquidation.BTCUSD","generated":true,"data":[{"id":42,"qty":8000,"side":"Sell","time":1608000000000,"symbol":"BTCUSD","price":20000}]}"#,
            "BTCUSD BTC-USD-PERP short 20000 0.4 8000.00",
        ),
    ] {
        assert_eq!(told(&mut *bybit(), frame), told_as);
    }
    let with_id = r#"{"topic":"liquidation.BTCUSD","data":[{"id":42,"qty":8000,"side":"Sell","time":1608000000000,"symbol":"BTCUSD","price":20000}]}"#;
    assert_eq!(liquidations(&mut *bybit(), with_id)[0].1.venue_id.as_deref(), Some("42"));
}

#[test]
fn the_roster_says_what_a_symbol_means() {
    let mut bybit = bybit();
    let future = r#"{"symbol":"ODD-1","contractType":"LinearFutures","status":"Trading","baseCoin":"BTC","quoteCoin":"USDC","deliveryTime":"1806048000000"}"#;
    let rows = [row("SHIB1000USDT", "SHIB1000", "USDT"), row("BRLX", "BTC", "BRL"), future.to_owned()];
    assert_eq!(kind(&mut *bybit, &page(&rows, "")), FrameKind::Reference("instruments"));
    for (symbol, told_as) in [
        ("SHIB1000USDT", "1000SHIB-USDT-PERP long 2 3 6.00"),
        ("BRLX", "BTC-BRL-PERP long 2 3 -"),
        ("ODD-1", "BTC-USDC-20270326 long 2 3 6.00"),
        ("NOTLISTEDUSDT", "NOTLISTED-USDT-PERP long 2 3 6.00"),
    ] {
        let frame = format!(
            r#"{{"topic":"allLiquidation.{symbol}","data":[{{"T":1791000001400,"s":"{symbol}","S":"Buy","v":3,"p":2}}]}}"#
        );
        assert_eq!(told(&mut *bybit, &frame), format!("{symbol} {told_as}"));
    }
}

#[test]
fn the_roster_is_fetched_page_by_page_until_no_cursor_is_left() {
    let config = FeedConfig { rest_url: Some("http://127.0.0.1:9/".to_owned()), ..FeedConfig::default() };
    let mut bybit = protocol(&config);
    let first = "http://127.0.0.1:9/v5/market/instruments-info?category=linear&limit=1000";
    assert_eq!(bybit.next_request().as_deref(), Some(first));
    kind(&mut *bybit, &page(&[row("BTCUSDT", "BTC", "USDT")], "page%3D2"));
    assert_eq!(bybit.next_request(), Some(format!("{first}&cursor=page%3D2")));
    kind(&mut *bybit, &page(&[row("ETHUSDT", "ETH", "USDT")], ""));
    assert_eq!(bybit.next_request(), None);
    let (_, topics) = args(&bybit.subscribe()[0]);
    assert_eq!(topics[..2], ["allLiquidation.BTCUSDT", "allLiquidation.ETHUSDT"]);

    bybit.forget_references();
    assert_eq!(bybit.next_request().as_deref(), Some(first));
    kind(&mut *bybit, &page(&[row("ETHUSDT", "ETH", "USDT")], ""));
    let topics = args(&bybit.subscribe()[0]).1;
    assert_eq!(topics, ["allLiquidation.ETHUSDT", "tickers.ETHUSDT"], "BTCUSDT is no longer listed");
}

#[test]
fn a_cursor_that_circles_ends_the_fetch() {
    let mut bybit = bybit();
    let page = page(&[row("BTCUSDT", "BTC", "USDT")], "again");
    for _ in 0..2 {
        assert!(bybit.next_request().is_some());
        kind(&mut *bybit, &page);
    }
    assert_eq!(bybit.next_request(), None);
}

#[test]
fn other_answers_are_not_the_roster() {
    let mut bybit = bybit();
    for (frame, label) in [
        (
            r#"{"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[{"symbol":"BTCUSDT","status":"Trading"}]}}"#,
            "other category",
        ),
        (r#"{"retCode":0,"retMsg":"OK","result":{}}"#, "other category"),
        (
            r#"{"retCode":0,"retMsg":"OK","result":{"category":"linear","list":[{"symbol":"BTCUSDT","lastPrice":"1"}]}}"#,
            "other answer",
        ),
        (
            r#"{"retCode":0,"retMsg":"OK","result":{"category":"linear","symbol":"BTCUSDT","list":[["1","2"]]}}"#,
            "other answer",
        ),
    ] {
        assert_eq!(kind(&mut *bybit, frame), FrameKind::Ignored(label), "{frame}");
        assert!(bybit.next_request().is_some());
    }
    let limited = r#"{"retCode":10006,"retMsg":"Too many visits!","result":{},"time":1791000000000}"#;
    assert_eq!(kind(&mut *bybit, limited), FrameKind::Refused("10006: Too many visits!".to_owned()));
    assert!(decode(&mut *bybit, &page(&[], "")).0.is_err(), "Bybit always lists something");
}

#[test]
fn only_wanted_contracts_that_trade_are_subscribed_perpetuals_first() {
    let mut bybit = wanting(&["BTC", "SHIB"]);
    let dated = r#"{"symbol":"BTC-27MAR26","contractType":"LinearFutures","status":"Trading","baseCoin":"BTC","quoteCoin":"USDC","deliveryTime":"1774569600000"}"#;
    let rows = [
        dated.to_owned(),
        row("BTCUSDT", "BTC", "USDT"),
        row("BTCPERP", "BTC", "USDC").replace("Trading", "PreLaunch"),
        row("ETHUSDT", "ETH", "USDT"),
        row("SHIB1000USDT", "SHIB1000", "USDT"),
        r#"{"status":"Trading","contractType":"LinearPerpetual"}"#.to_owned(),
        "7".to_owned(),
    ];
    kind(&mut *bybit, &page(&rows, ""));
    let topics = [
        "allLiquidation.BTCUSDT",
        "allLiquidation.SHIB1000USDT",
        "allLiquidation.BTC-27MAR26",
        "tickers.BTCUSDT",
        "tickers.ETHUSDT",
    ];
    assert_eq!(args(&bybit.subscribe()[0]).1, topics);
    assert_eq!(liquidations(&mut *bybit, BATCH).len(), 0, "ETH is not wanted");
}

#[test]
fn every_batch_must_be_acknowledged() {
    let mut bybit = listing(25);
    let batches: Vec<_> = bybit.subscribe().iter().map(|message| args(message)).collect();
    assert_eq!(batches.iter().map(|(_, topics)| topics.len()).collect::<Vec<_>>(), [10, 10, 5]);
    for (req_id, _) in &batches {
        assert!(!bybit.is_subscribed());
        assert_eq!(kind(&mut *bybit, &answer(true, req_id, "")), FrameKind::Ack);
    }
    assert!(bybit.is_subscribed());
    bybit.reset();
    assert!(!bybit.is_subscribed());
}

#[test]
fn answers_without_an_id_come_in_order() {
    let mut bybit = listing(15);
    bybit.subscribe();
    kind(&mut *bybit, r#"{"success":true,"ret_msg":"subscribe","conn_id":"x","op":"subscribe"}"#);
    assert!(!bybit.is_subscribed());
    kind(&mut *bybit, &answer(true, "", ""));
    assert!(bybit.is_subscribed());
}

#[test]
fn a_topic_that_is_not_served_does_not_silence_its_neighbours() {
    let mut bybit = listing(12);
    let batches: Vec<_> = bybit.subscribe().iter().map(|message| args(message)).collect();
    kind(&mut *bybit, &answer(true, &batches[1].0, ""));
    let bad = &batches[0].1[3];
    let words = format!("error:handler not found,topic:{bad}");
    assert_eq!(kind(&mut *bybit, &answer(false, &batches[0].0, &words)), FrameKind::Refused(words));
    let again: Vec<_> = bybit.outgoing().iter().map(|message| args(message)).collect();
    assert_eq!(bybit.outgoing(), Vec::<String>::new(), "each message is sent once");
    assert_eq!(again.len(), 1);
    let rest: Vec<_> = batches[0].1.iter().filter(|topic| *topic != bad).cloned().collect();
    assert_eq!(again[0].1, rest);
    assert!(!bybit.is_subscribed());
    kind(&mut *bybit, &answer(true, &again[0].0, ""));
    assert!(bybit.is_subscribed());

    bybit.reset();
    let next: Vec<_> = bybit.subscribe().iter().flat_map(|message| args(message).1).collect();
    assert!(next.len() == 11 && !next.contains(bad), "the next connection does not ask for it");
}

#[test]
fn a_refusal_that_names_no_topic_is_narrowed_down() {
    let mut bybit = listing(10);
    let bad = "allLiquidation.C7USDT";
    let mut open: Vec<String> = bybit.subscribe();
    let mut asked = 0;
    while let Some(message) = open.pop() {
        let (req_id, topics) = args(&message);
        asked += 1;
        assert!(asked < 30, "it ends");
        let is_fine = !topics.iter().any(|topic| topic == bad);
        kind_of_any(
            &mut *bybit,
            &answer(is_fine, &req_id, if is_fine { "" } else { "error:handler not found" }),
        );
        open.extend(bybit.outgoing());
    }
    assert!(bybit.is_subscribed());
}

fn kind_of_any(protocol: &mut dyn StreamProtocol, frame: &str) {
    assert!(matches!(kind(protocol, frame), FrameKind::Ack | FrameKind::Refused(_)));
}

#[test]
fn already_subscribed_is_as_good_as_subscribed() {
    let mut bybit = listing(2);
    let (req_id, topics) = args(&bybit.subscribe()[0]);
    let words = format!("error:already subscribed,topic:{}", topics[0]);
    assert_eq!(kind(&mut *bybit, &answer(false, &req_id, &words)), FrameKind::Ack);
    let (req_id, rest) = args(&bybit.outgoing()[0]);
    assert_eq!(rest, topics[1..], "whether the others were taken is not known, so they are asked for again");
    let words = format!("error:already subscribed,topic:{}", topics[1]);
    kind(&mut *bybit, &answer(false, &req_id, &words));
    assert!(bybit.is_subscribed() && bybit.outgoing().is_empty());
}

#[test]
fn refused_one_and_all_is_not_subscribed() {
    let mut bybit = listing(1);
    for _ in 0..2 {
        let (req_id, topics) = args(&bybit.subscribe()[0]);
        let words = format!("error:handler not found,topic:{}", topics[0]);
        kind_of_any(&mut *bybit, &answer(false, &req_id, &words));
        assert!(!bybit.is_subscribed());
        bybit.reset();
    }
    let (req_id, _) = args(&bybit.subscribe()[0]);
    let words = "Params Error";
    assert_eq!(kind(&mut *bybit, &answer(false, &req_id, words)), FrameKind::Refused(words.to_owned()));
    assert!(!bybit.is_subscribed());
}

#[test]
fn keepalives_and_other_topics_are_known() {
    let mut bybit = bybit();
    for frame in [
        r#"{"success":true,"ret_msg":"pong","conn_id":"x","req_id":"ping","op":"ping"}"#,
        r#"{"req_id":"ping","op":"pong","args":["1791000001500"],"conn_id":"x"}"#,
    ] {
        assert_eq!(kind(&mut *bybit, frame), FrameKind::Keepalive);
    }
    for (topic, label) in [
        ("tickers_lt.BTC3LUSDT", "tickers_lt"),
        ("orderbook.200.BTCUSDT", "orderbook"),
        ("kline.1.BTCUSDT", "kline"),
        ("publicTrade.BTCUSDT", "publicTrade"),
    ] {
        let frame = format!(r#"{{"data":{{"symbol":7,"b":[["1","2"]]}},"topic":"{topic}","type":"delta"}}"#);
        assert_eq!(kind(&mut *bybit, &frame), FrameKind::Ignored(label));
    }
}

#[test]
fn what_cannot_be_right_is_refused_with_the_field_and_its_value() {
    for (good, bad, error) in [
        ("\"Buy\"", "\"buy\"", r#"S is "buy", neither Buy nor Sell"#),
        ("\"2.5\"", "\"-2.5\"", r#"v is "-2.5", below zero"#),
        ("\"2.5\"", "0", r#"v is "0", not a size above zero"#),
        ("\"3000.10\"", "\"0\"", r#"p is "0", not a price above zero"#),
        ("\"3000.10\"", "\"Infinity\"", r#"p is "Infinity", not a finite number"#),
        ("1791000001400", "\"yesterday\"", r#"T is "yesterday", not whole milliseconds"#),
        ("\"s\":\"ETHUSDT\"", "\"s\":\"ETH\"", r#"s is "ETH", not a symbol"#),
        ("allLiquidation", "everyLiquidation", r#"topic is "everyLiquidation.ETHUSDT", not a known topic"#),
        ("\"data\"", "\"date\"", r#"data is "", missing"#),
    ] {
        let (result, events) = decode(&mut *bybit(), &BATCH.replacen(good, bad, 1));
        let words = result.expect_err(bad).to_string();
        assert!(words.starts_with(error), "{words}");
        assert_eq!(events, [], "the batch's other liquidation is not kept alone");
    }
}

#[test]
fn garbage_is_refused_whole() {
    let roster = page(&[row("BTCUSDT", "BTC", "USDT")], "next");
    let old = r#"{"topic":"liquidation.BTCUSD","data":{"symbol":"BTCUSD","side":"Sell","price":"45000","qty":"23","time":1632000000000}}"#;
    refuses_garbage(&mut *bybit(), BATCH);
    survives_anything(
        bybit,
        &[BATCH, old, &roster, TICKER, &answer(false, "1", "error:handler not found,topic:x")],
    );
}

proptest! {
    #[test]
    fn every_valid_liquidation_keeps_its_side_and_its_worth(
        cents in 1_u64..100_000_000, milli in 1_u64..10_000_000, is_buy: bool, is_inverse: bool,
        millis in 1_500_000_000_000_i64..2_500_000_000_000,
    ) {
        let (price, size) = (cents as f64 / 100.0, milli as f64 / 1000.0);
        let (side, symbol) = (if is_buy { "Buy" } else { "Sell" }, if is_inverse { "ETHUSD" } else { "ETHUSDT" });
        let frame = format!(r#"{{"topic":"allLiquidation.{symbol}","data":[{{"T":{millis},"s":"{symbol}","S":"{side}","v":"{size}","p":{price}}}]}}"#);
        let found = liquidations(&mut *bybit(), &frame);
        let (event_time, liquidation) = &found[0];
        prop_assert_eq!(Some(*event_time), Timestamp::from_millis(millis));
        prop_assert_eq!(liquidation.position, if is_buy { PositionSide::Long } else { PositionSide::Short });
        let (quantity, notional) = (liquidation.quantity.unwrap().get(), liquidation.notional.unwrap().get());
        prop_assert!(is_close(notional, quantity * price));
        let counted = if is_inverse { notional } else { quantity };
        prop_assert!(is_close(counted, size));
    }
}

#[test]
fn real_frames_decode_to_the_sides_that_others_found() {
    for (frame, sides) in expected_sides("bybit").unwrap_or_default() {
        let found = liquidations(&mut *bybit(), &frame);
        assert_eq!(found.iter().map(|(_, l)| l.position.as_str()).collect::<Vec<_>>(), sides, "{frame}");
    }
}

const TICKER: &str = r#"{"topic":"tickers.BTCUSDT","type":"snapshot","ts":1791000000000,"data":{"symbol":"BTCUSDT","markPrice":"80000","openInterest":"200","singleOpenInterest":"100","fundingRate":"0.0001","nextFundingTime":"1791014400000","fundingIntervalHour":"8"}}"#;

#[test]
fn a_ticker_is_told_at_the_venues_pace_and_no_faster_than_ours() {
    let mut bybit = bybit();
    let told = state(&mut *bybit, "ticker", TICKER);
    assert_eq!(
        told,
        [
            "quote BTC-USDT-PERP mark 80000 - - - -",
            "funding BTCUSDT BTC-USDT-PERP 0.0001 8 1791014400",
            "open BTCUSDT BTC-USDT-PERP 100 8000000.00",
        ]
    );
    let delta = |millis: i64, fields: &str| {
        format!(
            r#"{{"topic":"tickers.BTCUSDT","type":"delta","ts":{millis},"data":{{"symbol":"BTCUSDT",{fields}}}}}"#
        )
    };
    for (millis, fields, told) in [
        (1_791_000_000_500, r#""markPrice":"80001""#, vec![]),
        (
            1_791_000_000_600,
            r#""fundingRate":"0.0002""#,
            vec!["funding BTCUSDT BTC-USDT-PERP 0.0002 8 1791014400"],
        ),
        (1_791_000_001_000, r#""bid1Price":"1""#, vec!["quote BTC-USDT-PERP mark 80001 - - - -"]),
        (
            1_791_000_060_000,
            r#""markPrice":"80002""#,
            vec!["quote BTC-USDT-PERP mark 80002 - - - -", "open BTCUSDT BTC-USDT-PERP 100 8000200.00"],
        ),
    ] {
        assert_eq!(state(&mut *bybit, "ticker", &delta(millis, fields)), told, "{fields}");
    }
}

#[test]
fn tickers_are_followed_for_perpetuals_in_usdt_on_the_assets_of_the_context() {
    let context = Instruments::Assets(vec!["C1".to_owned(), "SHIB".to_owned(), "C3".to_owned()]);
    let mut bybit = protocol(&FeedConfig { context, ..FeedConfig::default() });
    let rows = [
        row("C1USDT", "C1", "USDT"),
        row("C1PERP", "C1", "USDC"),
        row("C2USDT", "C2", "USDT"),
        row("SHIB1000USDT", "SHIB1000", "USDT"),
        row("C3USDT-27MAR26", "C3", "USDT").replace("LinearPerpetual", "LinearFutures"),
    ];
    kind(&mut *bybit, &page(&rows, ""));
    let topics: Vec<String> = bybit.subscribe().iter().flat_map(|message| args(message).1).collect();
    assert_eq!(topics[5..], ["tickers.C1USDT", "tickers.SHIB1000USDT"]);
    let other = TICKER.replace("BTCUSDT", "C2USDT");
    assert_eq!(state(&mut *bybit, "ticker", &other), Vec::<String>::new(), "understood, not wanted");
}

#[test]
fn tickers_of_everything_leave_room_for_every_liquidation() {
    let mut bybit = protocol(&FeedConfig { context: Instruments::All, ..FeedConfig::default() });
    let rows: Vec<String> = (0..750).map(|n| row(&format!("C{n}USDT"), &format!("C{n}"), "USDT")).collect();
    kind(&mut *bybit, &page(&rows, ""));
    let topics: Vec<String> = bybit.subscribe().iter().flat_map(|message| args(message).1).collect();
    let liquidations = topics.iter().filter(|topic| topic.starts_with(CHANNEL)).count();
    let characters: usize = topics.iter().map(String::len).sum();
    assert_eq!(liquidations, 750);
    assert!(topics.len() > 750 && characters <= LONGEST_TOPICS, "{} {characters}", topics.len());
}

#[test]
fn a_new_connection_begins_with_snapshots() {
    let mut bybit = bybit();
    state(&mut *bybit, "ticker", TICKER);
    bybit.reset();
    let delta = r#"{"topic":"tickers.BTCUSDT","type":"delta","ts":1791000009000,"data":{"symbol":"BTCUSDT","bid1Price":"1"}}"#;
    assert_eq!(state(&mut *bybit, "ticker", delta), Vec::<String>::new());
}

#[test]
fn tickers_that_are_not_this_markets_are_told_apart() {
    let mut bybit = bybit();
    for symbol in ["SOL-28APR23-24-C", "BTC-27MAR26-100000-P-USDT"] {
        let frame = TICKER.replace("BTCUSDT", symbol);
        assert_eq!(kind(&mut *bybit, &frame), FrameKind::Ignored("option ticker"));
    }
    for (good, bad, error) in [
        ("\"snapshot\"", "\"update\"", r#"type is "update", neither snapshot nor delta"#),
        ("\"ts\"", "\"cs\"", r#"ts is "", missing"#),
        ("\"symbol\":\"BTCUSDT\"", "\"symbol\":\"BTCUSD?23\"", r#"symbol is "BTCUSD?23", not a symbol"#),
        ("\"data\"", "\"date\"", r#"data is "", missing"#),
        ("\"80000\"", "\"-1\"", r#"markPrice is "-1", not a price above zero"#),
    ] {
        let (result, events) = decode(&mut *bybit, &TICKER.replacen(good, bad, 1));
        let words = result.expect_err(bad).to_string();
        assert!(words.starts_with(error), "{words}");
        assert_eq!(events, []);
    }
    let spot = r#"{"topic":"tickers.BTCUSDT","ts":1791000000000,"type":"snapshot","cs":1,"data":{"symbol":"BTCUSDT","lastPrice":"80000","usdIndexPrice":"80000"}}"#;
    assert_eq!(state(&mut *bybit, "ticker", spot), Vec::<String>::new(), "spot has no mark");
}

/// What a real frame's fields say, against what was made of it.
#[test]
fn a_real_session_is_understood_whole_and_every_change_of_state_is_told() {
    let Some(capture) = recording("cryptofeed_bybit.jsonl.zst") else { return };
    let context = Instruments::Assets(["BTC", "DOGE", "ETH", "SOL"].map(str::to_owned).to_vec());
    let mut bybit = protocol(&FeedConfig { context, ..FeedConfig::default() });
    let (mut references, mut quotes, mut tickers) = (0, 0, 0);
    let mut told: Vec<(String, f64)> = Vec::new();
    let mut expected: Vec<(String, f64)> = Vec::new();
    for frame in received_from(&capture, "linear") {
        let (result, events) = decode(&mut *bybit, &frame);
        match result.unwrap_or_else(|error| panic!("{error}: {frame}")) {
            FrameKind::Reference(_) => references += 1,
            FrameKind::Ignored(_) | FrameKind::Ack => {}
            FrameKind::Data("ticker") => tickers += 1,
            other => panic!("{other:?}: {frame}"),
        }
        for stamped in &events {
            match &stamped.observation {
                Observation::Quote(_) => quotes += 1,
                Observation::FundingRate(funding) => told.push((funding.symbol.to_string(), funding.rate)),
                Observation::OpenInterest(open) => {
                    let size = open.quantity.unwrap().get();
                    assert!(open.notional.unwrap().get() > size * 0.01);
                    told.push((open.symbol.to_string(), size));
                }
                other => panic!("{other:?}"),
            }
        }
        let frame: serde_json::Value = serde_json::from_str(&frame).unwrap();
        if !frame["topic"].as_str().is_some_and(|topic| topic.starts_with("tickers.")) {
            continue;
        }
        let is_snapshot = frame["type"] == "snapshot";
        for key in ["fundingRate", "singleOpenInterest"] {
            let value = frame["data"][key].as_str().map(|text| text.parse::<f64>().unwrap());
            // The session is shorter than the minute in which open interest is told once.
            if let Some(value) = value.filter(|_| is_snapshot || key == "fundingRate") {
                expected.push((frame["data"]["symbol"].as_str().unwrap().to_owned(), value));
            }
        }
    }
    assert_eq!(told, expected);
    assert_eq!((references, bybit.next_request()), (1, None));
    assert_eq!(tickers, 758);
    assert!((4 * 30..=4 * 46).contains(&quotes), "{quotes}: some 45 seconds of four symbols");
    let batches: Vec<_> = bybit.subscribe().iter().map(|message| args(message).1).collect();
    assert!(batches.iter().all(|batch| batch.len() <= 10));
    let topics: Vec<&String> = batches.iter().flatten().collect();
    assert_eq!(topics.len(), 804);
    assert!(topics.iter().map(|topic| topic.len()).sum::<usize>() < LONGEST_TOPICS);
}

#[test]
fn real_frames_of_other_connections_are_told_apart() {
    let mut tested = 0;
    for line in recording("context_frames.jsonl").unwrap_or_default().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if line["test"] == "bybit-options messages" {
            assert_eq!(kind(&mut *bybit(), &line["raw"].to_string()), FrameKind::Ignored("option ticker"));
            tested += 1;
        }
    }
    assert!(tested == 2 || tested == 0, "{tested}");
}
