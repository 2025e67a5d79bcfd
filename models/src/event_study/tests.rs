//! Event studies: planted moves, degenerate data, real prices.
use market::Date;
use proptest::prelude::*;

use super::*;

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

/// Returns without pattern, from plain arithmetic.
fn noise(rows: usize, seed: u32) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(state >> 8) / f64::from(1 << 24) - 0.5) * 0.06
    };
    (0..rows).map(|_| next()).collect()
}

#[test]
fn a_planted_shock_is_found_and_the_markets_share_is_not_in_it() {
    let market = noise(200, 1);
    let own = noise(200, 2);
    let mut target: Vec<f64> =
        market.iter().zip(&own).map(|(market, own)| 0.001 + 1.5 * market + 0.1 * own).collect();
    target[160] = 0.001 + 1.5 * market[160] - 0.08;
    target[161] = 0.001 + 1.5 * market[161] - 0.02;
    let study = |from, to| {
        let design = Design { from, to, ..Design::on(160) };
        event_study(&target, &[&market], design).expect("fits")
    };
    let one = study(0, 0);
    assert!((one.abnormal_return + 0.08).abs() < 1e-3, "{one:?}");
    assert!((one.betas[0].value - 1.5).abs() < 0.05 && one.t.expect("noise") < -20.0);
    assert!((one.window_return - one.expected - one.abnormal_return).abs() < 1e-15);
    assert_eq!((one.n_estimation, one.n_window, one.degrees_of_freedom), (120, 1, 118));
    assert_eq!(one.estimator, "market model, OLS");
    let two = study(0, 1);
    assert!((two.abnormal_return + 0.10).abs() < 2e-3 && two.n_window == 2, "{two:?}");
    // Two days' noise, and the line's error twice over.
    assert!(two.std_error > one.std_error * 2.0_f64.sqrt() && two.std_error < one.std_error * 1.5);
}

#[test]
fn an_unusual_market_day_widens_the_error() {
    let mut market = noise(200, 1);
    let target = noise(200, 2);
    let calm = event_study(&target, &[&market], Design::on(160)).expect("fits");
    market[160] = -0.30;
    let wild = event_study(&target, &[&market], Design::on(160)).expect("fits");
    assert!(wild.std_error > calm.std_error * 1.2, "{} {}", wild.std_error, calm.std_error);
    assert_eq!(wild.residual_std.to_bits(), calm.residual_std.to_bits());
    assert!(calm.std_error > calm.residual_std);
}

#[test]
fn without_a_market_the_model_is_the_mean() {
    let study = event_study(&noise(150, 3), &[], Design::on(140)).expect("fits");
    assert_eq!(study.estimator, "constant mean return");
    assert_eq!(study.expected.to_bits(), study.alpha.value.to_bits());
    assert!((study.std_error / study.residual_std - (1.0_f64 + 1.0 / 120.0).sqrt()).abs() < 1e-12);
}

#[test]
fn what_cannot_be_measured_is_refused_with_the_reason() {
    let (target, market) = (noise(150, 4), noise(150, 5));
    let refused = |target: &[f64], market: &[f64], design: Design| {
        event_study(target, &[market], design).unwrap_err().to_string()
    };
    let on = Design::on(140);
    let mut holed = target.clone();
    holed[140] = f64::NAN;
    let mut gone = target.clone();
    gone[60] = f64::INFINITY;
    for (said, says) in [
        (refused(&target, &market[1..], on), "regressor 0 has 149 rows where the target has 150"),
        (refused(&target, &market, Design { from: 1, ..on }), "ends at 0 and begins at 1"),
        (refused(&target, &market, Design { gap: 0, ..on }), "widen the gap"),
        (refused(&target, &market, Design { from: -11, ..on }), "widen the gap"),
        (
            refused(&target, &market, Design { event: 100, ..on }),
            "rows -30 to 100 of 150; the history is too short",
        ),
        (refused(&target, &market, Design { to: 10, ..on }), "has not passed yet"),
        (refused(&target, &market, Design { event: usize::MAX, ..on }), "has not passed yet"),
        (refused(&target, &market, Design { estimation: usize::MAX, ..on }), "the history is too short"),
        (refused(&target, &market, Design { estimation: 2, ..on }), "rows 128 to 129: 2 rows cannot fit"),
        (refused(&target, &market, Design { estimation: 0, ..on }), "0 rows cannot fit"),
        (refused(&holed, &market, on), "row 140 of the event window"),
        (refused(&target, &holed, on), "row 140 of the event window"),
        (refused(&gone, &market, on), "row 50 of the target"),
        (refused(&target, &vec![0.0; 150], on), "constant"),
    ] {
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn events_together_have_the_error_of_their_spread() {
    let found = cross_section(&[0.02, 0.04, 0.06, 0.08]).expect("four");
    assert!((found.mean - 0.05).abs() < 1e-15 && found.n == 4);
    // Variance 0.002 / 3 over 4 events.
    assert!((found.std_error - (0.002_f64 / 3.0 / 4.0).sqrt()).abs() < 1e-15);
    assert_eq!(cross_section(&[0.02]), None);
    assert_eq!(cross_section(&[0.02, f64::NAN]), None);
    assert_eq!(cross_section(&[0.02, 0.02]).and_then(|same| same.t), None);
}

fn closes(name: &str, rows: &[(&str, f64)]) -> Closes {
    Closes::new(name, rows.iter().map(|(date, close)| (day(date), *close)).collect()).expect("valid")
}

#[test]
fn rows_are_the_days_that_target_and_factors_share_and_weekends_are_in_mondays() {
    let target = closes(
        "T",
        &[("2025-01-02", 10.0), ("2025-01-03", 11.0), ("2025-01-06", 11.0), ("2025-01-07", 22.0)],
    );
    let coin = closes(
        "C",
        &[
            ("2025-01-02", 100.0),
            ("2025-01-03", 100.0),
            ("2025-01-04", 110.0),
            ("2025-01-05", 121.0),
            ("2025-01-06", 121.0),
            ("2025-01-08", 9.0),
        ],
    );
    let aligned = align(&target, &[&coin], &[]);
    assert_eq!(aligned.dates, [day("2025-01-03"), day("2025-01-06")]);
    assert!((aligned.target[0] - 0.1).abs() < 1e-12 && aligned.target[1].abs() < 1e-12);
    assert!(aligned.market[0][0].abs() < 1e-12 && (aligned.market[0][1] - 0.21).abs() < 1e-12);
    assert!(aligned.peers.is_empty() && aligned.market.len() == 1);
    assert_eq!((aligned.row(day("2025-01-06")), aligned.row(day("2025-01-07"))), (Some(1), None));
}

#[test]
fn peers_are_those_that_traded_and_never_the_target() {
    let target = closes(
        "T",
        &[("2025-01-02", 10.0), ("2025-01-03", 20.0), ("2025-01-06", 20.0), ("2025-01-07", 20.0)],
    );
    let late = closes("L", &[("2025-01-03", 10.0), ("2025-01-06", 12.0)]);
    let steady = closes("S", &[("2025-01-02", 10.0), ("2025-01-03", 11.0), ("2025-01-06", 11.0)]);
    let peers = [target.clone(), late, steady];
    let aligned = align(&target, &[], &peers);
    assert_eq!(aligned.dates, [day("2025-01-03"), day("2025-01-06")], "no peer closed on the 7th");
    assert_eq!(aligned.peers, [1, 2]);
    assert!((aligned.market[0][0] - 0.1).abs() < 1e-12 && (aligned.market[0][1] - 0.1).abs() < 1e-12);
    let alone = align(&target, &[], &peers[..1]);
    assert!(alone.dates.is_empty() && alone.market.len() == 1, "peers were asked for and there are none");
    assert_eq!(peers_basket(&peers, "T", &[]), []);
}

#[test]
fn what_is_no_series_of_prices_is_refused() {
    let refused = |rows: &[(&str, f64)]| {
        let rows = rows.iter().map(|(date, close)| (day(date), *close)).collect();
        Closes::new("T", rows).unwrap_err().to_string()
    };
    assert!(
        refused(&[("2025-01-03", 1.0), ("2025-01-02", 1.0)]).contains("T: 2025-01-02 does not come after")
    );
    assert!(refused(&[("2025-01-03", 1.0), ("2025-01-03", 1.0)]).contains("give each day once"));
    assert!(refused(&[("2025-01-03", 0.0)]).contains("T: the close of 2025-01-03 is 0"));
    assert!(refused(&[("2025-01-03", f64::NAN)]).contains("NaN"));
    let all = closes("T", &[("2025-01-02", 1.0), ("2025-01-03", 2.0)]);
    assert_eq!(all.since(day("2025-01-03")).on(day("2025-01-02")), None);
}

proptest! {
    #[test]
    fn what_the_market_does_to_all_alike_is_not_abnormal(seed in 1_u32..10_000, beta in -3.0..3.0_f64, alpha in -0.01..0.01_f64) {
        let market = noise(150, seed);
        let target: Vec<f64> = market.iter().map(|market| alpha + beta * market).collect();
        let study = event_study(&target, &[&market], Design::on(140)).expect("fits");
        prop_assert!(study.abnormal_return.abs() < 1e-12);
        // In another unit of the market the answer is the same.
        let percent: Vec<f64> = market.iter().map(|market| market * 100.0).collect();
        let mixed: Vec<f64> = target.iter().zip(noise(150, seed + 1)).map(|(a, b)| a + b).collect();
        let one = event_study(&mixed, &[&market], Design::on(140)).expect("fits");
        let other = event_study(&mixed, &[&percent], Design::on(140)).expect("fits");
        prop_assert!((one.abnormal_return - other.abnormal_return).abs() < 1e-12);
        prop_assert!((one.std_error - other.std_error).abs() < 1e-12);
    }

    #[test]
    fn nothing_beyond_the_windows_matters(seed in 1_u32..10_000, row in prop_oneof![0..10_usize, 130..140_usize, 141..150_usize], to in any::<f64>()) {
        let (market, mut target) = (noise(150, seed), noise(150, seed + 7));
        let before = event_study(&target, &[&market], Design::on(140)).expect("fits");
        target[row] = to;
        prop_assert_eq!(event_study(&target, &[&market], Design::on(140)).expect("fits"), before);
    }
}

/// Daily closes of the shared histories, column `Close`; `None`, and a line that says so, where they are absent.
fn history(name: &str, file: &str) -> Option<Closes> {
    let text = crate::reference::text(&format!("data/{file}"))?;
    let mut lines = text.lines();
    let close = lines.next()?.split(',').position(|column| column == "Close")?;
    let rows = lines.filter_map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        Some((cells[0].parse().ok()?, cells.get(close)?.parse().ok()?))
    });
    Some(Closes::new(name, rows.collect()).expect("prices"))
}

/// The miners' histories, without the years in which the ticker was another business's.
fn miners() -> Option<Vec<Closes>> {
    let starts = [
        ("KEEL", "2019-08-16"),
        ("CIFR", "2021-08-27"),
        ("CLSK", "2020-01-24"),
        ("CORZ", "2024-01-24"),
        ("IREN", "2021-11-17"),
        ("MARA", "2012-05-04"),
        ("RIOT", "2017-10-04"),
        ("WULF", "2021-12-14"),
    ];
    let load = |(name, from)| Some(history(name, &format!("equities/{name}.csv"))?.since(day(from)));
    starts.into_iter().map(load).collect()
}

/// Percent: return, abnormal return and its standard error, from 120 sessions that end 11 before. The last
/// two as an independent program (`numpy.linalg.lstsq`) gives them.
#[test]
fn what_was_a_miners_own_depends_on_what_it_is_held_against() {
    let (Some(miners), Some(bitcoin)) = (miners(), history("BTC", "crypto/BTC-USD_1d.csv")) else { return };
    for (name, date, against, percent) in [
        // Bitcoin hardly fell that day: against it alone the whole fall looks like the company's own. Its
        // peers fell 10.5 %: against them a third is left, and that within the noise.
        ("KEEL", "2025-11-13", "bitcoin", [-17.9811, -17.0064, 6.7655]),
        ("KEEL", "2025-11-13", "peers", [-17.9811, -6.1464, 5.4613]),
        ("KEEL", "2025-11-13", "both", [-17.9811, -6.2244, 5.4536]),
        // The deal made this one: no model explains it away.
        ("WULF", "2025-08-14", "bitcoin", [59.5238, 65.4866, 5.9573]),
        ("WULF", "2025-08-14", "both", [59.5238, 55.5283, 3.5465]),
        // A deal told together with an offering of notes.
        ("CIFR", "2025-09-25", "bitcoin", [-17.5389, -14.4935, 6.3789]),
        ("CIFR", "2025-09-25", "both", [-17.5389, -13.4110, 3.2216]),
        ("CIFR", "2025-11-03", "both", [22.0375, 16.5265, 4.0617]),
        ("IREN", "2025-11-03", "both", [11.5226, 5.8897, 4.1211]),
    ] {
        let target = miners.iter().find(|closes| closes.name() == name).expect("loaded");
        let factors: &[&Closes] = if against == "peers" { &[] } else { &[&bitcoin] };
        let peers: &[Closes] = if against == "bitcoin" { &[] } else { &miners };
        let aligned = align(target, factors, peers);
        let row = aligned.row(day(date)).expect("a session");
        let study = event_study(&aligned.target, &aligned.regressors(), Design::on(row)).expect("fits");
        let found = [study.window_return, study.abnormal_return, study.std_error];
        for (found, known) in found.into_iter().zip(percent) {
            assert!((found * 100.0 - known).abs() < 1e-4, "{name} {date} {against}: {study:?}");
        }
        if against != "bitcoin" {
            assert_eq!(aligned.peers[row], 7);
        }
    }
}
