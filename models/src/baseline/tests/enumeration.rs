//! Every number again, by the most direct computation there is.

use proptest::prelude::*;

use super::*;
use crate::baseline::har;
use crate::forecast::ridge::Overlap;

/// y of every row whose outcome is known, and the states.
fn outcomes(values: &[f64], boundary: f64, horizon: usize) -> (Vec<bool>, Vec<usize>) {
    let states: Vec<usize> = values.iter().map(|value| usize::from(*value > boundary)).collect();
    let shifted = (0..values.len() - horizon).map(|row| states[row] != states[row + horizon]).collect();
    (shifted, states)
}

/// The penalised log likelihood of one regime's logistic, in which a row counts as 1/overlap.
fn penalised(rows: &[(f64, bool)], horizon: usize, weights: [f64; 2]) -> f64 {
    let overlap = Overlap::new(horizon).of_labels;
    let each = rows.iter().map(|(margin, shifted)| {
        let logit = weights[0] + weights[1] * margin;
        -(1.0 + (if *shifted { -logit } else { logit }).exp()).ln()
    });
    each.sum::<f64>() / overlap - 0.5 * (1e-3 * weights[0] * weights[0] + weights[1] * weights[1])
}

#[test]
fn margin_only_is_the_top_of_its_penalised_likelihood_and_its_errors_are_the_curvature_there() {
    for horizon in [1, 5] {
        let values = wandering(1_200, 6);
        let found = report(Kind::MarginOnly, &options(horizon), &values).unwrap();
        let (boundary, spread) = (value(&found, "boundary"), value(&found, "spread"));
        let (shifted, states) = outcomes(&values, boundary, horizon);
        for regime in [0, 1] {
            let rows: Vec<(f64, bool)> = (0..shifted.len())
                .filter(|row| states[*row] == regime)
                .map(|row| (((values[row] - boundary) / spread).clamp(-4.0, 4.0), shifted[row]))
                .collect();
            let names = [format!("const[{regime}]"), format!("margin[{regime}]")];
            let top = [value(&found, &names[0]), value(&found, &names[1])];
            let at = |a: f64, b: f64| penalised(&rows, horizon, [top[0] + a, top[1] + b]);
            let step = 1e-3;
            let slope = |a: f64, b: f64| (at(a, b) - at(-a, -b)) / (2.0 * step);
            assert!(slope(step, 0.0).abs() < 1e-4 && slope(0.0, step).abs() < 1e-4);
            let bend = |a: f64, b: f64| -(at(a, b) - 2.0 * at(0.0, 0.0) + at(-a, -b)) / (step * step);
            let (aa, bb) = (bend(step, 0.0), bend(0.0, step));
            let ab = 0.5 * (bend(step, step) - aa - bb);
            let determinant = aa * bb - ab * ab;
            for (name, other) in names.iter().zip([bb, aa]) {
                let wanted = (other / determinant).sqrt();
                let said = error(&found, name).unwrap();
                assert!((said / wanted - 1.0).abs() < 1e-3, "{name}: {said} {wanted}");
            }
        }
    }
}

#[test]
fn har_differences_are_means_of_what_came_before() {
    let margins = wandering(300, 1);
    for horizon in [1, 3, 5] {
        let found = har::differences(&margins, horizon);
        for (row, differences) in found.iter().enumerate() {
            for (difference, span) in differences.iter().zip([1, 5, 22]) {
                let from = (row + 1).saturating_sub(span * horizon);
                let before = &margins[from..=row];
                let mean = before.iter().sum::<f64>() / before.len() as f64;
                assert!((difference - (mean - margins[row])).abs() < 1e-10);
            }
        }
    }
    assert!(
        har::differences(&margins, 1).iter().all(|row| row[0].abs() < 1e-10),
        "a row's own mean is itself"
    );
}

#[test]
fn a_shift_is_the_logistic_of_the_parameters_that_are_told() {
    let values = wandering(1_500, 3);
    let found = report(Kind::HarLogistic, &options(5), &values).unwrap();
    let of = |name: &str| value(&found, name);
    let margins: Vec<f64> =
        values.iter().map(|x| ((x - of("boundary")) / of("spread")).clamp(-4.0, 4.0)).collect();
    for row in [0, 7, 400, 1_499] {
        let regime = found.labels[row];
        let mut logit = of(&format!("const[{regime}]")) + of(&format!("margin[{regime}]")) * margins[row];
        for span in [1, 5, 22] {
            let before = &margins[(row + 1).saturating_sub(span * 5)..=row];
            let difference = before.iter().sum::<f64>() / before.len() as f64 - margins[row];
            let z = (difference - of(&format!("mean.har_{span}"))) / of(&format!("scale.har_{span}"));
            logit += of(&format!("har_{span}[{regime}]")) * z.clamp(-4.0, 4.0);
        }
        assert!((found.shift[row] - 1.0 / (1.0 + (-logit).exp())).abs() < 1e-9);
    }
    let above: Vec<f64> =
        (0..1_500).filter(|row| found.labels[*row] == 1).map(|row| found.shift[row]).collect();
    near(found.transition[1][0], above.iter().sum::<f64>() / above.len() as f64);
}

proptest! {
    #[test]
    fn rates_and_their_likelihood_are_counts(
        values in prop::collection::vec(-2..3_i32, 4..60), horizon in 1..6_usize, half in -2..2_i32,
    ) {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let boundary = f64::from(half) + 0.5;
        let stated = RegimeOptions { boundary: Some(boundary), ..options(horizon) };
        for kind in [Kind::BaseRate, Kind::MarkovTable] {
            let Ok(found) = report(kind, &stated, &values) else { continue };
            let (shifted, states) = outcomes(&values, boundary, horizon);
            let mut likelihood = 0.0;
            for (row, happened) in shifted.iter().enumerate() {
                let alike = |other: &usize| kind == Kind::BaseRate || states[*other] == states[row];
                let rows: Vec<usize> = (0..shifted.len()).filter(alike).collect();
                let count = rows.iter().filter(|row| shifted[**row]).count();
                let p = (count as f64 + 0.5) / (rows.len() as f64 + 1.0);
                prop_assert!((found.shift[row] - p).abs() < 1e-12);
                likelihood += if *happened { p.ln() } else { (1.0 - p).ln() };
            }
            prop_assert!((found.log_likelihood.unwrap() - likelihood).abs() < 1e-9);
        }
    }
}
