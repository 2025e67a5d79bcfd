//! What is refused, what stands in a row's bytes, and what no history can do.

use std::time::Duration;

use market::{MarketEvent, Timestamp};
use proptest::prelude::*;

use super::super::{FeatureError, FeatureSet, History, TASKS, bits, samples, task};
use super::world::{Size, at, build, event, gap, world};
use crate::chance::Chance;

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let now = at("2025-02-01T00:00:00Z");
    let history = world(1, Size { days: 10, has_hours: true, liquidations_a_day: 5 });
    let ask = |history: &History, asset: &str| samples(history, &TASKS[0], asset, now).unwrap_err();
    let mut backwards = history.clone();
    backwards.bars.swap(0, 40);
    assert!(matches!(ask(&backwards, "BTC"), FeatureError::NotInOrder { table: "bars", .. }));
    let mut mixed = history.clone();
    mixed.flows[3] = mixed.bars[0].clone();
    assert_eq!(ask(&mixed, "BTC"), FeatureError::WrongKind { table: "flows", row: 3 });
    assert!(ask(&history, "btc").to_string().contains("upper case"));
    let nothing = ask(&History::default(), "BTC").to_string();
    assert!(nothing.contains("too little of BTC") && nothing.contains("vigie backfill"), "{nothing}");
    assert!(matches!(ask(&history, "ETH"), FeatureError::NothingKnown { .. }));
}

#[test]
fn a_rows_bytes_change_with_every_part_of_it() {
    let history = world(1, Size { days: 12, has_hours: true, liquidations_a_day: 5 });
    let set = build(&history, "vol-24h", "2025-01-12T00:00:00Z");
    let bytes = set.row_bytes(5).unwrap();
    assert_eq!(build(&history, "vol-24h", "2025-01-11T00:00:00Z").row_bytes(5), Some(bytes.clone()));
    assert_eq!(set.row_bytes(set.samples.rows()), None);
    let width = set.samples.columns.len();
    let mut others: Vec<FeatureSet> = std::iter::repeat_n(set.clone(), 5).collect();
    others[0].asset = "ETH".to_owned();
    others[1].samples.values[5 * width + 3] += 1e-15;
    others[2].samples.level[5] = None;
    others[3].samples.columns[7].name.push('x');
    others[4].task = task("vol-5d").unwrap();
    for (place, other) in others.iter().enumerate() {
        assert_ne!(other.row_bytes(5), Some(bytes.clone()), "{place}");
        assert_eq!(other.row_bytes(6) == set.row_bytes(6), place == 1 || place == 2, "{place}");
    }
}

/// Puts words of one moment in another order.
fn shuffle_ties(events: &mut [MarketEvent], chance: &mut Chance) {
    for at in (1..events.len()).rev() {
        let with = chance.index(at + 1);
        events.swap(at, with);
    }
    events.sort_by_key(|event| event.known_at);
}

fn tables(history: &mut History) -> [&mut Vec<MarketEvent>; 6] {
    [
        &mut history.bars,
        &mut history.flows,
        &mut history.liquidations,
        &mut history.funding,
        &mut history.open_interest,
        &mut history.gaps,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn words_of_one_moment_may_come_in_any_order(seed in 0u64..1_000) {
        let mut history = world(seed, Size { days: 40, has_hours: true, liquidations_a_day: 6 });
        let mut chance = Chance::new(seed);
        // Whole quarters of a day at once, so that most words are tied, with contradictions among them.
        for table in tables(&mut history) {
            let twice: Vec<MarketEvent> = table.iter().step_by(7).cloned().collect();
            table.extend(twice);
            for event in table.iter_mut() {
                let quarter = 21_600_000_000;
                let known_at = (event.known_at.as_micros() / quarter + 1) * quarter;
                event.known_at = Timestamp::from_micros(known_at).unwrap();
                if let market::Observation::Bar(bar) = &mut event.observation && chance.uniform() < 0.1 {
                    bar.close = market::Price::new(bar.close.get() * 1.01).unwrap();
                }
            }
            table.sort_by_key(|event| event.known_at);
        }
        let mut other = history.clone();
        for table in tables(&mut other) {
            shuffle_ties(table, &mut chance);
        }
        for task in &TASKS {
            let now = at("2025-02-09T00:00:00Z");
            match (samples(&history, task, "BTC", now), samples(&other, task, "BTC", now)) {
                (Ok(one), Ok(other)) => prop_assert_eq!(bits(&one.samples), bits(&other.samples)),
                (one, other) => prop_assert_eq!(one.err(), other.err()),
            }
        }
    }

    #[test]
    fn no_history_makes_a_row_that_is_not_finite(seed in 0u64..1_000, scale in -200i32..200) {
        let mut history = world(seed, Size { days: 45, has_hours: true, liquidations_a_day: 4 });
        let mut chance = Chance::new(seed ^ 7);
        for table in tables(&mut history) {
            table.retain(|_| chance.uniform() > 0.3);
            for event in table.iter_mut() {
                if chance.uniform() < 0.05 {
                    let days = (60.0 * chance.uniform()) as u64;
                    event.event_time = event.event_time.minus(Duration::from_hours(24 * days));
                }
                match &mut event.observation {
                    market::Observation::Bar(bar) if chance.uniform() < 0.1 => {
                        bar.close = market::Price::new(bar.close.get() * 10f64.powi(scale)).unwrap();
                    }
                    market::Observation::FundingRate(rate) if chance.uniform() < 0.1 => {
                        rate.rate = [f64::NAN, f64::INFINITY, f64::MAX, 0.0][chance.index(4)];
                        rate.interval_hours = [None, Some(0.0), Some(f64::MIN_POSITIVE), Some(-1.0)][chance.index(4)];
                    }
                    market::Observation::OpenInterest(open) if chance.uniform() < 0.1 => {
                        open.quantity = market::Quantity::new([0.0, 1e300][chance.index(2)]).ok();
                    }
                    _ => {}
                }
            }
        }
        let far = event("x", Timestamp::EPOCH, at("2025-02-15T00:00:00Z"), history.gaps.first().map_or_else(
            || gap("okx", Timestamp::EPOCH, None, Timestamp::EPOCH).observation, |gap| gap.observation.clone()));
        history.gaps.push(far);
        for task in &TASKS {
            let Ok(set) = samples(&history, task, "BTC", at("2025-03-01T00:00:00Z")) else { continue };
            prop_assert!(set.samples.values.iter().all(|value| value.is_finite()));
            prop_assert!(set.samples.level.iter().flatten().all(|level| level.is_finite()));
            prop_assert_eq!(set.samples.values.len(), set.samples.rows() * set.samples.columns.len());
            prop_assert!(set.notes.iter().all(|note| (0.0..=1.0).contains(&note.coverage)));
        }
    }
}
