//! Files of the user's into tables, tables into answers: flows as they were known, events and their study.

use std::collections::BTreeMap;
use std::path::Path;

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
