//! Features of real histories, where they are at hand; nothing of them is copied here.

use std::path::Path;
use std::time::Duration;

use market::{
    Date, FeedId, FundingRate, Instrument, Interval, Observation, PositionSide, Price, nyse, settled_at,
};

use super::super::{History, TASKS, audit, bits, samples, task};
use super::world::{at, bar, event, flow, liquidation, value};
use crate::reference;

fn rows(path: &Path) -> Vec<csv::StringRecord> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path).unwrap();
    reader.records().map(Result::unwrap).collect()
}

fn date(text: &str) -> Option<Date> {
    text.get(..10)?.parse().ok()
}

/// Daily bars: of shares known at New York's close, of coins at the end of the UTC day.
fn closes(history: &mut History, path: &Path, symbol: &str, date_at: usize, close_at: usize) {
    for row in rows(path) {
        let (Some(date), Ok(close)) = (date(&row[date_at]), row[close_at].parse::<f64>()) else { continue };
        let known_at = if symbol.contains('-') { Some(date.next().start()) } else { nyse().close(date) };
        let Some(known_at) = known_at else { continue };
        let mut event = bar(symbol, Interval::Day, date.start(), known_at, close);
        // Open, high, low and close stand side by side.
        let edge = |at: usize| row[at].parse().ok().and_then(|edge| Price::new(edge).ok());
        if let (Observation::Bar(bar), Some(high), Some(low)) =
            (&mut event.observation, edge(close_at - 2), edge(close_at - 1))
        {
            (bar.high, bar.low) = (high, low);
        }
        history.bars.push(event);
    }
}

fn real() -> Option<History> {
    let shared = reference::path("data")?;
    let mut history = History::default();
    closes(&mut history, &shared.join("crypto/BTC-USD_1d.csv"), "BTC-USD", 0, 4);
    closes(&mut history, &shared.join("crypto/TAOUSDT.csv"), "TAO-USDT", 0, 4);
    for token in ["ATH", "RENDER", "AKT"] {
        closes(&mut history, &shared.join(format!("crypto/{token}USDT.csv")), &format!("{token}-USDT"), 7, 4);
    }
    for ticker in ["MARA", "RIOT", "CLSK", "IREN", "CIFR", "WULF", "CORZ", "KEEL", "QQQ"] {
        closes(&mut history, &shared.join(format!("equities/{ticker}.csv")), ticker, 0, 4);
    }
    let mut seen = std::collections::BTreeSet::new();
    for row in rows(&shared.join("etf_flows/farside_btc_vintages.csv")) {
        let (date, known_at) = (date(&row[0]).unwrap(), at(&row[2]));
        let fund = if &row[1] == "Total" { continue } else { &row[1] };
        seen.insert(date);
        // What was first seen long after its day was published long before.
        let known_at = if known_at.since(date.start()) > Duration::from_hours(24 * 14) {
            settled_at(date)
        } else {
            known_at
        };
        history.flows.push(flow(fund, date, row[3].parse().ok(), known_at));
    }
    for row in rows(&shared.join("liquidations/liq_BTC_4h.csv")) {
        let known_at = at(&row[0]).plus(Duration::from_hours(4));
        for (side, column) in [(PositionSide::Long, 2), (PositionSide::Short, 3)] {
            let moment = known_at.minus(Duration::from_mins(1));
            history.liquidations.push(liquidation(
                "coinglass",
                moment,
                known_at,
                side,
                row[column].parse().unwrap(),
            ));
        }
    }
    for row in rows(&shared.join("derivatives/fund_oiw_BTC_1d.csv")) {
        let known_at = at(&row[0]).plus(Duration::from_hours(24));
        let rate = FundingRate {
            symbol: "BTC".into(),
            instrument: Instrument::perp("BTC", "USDT"),
            rate: row[5].parse::<f64>().unwrap() / 100.0,
            interval_hours: Some(8.0),
            next_funding: None,
        };
        history.funding.push(event("coinglass", known_at, known_at, Observation::FundingRate(rate)));
    }
    for table in [&mut history.bars, &mut history.flows, &mut history.liquidations, &mut history.funding] {
        table.sort_by_key(|event| event.known_at);
    }
    assert!(seen.len() > 600 && history.bars.len() > 15_000);
    Some(history)
}

#[test]
fn real_histories_give_finite_rows_that_do_not_know_the_future() {
    let Some(history) = real() else { return };
    for (id, until, least, cuts) in [
        ("vol-5d", "2026-05-29T12:00:00Z", 4_000, 3),
        ("burst-24h", "2025-11-14T00:00:00Z", 5_000, 2),
        ("flows-5s", "2026-08-23T00:00:00Z", 500, 6),
    ] {
        let now = at(until);
        let task = task(id).unwrap();
        let set = samples(&history, task, "BTC", now).unwrap();
        assert!(set.samples.rows() > least, "{id}: {}", set.samples.rows());
        assert!(set.samples.values.iter().all(|value| value.is_finite()), "{id}");
        assert!(set.samples.level.iter().flatten().count() * 10 > set.samples.rows() * 7, "{id}");
        for (at, column) in set.samples.columns.iter().enumerate() {
            let values = set.samples.values.iter().skip(at).step_by(set.samples.columns.len());
            let mut known: Vec<u64> = values.map(|value| value.to_bits()).collect();
            known.sort_unstable();
            known.dedup();
            // Open interest and hourly bars are not read here, and coins' days are told without a break while they are.
            let is_still = column.name.starts_with("oi_")
                || ["ai_age", "range_told"].contains(&column.name.as_str())
                || (id == "burst-24h" && column.name.starts_with("range_"));
            assert!(known.len() > 1 || is_still, "{id}: {} never changes", column.name);
        }
        let build = |history: &History| {
            samples(history, task, "BTC", now).map(|set| bits(&set.samples)).unwrap_or_default()
        };
        let report = audit(&history, &build, cuts, 11).unwrap_or_else(|leak| panic!("{id}: {leak}"));
        assert!(report.rows_moved > 0 && report.rows_compared > 0, "{id}: {report:?}");
    }
    assert!(samples(&history, &TASKS[0], "BTC", at("2026-08-23")).is_err(), "no hourly closes");
}

#[test]
fn real_vintages_are_partial_at_night() {
    let Some(history) = real() else { return };
    let history = History {
        liquidations: history.liquidations.clone(),
        flows: history.flows.iter().filter(|event| event.feed == FeedId::new("farside")).cloned().collect(),
        ..History::default()
    };
    let set = samples(&history, task("burst-24h").unwrap(), "BTC", at("2026-03-01T00:00:00Z")).unwrap();
    let (mut partial, mut whole) = (0, 0);
    for time in &set.samples.times {
        let told = value(&set, &time.to_string(), "flow_told");
        let age = value(&set, &time.to_string(), "flow_age");
        if age == 0.0 && *time > at("2025-12-01T00:00:00Z") {
            if told < 1.0 { partial += 1 } else { whole += 1 }
        }
    }
    assert!(partial > 20 && whole > 20, "{partial} {whole}");
}
