//! What is asked of which swaps, and what their frames tell.

use super::super::protocol;
use crate::config::{FeedConfig, Instruments};
use crate::protocol::{FrameKind, StreamProtocol};
use crate::venues::testing::{context_frames, decode, describe, kind, state};

const SWAPS: &str = r#"{"code":"0","msg":"","data":[
    {"instType":"SWAP","instId":"BTC-USDT-SWAP","instFamily":"BTC-USDT","ctVal":"0.01","ctMult":"1","ctValCcy":"BTC"},
    {"instType":"SWAP","instId":"BTC-USD-SWAP","instFamily":"BTC-USD","ctVal":"100","ctMult":"1","ctValCcy":"USD"},
    {"instType":"SWAP","instId":"BTC-USDC-SWAP","instFamily":"BTC-USDC","ctVal":"0.0001","ctMult":"1","ctValCcy":"BTC"},
    {"instType":"SWAP","instId":"SOL-USDT-SWAP","instFamily":"SOL-USDT","ctVal":"1","ctMult":"1","ctValCcy":"SOL"}]}"#;
const FUTURES: &str = r#"{"code":"0","msg":"","data":[{"instType":"FUTURES","instId":"BTC-USDT-261225","instFamily":"BTC-USDT","ctVal":"0.01","ctMult":"1","ctValCcy":"BTC"}]}"#;

fn okx() -> Box<dyn StreamProtocol> {
    protocol(&FeedConfig::default())
}

fn informed() -> Box<dyn StreamProtocol> {
    let mut okx = okx();
    for answer in [SWAPS, FUTURES] {
        assert_eq!(kind(&mut *okx, answer), FrameKind::Reference("instruments"));
    }
    okx
}

fn frame(channel: &str, inst_id: &str, fields: &str) -> String {
    format!(
        r#"{{"arg":{{"channel":"{channel}","instId":"{inst_id}"}},"data":[{{"instId":"{inst_id}","instType":"SWAP",{fields}}}]}}"#
    )
}

#[test]
fn the_swaps_of_the_context_are_asked_for_beside_the_liquidations() {
    let mut okx = informed();
    let messages = okx.subscribe();
    assert_eq!(messages.len(), 2);
    let asked: serde_json::Value = serde_json::from_str(&messages[1]).unwrap();
    let asked: Vec<(&str, &str)> = asked["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|arg| (arg["instId"].as_str().unwrap(), arg["channel"].as_str().unwrap()))
        .collect();
    assert_eq!(
        asked,
        [
            ("BTC-USD-SWAP", "mark-price"),
            ("BTC-USD-SWAP", "funding-rate"),
            ("BTC-USD-SWAP", "open-interest"),
            ("BTC-USDT-SWAP", "mark-price"),
            ("BTC-USDT-SWAP", "funding-rate"),
            ("BTC-USDT-SWAP", "open-interest"),
        ]
    );
    for kind_of in ["SWAP", "FUTURES"] {
        let ack = format!(
            r#"{{"event":"subscribe","arg":{{"channel":"liquidation-orders","instType":"{kind_of}"}}}}"#
        );
        assert_eq!(kind(&mut *okx, &ack), FrameKind::Ack);
    }
    for (inst_id, channel) in asked {
        assert!(!okx.is_subscribed(), "{channel} {inst_id}");
        let ack = format!(
            r#"{{"event":"subscribe","arg":{{"channel":"{channel}","instId":"{inst_id}"}},"connId":"a4"}}"#
        );
        assert_eq!(kind(&mut *okx, &ack), FrameKind::Ack);
    }
    assert!(okx.is_subscribed());
}

#[test]
fn a_swap_that_is_not_served_is_not_asked_for_again_until_the_contracts_are_new() {
    let mut okx = informed();
    let asks = |okx: &mut Box<dyn StreamProtocol>, inst_id: &str| {
        okx.reset();
        okx.subscribe().concat().contains(&format!("\"{inst_id}\""))
    };
    assert!(asks(&mut okx, "BTC-USD-SWAP"));
    let words = "Wrong URL or channel:mark-price,instId:BTC-USD-SWAP doesn't exist.";
    let error = format!(r#"{{"event":"error","code":"60018","msg":"{words}","connId":"a4"}}"#);
    assert_eq!(kind(&mut *okx, &error), FrameKind::Refused(format!("60018: {words}")));
    assert!(!asks(&mut okx, "BTC-USD-SWAP") && asks(&mut okx, "BTC-USDT-SWAP"));
    okx.forget_references();
    assert!(asks(&mut okx, "BTC-USD-SWAP"));
}

#[test]
fn everything_is_asked_for_in_messages_of_a_size() {
    let mut okx = protocol(&FeedConfig { context: Instruments::All, ..FeedConfig::default() });
    let rows: Vec<String> = (0..40)
        .map(|n| format!(r#"{{"instType":"SWAP","instId":"C{n}-USDT-SWAP","ctVal":"1","ctMult":"1","ctValCcy":"C{n}"}}"#))
        .collect();
    kind(&mut *okx, &format!(r#"{{"code":"0","msg":"","data":[{}]}}"#, rows.join(",")));
    let sizes: Vec<usize> =
        okx.subscribe().iter().map(|message| message.matches("\"channel\"").count()).collect();
    assert_eq!(sizes, [2, 50, 50, 20]);
}

#[test]
fn funding_is_paid_at_its_time_and_the_next_one_tells_the_interval() {
    for (fields, told) in [
        (
            r#""fundingRate":"-0.0002","fundingTime":"1791014400000","nextFundingTime":"1791028800000","nextFundingRate":"","ts":"1791000000000""#,
            vec!["funding BTC-USDT-SWAP BTC-USDT-PERP -0.0002 4 1791014400"],
        ),
        (
            r#""fundingRate":"0.0001","fundingTime":"1791014400000","ts":"1791000000000""#,
            vec!["funding BTC-USDT-SWAP BTC-USDT-PERP 0.0001 - 1791014400"],
        ),
        (
            r#""fundingRate":"0.0001","fundingTime":"1791014400000","nextFundingTime":"1791014400000","ts":"1791000000000""#,
            vec!["funding BTC-USDT-SWAP BTC-USDT-PERP 0.0001 - 1791014400"],
        ),
        (r#""fundingTime":"1791014400000","nextFundingRate":"0.1","ts":"1791000000000""#, vec![]),
    ] {
        let frame = frame("funding-rate", "BTC-USDT-SWAP", fields);
        assert_eq!(state(&mut *okx(), "funding", &frame), told, "{fields}");
    }
    let untimed =
        frame("funding-rate", "BTC-USDT-SWAP", r#""fundingRate":"0.1","fundingTime":"1791014400000""#);
    assert_eq!(kind(&mut *okx(), &untimed), FrameKind::Ignored("state without a time"));
}

#[test]
fn open_interest_is_told_in_dollars_by_the_venue_or_by_contract_and_mark() {
    let open = |inst_id: &str, fields: &str| {
        frame("open-interest", inst_id, &format!(r#"{fields},"ts":"1791000000000""#))
    };
    let mark = |inst_id: &str| frame("mark-price", inst_id, r#""markPx":"50000","ts":"1790999999000""#);
    let linear = r#""oi":"1000","oiCcy":"10""#;
    for (inst_id, fields, unpriced, priced) in [
        ("BTC-USDT-SWAP", r#""oi":"1000","oiCcy":"10","oiUsd":"499000.5""#, "10 499000.50", "10 499000.50"),
        ("BTC-USDT-SWAP", linear, "10 -", "10 500000.00"),
        ("BTC-USDT-SWAP", r#""oi":"1000""#, "10 -", "10 500000.00"),
        ("BTC-USD-SWAP", r#""oi":"5000","oiCcy":"10""#, "10 500000.00", "10 500000.00"),
        ("BTC-USD-SWAP", r#""oi":"5000""#, "- 500000.00", "10 500000.00"),
        ("BTC-EUR-SWAP", linear, "10 -", "10 -"),
    ] {
        let instrument = inst_id.replace("SWAP", "PERP");
        let mut okx = informed();
        let told = state(&mut *okx, "open interest", &open(inst_id, fields));
        assert_eq!(told, [format!("open {inst_id} {instrument} {unpriced}")], "{fields}");
        let mut okx = informed();
        assert_eq!(
            state(&mut *okx, "mark price", &mark(inst_id)),
            [format!("quote {instrument} mark 50000 - - - -")]
        );
        let told = state(&mut *okx, "open interest", &open(inst_id, fields));
        assert_eq!(told, [format!("open {inst_id} {instrument} {priced}")], "{fields}");
    }
    let told = state(&mut *okx(), "open interest", &open("BTC-USDT-SWAP", r#""oi":"1000""#));
    assert_eq!(told, Vec::<String>::new(), "contracts of unknown worth");
}

#[test]
fn what_is_not_a_contract_or_not_wanted_is_told_apart() {
    let mut okx = informed();
    for (channel, inst_type, label) in [
        ("open-interest", "OPTION", "option state"),
        ("mark-price", "OPTION", "option state"),
        ("mark-price", "MARGIN", "margin state"),
    ] {
        let frame = frame(channel, "BTC-USD-261225-9-C", r#""markPx":"1","oi":"1","ts":"1791000000000""#);
        assert_eq!(
            kind(&mut *okx, &frame.replace("\"SWAP\"", &format!("\"{inst_type}\""))),
            FrameKind::Ignored(label)
        );
    }
    let unwanted = frame("mark-price", "SOL-USDT-SWAP", r#""markPx":"1","ts":"1791000000000""#);
    assert_eq!(state(&mut *okx, "mark price", &unwanted), Vec::<String>::new());
    let empty = r#"{"arg":{"channel":"mark-price","instId":"BTC-USDT-SWAP"},"data":[]}"#;
    assert_eq!(kind(&mut *okx, empty), FrameKind::Ignored("empty list"));
}

#[test]
fn what_cannot_be_right_is_refused_with_the_field_and_its_value() {
    for (channel, fields, error) in [
        ("mark-price", r#""markPx":"-1","ts":"1791000000000""#, r#"markPx is "-1", not a price above zero"#),
        ("mark-price", r#""markPx":"1","ts":"noon""#, r#"ts is "noon", not whole milliseconds"#),
        (
            "funding-rate",
            r#""fundingRate":"NaN","ts":"1791000000000""#,
            r#"fundingRate is "NaN", not a finite"#,
        ),
        ("open-interest", r#""oi":"-1","ts":"1791000000000""#, r#"oi is "-1", below zero"#),
        ("open-interest", r#""oiUsd":"1e20","ts":"1791000000000""#, "notional is "),
    ] {
        let good = frame(
            channel,
            "BTC-USDT-SWAP",
            r#""markPx":"1","fundingRate":"1","oi":"1","oiCcy":"1","ts":"1791000000000""#,
        );
        let row = &good[good.find("[{").unwrap() + 1..good.len() - 2];
        let bad = frame(channel, "BTC-USDT-SWAP", fields).replace("[{", &format!("[{row},{{"));
        let (result, events) = decode(&mut *informed(), &bad);
        let words = result.expect_err(fields).to_string();
        assert!(words.starts_with(error), "{words}");
        assert_eq!(events, [], "its neighbour is not kept alone");
    }
    let odd = frame("mark-price", "BTC-USDT-SWAP", r#""markPx":"1","ts":"1791000000000""#)
        .replace("\"SWAP\"", "\"EVENTS\"");
    assert!(decode(&mut *okx(), &odd).0.unwrap_err().to_string().starts_with(r#"instType is "EVENTS""#));
}

/// Real frames of 2021 to 2026: what is told is what their fields say.
#[test]
fn real_frames_tell_what_their_fields_say() {
    let frames = context_frames("okex");
    for raw in &frames {
        let frame: serde_json::Value = serde_json::from_str(raw).unwrap();
        let (channel, data) = (frame["arg"]["channel"].as_str().unwrap(), &frame["data"][0]);
        let inst_id = data["instId"].as_str().unwrap();
        let mut okx = protocol(&FeedConfig { context: Instruments::All, ..FeedConfig::default() });
        let (result, events) = decode(&mut *okx, raw);
        let told: Vec<String> = events.iter().map(|stamped| describe(&stamped.observation)).collect();
        let number = |key: &str| data[key].as_str().and_then(|text| text.parse::<f64>().ok());
        if data["instType"] == "OPTION" || data["ts"].is_null() {
            let label = if data["ts"].is_null() { "state without a time" } else { "option state" };
            assert_eq!((result, told), (Ok(FrameKind::Ignored(label)), vec![]), "{raw}");
            continue;
        }
        let instrument = match inst_id {
            "BTC-USD_UM_XPERP-310404" => "BTC-USD_UM_XPERP-20310404".to_owned(),
            dated if dated.ends_with("220325") => dated.replace("220325", "20220325"),
            swap => swap.replace("SWAP", "PERP"),
        };
        let expected = match channel {
            "mark-price" => format!("quote {instrument} mark {} - - - -", number("markPx").unwrap()),
            "open-interest" => format!("open {inst_id} {instrument} {} -", number("oiCcy").unwrap()),
            "funding-rate" => {
                let (next, after) = (number("fundingTime").unwrap(), number("nextFundingTime").unwrap());
                let (rate, hours) = (number("fundingRate").unwrap(), (after - next) / 3_600_000.0);
                format!("funding {inst_id} {instrument} {rate} {hours} {}", next / 1_000.0)
            }
            other => panic!("{other}"),
        };
        assert_eq!(told, [expected], "{raw}");
        let at = number("ts").unwrap() as i64 * 1_000;
        assert_eq!(events[0].event_time.as_micros(), at);
    }
    assert!(frames.is_empty() || frames.len() == 10, "{}", frames.len());
}
