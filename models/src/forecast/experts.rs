//! Who has a say: from the base rate to the full logistic regression, each a linear form a regime.
//!
//! | expert | what it knows |
//! |---|---|
//! | `base` | how often windows shifted: (k + ½) / (n + 1) |
//! | `markov` | the same, by the regime now |
//! | `margin-only` | logistic in the distance to the boundary, by regime |
//! | `har-logistic` | logistic in it and in the HAR differences, by regime |
//! | `har-level` | regression of the level ahead on the same; how often it will be beyond the boundary |
//! | `level` | the same from every core column |
//! | `logistic` | logistic in every core column, by regime, by linfa |
//! | `hmm` | logistic in what a Gaussian hidden Markov model of the level expects, by regime |
//! | `blend` | the mean of the logits of the five before it, from `har-logistic` on |
//! | `recent` | the blend, moved by how far it was off of late in the regime of now |
//!
//! Columns × regime is one form a regime: with one ridge for all, the two parts do not meet.

use serde::{Deserialize, Serialize};

use crate::scalar::{self, clipped, logit};

use super::frame::{Frame, View};
use super::full;
use super::ridge::{Design, Overlap, is_enough};

/// Every expert with the weight it starts with, in order. About two thirds are with the naive two, who need nothing
/// proved, most of it with the table of transitions; a fifth stays with the base rate, which is the better of
/// the two where the regime of now stops to matter. Most of the rest is with the mean of those who learn, as it is after
/// what was learnt of late: where markets change, a fit on all of history is slow.
pub const EXPERTS: [(&str, f64); 10] = [
    ("base", 0.20),
    ("markov", 0.45),
    ("margin-only", 0.01),
    ("har-logistic", 0.01),
    ("har-level", 0.01),
    ("level", 0.01),
    ("logistic", 0.01),
    ("hmm", 0.01),
    ("blend", 0.01),
    ("recent", 0.28),
];

/// Places of those in [`EXPERTS`] that are baselines too.
pub(crate) const BASE: usize = 0;
pub(crate) const MARKOV: usize = 1;
pub(crate) const MARGIN_ONLY: usize = 2;
/// The place of the mean of those who learn, and of the same with what was learnt of late added to its logit.
pub(crate) const BLEND: usize = 8;
pub(crate) const RECENT: usize = 9;

/// A logistic slope that is nearest to the normal distribution's.
const PROBIT: f64 = 1.7;

/// Ridge of the map from a level ahead to a shift, towards the normal distribution.
const MAP_RIDGE: f64 = 3.0;

/// A logit as a sum: constant + margin × distance + Σ weight × column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// The constant.
    pub constant: f64,
    /// Of the distance to the boundary, in spreads.
    pub margin: f64,
    /// Of each core column, standardised, and of the hidden Markov model's logit.
    pub columns: Vec<f64>,
}

/// One expert: a form for the lower regime and one for the higher.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expert {
    /// Its name in [`EXPERTS`].
    pub name: String,
    /// By regime.
    pub forms: [Form; 2],
}

impl Form {
    fn constant(constant: f64, width: usize) -> Self {
        Self { constant, margin: 0.0, columns: vec![0.0; width] }
    }

    /// The logit of a row, and what each part gives to it: the constant, the margin, each column; held inside
    /// what a clipped probability allows by shrinking every part alike.
    pub(crate) fn parts(&self, view: &View) -> (f64, Vec<f64>) {
        let mut parts = Vec::with_capacity(self.columns.len() + 2);
        parts.push(self.constant);
        parts.push(self.margin * view.margin);
        parts.extend(self.columns.iter().zip(&view.columns).map(|(weight, value)| weight * value));
        let sum: f64 = parts.iter().sum();
        let inside = held(sum);
        if inside.to_bits() != sum.to_bits() {
            let share = inside / sum;
            for part in &mut parts {
                *part *= share;
            }
        }
        (inside, parts)
    }
}

/// A logit inside what a clipped probability allows.
pub(crate) fn held(value: f64) -> f64 {
    let most = logit(clipped(1.0));
    value.clamp(-most, most)
}

/// (k + ½) / (n + 1).
fn rate(shifted: &[bool]) -> f64 {
    scalar::rate(shifted.iter().filter(|shifted| **shifted).count(), shifted.len())
}

/// The training rows of one regime.
struct Part<'a> {
    views: Vec<&'a View>,
    shifted: Vec<bool>,
    /// The logit of its transition frequency.
    markov: f64,
}

/// Fits every expert to a frame. `har` are the places of the HAR columns among the core ones; `hmm` the place of the
/// hidden Markov model's logit among the views' columns, the last, if there is one.
pub(crate) fn fit(frame: &Frame, har: &[usize], hmm: Option<usize>, horizon: usize) -> Vec<Expert> {
    let width = frame.views.first().map_or(0, |view| view.columns.len());
    // The HAR columns first: they have a ridge of their own.
    let others = (0..width).filter(|place| Some(*place) != hmm && !har.contains(place));
    let core: Vec<usize> = har.iter().copied().chain(others).collect();
    let known = har.len() + 2;
    let overlap = Overlap::new(horizon);
    let parts = [0, 1].map(|state| {
        let of_state = |row: &usize| frame.views[*row].state == state;
        let rows: Vec<usize> = (0..frame.views.len()).filter(of_state).collect();
        let shifted: Vec<bool> = rows.iter().map(|row| frame.shifted[*row]).collect();
        let markov = logit(rate(&shifted));
        Part { views: rows.iter().map(|row| &frame.views[*row]).collect(), shifted, markov }
    });
    let base = logit(rate(&frame.shifted));
    let levels = |columns: &[usize]| {
        let by_level = ahead(frame, columns, width, known, overlap);
        let [calm, stormy] = &parts;
        by_level.unwrap_or([Form::constant(calm.markov, width), Form::constant(stormy.markov, width)])
    };
    let each = |make: &dyn Fn(&Part<'_>) -> Option<Form>| {
        [0, 1].map(|state| {
            let part: &Part<'_> = &parts[state];
            make(part).unwrap_or_else(|| Form::constant(part.markov, width))
        })
    };
    let mut forms: Vec<[Form; 2]> = vec![
        [Form::constant(base, width), Form::constant(base, width)],
        each(&|_| None),
        each(&|part| logistic_form(part, &[], width, known, overlap, false)),
        each(&|part| logistic_form(part, har, width, known, overlap, false)),
        levels(har),
        levels(&core),
        each(&|part| logistic_form(part, &core, width, known, overlap, true)),
        each(&|part| logistic_form(part, &hmm.into_iter().collect::<Vec<_>>(), width, known, overlap, false)),
    ];
    let blend = mean_form(&forms[3..BLEND], width);
    forms.push(blend.clone());
    forms.push(blend);
    EXPERTS.iter().zip(forms).map(|((name, _), forms)| Expert { name: (*name).to_owned(), forms }).collect()
}

/// The constant, the margin and the columns at `places`, a row a view.
fn design(views: &[&View], places: &[usize]) -> Vec<f64> {
    let mut values = Vec::with_capacity(views.len() * (places.len() + 2));
    for view in views {
        values.push(1.0);
        values.push(view.margin);
        values.extend(places.iter().map(|place| view.columns[*place]));
    }
    values
}

fn spread_out(weights: &[f64], places: &[usize], width: usize) -> Form {
    let mut form = Form { constant: weights[0], margin: weights[1], columns: vec![0.0; width] };
    for (weight, place) in weights[2..].iter().zip(places) {
        form.columns[*place] = *weight;
    }
    form
}

/// A logistic form of one regime, its ridge chosen by the evidence; `None` where there is too little to fit.
fn logistic_form(
    part: &Part<'_>,
    places: &[usize],
    width: usize,
    known: usize,
    overlap: Overlap,
    by_linfa: bool,
) -> Option<Form> {
    if !is_enough(&part.shifted) {
        return None;
    }
    let values = design(&part.views, places);
    let columns = places.len() + 2;
    let design =
        Design { values: &values, columns, free: 2, known: known.min(columns), overlap: overlap.of_labels };
    let fit = design.classify_shifts(&part.shifted)?;
    let weights = if by_linfa && !places.is_empty() {
        let ridge: Vec<f64> =
            design.ridge(fit.strengths).iter().map(|ridge| ridge * overlap.of_labels).collect();
        full::Problem { values: &values, columns, happened: &part.shifted, ridge: &ridge }.fit(&fit.weights)
    } else {
        fit.weights
    };
    Some(spread_out(&weights, places, width))
}

/// The forms that follow from where the level will be h rows later: μ and σ by a ridge regression over every
/// row, P(beyond the boundary) as of a normal distribution, corrected by a logistic map that is held near it.
fn ahead(frame: &Frame, places: &[usize], width: usize, known: usize, overlap: Overlap) -> Option<[Form; 2]> {
    let views: Vec<&View> = frame.views.iter().collect();
    let values = design(&views, places);
    let columns = places.len() + 2;
    let fit = Design { values: &values, columns, free: 1, known, overlap: overlap.of_numbers }
        .regress(&frame.ahead)?;
    let mut map = Vec::with_capacity(views.len() * 4);
    let mut normal = Vec::with_capacity(views.len());
    for (row, view) in values.chunks_exact(columns).zip(&views) {
        let mean: f64 = row.iter().zip(&fit.weights).map(|(x, w)| x * w).sum();
        let away = away(view.state);
        let z = mean / fit.residual;
        normal.push(PROBIT * away * z);
        map.extend([1.0, PROBIT * away * z, away, z]);
    }
    let design = Design { values: &map, columns: 4, free: 4, known: 4, overlap: overlap.of_labels };
    let correction = design.classify_from(&frame.shifted, &normal, &[MAP_RIDGE; 4])?;
    Some([0, 1].map(|state| {
        let away = away(state);
        let slope = (PROBIT * away * (1.0 + correction[1]) + correction[3]) / fit.residual;
        let scaled: Vec<f64> = fit.weights.iter().map(|weight| slope * weight).collect();
        let mut form = spread_out(&scaled, places, width);
        form.constant += correction[0] + correction[2] * away;
        form
    }))
}

/// Which way a shift lies: up from the lower regime, down from the higher.
pub(crate) fn away(state: usize) -> f64 {
    if state == 0 { 1.0 } else { -1.0 }
}

fn mean_form(forms: &[[Form; 2]], width: usize) -> [Form; 2] {
    [0, 1].map(|state| {
        let mut mean = Form::constant(0.0, width);
        for form in forms {
            let share = 1.0 / forms.len() as f64;
            mean.constant += share * form[state].constant;
            mean.margin += share * form[state].margin;
            for (sum, weight) in mean.columns.iter_mut().zip(&form[state].columns) {
                *sum += share * weight;
            }
        }
        mean
    })
}
