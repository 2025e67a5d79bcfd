//! A baseline as a model of regimes: one report, and the readings that stand for it.

use super::Kind;
use super::level::Level;
use super::rule::{Learnt, Rule, Says};
use crate::forecast::frame::View;
use crate::forecast::ridge::Overlap;
use crate::model::{FittedModel, Reading};
use crate::regimes::{RegimeReport, mean_visits};
use crate::scalar::{log_loss, mean, rate};

/// A baseline that has learnt, or was told, its parameters.
pub(super) struct Fitted {
    report: RegimeReport,
    boundary: f64,
    /// Rows whose outcome is known, and how many of them shifted.
    outcomes: usize,
    shifts: usize,
}

impl Fitted {
    /// What `learnt` says of every row of `level`.
    pub(super) fn new(kind: Kind, level: &Level, learnt: Learnt) -> Self {
        let Learnt { rule, parameters, steps, settled, mut notes } = learnt;
        let views = rule.views(level);
        let labels: Vec<usize> = views.iter().map(|view| view.state).collect();
        let shift: Vec<f64> = views.iter().map(|view| rule.shift(view)).collect();
        let shifted: Vec<bool> =
            labels.iter().zip(labels.iter().skip(level.horizon)).map(|(now, later)| now != later).collect();
        let (outcomes, shifts) = (shifted.len(), shifted.iter().filter(|shifted| **shifted).count());
        let losses: Vec<f64> =
            shift.iter().zip(&shifted).map(|(p, shifted)| log_loss(*p, *shifted)).collect();
        let log_likelihood = (outcomes > 0).then(|| -losses.iter().sum::<f64>());
        let free = rule.free(kind) as f64;
        let criterion = |price: f64| log_likelihood.map(|value| price * free - 2.0 * value);
        let transition = transition(&rule, &views, &shift);
        if transition.is_empty() {
            notes.push("no transition table: every row is in one regime".to_owned());
        }
        notes.extend(said(kind, level.horizon, outcomes));
        let hard: Vec<Vec<f64>> = labels
            .iter()
            .map(|label| (0..2).map(|regime| f64::from(u8::from(regime == *label))).collect())
            .collect();
        let report = RegimeReport {
            model: kind.id(),
            states: 2,
            n: labels.len(),
            skipped: 0,
            log_likelihood,
            objective: None,
            aic: criterion(2.0),
            bic: criterion(libm::log(outcomes as f64)),
            converged: settled,
            iterations: steps,
            parameters,
            transition,
            expected_durations: mean_visits(&labels, 2),
            filtered: hard.clone(),
            smoothed: hard,
            labels,
            shift,
            notes,
        };
        Self { report, boundary: rule.scaling.boundary, outcomes, shifts }
    }
}

/// From each regime to each, h rows on; where the probability varies its mean over the regime's rows. Empty where a
/// regime that it would be the mean of has none.
fn transition(rule: &Rule, views: &[View], shift: &[f64]) -> Vec<Vec<f64>> {
    let away: Option<Vec<f64>> = match &rule.says {
        Says::Rates(rates) => Some(rates.to_vec()),
        Says::Logits(_) => (0..2)
            .map(|regime| {
                let of_regime = views.iter().zip(shift).filter(|(view, _)| view.state == regime);
                mean(&of_regime.map(|(_, p)| *p).collect::<Vec<f64>>())
            })
            .collect(),
    };
    match away.as_deref() {
        Some([up, down]) => vec![vec![1.0 - up, *up], vec![*down, 1.0 - down]],
        _ => Vec::new(),
    }
}

/// What a reader should know.
fn said(kind: Kind, horizon: usize, outcomes: usize) -> Vec<String> {
    let rows = if horizon == 1 { "1 row".to_owned() } else { format!("{horizon} rows") };
    let mut notes = vec![
        format!("shift and transition speak of the regime {rows} later"),
        format!(
            "log-likelihood and criteria are of the {outcomes} rows whose outcome is known, which taught the \
             parameters unless these were given: `vigie evaluate` scores rows that taught nothing"
        ),
    ];
    if horizon > 1 {
        let weight = Overlap::new(horizon).of_labels;
        notes.push(match kind {
            Kind::BaseRate | Kind::MarkovTable => format!(
                "outcomes {rows} ahead overlap and repeat each other: standard errors, which take every row for \
                 news, are too small, and so is every difference of criteria too sure"
            ),
            Kind::MarginOnly | Kind::HarLogistic => format!(
                "outcomes {rows} ahead overlap and repeat each other: in the fit and its standard errors a row \
                 counts as 1/{weight:.2}; the criteria take every row for news and are too sure"
            ),
        });
    }
    notes
}

impl FittedModel for Fitted {
    fn readings(&self) -> Vec<Reading> {
        let reading = |name, value, unit, about| Reading { name, value, std_error: None, unit, about };
        let report = &self.report;
        let last = report.shift.last().map(|p| {
            reading(
                "shift",
                *p,
                "",
                "probability that the last row's regime will have changed at the horizon",
            )
        });
        let mut readings: Vec<Reading> = last.into_iter().collect();
        readings.push(reading("boundary", self.boundary, "", "level above which the regime is the high one"));
        readings.push(reading("outcomes", self.outcomes as f64, "rows", "rows whose outcome is known"));
        readings.push(reading("shifts", self.shifts as f64, "rows", "of them, those that shifted"));
        if let Some(value) = report.log_likelihood {
            let rows = self.outcomes as f64;
            let naive = rate(self.shifts, self.outcomes);
            let shifts = self.shifts as f64;
            let loss = shifts * log_loss(naive, true) + (rows - shifts) * log_loss(naive, false);
            readings.push(reading("log_loss", -value / rows, "nats", "mean log loss of those rows"));
            readings.push(reading("log_loss_base", loss / rows, "nats", "the same of their own base rate"));
        }
        readings
    }

    fn regimes(&self) -> Option<&RegimeReport> {
        Some(&self.report)
    }
}
