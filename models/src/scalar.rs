//! Scalar arithmetic in a fixed order through `libm`, so that every machine gives the same bits.

/// ln(1 / 1e-4): the clip of a log loss keeps a probability this far from 0 and 1.
pub const CLIP: f64 = 1e-4;

/// The logistic function 1 / (1 + e^−x), without overflow.
pub fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + libm::exp(-x))
    } else {
        let e = libm::exp(x);
        e / (1.0 + e)
    }
}

/// The logit ln(p / (1 − p)) of a probability strictly between 0 and 1.
pub fn logit(p: f64) -> f64 {
    libm::log(p) - libm::log1p(-p)
}

/// ln Σ e^x without overflow; −∞ of nothing.
pub fn log_sum_exp(terms: &[f64]) -> f64 {
    let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY {
        return top;
    }
    let sum: f64 = terms.iter().map(|term| libm::exp(term - top)).sum();
    top + libm::log(sum)
}

/// A probability kept inside [[`CLIP`], 1 − [`CLIP`]].
pub fn clipped(p: f64) -> f64 {
    p.clamp(CLIP, 1.0 - CLIP)
}

/// How often something happened, (k + ½) / (n + 1): never 0 or 1, and ½ of nothing. R. E. Krichevsky and V. K. Trofimov,
/// *The performance of universal encoding*, IEEE Trans. Inf. Theory 27 (1981) 199–207.
pub fn rate(happened: usize, of: usize) -> f64 {
    (happened as f64 + 0.5) / (of as f64 + 1.0)
}

/// −ln of the probability that was given to what happened, clipped; nats.
pub fn log_loss(p: f64, happened: bool) -> f64 {
    let p = clipped(p);
    if happened { -libm::log(p) } else { -libm::log1p(-p) }
}

/// The mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) }
}

/// The standard deviation over n; `None` of nothing.
pub fn std_dev(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let sum: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    Some(libm::sqrt(sum / values.len() as f64))
}

/// The `share`-quantile, 0 to 1, of **sorted** values: linear between neighbours (numpy's default, type 7
/// of R. J. Hyndman and Y. Fan, *Sample quantiles in statistical packages*, Am. Stat. 50 (1996) 361–365).
/// `None` of nothing.
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = (libm::floor(place) as usize).min(last);
    let above = (below + 1).min(last);
    let part = place - below as f64;
    Some(sorted[below] + (sorted[above] - sorted[below]) * part)
}

/// The median of **sorted** values; `None` of nothing.
pub fn median(sorted: &[f64]) -> Option<f64> {
    quantile(sorted, 0.5)
}

/// The values in ascending order.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-12 * b.abs().max(1.0)
    }

    #[test]
    fn the_logistic_function_and_the_logit_undo_each_other_and_never_overflow() {
        for x in [-700.0, -30.0, -1.5, 0.0, 0.25, 20.0] {
            let p = logistic(x);
            assert!((0.0..=1.0).contains(&p));
            if x.abs() <= 20.0 {
                assert!(near(logit(p), x) || (logit(p) - x).abs() < 1e-6, "{x}");
            }
        }
        assert!(near(logistic(-1e9), 0.0) && near(logistic(1e9), 1.0));
    }

    #[test]
    fn sums_of_exponentials_survive_any_size() {
        assert!(near(log_sum_exp(&[-1e4, -1e4]), -1e4 + 2f64.ln()));
        assert!(near(log_sum_exp(&[1e4, 0.0]), 1e4));
        assert!(log_sum_exp(&[]).is_infinite());
        assert!(log_sum_exp(&[f64::NEG_INFINITY; 2]).is_infinite());
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        let values = sorted(&[4.0, 1.0, 3.0, 2.0]);
        assert!(near(quantile(&values, 0.7).unwrap(), 3.1));
        assert!(near(median(&values).unwrap(), 2.5));
        assert!(quantile(&[], 0.5).is_none());
        assert!(near(quantile(&[7.0], 0.9).unwrap(), 7.0));
    }

    #[test]
    fn a_rate_is_never_certain() {
        assert!(near(rate(3, 9), 0.35) && near(rate(0, 0), 0.5));
        assert!(rate(0, 1_000_000) > 0.0 && rate(1_000_000, 1_000_000) < 1.0);
    }

    #[test]
    fn a_certain_and_wrong_forecast_costs_what_the_clip_allows() {
        assert!(near(log_loss(0.0, true), -(1e-4f64).ln()));
        assert!(near(log_loss(0.25, false), -(0.75f64).ln()));
    }
}
