//! Robust z: how far a value is from what was usual, in units that no outlier can stretch.
//!
//! z = (x − median) / (1.4826 · MAD), clipped at ±6, over a trailing window of known values that holds x. Where
//! more than half of the values are equal, MAD is 0 and 1.2533 times the mean absolute deviation from the
//! median takes its place (B. Iglewicz and D. C. Hoaglin, *How to detect and handle outliers*, ASQC 1993).

use std::collections::VecDeque;

use crate::scalar;

/// Where z is clipped.
pub(super) const CLIP: f64 = 6.0;
/// Fewest values that say what is usual; with fewer, z is 0.
pub(super) const LEAST: usize = 20;
/// Makes MAD the standard deviation of a normal distribution.
const MAD_TO_SIGMA: f64 = 1.4826;
/// Makes the mean absolute deviation the standard deviation of a normal distribution: √(π/2).
const MEAN_AD_TO_SIGMA: f64 = 1.253_314;

/// A trailing window of values, kept in order of size as well.
#[derive(Clone, Debug)]
pub(super) struct Rolling {
    lookback: usize,
    window: VecDeque<f64>,
    sorted: Vec<f64>,
}

impl Rolling {
    /// An empty window of at most `lookback` values.
    pub(super) fn new(lookback: usize) -> Self {
        Self { lookback, window: VecDeque::with_capacity(lookback), sorted: Vec::with_capacity(lookback) }
    }

    fn push(&mut self, value: f64) {
        if self.window.len() == self.lookback
            && let Some(oldest) = self.window.pop_front()
        {
            let at = self.place(oldest);
            self.sorted.remove(at);
        }
        self.window.push_back(value);
        let at = self.place(value);
        self.sorted.insert(at, value);
    }

    fn place(&self, value: f64) -> usize {
        self.sorted.partition_point(|other| other.total_cmp(&value).is_lt())
    }

    /// Takes a value in and says how far out it is; 0 for what is unknown, which changes nothing.
    pub(super) fn z(&mut self, value: Option<f64>) -> f64 {
        let Some(value) = value else { return 0.0 };
        self.push(value);
        robust_z(value, &self.sorted)
    }

    /// Takes a value in and gives the `share`-quantile of the window; `None` where that says nothing.
    pub(super) fn quantile(&mut self, value: f64, share: f64) -> Option<f64> {
        self.push(value);
        scalar::quantile(&self.sorted, share).filter(|_| self.sorted.len() >= LEAST)
    }
}

/// How far the last known of `values`, oldest first, is out among all that are known; 0 where the last one
/// is unknown.
pub(super) fn z_of_last(values: &[Option<f64>]) -> f64 {
    let Some(&Some(last)) = values.last() else { return 0.0 };
    let mut known: Vec<f64> = values.iter().flatten().copied().collect();
    known.sort_by(f64::total_cmp);
    robust_z(last, &known)
}

/// How far `value` is out among `sorted` values.
fn robust_z(value: f64, sorted: &[f64]) -> f64 {
    if sorted.len() < LEAST {
        return 0.0;
    }
    let Some(middle) = scalar::median(sorted) else { return 0.0 };
    let mut sigma = MAD_TO_SIGMA * median_distance(sorted, middle);
    if sigma == 0.0 {
        let sum: f64 = sorted.iter().map(|other| (other - middle).abs()).sum();
        sigma = MEAN_AD_TO_SIGMA * sum / sorted.len() as f64;
    }
    let z = (value - middle) / sigma;
    if z.is_finite() { z.clamp(-CLIP, CLIP) } else { 0.0 }
}

/// The median of |x − middle| over sorted values, in O(log n): the distances to the left and to the right
/// are in order already.
fn median_distance(sorted: &[f64], middle: f64) -> f64 {
    let n = sorted.len();
    let upper = nth_distance(sorted, middle, n / 2 + 1);
    if n % 2 == 1 { upper } else { f64::midpoint(nth_distance(sorted, middle, n / 2), upper) }
}

/// The `nth` smallest distance, counted from 1.
fn nth_distance(sorted: &[f64], middle: f64, nth: usize) -> f64 {
    let split = sorted.partition_point(|value| *value < middle);
    let left = |at: usize| middle - sorted[split - 1 - at];
    let right = |at: usize| sorted[split + at] - middle;
    let (lefts, rights) = (split, sorted.len() - split);
    // How many of the nth nearest lie on the left: the fewest for which the next one on the left is no
    // nearer than the last one taken on the right.
    let (mut low, mut high) = (nth.saturating_sub(rights), nth.min(lefts));
    while low < high {
        let try_left = usize::midpoint(low, high);
        if left(try_left) >= right(nth - try_left - 1) { high = try_left } else { low = try_left + 1 }
    }
    let nearest = |taken: usize, side: &dyn Fn(usize) -> f64| if taken > 0 { side(taken - 1) } else { 0.0 };
    nearest(low, &left).max(nearest(nth - low, &right))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By the book: sort, subtract, sort again.
    fn plain(value: f64, values: &[f64]) -> f64 {
        let middle = scalar::median(&scalar::sorted(values)).unwrap();
        let distances: Vec<f64> = values.iter().map(|other| (other - middle).abs()).collect();
        let mut sigma = MAD_TO_SIGMA * scalar::median(&scalar::sorted(&distances)).unwrap();
        if sigma == 0.0 {
            sigma = MEAN_AD_TO_SIGMA * scalar::mean(&distances).unwrap();
        }
        if sigma == 0.0 { 0.0 } else { ((value - middle) / sigma).clamp(-CLIP, CLIP) }
    }

    #[test]
    fn an_outlier_is_clipped_and_a_constant_is_in_the_middle() {
        let mut rolling = Rolling::new(30);
        for value in 0..30 {
            rolling.z(Some(f64::from(value % 5)));
        }
        assert!((rolling.z(Some(1e12)) - CLIP).abs() < 1e-12);
        assert!((rolling.z(Some(-1e12)) + CLIP).abs() < 1e-12);
        assert!(rolling.z(None).abs() < 1e-12);
        let mut constant = Rolling::new(30);
        assert!((0..40).all(|_| constant.z(Some(7.0)).abs() < 1e-12));
    }

    #[test]
    fn where_most_values_are_equal_the_rest_is_measured_by_the_mean_deviation() {
        // 24 zeros and a one: the mean absolute deviation is 1/25.
        let mut values = vec![Some(0.0); 24];
        values.push(Some(0.08));
        let expected = 0.08 / (MEAN_AD_TO_SIGMA * 0.08 / 25.0);
        assert!((z_of_last(&values) - expected.min(CLIP)).abs() < 1e-12);
    }

    #[test]
    fn too_few_values_say_nothing() {
        assert!(z_of_last(&[Some(1.0); 19]).abs() < 1e-12 && z_of_last(&[]).abs() < 1e-12);
        let mut rolling = Rolling::new(100);
        let z: Vec<f64> = (0..25).map(|at| rolling.z(Some(f64::from(at)))).collect();
        assert!(z[..LEAST - 1].iter().all(|z| *z == 0.0) && z[LEAST - 1] > 0.0);
    }

    proptest! {
        #[test]
        fn the_rolling_z_is_the_plain_one(
            values in prop::collection::vec(prop_oneof![-5.0..5.0f64, Just(0.0), -1e300..1e300], 1..90),
            lookback in LEAST..40,
        ) {
            let mut rolling = Rolling::new(lookback);
            for (at, value) in values.iter().enumerate() {
                let z = rolling.z(Some(*value));
                let window = &values[(at + 1).saturating_sub(lookback)..=at];
                prop_assert!(z.is_finite());
                if window.len() >= LEAST {
                    let expected = plain(*value, window);
                    prop_assert!((z - expected).abs() <= 1e-9 || !expected.is_finite(), "{z} {expected}");
                }
            }
        }
    }
}
