//! Tests of the forecaster as a whole: what it knew when, what it learns, and what it makes of odd samples.

use std::ops::ControlFlow;
use std::time::Duration;

use market::Timestamp;

use super::audit::{AuditError, audit};
use super::*;
use crate::chance::Chance;
use crate::samples::{Column, Group, Samples};
use crate::scalar::{log_loss, logit};

fn day(row: usize) -> Timestamp {
    Timestamp::EPOCH.plus(Duration::from_hours(24 * row as u64))
}

const FIVE: Task = Task {
    id: "test",
    about: "a test",
    horizon: 5,
    boundary: Boundary::Quantile(0.7),
    regimes: ["calm", "stormy"],
    min_train: 300,
    refit: 60,
    expiry: Duration::from_hours(24 * 10_000),
};

fn protocol() -> Protocol {
    Protocol::of(&FIVE)
}

fn on(_: usize, _: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Log closes of a price that is calm or stormy by turns.
fn closes(rows: usize, seed: u64) -> Vec<f64> {
    let mut chance = Chance::new(seed);
    let (mut stormy, mut close) = (false, 0.0);
    (0..rows)
        .map(|_| {
            if chance.uniform() < if stormy { 0.04 } else { 0.015 } {
                stormy = !stormy;
            }
            close += if stormy { 0.03 } else { 0.01 } * chance.normal();
            close
        })
        .collect()
}

fn prices(closes: &[f64]) -> Vec<(Timestamp, f64)> {
    closes.iter().enumerate().map(|(row, close)| (day(row), libm::exp(close.clamp(-50.0, 50.0)))).collect()
}

/// Samples of a price, with a column beside of what `beside` makes of all closes and a row.
fn samples_of(closes: &[f64], beside: &dyn Fn(&[f64], usize) -> f64) -> Samples {
    let mut samples = volatility::samples(&prices(closes), 5, 44).unwrap();
    let first = closes.len() - samples.rows();
    let width = samples.columns.len();
    samples.columns.push(Column { name: "beside".to_owned(), group: Group::Flows });
    samples.values = (0..samples.rows())
        .flat_map(|row| {
            let mut values = samples.values[row * width..(row + 1) * width].to_vec();
            values.push(beside(closes, first + row));
            values
        })
        .collect();
    samples
}

fn plain(closes: &[f64]) -> Samples {
    samples_of(closes, &|_, _| 0.0)
}

#[test]
fn nothing_before_a_cut_knows_what_comes_after_it() {
    let closes = closes(640, 1);
    let found = audit(&closes, &plain, &FIVE, &Protocol { refit: 40, ..protocol() }, 4).unwrap();
    assert_eq!(found.cuts, 4);
    assert!(found.compared > 100 && found.changed > 100, "{found:?}");
}

#[test]
fn a_column_that_knows_tomorrow_is_caught() {
    let closes = closes(640, 2);
    // It is 0 until it has the next five returns' size in it.
    let leaking = |closes: &[f64]| {
        samples_of(closes, &|closes, row| {
            let ahead = closes.get(row..(row + 6).min(closes.len())).unwrap_or_default();
            ahead.windows(2).map(|pair| 20.0 * (pair[1] - pair[0]).abs()).sum()
        })
    };
    // As a core column it is in every forecast.
    let as_core = |closes: &[f64]| {
        let mut samples = leaking(closes);
        samples.columns.iter_mut().for_each(|column| column.group = Group::Core);
        samples
    };
    assert!(audit(&closes, &plain, &FIVE, &protocol(), 3).is_ok());
    for make in [&leaking as &dyn Fn(&[f64]) -> Samples, &as_core] {
        let caught = audit(&closes, make, &FIVE, &protocol(), 6).unwrap_err();
        let AuditError::Leak(leak) = caught else { panic!("{caught}") };
        assert!(leak.row <= leak.cut);
        assert!(leak.to_string().contains("knew the future"));
    }
}

#[test]
fn weights_are_learnt_in_rehearsal_and_rehearsals_are_not_scored() {
    let samples = plain(&closes(1_300, 5));
    // A hundred windows of five rows do not fit into 300 rows, and half of 1,100 is more.
    for (min_train, first) in [(300, 300), (800, 500), (1_100, 550)] {
        let walked = walk(&samples, &FIVE, &Protocol { min_train, ..protocol() }, &mut on).unwrap();
        assert_eq!(walked.rows[0].row, first);
        assert_eq!(walked.scored().next().unwrap().0.row, min_train);
        let scored = walked.report(&FIVE).unwrap().n;
        assert_eq!(scored, samples.rows() - min_train - FIVE.horizon);
        let learnt = walked.artefact.unwrap().mixture.resolved as usize;
        assert_eq!(learnt, samples.rows() - first - FIVE.horizon);
    }
}

#[test]
fn a_fit_learns_from_no_row_whose_window_reaches_past_it() {
    let samples = plain(&closes(420, 3));
    let walk = walk(&samples, &FIVE, &protocol(), &mut on).unwrap();
    let artefact = walk.artefact.as_ref().unwrap();
    // The fit at row 360 may use labels that end before it: rows 0 to 354.
    assert_eq!(walk.fitted_at, 360);
    assert_eq!(artefact.rows, 355);
    assert_eq!(artefact.trained_through, samples.times[354]);
    let embargoed = Protocol { embargo: 10, ..protocol() };
    let walk = super::walk(&samples, &FIVE, &embargoed, &mut on).unwrap();
    assert_eq!(walk.artefact.unwrap().rows, 345);
}

#[test]
fn an_outcome_moves_the_weights_when_it_is_known_and_not_before() {
    let samples = plain(&closes(500, 4));
    let mut walk = Walk::begin(&samples, &FIVE, &protocol()).unwrap();
    let mut resolved = Vec::new();
    for rows in 301..330 {
        let mut so_far = samples.clone();
        so_far.times.truncate(rows);
        so_far.level.truncate(rows);
        so_far.values.truncate(rows * so_far.columns.len());
        walk.advance(&so_far, &FIVE, &mut on).unwrap();
        resolved.push(walk.artefact.as_ref().unwrap().mixture.resolved);
    }
    // Row 300 is forecast first; its window ends with row 305.
    assert_eq!(resolved[..5], [0, 0, 0, 0, 0]);
    assert_eq!(resolved[5..8], [1, 2, 3]);
    let whole = super::walk(&samples, &FIVE, &protocol(), &mut on).unwrap();
    let of = |walk: &Walk| walk.rows[..29].iter().map(|row| row.probability.to_bits()).collect::<Vec<_>>();
    assert_eq!(of(&walk), of(&whole), "row by row or at once");
}

#[test]
fn an_artefact_that_went_through_a_file_forecasts_the_same_bits() {
    let samples = samples_of(&closes(800, 5), &|closes, row| closes[row].sin());
    let mut walk = walk(&samples, &FIVE, &protocol(), &mut on).unwrap();
    let last = walk.rows.last().unwrap().clone();
    let artefact = walk.artefact.clone().unwrap();
    let inputs = Inputs::of(&samples, last.row, 5).unwrap();
    let answer = artefact.forecast(&inputs).unwrap();
    assert_eq!(answer.probability.to_bits(), last.probability.to_bits());
    assert_eq!(answer.low.to_bits(), last.low.to_bits());
    assert_eq!(answer.high.to_bits(), last.high.to_bits());

    let text = toml::to_string(&artefact).unwrap();
    let back: Artefact = toml::from_str(&text).unwrap();
    back.check(&FIVE).unwrap();
    assert_eq!(toml::to_string(&back).unwrap(), text);
    assert_eq!(back, artefact);
    let inputs: Inputs = toml::from_str(&toml::to_string(&inputs).unwrap()).unwrap();
    let again = back.forecast(&inputs).unwrap();
    assert_eq!(again.probability.to_bits(), answer.probability.to_bits());
    assert_eq!(again.drivers, answer.drivers);

    // A refit is another artefact, for what comes after the samples.
    let trained = artefact.trained_through;
    assert!(walk.refit(&samples, &FIVE).unwrap().trained_through > trained);
    assert!(walk.refit(&samples, &FIVE).unwrap().forecast(&inputs).is_ok());
}

#[test]
fn drivers_sum_to_the_logit_and_the_parts_hang_together() {
    let samples = samples_of(&closes(900, 6), &|closes, row| (closes[row] * 30.0).sin());
    let walk = walk(&samples, &FIVE, &protocol(), &mut on).unwrap();
    let mut artefact = walk.artefact.unwrap();
    artefact.gates[0].admitted = true;
    for row in (400..samples.rows()).step_by(7) {
        let answer = artefact.forecast(&Inputs::of(&samples, row, 5).unwrap()).unwrap();
        let sum: f64 = answer.drivers.iter().map(|driver| driver.contribution).sum();
        assert!((sum - answer.logit).abs() < 1e-12, "{sum} {}", answer.logit);
        assert!((answer.logit - logit(answer.probability)).abs() < 1e-12);
        assert_eq!(answer.drivers[0].name, "constant");
        assert!(answer.drivers.iter().any(|driver| driver.name == "beside"));
        assert!(answer.low <= answer.probability && answer.probability <= answer.high);
        assert!((answer.experts.iter().map(|expert| expert.weight).sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((answer.filtered[0] + answer.filtered[1] - 1.0).abs() < 1e-12);
        assert!(!answer.regimes.is_empty());
        assert!(answer.groups[0].is_admitted && answer.groups[0].group == "flows");
    }
}

#[test]
fn it_forecasts_what_can_be_forecast_and_harms_nothing_where_nothing_can() {
    let skill = |closes: &[f64]| {
        let price = PriceProtocol { horizon: 5, min_train: 400, refit: 63, from: None, to: None, seed: 1 };
        let (samples, task) = (price.samples(&prices(closes)).unwrap(), price.task());
        walk(&samples, &task, &price.walk(), &mut on).unwrap().report(&task).unwrap()
    };
    let switching = skill(&closes(2_000, 7));
    assert!(switching.skill.value > 0.03 && switching.skill.low.unwrap() > 0.0, "{:?}", switching.skill);
    assert!(switching.brier.resolution > switching.brier.reliability);
    for seed in 1..3 {
        let mut chance = Chance::new(seed);
        let mut close = 0.0;
        let walk: Vec<f64> = (0..1_200)
            .map(|_| {
                close += 0.01 * chance.normal();
                close
            })
            .collect();
        let nothing = skill(&walk);
        assert!(nothing.skill.value > -0.01, "{:?}", nothing.skill);
        assert!(nothing.skill.value < 0.05, "skill where there is none to have: {:?}", nothing.skill);
    }
}

#[test]
fn a_group_that_helps_is_admitted_and_one_that_does_not_is_not() {
    let closes = closes(1_500, 8);
    let admitted = |beside: &dyn Fn(&[f64], usize) -> f64| {
        let samples = samples_of(&closes, beside);
        let walk = walk(&samples, &FIVE, &protocol(), &mut on).unwrap();
        let evaluation = walk.report(&FIVE).unwrap();
        let group = &evaluation.ablation[0];
        assert_eq!(group.group, "flows");
        (group.is_admitted, group.gain.value)
    };
    // An oracle: whether the next five moves are larger than usual. Not to be had; but it helps.
    let oracle = |closes: &[f64], row: usize| {
        let ahead = closes.get(row..(row + 6).min(closes.len())).unwrap_or_default();
        let size: f64 = ahead.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
        if size > 0.08 { 2.0 } else { -1.0 }
    };
    let noise = |_: &[f64], row: usize| (row as f64 * 12.9898).sin() * 2.0;
    let (is_in, gain) = admitted(&oracle);
    assert!(is_in && gain > 0.02, "{gain}");
    let (is_in, gain) = admitted(&noise);
    assert!(!is_in && gain.abs() < 0.01, "{gain}");
}

#[test]
fn a_group_of_which_nothing_is_known_says_nothing() {
    // Its age stands at its longest in every row. A weight on that would be an intercept.
    let mut samples = samples_of(&closes(1_200, 8), &|_, _| 5.0);
    let column = samples.columns.last_mut().unwrap();
    "funding_age".clone_into(&mut column.name);
    column.group = Group::Funding;
    let width = samples.columns.len();
    samples.columns.push(Column { name: "funding_z".to_owned(), group: Group::Funding });
    samples.values = samples.values.chunks(width).flat_map(|row| row.iter().copied().chain([0.0])).collect();
    let walk = walk(&samples, &FIVE, &protocol(), &mut on).unwrap();
    assert!(walk.rows.len() > 800);
    for row in &walk.rows {
        assert_eq!(row.with, [row.without], "at {}", row.time);
        assert_eq!(row.probability.to_bits(), row.without.to_bits());
    }
    let [worth] = &walk.report(&FIVE).unwrap().ablation[..] else { panic!("one group") };
    assert_eq!((worth.spoke, worth.gain.value, worth.evidence, worth.is_admitted), (0, 0.0, 1.0, false));
}

#[test]
fn a_row_unlike_all_training_rows_abstains_and_an_old_model_does() {
    let samples = plain(&closes(700, 9));
    let walk = walk(&samples, &FIVE, &protocol(), &mut on).unwrap();
    let mut artefact = walk.artefact.unwrap();
    let inputs = Inputs::of(&samples, samples.rows() - 1, 5).unwrap();
    let usual = artefact.forecast(&inputs).unwrap();
    assert_eq!(usual.abstained, None);
    let mut strange = inputs.clone();
    strange.row[3] += 1e3;
    let answer = artefact.forecast(&strange).unwrap();
    assert!(
        matches!(&answer.abstained, Some(Abstention::OutsideTraining { column, .. }) if *column == samples.columns[3].name)
    );
    assert!((1e-4..=1.0 - 1e-4).contains(&answer.probability));
    artefact.expires_at = inputs.time;
    assert!(matches!(artefact.forecast(&inputs).unwrap().abstained, Some(Abstention::Expired { .. })));
}

#[test]
fn other_columns_another_schema_and_damage_are_refused_with_their_place() {
    let samples = plain(&closes(500, 10));
    let walk = walk(&samples, &FIVE, &protocol(), &mut on).unwrap();
    let artefact = walk.artefact.unwrap();
    artefact.accepts(&samples.columns).unwrap();
    let mut renamed = samples.columns.clone();
    renamed[2].name = "other".to_owned();
    let said = artefact.accepts(&renamed).unwrap_err().to_string();
    assert!(said.contains("\"har_double\" at place 2") && said.contains("\"other\""), "{said}");
    assert!(artefact.accepts(&samples.columns[1..]).is_err());
    assert!(artefact.accepts(&[]).is_err());

    let said = |change: &dyn Fn(&mut Artefact)| {
        let mut damaged = artefact.clone();
        change(&mut damaged);
        damaged.check(&FIVE).unwrap_err().to_string()
    };
    artefact.check(&FIVE).unwrap();
    let older = Artefact { schema: "vigie-forecast/2".to_owned(), ..artefact.clone() };
    older.check(&FIVE).unwrap();
    assert!(said(&|a| a.schema = "vigie-forecast/0".to_owned()).contains("vigie-forecast/0"));
    assert!(said(&|a| a.task = "vol-24h".to_owned()).contains("vol-24h"));
    assert!(said(&|a| a.experts.truncate(3)).contains("different sizes"));
    assert!(said(&|a| a.experts[6].forms[0].margin = f64::NAN).contains("not finite"));
    assert!(said(&|a| a.scaling.spread = 0.0).contains("not finite"));

    let mut inputs = Inputs::of(&samples, 400, 5).unwrap();
    inputs.row[1] = f64::NAN;
    assert!(artefact.forecast(&inputs).unwrap_err().to_string().contains("har_part"));
    inputs.row.truncate(4);
    assert!(artefact.forecast(&inputs).unwrap_err().to_string().contains("at place 4"));
    inputs.row = samples.row(400).to_vec();
    inputs.trail.clear();
    assert!(artefact.forecast(&inputs).is_err());
}

#[test]
fn samples_that_cannot_be_walked_are_refused_with_the_reason() {
    let good = plain(&closes(420, 11));
    let said = |samples: &Samples| walk(samples, &FIVE, &protocol(), &mut on).unwrap_err().to_string();
    let changed = |change: &dyn Fn(&mut Samples)| {
        let mut samples = good.clone();
        change(&mut samples);
        said(&samples)
    };
    assert!(changed(&|s| s.level.fill(Some(0.5))).contains("0 shifts"));
    assert!(changed(&|s| s.level.fill(None)).contains("0 training rows"));
    assert!(changed(&|s| s.values[7] = f64::NAN).contains("row 0, column"));
    assert!(changed(&|s| s.level[9] = Some(f64::INFINITY)).contains("column level is inf"));
    assert!(changed(&|s| s.times[9] = s.times[8]).contains("row 9"));
    assert!(changed(&|s| s.level.truncate(5)).contains("5 levels"));
    assert!(changed(&|s| s.values.truncate(5)).contains("5 values"));
    let few = plain(&closes(200, 11));
    assert!(said(&few).contains("at least 301"));
    let rising = |samples: &mut Samples| {
        let levels = 0..samples.rows();
        samples.level = levels.map(|row| Some(row as f64)).collect();
    };
    // One change of regime, ever: it is walked, or refused, and never NaN.
    let mut samples = good.clone();
    rising(&mut samples);
    if let Ok(walk) = walk(&samples, &FIVE, &protocol(), &mut on) {
        assert!(walk.rows.iter().all(|row| row.probability.is_finite()));
    }
    for (min_train, refit, says) in [(10, 60, "--min-train is 10"), (300, 0, "--refit is 0")] {
        let protocol = Protocol { min_train, refit, ..protocol() };
        assert!(Walk::begin(&good, &FIVE, &protocol).unwrap_err().to_string().contains(says));
    }
}

#[test]
fn gaps_in_the_level_are_walked_around() {
    let mut samples = plain(&closes(900, 12));
    for row in (0..samples.rows()).filter(|row| row % 97 < 6) {
        samples.level[row] = None;
    }
    let walk = walk(&samples, &FIVE, &protocol(), &mut on).unwrap();
    assert!(walk.rows.iter().all(|row| samples.level[row.row].is_some()));
    for row in &walk.rows {
        let later = samples.level.get(row.row + 5).copied().flatten();
        assert_eq!(row.shifted.is_some(), later.is_some());
        assert_eq!(row.shifted, later.map(|later| u8::from(later > row.boundary) != row.state));
    }
    walk.report(&FIVE).unwrap();
}

#[test]
fn a_walk_that_was_stopped_ends_as_one_that_was_not() {
    let samples = plain(&closes(700, 13));
    let whole = walk(&samples, &FIVE, &protocol(), &mut on).unwrap();
    let mut parts = Walk::begin(&samples, &FIVE, &protocol()).unwrap();
    let mut stop =
        |done: usize, _: usize| if done == 450 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let stopped = parts.advance(&samples, &FIVE, &mut stop).unwrap_err();
    assert_eq!(stopped, ForecastError::Stopped { done: 450, total: samples.rows() });
    let mut parts: Walk = toml::from_str(&toml::to_string(&parts).unwrap()).unwrap();
    parts.advance(&samples, &FIVE, &mut on).unwrap();
    assert_eq!(parts, whole);
    assert_eq!(parts.report(&FIVE).unwrap(), whole.report(&FIVE).unwrap());
    let other = plain(&closes(400, 13));
    assert!(parts.advance(&other, &FIVE, &mut on).is_err(), "fewer rows than it has walked");
}

#[test]
fn a_report_counts_every_row_and_its_losses_are_those_of_the_rows() {
    let samples = plain(&closes(1_000, 14));
    let from = samples.times[500];
    let walk = walk(&samples, &FIVE, &Protocol { from: Some(from), ..protocol() }, &mut on).unwrap();
    let report = walk.report(&FIVE).unwrap();
    assert_eq!(report.n, samples.rows() - 500 - 5);
    assert_eq!(report.from, from);
    let losses: f64 = walk.scored().map(|(row, shifted)| log_loss(row.probability, shifted)).sum();
    assert!((report.log_loss.model - losses / report.n as f64).abs() < 1e-12);
    let better = report.log_loss.base.min(report.log_loss.markov);
    assert!((report.skill.value - (1.0 - report.log_loss.model / better)).abs() < 1e-12);
    assert!((report.event_rate * report.n as f64 - report.shifts as f64).abs() < 1e-9);
    assert!(report.flips > 0 && report.flips < report.shifts);
    assert_eq!(report.reliability.iter().map(|bin| bin.n).sum::<usize>(), report.n);
    assert_eq!(report.experts.len(), experts::EXPERTS.len());
    assert!(report.alarms.rows.rate <= 0.1 + 1e-9);
    assert!(report.coverage.unwrap() > 0.75);
    let markov = report.experts.iter().find(|(name, _)| name == "markov").unwrap().1;
    assert!((markov - report.log_loss.markov).abs() < 1e-12);
    let later = Protocol { from: Some(day(5_000)), ..protocol() };
    let nothing = super::walk(&samples, &FIVE, &later, &mut on).unwrap().report(&FIVE);
    assert!(nothing.unwrap_err().to_string().contains("no rows to score"));
}

#[test]
fn every_task_is_found_by_its_own_id_and_starts_with_all_of_its_weight() {
    for known in &TASKS {
        assert_eq!(task(known.id), Some(known));
        assert!(known.min_train >= 10 * known.horizon && known.refit > 0);
    }
    assert!(task("vol-1y").is_none());
    let weight: f64 = experts::EXPERTS.iter().map(|(_, weight)| weight).sum();
    assert!((weight - 1.0).abs() < 1e-12);
}
