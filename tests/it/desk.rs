//! Files of the user's into tables, tables into answers: flows as they were known, events and their study.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use market::{
    Baselines, Chances, FORECASTER, FeedId, Forecast, MarketEvent, Observation, RegimeReading, Timestamp,
};
use store::{Record, Store, StoreOptions};
use vigie::clock::SystemClock;

use crate::workplace::{Workplace, shared};

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

fn import(place: &Workplace, what: &str, files: &[&Path], more: &[&str]) -> serde_json::Value {
    let mut arguments = vec!["--store", "S", "import", what, "--json"];
    arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
    arguments.extend(more);
    json(&place.stdout(&arguments))
}

/// An export as one map a row.
fn rows(place: &Workplace, arguments: &[&str]) -> Vec<BTreeMap<String, String>> {
    let mut all = vec!["--store", "S", "export"];
    all.extend(arguments);
    let csv = place.stdout(&all);
    let mut lines = csv.lines();
    let header = cells(lines.next().unwrap());
    lines.map(|line| header.iter().cloned().zip(cells(line)).collect()).collect()
}

/// A CSV line's cells; a comma inside quotes belongs to its cell.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            c => cells.last_mut().unwrap().push(c),
        }
    }
    cells
}

/// Tenths of a million dollars that the funds reported on `day`, and the funds that have not.
fn day(place: &Workplace, day: &str, as_of: Option<&str>) -> (i64, Vec<String>, Vec<String>) {
    let mut arguments = vec!["etf_flows"];
    if let Some(as_of) = as_of {
        arguments.extend(["--as-of", as_of]);
    }
    let rows = rows(place, &arguments);
    let of_day: Vec<_> = rows.iter().filter(|row| row["trade_date"] == day).collect();
    let flows = of_day.iter().filter_map(|row| row["net_flow_usd"].parse::<f64>().ok());
    let pending = of_day.iter().filter(|row| row["net_flow_usd"].is_empty()).map(|row| row["fund"].clone());
    let status = of_day.iter().map(|row| row["status"].clone());
    let mut statuses: Vec<String> = status.collect();
    statuses.dedup();
    ((flows.sum::<f64>() / 1e5).round() as i64, pending.collect(), statuses)
}

const WIDE: &str = "Date,IBIT,FBTC,GBTC,Total\n\
    10 Sep 2025,100.0,50.5,(10.0),140.5\n\
    11 Sep 2025,-,20.0,-5.0,15.0\n\
    12 Sep 2025,1.0,2.0,3.0,60.0\n";

#[test]
fn flows_in_any_writing_are_taken_once_and_a_wrong_sum_is_refused() {
    let place = Workplace::new();
    let file = place.write("flows.csv", WIDE);
    let report = import(&place, "etf-flows", &[&file], &[]);
    let told = &report["files"][0];
    assert_eq!((&told["sessions"], &told["new"]), (&2.into(), &6.into()), "{report}");
    assert!(told["refused"][0]["what"].as_str().unwrap().contains("60"), "{report}");
    assert_eq!(import(&place, "etf-flows", &[&file], &[])["files"][0]["new"], 0, "twice is once");
    assert_eq!(day(&place, "2025-09-10", None), (1_405, vec![], vec!["final".to_owned()]));
    let (sum, pending, status) = day(&place, "2025-09-11", None);
    assert_eq!((sum, pending, status), (150, vec!["IBIT".to_owned()], vec!["provisional".to_owned()]));
}

#[test]
fn flows_are_shown_as_they_were_known() {
    let Some(file) = shared("data/etf_flows/farside_btc.csv") else { return };
    let Some(vintages) = shared("data/etf_flows/farside_btc_vintages.csv") else { return };
    let place = Workplace::new();
    let report = import(&place, "etf-flows", &[&file], &[]);
    let told = &report["files"][0];
    let days = told["sessions"].as_u64().unwrap() + told["closed_days"].as_u64().unwrap();
    assert_eq!((days, &told["checked_totals"], &told["mismatched_totals"]), (671, &671.into(), &0.into()));
    assert_eq!(told["refused"].as_array().unwrap().len(), 0);
    import(&place, "etf-flows", &[&vintages], &[]);
    let (sum, mut pending, status) = day(&place, "2025-11-17", Some("2025-11-18T02:10:00Z"));
    pending.sort();
    assert_eq!((sum, pending.join(" ").as_str()), (-745, "BRRR BTCO GBTC IBIT"));
    assert_eq!(status, ["provisional"]);
    let (sum, pending, _) = day(&place, "2025-11-17", Some("2025-11-18T07:00:00Z"));
    assert_eq!((sum, pending), (-2_546, vec![]));
    assert_eq!(day(&place, "2025-11-13", None).0, -8_667);
    assert_eq!(day(&place, "2025-09-10", None).0, 7_415);
    assert_eq!(day(&place, "2025-09-10", Some("2025-11-18T02:10:00Z")).0, 7_415);
    let picture = place.path("flows.svg");
    let picture = picture.to_str().unwrap();
    place.stdout(&["--store", "S", "snapshot", "--workspace", "flows", "--size", "160x48", "--out", picture]);
    assert!(std::fs::read_to_string(picture).unwrap().contains("IBIT"));
}

#[test]
fn an_event_study_tells_a_price_s_own_move_from_the_market_s() {
    let names = ["KEEL", "WULF", "CIFR", "CLSK", "CORZ", "IREN", "MARA", "RIOT"];
    let mut files = Vec::new();
    for name in names {
        let Some(file) = shared(&format!("data/equities/{name}.csv")) else { return };
        files.push(file);
    }
    let Some(bitcoin) = shared("data/crypto/BTC-USD_1d.csv") else { return };
    files.push(bitcoin);
    let place = Workplace::new();
    let paths: Vec<&Path> = files.iter().map(AsRef::as_ref).collect();
    let report = import(&place, "bars", &paths, &[]);
    assert_eq!(report["files"].as_array().unwrap().len(), 9);
    let study = |entity: &str, date: &str| {
        let arguments = ["--store", "S", "events", "study", "--entity", entity, "--date", date, "--json"];
        json(&place.stdout(&arguments))
    };
    for (entity, date, percent) in
        [("KEEL", "2025-11-13", -17.98), ("WULF", "2025-08-14", 59.5), ("CIFR", "2025-09-25", -17.5)]
    {
        let found = study(entity, date);
        let own = found["return"].as_f64().unwrap() * 100.0;
        assert!((own - percent).abs() < 0.06, "{entity}: {own}");
        for key in ["abnormal_return", "std_error", "t", "n_estimation", "model", "window"] {
            assert!(!found[key].is_null(), "{key} in {found}");
        }
    }
    let keel = study("BITF", "2025-11-13");
    assert_eq!(keel["symbol"], "KEEL", "found under its old name");
    let own = keel["abnormal_return"].as_f64().unwrap() * 100.0;
    assert!((-8.5..=-5.5).contains(&own), "only some points were its own: {own}");
    assert_eq!(keel["n_estimation"], 120);
}

#[test]
fn events_are_listed_filtered_and_added_to() {
    let place = Workplace::new();
    let halvings = place.stdout(&["events", "--kind", "halving", "--about", "BTC", "--to", "2025-01-01"]);
    assert_eq!(halvings.lines().count(), 4, "{halvings}");
    let deal = place.stdout(&["events", "--about", "IREN", "--search", "microsoft"]);
    assert!(deal.contains("9.70bn") && deal.contains("200 MW") && deal.contains("per MW-year"), "{deal}");
    place.write(
        "own.toml",
        "[[occasion]]\nid = \"own\"\nat = 2026-11-30\ntitle = \"Our board meets\"\nkind = \"corporate\"\nsources = [\"us\"]\n",
    );
    let config = place.write("c.toml", "[events]\nfiles = [\"own.toml\"]\n");
    let own = place.stdout(&["--config", config.to_str().unwrap(), "events", "--search", "board meets"]);
    assert!(own.contains("2026-11-30"), "{own}");
    let exported = place.stdout(&["export", "events", "--from", "2025-07-18", "--to", "2025-07-19"]);
    assert!(exported.contains("GENIUS"), "{exported}");
}

#[test]
fn treasuries_as_a_web_page_prints_them_are_read() {
    let Some(file) = shared("data/treasuries/treasuries_2025-07.csv") else { return };
    let place = Workplace::new();
    let report = import(&place, "treasuries", &[&file], &[]);
    assert!(report["files"][0]["accepted"].as_u64().unwrap() >= 120, "{report}");
    let holdings = rows(&place, &["holdings", "--symbol", "MSTR"]);
    assert_eq!((holdings[0]["quantity"].as_str(), holdings[0]["as_of"].as_str()), ("597325", "2025-07-31"));
}

/// What the forecaster kept, in a store at `S`: a forecast, made again later, and the reading beside it.
fn keep_forecasts(place: &Workplace) {
    let when = |text: &str| text.parse::<Timestamp>().unwrap();
    let event = |known_at: &str, observation| MarketEvent {
        feed: FeedId::new(FORECASTER),
        event_time: when("2026-01-06T14:00:00Z"),
        receive_time: when(known_at),
        known_at: when(known_at),
        observation,
    };
    let forecast = |known_at: &str, probability| {
        let forecast = Forecast {
            target: "vol-24h".into(),
            asset: "BTC".into(),
            regime: 0,
            until: when("2026-01-07T14:00:00Z"),
            shift: Some(Chances { probability, low: 0.125, high: 0.625 }),
            abstained: None,
            baselines: Baselines { base: 0.12, markov: 0.09, margin_only: 0.2 },
            regimes: vec![0, 1],
            model: "vol-24h-7f3a".into(),
            sequence: 7,
        };
        event(known_at, Observation::Forecast(forecast))
    };
    let reading = RegimeReading {
        target: "vol-24h".into(),
        asset: "BTC".into(),
        regime: 0,
        name: "calm".into(),
        probabilities: vec![0.75, 0.25],
        since: when("2026-01-04T14:00:00Z"),
        model: "vol-24h-7f3a".into(),
    };
    let events = [
        forecast("2026-01-06T14:00:02Z", 0.25),
        forecast("2026-01-06T15:00:00Z", 0.5),
        event("2026-01-06T14:00:02Z", Observation::Regime(reading)),
    ];
    let clock = Arc::new(SystemClock);
    let (mut store, _) = Store::open(&place.path("S"), StoreOptions::default(), clock).unwrap();
    store.append(Record::Batch { origin: FORECASTER, at: events[1].known_at, events: &events }).unwrap();
    store.close().unwrap();
}

#[test]
fn forecasts_and_regimes_are_exported_as_they_were_known() {
    let place = Workplace::new();
    keep_forecasts(&place);
    let probabilities = |more: &[&str]| -> Vec<String> {
        let rows = rows(&place, &[&["forecasts"][..], more].concat());
        rows.iter().map(|row| row["probability"].clone()).collect()
    };
    assert_eq!(probabilities(&[]), ["0.5"]);
    assert_eq!(probabilities(&["--as-of", "2026-01-06T14:30:00Z"]), ["0.25"]);
    assert_eq!(probabilities(&["--as-of", "2026-01-06T14:00:01Z"]), [""; 0]);
    assert_eq!(probabilities(&["--instrument", "vol-24h", "--venue", "forecaster"]), ["0.5"]);
    assert_eq!(probabilities(&["--instrument", "vol-5d"]), [""; 0]);
    let regimes = rows(&place, &["regimes"]);
    assert_eq!(regimes.len(), 1);
    let cell = |name: &str| regimes[0][name].as_str();
    assert_eq!((cell("name"), cell("probability"), cell("probabilities")), ("calm", "0.25", "0.75,0.25"));
    let status: serde_json::Value = json(&place.stdout(&["--store", "S", "status", "--json"]));
    assert_eq!(
        (&status["tables"]["forecasts"]["rows"], &status["batches"]),
        (&2.into(), &serde_json::json!([]))
    );
}
