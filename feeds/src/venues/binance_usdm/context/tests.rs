//! What marks, funding lists and open interest tell, as streams, REST and recorders write them.

use bytes::Bytes;
use market::Payload;
use smol_str::SmolStr;

use super::super::UsdmDecoder;
use crate::config::{FeedConfig, Instruments};
use crate::protocol::{Decoder, FrameKind};
use crate::venues::testing::{decode, kind, recording, refuses_garbage, state};

fn binance() -> UsdmDecoder {
    UsdmDecoder::new(&FeedConfig::default())
}

const MARK: &str = r#"{"stream":"btcusdt@markPrice","data":{"e":"markPriceUpdate","E":1791000003000,"s":"BTCUSDT","p":"80000.50000000","ap":"80001.0","P":"80010.00000000","i":"80020.00000000","r":"-0.00010000","T":1791014400000,"st":1}}"#;
const INTERVALS: &str = r#"[{"symbol":"ETHUSDT","adjustedFundingRateCap":"0.02","fundingIntervalHours":4,"disclaimer":false},{"symbol":"ODDUSDT","fundingIntervalHours":0}]"#;
const PREMIUMS: &str = r#"[{"symbol":"ETHUSDT","markPrice":"4000.0","indexPrice":"1","lastFundingRate":"0.0001","nextFundingTime":1791014400000,"time":1791000000000},{"symbol":"BTCUSDT","markPrice":"80000"},{"symbol":"BTCUSDC","markPrice":"80000"},{"symbol":"BTCUSDT_261225","markPrice":"80000"},{"symbol":"SOLUSDT","markPrice":"200"},{"symbol":"?","markPrice":"1"}]"#;
const OPEN: &str = r#"{"openInterest":"10659.509","symbol":"BTCUSDT","time":1791000060000}"#;

#[test]
fn a_mark_tells_price_and_funding_and_the_interval_only_once_it_is_known() {
    let quote = "quote BTC-USDT-PERP mark 80000.5 - - - -";
    let told = |hours: &str| format!("funding BTCUSDT BTC-USDT-PERP -0.0001 {hours} 1791014400");
    assert_eq!(state(&mut binance(), "mark price", MARK), [quote.to_owned(), told("-")]);

    let mut informed = binance();
    assert_eq!(kind(&mut informed, INTERVALS), FrameKind::Reference("funding intervals"));
    assert_eq!(
        state(&mut informed, "mark price", MARK),
        [quote.to_owned(), told("8")],
        "not listed: 8 hours"
    );
    let eth = MARK.replace("BTCUSDT", "ETHUSDT");
    assert!(state(&mut informed, "mark price", &eth)[1].ends_with(" 4 1791014400"));
}

#[test]
fn an_interval_that_cannot_be_right_is_not_taken_for_the_default() {
    let context = Instruments::All;
    let mut binance = UsdmDecoder::new(&FeedConfig { context, ..FeedConfig::default() });
    kind(&mut binance, INTERVALS);
    let odd = MARK.replace("BTCUSDT", "ODDUSDT");
    assert!(state(&mut binance, "mark price", &odd)[1].ends_with(" - 1791014400"));
    kind(&mut binance, r#"[{"symbol":"BTCUSDT","fundingIntervalHours":1}]"#);
    let later = odd.replace("1791000003000", "1791000006000");
    assert!(
        state(&mut binance, "mark price", &later)[1].ends_with(" 8 1791014400"),
        "a new list replaces the old"
    );
}

#[test]
fn every_shape_of_a_mark_tells_the_same() {
    let expected = state(&mut binance(), "mark price", MARK);
    let event =
        MARK.strip_prefix(r#"{"stream":"btcusdt@markPrice","data":"#).unwrap().strip_suffix('}').unwrap();
    for frame in [
        event.to_owned(),
        format!("[{event}]"),
        format!(r#"{{"stream":"!markPrice@arr","data":[{event}]}}"#),
        event
            .replace(r#","st":1"#, "")
            .replace(r#""i":"80020.00000000","#, "")
            .replace(r#""P":"80010.00000000","#, ""),
    ] {
        assert_eq!(state(&mut binance(), "mark price", &frame), expected, "{frame}");
    }
    let both = format!("[{event},{}]", event.replace("BTCUSDT", "ETHUSDT"));
    assert_eq!(state(&mut binance(), "mark price", &both).len(), 4);
    let unwanted = MARK.replace("BTCUSDT", "XRPUSDT");
    assert_eq!(state(&mut binance(), "mark price", &unwanted), Vec::<String>::new());
}

#[test]
fn dated_contracts_have_no_funding_and_coin_margined_ones_are_not_measured() {
    let dated = |r: &str| {
        MARK.replace("BTCUSDT", "BTCUSDT_261225").replace("\"-0.00010000\"", r).replace("1791014400000", "0")
    };
    for r in ["\"\"", "\"0.00000000\""] {
        assert_eq!(
            state(&mut binance(), "mark price", &dated(r)),
            ["quote BTC-USDT-20261225 mark 80000.5 - - - -"]
        );
    }
    assert_eq!(
        kind(&mut binance(), &MARK.replace("\"st\":1", "\"st\":2").replace("BTCUSDT", "BTCUSD_PERP")),
        FrameKind::Ignored("coin-m mark price")
    );
    let old = MARK.replace(",\"st\":1", "").replace("BTCUSDT", "BTCUSD_PERP");
    let mut informed = binance();
    kind(&mut informed, INTERVALS);
    assert_eq!(
        state(&mut informed, "mark price", &old),
        ["quote BTC-USD-PERP mark 80000.5 - - - -", "funding BTCUSD_PERP BTC-USD-PERP -0.0001 - 1791014400"],
        "the list of intervals is another market's"
    );
    let contracts = OPEN.replace("BTCUSDT", "BTCUSD_PERP");
    assert_eq!(kind(&mut binance(), &contracts), FrameKind::Ignored("coin-m open interest"));
}

#[test]
fn open_interest_is_worth_what_the_last_mark_says_and_nothing_without_one() {
    let mut binance = binance();
    assert_eq!(state(&mut binance, "open interest", OPEN), ["open BTCUSDT BTC-USDT-PERP 10659.509 -"]);
    let premium = r#"{"symbol":"BTCUSDT","markPrice":"100","indexPrice":"99","lastFundingRate":"","interestRate":"","nextFundingTime":0,"time":1791000119000}"#;
    assert_eq!(kind(&mut binance, premium), FrameKind::Reference("premium index"));
    let later = OPEN.replace("1791000060000", "1791000120000");
    assert_eq!(
        state(&mut binance, "open interest", &later),
        ["open BTCUSDT BTC-USDT-PERP 10659.509 1065950.90"]
    );

    let filed = format!(
        r#"{{"stream":"btcusdt@openInterest","generated":true,"data":{}}}"#,
        OPEN.replace("60000", "180000")
    );
    assert_eq!(state(&mut binance, "open interest", &filed).len(), 0, "unchanged");
    let untimed = r#"{"stream":"btcusdt@openInterest","generated":true,"data":{"symbol":"BTCUSDT","openInterest":"1"}}"#;
    assert_eq!(kind(&mut binance, untimed), FrameKind::Ignored("open interest without a time"));
    let none = OPEN.replace("\"10659.509\"", "\"0\"").replace("1791000060000", "1791000240000");
    assert_eq!(state(&mut binance, "open interest", &none), ["open BTCUSDT BTC-USDT-PERP 0 0.00"]);
}

#[test]
fn the_list_of_contracts_is_those_perpetuals_in_usdt_that_are_followed() {
    let mut binance = binance();
    assert!(binance.context.perpetuals().is_none());
    assert_eq!(kind(&mut binance, PREMIUMS), FrameKind::Reference("premium index"));
    let listed: Vec<&str> = binance.context.perpetuals().unwrap().map(SmolStr::as_str).collect();
    assert_eq!(listed, ["BTCUSDT", "ETHUSDT"]);
    let open = OPEN.replace("BTCUSDT", "ETHUSDT");
    assert_eq!(
        state(&mut binance, "open interest", &open),
        ["open ETHUSDT ETH-USDT-PERP 10659.509 42638036.00"]
    );
}

#[test]
fn an_answer_means_the_same_whichever_way_it_came() {
    let mut out = Vec::new();
    let payload = Payload::Answer {
        request: "/fapi/v1/openInterest?symbol=BTCUSDT".into(),
        body: Bytes::copy_from_slice(OPEN.as_bytes()),
    };
    assert_eq!(binance().decode(&payload, &mut out), Ok(FrameKind::Data("open interest")));
    assert_eq!((out.len(), out[0].event_time.as_micros()), (1, 1_791_000_060_000_000));
}

#[test]
fn what_cannot_be_right_is_refused_with_the_field_and_its_value() {
    for (frame, good, bad, error) in [
        (MARK, "\"80000.50000000\"", "\"-1\"", r#"p is "-1", not a price above zero"#),
        (MARK, "\"-0.00010000\"", "\"NaN\"", r#"r is "NaN", not a finite number"#),
        (MARK, "1791014400000", "1791014400", r#"T is "1791014400", not a time"#),
        (MARK, "\"E\"", "\"F\"", r#"E is "", missing"#),
        (MARK, "\"BTCUSDT\"", "\"BTCXYZ\"", r#"s is "BTCXYZ", not a symbol"#),
        (MARK, "\"st\":1", "\"st\":3", r#"st is "3", neither 1"#),
        (OPEN, "\"10659.509\"", "\"-1\"", r#"openInterest is "-1", below zero"#),
        (OPEN, "\"10659.509\"", "\"\"", r#"openInterest is "", missing"#),
        (OPEN, "\"BTCUSDT\"", "\"XYZ\"", r#"symbol is "XYZ", not a symbol"#),
        (OPEN, "1791000060000", "\"noon\"", r#"time is "noon", not whole milliseconds"#),
    ] {
        let (result, events) = decode(&mut binance(), &frame.replacen(good, bad, 1));
        let words = result.expect_err(bad).to_string();
        assert!(words.starts_with(error), "{words}");
        assert_eq!(events, []);
    }
    refuses_garbage(&mut binance(), MARK);
    refuses_garbage(&mut binance(), OPEN);
}

/// Real marks and open interest of Binance, of 2019 to 2026, and of Aster, which speaks the same.
#[test]
fn real_frames_tell_what_their_fields_say() {
    let mut tested = 0;
    for line in recording("context_frames.jsonl").unwrap_or_default().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let (test, frame) = (line["test"].as_str().unwrap(), line["raw"].to_string());
        if !test.starts_with("binance") && !test.starts_with("aster") {
            continue;
        }
        tested += 1;
        let mut binance = binance();
        let data = &line["raw"]["data"];
        let number = |key: &str| data[key].as_str().map(|text| text.parse::<f64>().unwrap());
        if test.starts_with("binance-european-options") {
            assert_eq!(kind(&mut binance, &frame), FrameKind::Ignored("openInterest"), "{frame}");
            continue;
        }
        let symbol = data.get("s").or(data.get("symbol")).unwrap().as_str().unwrap();
        let instrument = match symbol {
            "BTCUSDT" => "BTC-USDT-PERP",
            "BTCBUSD_210129" => "BTC-BUSD-20210129",
            "BTCUSD_200925" => "BTC-USD-20200925",
            other => panic!("{other}"),
        };
        if let Some(open) = number("openInterest") {
            if data["time"].is_null() {
                assert_eq!(kind(&mut binance, &frame), FrameKind::Ignored("open interest without a time"));
            } else {
                let told = state(&mut binance, "open interest", &frame);
                assert_eq!(told, [format!("open {symbol} {instrument} {open} -")]);
            }
            continue;
        }
        let mark = number("p").unwrap();
        let mut expected = vec![format!("quote {instrument} mark {mark} - - - -")];
        if let Some(next) = data["T"].as_i64().filter(|next| *next > 0) {
            let rate = number("r").unwrap();
            expected.push(format!("funding {symbol} {instrument} {rate} - {}", next / 1_000));
        }
        assert_eq!(state(&mut binance, "mark price", &frame), expected);
    }
    assert!(tested == 10 || tested == 0, "{tested}");
}
