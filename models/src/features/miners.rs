//! Group `miners`: what the miners' shares did beyond Bitcoin.
//!
//! For each session: y = mean log return of the basket from close to close, x = Bitcoin's over the same time, and
//! α, β by least squares over the 60 sessions before it (at least 20 with both). Residual = y − α − βx: the
//! session itself has no part in its line.

use std::collections::BTreeMap;

use market::{Timestamp, entities};

use super::baskets::Basket;
use super::prices::{Change, Prices};
use super::robust;
use super::sessions::sessions;

/// Sessions that a beta is fitted to, at most and at least.
const BETA_SESSIONS: usize = 60;
const LEAST_SESSIONS: usize = 20;
/// Sessions that say what is usual.
const LOOKBACK: usize = 120;
/// Sessions of the sum.
const SUM: usize = 5;
/// Ages are cut here, and what is older is not used, sessions.
const OLDEST: usize = 5;

/// The group's columns.
pub(super) const COLUMNS: [&str; 4] = ["miner_resid_1d_z", "miner_resid_5d_z", "miner_beta_z", "miner_age"];

/// The miners, as known so far.
#[derive(Debug)]
pub(super) struct Miners {
    bitcoin: usize,
    members: Vec<usize>,
    basket: Basket,
    coin: BTreeMap<usize, f64>,
    is_stale: bool,
    last: Option<usize>,
    z: [f64; 3],
}

impl Miners {
    /// Watches the basket's shares; `bitcoin` is the number of that coin.
    pub(super) fn new(prices: &mut Prices, bitcoin: usize) -> Self {
        let basket = entities().basket("miners").unwrap_or_default();
        let members = basket.into_iter().map(|entity| prices.watch_share(entity)).collect();
        Self {
            bitcoin,
            members,
            basket: Basket::default(),
            coin: BTreeMap::new(),
            is_stale: false,
            last: None,
            z: [0.0; 3],
        }
    }

    /// Follows a change of prices.
    pub(super) fn follow(&mut self, prices: &Prices, change: Change) {
        match change {
            Change::Share(share, session) if self.members.contains(&share) => {
                for session in [session, session + 1] {
                    let returns = self.members.iter().map(|share| prices.share(*share).over_session(session));
                    self.basket.set(session as i64, returns);
                }
                self.is_stale = true;
            }
            Change::Coin(coin, touched) if coin == self.bitcoin => {
                let moment = |slot: i64, span: i64| Timestamp::from_micros((slot + 1) * span);
                let at_close = touched.hour.and_then(|hour| sessions().ending(moment(hour, 3_600_000_000)?));
                let of_day =
                    touched.day.and_then(|day| sessions().on(moment(day - 1, 86_400_000_000)?.date()));
                for session in [at_close, of_day].into_iter().flatten().flat_map(|at| [at, at + 1]) {
                    match prices.coin(coin).over_session(session) {
                        Some(step) => self.coin.insert(session, step),
                        None => self.coin.remove(&session),
                    };
                    self.is_stale = true;
                }
            }
            Change::Share(..) | Change::Coin(..) => {}
        }
    }

    /// The group's columns at `at`, in the order of [`COLUMNS`].
    pub(super) fn at(&mut self, at: Timestamp) -> [f64; 4] {
        if self.is_stale {
            self.refresh();
        }
        let age = self.last.map_or(OLDEST + 1, |last| sessions().since(last, at));
        let [one, five, beta] = if age <= OLDEST { self.z } else { [0.0; 3] };
        [one, five, beta, age.min(OLDEST) as f64]
    }

    fn both(&self, session: usize) -> Option<(f64, f64)> {
        Some((*self.coin.get(&session)?, self.basket.mean(session as i64)?))
    }

    fn refresh(&mut self) {
        self.is_stale = false;
        self.last = None;
        self.z = [0.0; 3];
        let newest = self.basket.last().and_then(|slot| usize::try_from(slot).ok());
        let Some(last) = newest.and_then(|newest| {
            (newest.saturating_sub(LOOKBACK)..=newest).rev().find(|session| self.both(*session).is_some())
        }) else {
            return;
        };
        let first = last.saturating_sub(LOOKBACK + SUM + BETA_SESSIONS);
        let pairs: Vec<Option<(f64, f64)>> = (first..=last).map(|session| self.both(session)).collect();
        let from = pairs.len().saturating_sub(LOOKBACK + SUM);
        let lines: Vec<Option<(f64, f64)>> = (from..pairs.len())
            .map(|at| {
                let (alpha, beta) = line(&pairs[at.saturating_sub(BETA_SESSIONS)..at])?;
                let (x, y) = pairs[at]?;
                Some((y - alpha - beta * x, beta))
            })
            .collect();
        let residuals: Vec<Option<f64>> =
            lines.iter().map(|line| line.map(|(residual, _)| residual)).collect();
        let betas: Vec<Option<f64>> = lines.iter().map(|line| line.map(|(_, beta)| beta)).collect();
        let recent =
            |values: &[Option<f64>]| robust::z_of_last(&values[values.len().saturating_sub(LOOKBACK)..]);
        self.z = [recent(&residuals), recent(&sums(&residuals, SUM)), recent(&betas)];
        self.last = Some(last);
    }
}

/// Sums over the last `span` values up to each; `None` where more than a fifth of them is unknown.
pub(super) fn sums(values: &[Option<f64>], span: usize) -> Vec<Option<f64>> {
    let sum = |at: usize| {
        let window = &values[(at + 1).checked_sub(span)?..=at];
        let known = window.iter().flatten().count();
        (known * 5 >= span * 4 && window.last()?.is_some()).then(|| window.iter().flatten().sum())
    };
    (0..values.len()).map(sum).collect()
}

/// Intercept and slope by least squares of y on x, over the pairs that are known.
fn line(pairs: &[Option<(f64, f64)>]) -> Option<(f64, f64)> {
    let known: Vec<(f64, f64)> = pairs.iter().flatten().copied().collect();
    if known.len() < LEAST_SESSIONS {
        return None;
    }
    let n = known.len() as f64;
    let (mut mean_x, mut mean_y) = (0.0, 0.0);
    for (x, y) in &known {
        mean_x += x / n;
        mean_y += y / n;
    }
    let (mut spread, mut joint, mut size) = (0.0, 0.0, 0.0);
    for (x, y) in &known {
        spread += (x - mean_x) * (x - mean_x);
        joint += (x - mean_x) * (y - mean_y);
        size += x * x;
    }
    // No more than rounding: x never moved.
    if spread <= 1e-20 * size {
        return None;
    }
    let beta = joint / spread;
    beta.is_finite().then_some((mean_y - beta * mean_x, beta))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_the_one_that_was_planted() {
        let planted: Vec<Option<(f64, f64)>> = (0..40)
            .map(|at| {
                let x = f64::from(at * 7 % 11) - 5.0;
                (at % 9 != 0).then_some((x, 0.25 + 1.8 * x))
            })
            .collect();
        let (alpha, beta) = line(&planted).unwrap();
        assert!((alpha - 0.25).abs() < 1e-12 && (beta - 1.8).abs() < 1e-12);
        assert!(line(&planted[..20]).is_none(), "too few");
        assert!(line(&[Some((0.5, 1.0)); 30]).is_none(), "one x has no slope");
    }

    #[test]
    fn a_sum_bears_one_gap_in_five_but_not_at_its_end() {
        let mut values = vec![Some(1.0); 6];
        values[1] = None;
        assert_eq!(sums(&values, 5), [None, None, None, None, Some(4.0), Some(4.0)]);
        values[2] = None;
        assert_eq!(sums(&values, 5)[5], None);
        assert_eq!(sums(&[Some(1.0), None], 1), [Some(1.0), None]);
    }
}
