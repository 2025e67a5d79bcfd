//! The generator without a server.

use std::collections::HashMap;

use serde_json::Value;
use simulator::{Payload, Scenario, SimFrame, Tape, Venue};

use crate::client::{BUSY, unpacked, venue};

const START: i64 = 1_795_305_600_000_000; // 2026-11-22 00:00 UTC
const MINUTE: i64 = 60_000_000;

fn tape(name: &str, seed: u64) -> Tape {
    Tape::new(&Scenario::builtin(name).unwrap(), seed, START)
}

/// What tells of liquidations in the first minutes.
fn minutes(tape: Tape, minutes: i64) -> Vec<SimFrame> {
    let until = tape.take_while(|frame| frame.at_micros < START + minutes * MINUTE);
    until.filter(|frame| frame.events > 0).collect()
}

fn json(frame: &SimFrame) -> Value {
    let text = match &frame.payload {
        Payload::Text(text) => text.clone(),
        Payload::Binary(bytes) => unpacked(bytes).unwrap(),
    };
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    for name in Scenario::names() {
        let first: Vec<SimFrame> = tape(name, 1).take(300).collect();
        assert_eq!(first, tape(name, 1).take(300).collect::<Vec<_>>(), "{name}");
        assert_ne!(first, tape(name, 2).take(300).collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn the_rest_answers_come_first_so_that_a_recording_explains_itself() {
    let frames: Vec<SimFrame> = tape("cascade", 1).take(400).collect();
    let answers: Vec<&SimFrame> = frames.iter().take_while(|frame| frame.is_answer()).collect();
    let liquidating = answers.iter().filter(|frame| venue(frame.venue).liquidates());
    let topics: Vec<(&str, &str)> = liquidating.map(|frame| (frame.venue, frame.topic.as_str())).collect();
    assert_eq!(
        topics,
        [
            ("bybit-linear", "/v5/market/instruments-info?category=linear&limit=1000"),
            ("okx", "/api/v5/public/instruments?instType=SWAP"),
            ("okx", "/api/v5/public/instruments?instType=FUTURES"),
            ("binance-coinm", "/dapi/v1/exchangeInfo"),
            ("bybit-inverse", "/v5/market/instruments-info?category=inverse&limit=1000"),
            ("bitmex", "/api/v1/instrument/active"),
            ("deribit", "/api/v2/public/get_instruments?currency=any&kind=future"),
            ("kraken-futures", "/derivatives/api/v3/instruments"),
            ("gate", "/api/v4/futures/usdt/contracts"),
            ("htx", "/linear-swap-api/v1/swap_contract_info"),
            ("htx-coinm", "/swap-api/v1/swap_contract_info"),
        ]
    );
    assert!(answers.iter().all(|frame| frame.events == 0 && frame.at_micros == START));
    let later = &frames[answers.len()..];
    assert!(later.iter().all(|frame| !frame.is_answer() || !venue(frame.venue).liquidates()));
    for category in [0, 4] {
        let answer = json(answers[category]);
        assert_eq!(answer["result"]["nextPageCursor"], "");
        assert!(!answer["result"]["list"].as_array().unwrap().is_empty());
    }
}

#[test]
fn every_frame_but_web_pages_is_valid_json_and_times_never_run_back() {
    for name in Scenario::names() {
        let mut last = i64::MIN;
        for frame in tape(name, 3).take(5_000) {
            if !matches!(frame.venue, "farside" | "bitbo") {
                json(&frame);
            }
            assert!(frame.at_micros >= last, "{name}");
            last = frame.at_micros;
        }
    }
}

#[test]
fn binance_tells_at_most_one_event_per_symbol_and_second() {
    let mut last: HashMap<String, i64> = HashMap::new();
    let mut smallest = i64::MAX;
    for frame in minutes(tape("cascade", 5), 15).iter().filter(|frame| frame.venue == "binance-usdm") {
        let frame = json(frame);
        let symbol = frame["data"]["o"]["s"].as_str().unwrap().to_owned();
        let told = frame["data"]["E"].as_i64().unwrap();
        if let Some(before) = last.insert(symbol, told) {
            smallest = smallest.min(told - before);
        }
    }
    assert!((1000..1100).contains(&smallest), "{smallest}");
}

#[test]
fn what_the_throttles_swallow_is_counted() {
    let text = BUSY.replace("\"loop\"", "\"end\"");
    let mut tape = Tape::new(&Scenario::from_toml(&text, "busy").unwrap(), 5, START);
    let told: u64 = tape.by_ref().map(|frame| frame.events).sum();
    assert_eq!(told, Venue::all().map(|venue| tape.told(venue)).sum::<u64>());
    let large = ["binance-usdm", "bybit-linear", "okx"].map(venue);
    let [binance, bybit, okx] = large.map(|venue| tape.happened(venue));
    let [binance_told, bybit_told, okx_told] = large.map(|venue| tape.told(venue));
    assert_eq!(bybit, bybit_told, "Bybit tells everything");
    assert!(binance_told < binance, "{binance_told} of {binance}");
    assert!(okx_told <= okx);
    // 10 a second that nothing caused, doubled by branching: 12000 in ten minutes.
    let happened = (binance + bybit + okx) as f64;
    assert!((happened / 12_000.0 - 1.0).abs() < 0.05, "{happened}");
}

#[test]
fn a_faster_market_does_not_loosen_the_venues_rules() {
    let scenario = Scenario::builtin("calm").unwrap();
    let count = |pace| {
        minutes(Tape::with_pace(&scenario, 5, START, pace), 10).iter().map(|one| one.events).sum::<u64>()
    };
    let (slow, fast) = (count(1.0), count(10.0));
    assert!(fast > 6 * slow, "{fast} against {slow}");
    let mut last: HashMap<String, i64> = HashMap::new();
    for frame in minutes(Tape::with_pace(&scenario, 5, START, 50.0), 10) {
        if frame.venue == "binance-usdm" {
            let before = last.insert(frame.topic.clone(), frame.at_micros);
            assert!(before.is_none_or(|before| frame.at_micros - before >= 1_000_000));
        }
    }
}

#[test]
fn every_venue_has_something_to_tell_within_five_seconds_of_a_cascade() {
    for seed in 0..50 {
        let told = tape("cascade", seed).take_while(|frame| frame.at_micros < START + 5_000_000);
        let venues: std::collections::BTreeSet<&str> =
            told.filter(|frame| frame.events > 0).map(|frame| frame.venue).collect();
        assert!(!venues.is_empty(), "seed {seed}");
    }
}

#[test]
fn a_cascade_has_minutes_of_hundreds_and_a_quiet_weekend_about_one() {
    let events = |name: &str, minute: i64| {
        minutes(tape(name, 4), minute + 1)
            .iter()
            .filter(|frame| frame.at_micros >= START + minute * MINUTE)
            .map(|frame| frame.events)
            .sum::<u64>()
    };
    let busiest = (0..7).map(|minute| events("cascade", minute)).max().unwrap();
    assert!((150..1500).contains(&busiest), "{busiest}");
    let weekend = minutes(tape("quiet-weekend", 4), 600);
    let large = ["binance-usdm", "bybit-linear", "okx"];
    let events = |is_large: bool| -> u64 {
        let wanted = weekend.iter().filter(|frame| large.contains(&frame.venue) == is_large);
        wanted.map(|frame| frame.events).sum()
    };
    assert!((450..850).contains(&events(true)), "{} in ten hours", events(true));
    assert!((150..400).contains(&events(false)), "{} in ten hours", events(false));
}

#[test]
fn bybit_and_okx_frames_sometimes_carry_several_liquidations() {
    let frames = minutes(tape("cascade", 8), 10);
    for venue in ["bybit-linear", "okx"] {
        assert!(frames.iter().any(|frame| frame.venue == venue && frame.events > 1), "{venue}");
        assert!(frames.iter().any(|frame| frame.venue == venue && frame.events == 1), "{venue}");
    }
}

#[test]
fn venues_tell_everything_or_what_their_throttle_leaves() {
    let text = BUSY.replace("\"loop\"", "\"end\"");
    let mut tape = Tape::new(&Scenario::from_toml(&text, "busy").unwrap(), 6, START);
    tape.by_ref().for_each(drop);
    for venue in Venue::all() {
        let (happened, told) = (tape.happened(venue), tape.told(venue));
        match venue.id() {
            "binance-usdm" | "binance-coinm" | "okx" | "gate" => {
                assert!(told <= happened && told * 2 > happened, "{venue} {told} of {happened}");
            }
            _ => assert_eq!(told, happened, "{venue}"),
        }
        assert!(told > 50 || !venue.liquidates(), "{venue} {told}");
    }
}

#[test]
fn gate_tells_at_most_one_event_per_contract_and_second() {
    let mut last: HashMap<String, i64> = HashMap::new();
    let mut smallest = i64::MAX;
    let scenario = Scenario::builtin("cascade").unwrap();
    for frame in minutes(Tape::with_pace(&scenario, 5, START, 20.0), 5) {
        if frame.venue == "gate"
            && frame.events > 0
            && let Some(before) = last.insert(frame.topic.clone(), frame.at_micros)
        {
            smallest = smallest.min(frame.at_micros - before);
        }
    }
    assert!((1_000_000..1_100_000).contains(&smallest), "{smallest}");
}
