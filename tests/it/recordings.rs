//! Recordings through the whole program: exact figures, exactly once.

use std::collections::BTreeMap;
use std::path::Path;

use crate::workplace::{Workplace, shared};

/// `(symbol, position)` → `(count, notional in cents)`, from an export.
fn sums(csv: &str) -> BTreeMap<(String, String), (u64, i64)> {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = |name: &str| header.iter().position(|field| *field == name).unwrap();
    let (symbol, position, notional) = (column("symbol"), column("position"), column("notional_usd"));
    let mut sums: BTreeMap<_, (u64, f64)> = BTreeMap::new();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let sum = sums.entry((fields[symbol].to_owned(), fields[position].to_owned())).or_default();
        sum.0 += 1;
        sum.1 += fields[notional].parse::<f64>().unwrap();
    }
    sums.into_iter().map(|(key, (count, usd))| (key, (count, (usd * 100.0).round() as i64))).collect()
}

fn replay(place: &Workplace, file: &Path) -> serde_json::Value {
    let said = place.stdout(&["--store", "S", "replay", file.to_str().unwrap(), "--speed", "max", "--json"]);
    serde_json::from_str(said.lines().last().unwrap()).unwrap()
}

fn export(place: &Workplace) -> String {
    place.stdout(&["--store", "S", "export", "liquidations", "--format", "csv", "--out", "-"])
}

#[test]
fn a_day_of_binance_is_exact_to_the_cent_and_twice_is_once() {
    let Some(file) = shared("recordings/binance_usdm_2026-01-06.jsonl.zst") else { return };
    let Some(expected) = shared("recordings/binance_usdm_2026-01-06.expected.csv") else { return };
    let expected: BTreeMap<_, _> = std::fs::read_to_string(expected)
        .unwrap()
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let cents = (fields[3].parse::<f64>().unwrap() * 100.0).round() as i64;
            ((fields[0].to_owned(), fields[1].to_owned()), (fields[2].parse().unwrap(), cents))
        })
        .collect();
    let place = Workplace::new();
    assert_eq!(replay(&place, &file)["liquidations"], 541);
    let once = export(&place);
    assert_eq!(sums(&once), expected);
    assert_eq!(once.lines().count(), 542);

    let second = replay(&place, &file);
    assert_eq!((&second["stored_frames"], &second["already_stored_frames"]), (&0.into(), &541.into()));
    assert_eq!(export(&place), once);

    // Decoding the stored frames anew finds the same events.
    place.stdout(&["--store", "S", "rebuild"]);
    assert_eq!(sums(&export(&place)), expected);
}

#[test]
fn a_bybit_session_without_liquidations_is_counted_and_explained() {
    let Some(file) = shared("recordings/cryptofeed_bybit.jsonl.zst") else { return };
    let place = Workplace::new();
    let report = replay(&place, &file);
    let frames: u64 =
        report["frames"].as_array().unwrap().iter().map(|row| row["frames"].as_u64().unwrap()).sum();
    let skipped: u64 =
        report["skipped_lines"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(frames + skipped, 3_256, "{report}");
    assert!(report["frames"].as_array().unwrap().iter().all(|row| row["kind"] != "rejected"), "{report}");
    assert_eq!(report["liquidations"], 0);
}

#[test]
fn a_recording_cut_in_the_middle_keeps_what_came_before() {
    let place = Workplace::new();
    let line = |at: i64| {
        let frame = serde_json::json!({
            "e": "forceOrder", "E": at, "o": { "s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "0.5",
            "p": "80000", "ap": "80010", "X": "FILLED", "l": "0.5", "z": "0.5", "T": at }
        });
        serde_json::json!({ "at_us": at * 1_000, "feed": "binance-usdm", "text": frame.to_string() })
            .to_string()
    };
    let text = format!(
        "{{\"recording\":\"vigie\",\"version\":1}}\n{}\n{}\n{}",
        line(1_767_695_630_000),
        line(1_767_695_631_000),
        &line(1_767_695_632_000)[..60]
    );
    place.write("cut.jsonl", &text);
    let output = place.run(&["--store", "S", "replay", "cut.jsonl"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("cut.jsonl") && said.contains("line 4"), "{said}");
    assert_eq!(export(&place).lines().count(), 3, "a header and two events");
}

#[test]
fn what_record_writes_replay_reads() {
    let place = Workplace::new();
    let simulator = crate::journey::Simulator::start(&place, "127.0.0.1:0", "cascade");
    place.write("c.toml", &simulator.config());
    place.stdout(&["--config", "c.toml", "record", "--out", "r.jsonl.zst", "--for", "4s"]);
    drop(simulator);
    let report = replay(&place, &place.path("r.jsonl.zst"));
    assert!(report["liquidations"].as_u64().unwrap() > 0, "{report}");
    assert!(report["frames"].as_array().unwrap().iter().all(|row| row["kind"] != "rejected"), "{report}");
    let rows = export(&place).lines().count() as u64 - 1;
    assert_eq!(report["liquidations"], rows);
}

#[test]
fn rules_speak_the_same_at_any_speed() {
    let place = Workplace::new();
    place.write(
        "c.toml",
        "[rules.flush]\nkind = \"liquidations\"\nwindow_secs = 2\nthreshold_usd = 50_000\nmin_coverage = 0\ncooldown_secs = 1\n",
    );
    let mut text = "{\"recording\":\"vigie\",\"version\":1}\n".to_owned();
    for (second, quantity) in [(0, "0.1"), (1, "0.7"), (3, "0.1"), (6, "0.9")] {
        let at = 1_767_695_630_000_i64 + second * 1_000;
        let frame = format!(
            "{{\"e\":\"forceOrder\",\"E\":{at},\"o\":{{\"s\":\"BTCUSDT\",\"S\":\"SELL\",\"o\":\"LIMIT\",\"f\":\"IOC\",\"q\":\"{quantity}\",\"p\":\"80000\",\"ap\":\"80000\",\"X\":\"FILLED\",\"l\":\"{quantity}\",\"z\":\"{quantity}\",\"T\":{at}}}}}"
        );
        let line = serde_json::json!({ "at_us": at * 1_000, "feed": "binance-usdm", "text": frame });
        text.push_str(&line.to_string());
        text.push('\n');
    }
    place.write("r.jsonl", &text);
    let alerts = |speed: &str| -> Vec<String> {
        let said = place.stdout(&["--config", "c.toml", "replay", "r.jsonl", "--speed", speed, "--json"]);
        said.lines().filter(|line| line.contains("\"alert\":{")).map(str::to_owned).collect()
    };
    let fast = alerts("max");
    assert_eq!(fast.len(), 3, "raised, cleared, raised: {fast:?}");
    assert_eq!(alerts("20"), fast);
}
