//! What tickers tell, as snapshots and changes, in linear and inverse contracts, old and new.

use market::{Date, Instrument};

use super::*;
use crate::config::Instruments;
use crate::venues::symbols::Symbols;
use crate::venues::testing::{describe, recording};
use crate::venues::wire::parse;

fn listed(symbol: &str, instrument: Instrument) -> Listed {
    Symbols::new(Instruments::All).look_up("symbol", symbol, |_| Some(instrument)).unwrap().clone()
}

fn take(tickers: &mut Tickers, listed: &Listed, extent: Extent, data: &str) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    let at = Timestamp::from_millis(1_791_000_000_000).unwrap();
    let ticker = parse(data).map_err(|error| error.to_string())?;
    tickers.take(listed, (extent, at), &ticker, &mut out).map_err(|error| error.to_string())?;
    assert!(out.iter().all(|stamped| stamped.event_time == at));
    Ok(out.iter().map(|stamped| describe(&stamped.observation)).collect())
}

/// What a snapshot alone tells of BTCUSDT.
fn snapshot(data: &str) -> Vec<String> {
    let linear = listed("BTCUSDT", Instrument::perp("BTC", "USDT"));
    take(&mut Tickers::default(), &linear, Extent::Snapshot, data).unwrap()
}

const SNAPSHOT: &str = r#"{"symbol":"BTCUSDT","markPrice":"80000.50","openInterest":"200","singleOpenInterest":"100","fundingRate":"-0.0001","nextFundingTime":"1791014400000","fundingIntervalHour":"4","preOpenPrice":"","bid1Price":"1"}"#;

#[test]
fn a_snapshot_tells_mark_funding_and_one_side_of_the_open_interest() {
    assert_eq!(
        snapshot(SNAPSHOT),
        [
            "quote BTC-USDT-PERP mark 80000.5 - - - -",
            "funding BTCUSDT BTC-USDT-PERP -0.0001 4 1791014400",
            "open BTCUSDT BTC-USDT-PERP 100 8000050.00",
        ]
    );
}

#[test]
fn what_a_change_leaves_out_is_unchanged() {
    let linear = listed("BTCUSDT", Instrument::perp("BTC", "USDT"));
    let mut tickers = Tickers::default();
    take(&mut tickers, &linear, Extent::Snapshot, SNAPSHOT).unwrap();
    let steps = [
        (r#"{"symbol":"BTCUSDT","bid1Price":"79999"}"#, "80000.5", "-0.0001 4 1791014400", "100 8000050.00"),
        (r#"{"symbol":"BTCUSDT","markPrice":"80001"}"#, "80001", "-0.0001 4 1791014400", "100 8000100.00"),
        (
            r#"{"symbol":"BTCUSDT","fundingRate":"0.0002","openInterest":"300"}"#,
            "80001",
            "0.0002 4 1791014400",
            "100 8000100.00",
        ),
        (
            r#"{"symbol":"BTCUSDT","nextFundingTime":"1791028800000","singleOpenInterest":"150"}"#,
            "80001",
            "0.0002 4 1791028800",
            "150 12000150.00",
        ),
    ];
    for (data, mark, funding, open) in steps {
        let expected = [
            format!("quote BTC-USDT-PERP mark {mark} - - - -"),
            format!("funding BTCUSDT BTC-USDT-PERP {funding}"),
            format!("open BTCUSDT BTC-USDT-PERP {open}"),
        ];
        assert_eq!(take(&mut tickers, &linear, Extent::Delta, data).unwrap(), expected, "{data}");
    }
    let blank = r#"{"symbol":"BTCUSDT","markPrice":"","fundingRate":""}"#;
    let left = take(&mut tickers, &linear, Extent::Delta, blank).unwrap();
    assert_eq!(left, ["open BTCUSDT BTC-USDT-PERP 150 -"], "a blank takes back what was told");
    let fresh = r#"{"symbol":"BTCUSDT","markPrice":"70000"}"#;
    let all = take(&mut tickers, &linear, Extent::Snapshot, fresh).unwrap();
    assert_eq!(all, ["quote BTC-USDT-PERP mark 70000 - - - -"], "a snapshot leaves nothing of the old state");
}

#[test]
fn open_interest_is_never_taken_from_a_field_that_may_count_both_sides() {
    let linear = listed("BTCUSDT", Instrument::perp("BTC", "USDT"));
    let old = r#"{"symbol":"BTCUSDT","openInterest":"50","markPrice":"10"}"#;
    let change = r#"{"symbol":"BTCUSDT","openInterest":"60"}"#;
    let open =
        |seen: Vec<String>| seen.into_iter().filter(|line| line.starts_with("open")).collect::<Vec<_>>();

    let mut older = Tickers::default();
    let first = take(&mut older, &linear, Extent::Snapshot, old).unwrap();
    assert_eq!(open(first), ["open BTCUSDT BTC-USDT-PERP 50 500.00"], "a ticker without the newer field");
    let second = take(&mut older, &linear, Extent::Delta, change).unwrap();
    assert_eq!(open(second), ["open BTCUSDT BTC-USDT-PERP 60 600.00"]);

    let mut unknown = Tickers::default();
    let seen = take(&mut unknown, &linear, Extent::Delta, change).unwrap();
    assert_eq!(seen, Vec::<String>::new(), "a change whose snapshot was not seen");
    older.reset();
    assert_eq!(take(&mut older, &linear, Extent::Delta, change).unwrap(), Vec::<String>::new());
}

#[test]
fn inverse_contracts_count_dollars() {
    let inverse = listed("BTCUSD", Instrument::perp("BTC", "USD"));
    let data = r#"{"symbol":"BTCUSD","markPrice":"50000","openInterest":"250000000","openInterestValue":"5000","fundingRate":"0.0001","nextFundingTime":"1791014400000"}"#;
    let mut tickers = Tickers::default();
    assert_eq!(
        take(&mut tickers, &inverse, Extent::Snapshot, data).unwrap(),
        [
            "quote BTC-USD-PERP mark 50000 - - - -",
            "funding BTCUSD BTC-USD-PERP 0.0001 - 1791014400",
            "open BTCUSD BTC-USD-PERP 5000 250000000.00",
        ]
    );
    let unpriced = r#"{"symbol":"BTCUSD","markPrice":"","openInterest":"250000000"}"#;
    let seen = take(&mut tickers, &inverse, Extent::Snapshot, unpriced).unwrap();
    assert_eq!(seen, ["open BTCUSD BTC-USD-PERP - 250000000.00"]);
}

#[test]
fn dated_futures_have_no_funding() {
    let expiry = Date::from_ymd(2026, 12, 25).unwrap();
    let dated = listed("BTCUSDZ26", Instrument::future("BTC", "USD", expiry));
    let data = r#"{"symbol":"BTCUSDZ26","markPrice":"50000","openInterest":"100","fundingRate":"","nextFundingTime":""}"#;
    let seen = take(&mut Tickers::default(), &dated, Extent::Snapshot, data).unwrap();
    assert_eq!(
        seen,
        ["quote BTC-USD-20261225 mark 50000 - - - -", "open BTCUSDZ26 BTC-USD-20261225 0.002 100.00"]
    );
}

#[test]
fn what_cannot_be_right_is_refused_and_changes_nothing() {
    let linear = listed("BTCUSDT", Instrument::perp("BTC", "USDT"));
    let mut tickers = Tickers::default();
    let before = take(&mut tickers, &linear, Extent::Snapshot, SNAPSHOT).unwrap();
    for (data, error) in [
        (r#"{"markPrice":"-1","fundingRate":"9"}"#, r#"markPrice is "-1", not a price above zero"#),
        (r#"{"markPrice":"1","fundingRate":"NaN"}"#, r#"fundingRate is "NaN", not a finite number"#),
        (r#"{"markPrice":"1","singleOpenInterest":"-5"}"#, r#"singleOpenInterest is "-5", below zero"#),
        (r#"{"markPrice":"1","nextFundingTime":"soon"}"#, r#"nextFundingTime is "soon", not a number"#),
        (r#"{"markPrice":"1e15","singleOpenInterest":"1e15"}"#, "notional is "),
    ] {
        let words = take(&mut tickers, &linear, Extent::Delta, data).unwrap_err();
        assert!(words.starts_with(error), "{words}");
    }
    assert_eq!(take(&mut tickers, &linear, Extent::Delta, "{}").unwrap(), before);
}

#[test]
fn memory_is_bounded_however_many_symbols_are_invented() {
    let mut tickers = Tickers::default();
    let mut invented = listed("X", Instrument::perp("X", "USDT"));
    for n in 0..2 * MOST_REMEMBERED {
        invented.symbol = SmolStr::new(n.to_string());
        take(&mut tickers, &invented, Extent::Snapshot, "{}").unwrap();
    }
    assert!(tickers.states.len() <= MOST_REMEMBERED);
}

/// Real tickers of 2023, linear, inverse and dated: what is told is what their fields say.
#[test]
fn real_tickers_of_2023_tell_what_their_fields_say() {
    let mut tickers = Tickers::default();
    let mut tested = 0;
    for line in recording("context_frames.jsonl").unwrap_or_default().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let (frame, data) = (&line["raw"], &line["raw"]["data"]);
        if line["test"] != "bybit messages" {
            continue;
        }
        let symbol = data["symbol"].as_str().unwrap();
        let instrument = match symbol {
            "BTCUSDT" => Instrument::perp("BTC", "USDT"),
            "BTCUSD" => Instrument::perp("BTC", "USD"),
            _ => Instrument::future("BTC", "USD", Date::from_ymd(2023, 9, 29).unwrap()),
        };
        let extent = if frame["type"] == "snapshot" { Extent::Snapshot } else { Extent::Delta };
        let contract = listed(symbol, instrument);
        let told = take(&mut tickers, &contract, extent, &data.to_string()).unwrap();
        let number = |key: &str| data[key].as_str().and_then(|text| text.parse::<f64>().ok());
        if let Some(mark) = number("markPrice") {
            assert!(told[0].contains(&format!(" mark {mark} ")), "{told:?}");
        }
        let funding = told.iter().find(|line| line.starts_with("funding"));
        assert_eq!(funding.is_some(), symbol != "BTCUSDU23", "{told:?}");
        if let (Some(rate), Some(funding)) = (number("fundingRate"), funding) {
            assert!(funding.contains(&format!(" {rate} - 1680681600")), "{told:?}");
        }
        if let Some(open) = number("openInterest") {
            let open = if symbol == "BTCUSDT" { format!(" {open} ") } else { format!(" {open:.2}") };
            assert!(told.last().unwrap().contains(&open), "{told:?}");
        }
        tested += 1;
    }
    assert!(tested == 5 || tested == 0, "{tested}");
}
