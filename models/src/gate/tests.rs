//! The gate's bet: by hand, on chance alone, and on groups that help.

use super::*;
use crate::chance::Chance;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * (1.0 + b.abs())
}

#[test]
fn the_wealth_is_the_product_of_the_ratios() {
    let mut gate = Gate::new(1).unwrap();
    let story = [
        // with, without, happened, wealth, in
        (0.8, 0.2, true, 4.0, false),
        (0.2, 0.6, false, 8.0, false),
        (0.75, 0.25, true, 24.0, true),
        (0.2, 0.8, true, 6.0, true), // below 20, not below 1
        (0.1, 0.5, true, 1.2, true),
        (0.5, 0.6, true, 1.0, true), // 1 is not below 1
        (0.4, 0.5, true, 0.8, false),
        (0.9, 0.9, true, 0.8, false),
        (0.8, 0.02, true, 32.0, true),
        (0.0, 1.0, true, 32.0 * 1e-4 / (1.0 - 1e-4), false), // clipped
    ];
    for (row, (with, without, happened, wealth, admitted)) in story.into_iter().enumerate() {
        // Rounding must not decide the row that lands on 1 exactly.
        let nudge = if row == 5 { 1e-9 } else { 0.0 };
        assert_eq!(
            gate.resolve(with + nudge, without, happened),
            Ok(admitted),
            "row {row}: {}",
            gate.wealth()
        );
        assert!((gate.wealth() / wealth - 1.0).abs() < 1e-6, "row {row}");
        // In row 7 the group has nothing to say.
        let spoke = row as u64 + 1 - u64::from(row >= 7);
        assert_eq!((gate.admitted, gate.resolved), (admitted, spoke));
    }
}

#[test]
fn overlapping_rows_count_once_together() {
    let (mut single, mut overlapping) = (Gate::new(1).unwrap(), Gate::new(5).unwrap());
    single.resolve(0.6, 0.2, true).unwrap();
    for _ in 0..5 {
        overlapping.resolve(0.6, 0.2, true).unwrap();
    }
    assert!(near(single.wealth(), overlapping.wealth()));
}

/// How many of 1,000 worlds ever admit a group whose forecasts differ from the truth by noise alone.
fn admitted_by_chance(overlap: u32) -> f64 {
    let admitted = (0..1_000u64).filter(|&seed| {
        let mut chance = Chance::new(seed);
        let mut gate = Gate::new(overlap).unwrap();
        let mut ever = false;
        let mut draws = Vec::new();
        let span = overlap as usize;
        for row in 0..400 {
            draws.push(chance.normal());
            if row < span {
                continue;
            }
            // A sum over the window: each draw is in `overlap` outcomes.
            let window: f64 = draws[draws.len() - span..].iter().sum();
            let happened = window > 0.0;
            // As good a forecast as there is without looking ahead, and one that bets against it.
            let with = scalar::logistic(0.4 * chance.normal());
            ever |= gate.resolve(with, 0.5, happened).unwrap();
        }
        ever
    });
    admitted.count() as f64 / 1_000.0
}

#[test]
fn chance_alone_is_admitted_no_more_often_than_promised() {
    assert!(admitted_by_chance(1) <= 0.05, "{}", admitted_by_chance(1));
    assert!(admitted_by_chance(5) <= core::f64::consts::E / 20.0, "{}", admitted_by_chance(5));
}

/// A bet that stays as bold all along wins and loses the most by chance: the bound is nearly reached.
#[test]
fn a_bold_bet_without_merit_stays_within_the_bound() {
    let worlds = 4_000u64;
    let admitted = (0..worlds).filter(|&seed| {
        let mut chance = Chance::new(seed);
        let mut gate = Gate::new(1).unwrap();
        (0..400).any(|_| {
            let happened = chance.uniform() < 0.3;
            gate.resolve(0.36, 0.3, happened).unwrap()
        })
    });
    let share = admitted.count() as f64 / worlds as f64;
    assert!(share > 0.02 && share <= 0.055, "{share}");
}

#[test]
fn a_group_that_helps_gets_in_and_is_dropped_when_it_stops() {
    let mut chance = Chance::new(7);
    let mut gate = Gate::new(1).unwrap();
    let mut admitted_at = None;
    for row in 0..600 {
        let truth = scalar::logistic(-1.0 + chance.normal());
        if gate.resolve(truth, 0.3, chance.uniform() < truth).unwrap() && admitted_at.is_none() {
            admitted_at = Some(row);
        }
    }
    assert!(admitted_at.is_some_and(|row| row < 200), "{admitted_at:?}");
    assert!(gate.admitted && gate.wealth() > 1e3);
    let rows_to_drop = (0..2_000).position(|_| {
        let misled = scalar::logistic(-1.0 + 2.0 * chance.normal());
        !gate.resolve(misled, 0.3, chance.uniform() < 0.3).unwrap()
    });
    assert!(rows_to_drop.is_some(), "{}", gate.wealth());
}

#[test]
fn what_cannot_be_bet_on_is_refused_and_changes_nothing() {
    assert_eq!(Gate::new(0), Err(GateError::NoOverlap));
    let mut gate = Gate::new(2).unwrap();
    assert_eq!(gate.resolve(1.5, 0.5, true), Err(GateError::NotProbability { with: true, value: 1.5 }));
    let refused = gate.resolve(0.5, f64::NAN, true).unwrap_err();
    assert_eq!(refused.to_string(), "the forecast without the group is NaN, which is no probability");
    assert_eq!(gate, Gate::new(2).unwrap());
    let text = toml::to_string(&gate).unwrap();
    assert_eq!(toml::from_str::<Gate>(&text).unwrap(), gate);
    assert_eq!(gate.check(), Ok(()));
    assert_eq!(Gate { log_wealth: f64::NAN, ..gate }.check(), Err(GateError::Damaged));
    assert!(Gate { log_wealth: 1e9, ..gate }.wealth().is_finite());
}
