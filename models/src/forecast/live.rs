//! How forecasts did that were made and told: scored as a walk is, and watched for drift against what one promised.
//!
//! A walk says what a forecaster is expected to lose over the naive forecast, window by window ([`Expected`]). Live
//! forecasts resolve one window at a time, and months of them would have to go wrong before a watch on them alone
//! could tell two parts of them apart. So ADWIN is first given what was expected, then what came: drift is where
//! the forecasts that were made lose more than the walk behind them did.

use market::Timestamp;
use serde::{Deserialize, Serialize};

use crate::adwin::{Adwin, SHORTEST_PART};
use crate::scalar::{log_loss, mean};
use crate::score::{self, Bootstrap, ScoreError};

use super::ForecastError;
use super::artefact::Baselines;
use super::evaluation::{Losses, Share, share};
use super::walk::Walk;

/// Windows of a walk that are remembered: the latest. Of 24 hours more than a year, of 5 days seven years.
const REMEMBERED: usize = 512;

/// Windows of forecasts without which drift cannot be seen: ADWIN's shortest part.
pub const FEWEST_WINDOWS: usize = SHORTEST_PART;

/// A forecast whose outcome is known. Abstentions are none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// When it was made.
    pub time: Timestamp,
    /// The probability of a shift that was forecast.
    pub probability: f64,
    /// What naive forecasts said then.
    pub baselines: Baselines,
    /// Whether the shift came.
    pub shifted: bool,
}

/// The score of forecasts that were made.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveScore {
    /// Forecasts scored.
    pub n: usize,
    /// How many of them were followed by a shift.
    pub shifts: usize,
    /// The first of them.
    pub from: Timestamp,
    /// The last of them.
    pub to: Timestamp,
    /// Mean log losses.
    pub log_loss: Losses,
    /// Skill against the better of the base rate and the table of transitions.
    pub skill: Share,
    /// Skill against the margin alone.
    pub skill_over_margin: Share,
}

impl LiveScore {
    /// Scores forecasts of windows of `horizon` rows, oldest first; intervals are drawn from `seed`.
    ///
    /// # Errors
    /// There are none, or a probability is none.
    pub fn of(outcomes: &[Outcome], horizon: usize, seed: u64) -> Result<Self, ForecastError> {
        let (Some(first), Some(last)) = (outcomes.first(), outcomes.last()) else {
            return Err(ScoreError::Empty.into());
        };
        let happened: Vec<bool> = outcomes.iter().map(|outcome| outcome.shifted).collect();
        let losses = |of: fn(&Outcome) -> f64| {
            score::log_losses(&outcomes.iter().map(of).collect::<Vec<_>>(), &happened)
        };
        let model = losses(|outcome| outcome.probability)?;
        let base = losses(|outcome| outcome.baselines.base)?;
        let markov = losses(|outcome| outcome.baselines.markov)?;
        let margin = losses(|outcome| outcome.baselines.margin_only)?;
        let of = |losses: &[f64]| mean(losses).unwrap_or(0.0);
        let (against, better) = if of(&base) < of(&markov) { ("base", &base) } else { ("markov", &markov) };
        let bootstrap = Bootstrap::of_horizon(horizon, seed);
        Ok(Self {
            n: outcomes.len(),
            shifts: happened.iter().filter(|happened| **happened).count(),
            from: first.time,
            to: last.time,
            log_loss: Losses {
                model: of(&model),
                base: of(&base),
                markov: of(&markov),
                margin_only: of(&margin),
            },
            skill: share(&score::skill(&model, better, bootstrap)?, against),
            skill_over_margin: share(&score::skill(&model, &margin, bootstrap)?, "margin-only"),
        })
    }
}

/// A naive forecast that losses are measured against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Naive {
    /// The base rate.
    Base,
    /// The table of transitions.
    #[default]
    Markov,
}

impl Naive {
    /// The one that loses less.
    fn better(outcomes: &[Outcome]) -> Self {
        let sum = |naive: Self| outcomes.iter().map(|outcome| naive.loss(outcome)).sum::<f64>();
        if sum(Self::Base) < sum(Self::Markov) { Self::Base } else { Self::Markov }
    }

    fn loss(self, outcome: &Outcome) -> f64 {
        let probability = match self {
            Self::Base => outcome.baselines.base,
            Self::Markov => outcome.baselines.markov,
        };
        log_loss(probability, outcome.shifted)
    }

    /// Mean loss over this one's of each `horizon` of forecasts in turn; what is left over at the end is no window.
    fn excess(self, outcomes: &[Outcome], horizon: usize) -> Vec<f64> {
        let over = |outcome: &Outcome| log_loss(outcome.probability, outcome.shifted) - self.loss(outcome);
        let of = |window: &[Outcome]| mean(&window.iter().map(over).collect::<Vec<_>>());
        outcomes.chunks_exact(horizon.max(1)).filter_map(of).collect()
    }
}

/// What forecasts are expected to lose, from a walk through the past.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// The better naive forecast of the walk.
    pub against: Naive,
    /// Mean loss over that one's, nats, of each window of the walk's forecasts in turn, oldest first, the latest 512;
    /// to four decimals.
    pub excess: Vec<f64>,
}

/// Where forecasts began to lose more than was expected. Places are of the outcomes that were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rise {
    /// The first forecast of those that lose more.
    pub since: usize,
    /// The last one of the window at whose end it was seen.
    pub seen: usize,
}

impl Expected {
    /// What the scored forecasts of `walk`, through windows of `horizon` rows, lead one to expect of those that do not
    /// abstain.
    pub fn of(walk: &Walk, horizon: usize) -> Self {
        let kept = walk.scored().filter(|(row, _)| row.abstained.is_none());
        let outcomes: Vec<Outcome> = kept
            .map(|(row, shifted)| Outcome {
                time: row.time,
                probability: row.probability,
                baselines: row.baselines,
                shifted,
            })
            .collect();
        let against = Naive::better(&outcomes);
        let mut excess = against.excess(&outcomes, horizon);
        excess.drain(..excess.len().saturating_sub(REMEMBERED));
        for value in &mut excess {
            *value = (*value * 1e4).round() / 1e4;
        }
        Self { against, excess }
    }

    /// The first rise of the loss of `outcomes`, oldest first, over windows of `horizon` rows. `delta` is the
    /// chance that one look finds one where there is none; there is a look at the end of each window.
    pub fn rise(&self, outcomes: &[Outcome], horizon: usize, delta: f64) -> Option<Rise> {
        let horizon = horizon.max(1);
        let against = if self.excess.is_empty() { Naive::better(outcomes) } else { self.against };
        let mut watch = Adwin::new(delta).looking_every(1);
        for value in &self.excess {
            watch.update(*value);
        }
        let live = against.excess(outcomes, horizon);
        for (window, value) in live.iter().enumerate() {
            let before = watch.mean().unwrap_or(0.0);
            if watch.update(*value) && watch.mean().is_some_and(|after| after > before) {
                let since = self.began(&live[..=window]) * horizon;
                return Some(Rise { since, seen: (window + 1) * horizon - 1 });
            }
        }
        None
    }

    /// The live window from which on the loss differs most from what it was before: the cut with the largest sum of
    /// squares between its two parts. (ADWIN drops older buckets only until no cut is left, so that what remains
    /// of its window says where the change is to a power of two at best.)
    fn began(&self, live: &[f64]) -> usize {
        let (known, all) = (self.excess.len(), self.excess.len() + live.len());
        let total: f64 = self.excess.iter().chain(live).sum();
        let mut before: f64 = self.excess.iter().sum();
        let (mut found, mut most) = (0, 0.0);
        for (window, value) in live.iter().enumerate() {
            let (older, younger) = ((known + window) as f64, (all - known - window) as f64);
            let apart = (total - before) / younger - if older > 0.0 { before / older } else { 0.0 };
            let between = older * younger / all as f64 * apart * apart;
            if apart > 0.0 && between > most {
                (found, most) = (window, between);
            }
            before += value;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::chance::Chance;

    const HORIZON: usize = 5;

    /// Forecasts of which each says `told` of the chance that there really is.
    fn outcomes(chance: &mut Chance, count: usize, told: fn(f64) -> f64) -> Vec<Outcome> {
        let start: Timestamp = "2026-01-01T00:15:00Z".parse().unwrap();
        (0..count)
            .map(|day| {
                let real = 0.02 + 0.4 * chance.uniform() * chance.uniform();
                Outcome {
                    time: start.plus(Duration::from_hours(24 * day as u64)),
                    probability: told(real),
                    baselines: Baselines { base: 0.13, markov: 0.12, margin_only: 0.12 },
                    shifted: chance.uniform() < real,
                }
            })
            .collect()
    }

    fn expected(chance: &mut Chance) -> Expected {
        let walked = outcomes(chance, 1_500, |real| real);
        Expected { against: Naive::Markov, excess: Naive::Markov.excess(&walked, HORIZON) }
    }

    #[test]
    fn forecasts_that_go_wrong_are_found_out_and_from_where() {
        let mut chance = Chance::new(7);
        let expected = expected(&mut chance);
        assert_eq!(expected.excess.len(), 300);
        for right in [0, 60] {
            let mut live = outcomes(&mut chance, right, |real| real);
            live.extend(outcomes(&mut chance, 120, |real| 1.0 - real));
            let rise = expected.rise(&live, HORIZON, 0.002).unwrap();
            assert!(rise.since.abs_diff(right) <= 2 * HORIZON, "{right}: since {}", rise.since);
            let seen = right + FEWEST_WINDOWS * HORIZON - 1..right + 16 * HORIZON;
            assert!(seen.contains(&rise.seen), "{rise:?}");
            assert_eq!((rise.seen + 1) % HORIZON, 0, "seen at the end of a window");
            // With nothing to compare them with they look alike, or are too few to differ.
            assert_eq!(Expected::default().rise(&live, HORIZON, 0.002), None);
        }
    }

    #[test]
    fn forecasts_as_good_as_expected_or_better_seldom_raise_an_alarm() {
        let mut chance = Chance::new(11);
        let mut alarms = 0;
        for _ in 0..200 {
            let expected = expected(&mut chance);
            let year = outcomes(&mut chance, 73 * HORIZON, |real| real);
            alarms += usize::from(expected.rise(&year, HORIZON, 0.002).is_some());
            let mut foresight = outcomes(&mut chance, 40 * HORIZON, |real| real);
            for outcome in &mut foresight {
                outcome.probability = if outcome.shifted { 0.9 } else { 0.02 };
            }
            assert_eq!(expected.rise(&foresight, HORIZON, 0.002), None, "a gain is no drift");
        }
        assert!(alarms <= 2, "{alarms} of 200 years");
    }

    #[test]
    fn the_score_is_that_of_the_losses_by_hand() {
        let at: Timestamp = "2026-01-01T00:15:00Z".parse().unwrap();
        let of = |probability, shifted| Outcome {
            time: at,
            probability,
            baselines: Baselines { base: 0.5, markov: 0.2, margin_only: 0.4 },
            shifted,
        };
        let live = [of(0.25, true), of(0.1, false), of(0.2, false)];
        let score = LiveScore::of(&live, HORIZON, 1).unwrap();
        let mean = |given: [f64; 3]| -given.iter().map(|p| p.ln()).sum::<f64>() / 3.0;
        let (model, markov) = (mean([0.25, 0.9, 0.8]), mean([0.2, 0.8, 0.8]));
        assert!((score.log_loss.model - model).abs() < 1e-12);
        assert!((score.log_loss.markov - markov).abs() < 1e-12);
        assert!((score.skill.value - (1.0 - model / markov)).abs() < 1e-12);
        assert_eq!((score.n, score.shifts, score.skill.against.as_str()), (3, 1, "markov"));
        assert_eq!((score.skill.low, score.skill.high), (None, None), "three rows have no interval");
        assert!(LiveScore::of(&[], HORIZON, 1).is_err());
    }
}
