//! What becomes of every message that Kraken Futures was seen or documented to send.

use super::*;
use crate::venues::testing::{
    context_frames, decode, expected_sides, kind, liquidations, received, recording, refuses_garbage, state,
    survives_anything, told,
};

fn kraken() -> Box<dyn StreamProtocol> {
    protocol(&FeedConfig::default())
}

fn trade(product: &str, uid: &str, kind: &str, side: &str) -> String {
    format!(
        r#"{{"feed":"trade","product_id":"{product}","uid":"{uid}","side":"{side}","type":"{kind}","seq":1,"time":1791000000500,"qty":10,"price":2000.0}}"#
    )
}

fn ticker(product: &str, rest: &str) -> String {
    format!(r#"{{"feed":"ticker","product_id":"{product}","time":1791000000500,"markPrice":2000.0{rest}}}"#)
}

const INSTRUMENTS: &str = r#"{"result":"success","instruments":[{"symbol":"pi_xbtusd","type":"futures_inverse","tradeable":true},{"symbol":"PF_XBTUSD","type":"flexible_futures","tradeable":true},{"symbol":"PF_DOGEUSD","type":"flexible_futures","tradeable":true},{"symbol":"PF_OLDUSD","type":"flexible_futures","tradeable":false},{"symbol":"in_xbtusd","type":"spot index","tradeable":false}],"serverTime":"2026-11-01T00:00:00.000Z"}"#;

#[test]
fn a_forced_sale_closes_a_long_and_units_follow_the_family() {
    for (product, side, told_as) in [
        ("PI_ETHUSD", "sell", "ETH-USD-PERP long 2000 0.005 10.00"),
        ("PI_ETHUSD", "buy", "ETH-USD-PERP short 2000 0.005 10.00"),
        ("FI_XBTUSD_261225", "buy", "BTC-USD-20261225 short 2000 0.005 10.00"),
        ("PF_ETHUSD", "sell", "ETH-USD-PERP long 2000 10 20000.00"),
        ("FF_ETHUSD_261225", "buy", "ETH-USD-20261225 short 2000 10 20000.00"),
    ] {
        let frame = trade(product, "u", "liquidation", side);
        assert_eq!(told(&mut *kraken(), &frame), format!("{product} {told_as}"));
        assert_eq!(liquidations(&mut *kraken(), &frame)[0].1.venue_id.as_deref(), Some("u"));
    }
}

#[test]
fn only_liquidations_count() {
    for (type_, label) in [
        ("fill", "trade"),
        ("termination", "termination"),
        ("assignment", "assignment"),
        ("block", "block trade"),
    ] {
        let frame = trade("PI_ETHUSD", "u", type_, "sell");
        assert_eq!(kind(&mut *kraken(), &frame), FrameKind::Ignored(label));
    }
    assert!(decode(&mut *kraken(), &trade("PI_ETHUSD", "u", "magic", "sell")).0.is_err());
}

#[test]
fn a_trade_counts_once_and_a_snapshot_never() {
    let mut kraken = kraken();
    let (one, other) =
        (trade("PI_ETHUSD", "1", "liquidation", "sell"), trade("PI_ETHUSD", "2", "liquidation", "sell"));
    assert_eq!(liquidations(&mut *kraken, &one).len(), 1);
    assert_eq!(liquidations(&mut *kraken, &one), [], "told already");
    let snapshot =
        format!(r#"{{"feed":"trade_snapshot","product_id":"PI_ETHUSD","trades":[{one},{other}]}}"#);
    assert_eq!(kind(&mut *kraken, &snapshot), FrameKind::Ignored("trade snapshot"));
    assert_eq!(liquidations(&mut *kraken, &other).len(), 1, "a snapshot tells nothing");
}

#[test]
fn every_wanted_product_is_subscribed_and_acknowledged() {
    let mut kraken = kraken();
    assert!(kraken.next_request().unwrap().ends_with("/derivatives/api/v3/instruments"));
    assert_eq!(kind(&mut *kraken, INSTRUMENTS), FrameKind::Reference("instruments"));
    assert_eq!(kraken.next_request(), None);
    kraken.reset();
    let asked = kraken.subscribe();
    assert_eq!(
        asked,
        [r#"{"event":"subscribe","feed":"trade","product_ids":["PF_DOGEUSD","PF_XBTUSD","PI_XBTUSD"]}"#]
    );
    let ack =
        |feed, products| format!(r#"{{"event":"subscribed","feed":"{feed}","product_ids":[{products}]}}"#);
    for (products, is_subscribed) in [(r#""PF_DOGEUSD""#, false), (r#""PF_XBTUSD","PI_XBTUSD""#, true)] {
        assert!(kraken.outgoing().is_empty());
        assert_eq!(kind(&mut *kraken, &ack("trade", products)), FrameKind::Ack);
        assert_eq!(kraken.is_subscribed(), is_subscribed);
    }
    assert_eq!(kraken.outgoing(), [r#"{"event":"subscribe","feed":"ticker","product_ids":["PF_XBTUSD"]}"#]);
    let only =
        FeedConfig { instruments: Instruments::Assets(vec!["XRP".to_owned()]), ..FeedConfig::default() };
    let mut other = protocol(&only);
    kind(&mut *other, INSTRUMENTS);
    assert_eq!((other.subscribe(), other.is_subscribed()), (Vec::new(), true), "nothing wanted is listed");
}

#[test]
fn refusals_are_told_in_the_venues_words() {
    for frame in [
        r#"{"event":"error","message":"Invalid product id"}"#,
        r#"{"event":"alert","message":"Invalid product id"}"#,
    ] {
        assert_eq!(kind(&mut *kraken(), frame), FrameKind::Refused("Invalid product id".to_owned()));
    }
    let rest = r#"{"result":"error","error":"apiLimitExceeded","serverTime":"x"}"#;
    assert_eq!(kind(&mut *kraken(), rest), FrameKind::Refused("\"apiLimitExceeded\"".to_owned()));
}

#[test]
fn a_ticker_tells_mark_hourly_funding_and_open_interest() {
    let rest = r#","openInterest":500,"funding_rate":9.9,"relative_funding_rate":0.00001,"next_funding_rate_time":1791003600000"#;
    assert_eq!(
        state(&mut *kraken(), "ticker", &ticker("PF_ETHUSD", rest)),
        [
            "quote ETH-USD-PERP mark 2000 - - - -",
            "funding PF_ETHUSD ETH-USD-PERP 0.00001 1 1791003600",
            "open PF_ETHUSD ETH-USD-PERP 500 1000000.00",
        ]
    );
    let open = r#","openInterest":500"#;
    assert_eq!(
        state(&mut *kraken(), "ticker", &ticker("PI_ETHUSD", open)),
        ["quote ETH-USD-PERP mark 2000 - - - -", "open PI_ETHUSD ETH-USD-PERP 0.25 500.00",]
    );
    assert_eq!(kind(&mut *kraken(), &ticker("PF_SOLUSD", open)), FrameKind::Ignored("ticker"));
}

#[test]
fn garbage_is_refused_whole() {
    let frame = trade("PI_ETHUSD", "1", "liquidation", "sell");
    let rest =
        r#","openInterest":500,"relative_funding_rate":0.00001,"next_funding_rate_time":1791003600000"#;
    refuses_garbage(&mut *kraken(), &frame);
    survives_anything(kraken, &[&frame, &ticker("PF_ETHUSD", rest), INSTRUMENTS]);
}

#[test]
fn real_frames_decode_to_the_sides_that_others_found() {
    for (frame, sides) in expected_sides("cryptofacilities").unwrap_or_default() {
        let found = liquidations(&mut *kraken(), &frame);
        assert_eq!(found.iter().map(|(_, l)| l.position.as_str()).collect::<Vec<_>>(), sides, "{frame}");
    }
}

#[test]
fn real_tickers_are_sensible() {
    for frame in context_frames("cryptofacilities") {
        let config = FeedConfig { context: Instruments::All, ..FeedConfig::default() };
        let told = state(&mut *protocol(&config), "ticker", &frame);
        let is_dated = frame.contains("FI_");
        assert_eq!(told.len(), if is_dated { 2 } else { 3 }, "{told:?}");
        assert!(told[0].contains(" mark ") && told.last().unwrap().starts_with("open "), "{told:?}");
        assert_eq!(told[0].contains("-20190"), is_dated, "{told:?}");
    }
}

#[test]
fn a_real_session_of_other_feeds_is_understood_whole() {
    let Some(capture) = recording("cryptofeed_kraken_futures.jsonl.zst") else { return };
    let mut kraken = kraken();
    for frame in received(&capture) {
        let kind = kind(&mut *kraken, &frame);
        assert!(
            matches!(kind, FrameKind::Ignored(_) | FrameKind::Ack | FrameKind::Reference("instruments")),
            "{kind:?}: {frame}"
        );
    }
    assert_eq!(kraken.next_request(), None);
    assert!(kraken.subscribe().concat().contains("FI_BCHUSD_210924"));
}
