//! The audit finds nothing in the features, and finds what is planted.

use market::{Date, Timestamp};

use super::super::{AuditReport, History, Leak, RowBits, Task, audit, bits, samples, task};
use super::world::{Size, at, world};

fn history() -> History {
    world(21, Size { days: 120, has_hours: true, liquidations_a_day: 20 })
}

fn now() -> Timestamp {
    at("2025-05-05T00:00:00Z")
}

fn features(task: &'static Task) -> impl Fn(&History) -> Vec<RowBits> {
    move |history| samples(history, task, "BTC", now()).map(|set| bits(&set.samples)).unwrap_or_default()
}

#[test]
fn no_task_knows_the_future() {
    let history = history();
    for (id, cuts) in [("vol-24h", 4), ("vol-5d", 6), ("burst-24h", 4), ("flows-5s", 12)] {
        let report = audit(&history, &features(task(id).unwrap()), cuts, 7)
            .unwrap_or_else(|leak| panic!("{id}: {leak}"));
        assert_eq!(report.cuts, cuts);
        assert!(
            report.rows_compared > 50 && report.rows_moved > 20 && report.words_changed > 1_000,
            "{id}: {report:?}"
        );
    }
}

#[test]
fn flows_joined_on_the_day_they_are_of_are_caught() {
    // As so many studies do it: day D's total at 00:00 UTC of D + 1, from the table as it stands today.
    let planted = |history: &History| {
        let mut rows = Vec::new();
        let mut day = at("2025-01-01").date();
        while day.next().start() <= now() {
            let of_day = |date: Date| -> f64 {
                let told = history.flows.iter().filter_map(|event| event.observation.etf_flow());
                told.filter(|flow| flow.trade_date == date)
                    .filter_map(|flow| flow.net_flow)
                    .map(market::Usd::get)
                    .sum()
            };
            rows.push((day.next().start(), vec![0, of_day(day).to_bits()]));
            day = day.next();
        }
        rows
    };
    let leak = audit(&history(), &planted, 20, 7).unwrap_err();
    assert_eq!(leak.column, 1);
    assert!(leak.row <= leak.cut && leak.to_string().contains("knows the future"), "{leak}");
}

#[test]
fn a_scale_taken_from_the_whole_series_is_caught() {
    let planted = |history: &History| {
        let mut rows = features(task("vol-5d").unwrap())(history);
        let top = rows.iter().map(|(_, bits)| f64::from_bits(bits[0])).fold(f64::NEG_INFINITY, f64::max);
        for (_, bits) in &mut rows {
            bits[0] = (f64::from_bits(bits[0]) / top).to_bits();
        }
        rows
    };
    assert_eq!(audit(&history(), &planted, 20, 7).map_err(|leak| leak.column), Err(0));
}

#[test]
fn rows_that_come_or_go_with_the_future_are_caught() {
    let planted = |history: &History| {
        let rows = features(task("vol-5d").unwrap())(history);
        let keep = history.bars.len() % 50;
        rows.into_iter().skip(keep).collect::<Vec<_>>()
    };
    assert!(matches!(audit(&history(), &planted, 20, 7), Err(Leak { .. })));
}

#[test]
fn nothing_to_audit_is_said_by_the_report() {
    assert_eq!(
        audit(&History::default(), &features(task("vol-5d").unwrap()), 5, 1),
        Ok(AuditReport::default())
    );
}
