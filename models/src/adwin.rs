//! Watches one stream of numbers for a change of its mean: adaptive windowing.
//!
//! The window grows while its parts agree. Every [`CLOCK`] values each way of cutting it into an older and a
//! younger part is looked at; where the two means differ by more than
//! ε = √(2 m⁻¹ σ² ln(2 ln W / δ)) + ⅔ m⁻¹ ln(2 ln W / δ), with W the window's width, σ² its variance and
//! m⁻¹ the sum of the parts' reciprocal lengths, the older part is dropped and that is a change. The window
//! is kept in buckets of 1, 2, 4 … values, so memory and time grow with ln W. δ bounds the chance that a
//! stream whose mean never changes is said to change at one look; many looks have many chances.
//!
//! The numbers are those of river's `ADWIN`, with its choices where the paper leaves one:
//! - a part must hold [`SHORTEST_PART`] values, and one less than that is taken off both lengths in m⁻¹;
//! - after a change the next value begins a window of its own.
//!
//! Sources: A. Bifet and R. Gavaldà, *Learning from time-changing data with adaptive windowing*, SIAM
//! International Conference on Data Mining (2007) 443–448; B. Babcock, M. Datar, R. Motwani and
//! L. O'Callaghan, *Maintaining variance and k-medians over data stream windows*, PODS (2003) 234–243.

use std::collections::VecDeque;

/// How many values pass between two looks.
pub const CLOCK: u64 = 32;
/// Most buckets of one size; one more, and the two oldest become one of twice the size.
pub const MOST_BUCKETS: usize = 5;
/// Fewest values in either part of a cut.
pub const SHORTEST_PART: usize = 5;
/// Nothing is looked at until the window is wider than this.
pub const GRACE: usize = 10;

/// Larger values, whose squares would overflow a sum, are left out as those that are not finite are.
const LARGEST: f64 = 1e100;

/// A watch on the mean of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Adwin {
    delta: f64,
    /// How many values pass between two looks.
    clock: u64,
    /// Buckets of 2ⁱ values in place i, the oldest bucket first.
    sizes: Vec<VecDeque<Bucket>>,
    /// The whole window.
    window: Part,
    ticks: u64,
    has_fired: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    total: f64,
    /// Sum of squares about the mean.
    spread: f64,
}

/// A stretch of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Part {
    count: usize,
    total: f64,
    spread: f64,
}

impl Part {
    fn mean(self) -> f64 {
        self.total / self.count as f64
    }

    /// What joining a bucket of `count` values adds to the sum of squares, beside the bucket's own.
    fn between(self, bucket: Bucket, count: usize) -> f64 {
        let (here, there) = (self.count as f64, count as f64);
        let apart = self.mean() - bucket.total / there;
        here * there * apart * apart / (here + there)
    }
}

impl Adwin {
    /// A watch that has seen nothing. `delta` is the chance that one look finds a change where there is none;
    /// 0.002 is usual. It is kept strictly between 0 and 1, and is 0.002 where it is no number.
    pub fn new(delta: f64) -> Self {
        let delta = if delta.is_nan() { 0.002 } else { delta.clamp(1e-300, 1.0 - 1e-12) };
        Self { delta, clock: CLOCK, sizes: Vec::new(), window: Part::default(), ticks: 0, has_fired: false }
    }

    /// One that looks at every `values`-th value (at least 1) instead of every [`CLOCK`]-th: for streams of which
    /// a value is dear. The paper looks at every value; the more looks, the more chances to be wrong.
    #[must_use]
    pub fn looking_every(self, values: u64) -> Self {
        Self { clock: values.max(1), ..self }
    }

    /// Takes the next value and says whether the mean has changed. A value that is not finite, or beyond
    /// ±1e100, is left out.
    pub fn update(&mut self, value: f64) -> bool {
        if value.is_nan() || value.abs() > LARGEST {
            return false;
        }
        if self.has_fired {
            *self = Self::new(self.delta).looking_every(self.clock);
        }
        self.insert(value);
        self.ticks += 1;
        if self.ticks.is_multiple_of(self.clock) && self.window.count > GRACE {
            while self.find_cut() {
                self.has_fired = true;
                self.drop_oldest();
            }
        }
        self.has_fired
    }

    /// How many of the latest values the window holds.
    pub fn width(&self) -> usize {
        self.window.count
    }

    /// The window's mean; `None` while it is empty.
    pub fn mean(&self) -> Option<f64> {
        (self.window.count > 0).then(|| self.window.mean())
    }

    fn insert(&mut self, value: f64) {
        let bucket = Bucket { total: value, spread: 0.0 };
        if self.window.count > 0 {
            self.window.spread += self.window.between(bucket, 1);
        }
        self.window.count += 1;
        self.window.total += value;
        self.push(0, bucket);
        for place in 0.. {
            if self.sizes[place].len() <= MOST_BUCKETS {
                break;
            }
            let (Some(a), Some(b)) = (self.sizes[place].pop_front(), self.sizes[place].pop_front()) else {
                break;
            };
            let count = 1 << place;
            let older = Part { count, total: a.total, spread: a.spread };
            let spread = a.spread + b.spread + older.between(b, count);
            self.push(place + 1, Bucket { total: a.total + b.total, spread });
        }
    }

    fn push(&mut self, place: usize, bucket: Bucket) {
        if place == self.sizes.len() {
            self.sizes.push(VecDeque::with_capacity(MOST_BUCKETS + 1));
        }
        self.sizes[place].push_back(bucket);
    }

    fn drop_oldest(&mut self) {
        let Some(place) = self.sizes.len().checked_sub(1) else { return };
        let Some(bucket) = self.sizes[place].pop_front() else { return };
        let count = 1 << place;
        self.window.count -= count;
        self.window.total -= bucket.total;
        self.window.spread -= bucket.spread + self.window.between(bucket, count);
        if self.sizes[place].is_empty() {
            self.sizes.pop();
        }
    }

    /// Whether some cut parts the window into two whose means differ.
    fn find_cut(&self) -> bool {
        let (mut count, mut total) = (0, 0.0);
        for (place, buckets) in self.sizes.iter().enumerate().rev() {
            for bucket in buckets {
                count += 1 << place;
                total += bucket.total;
                let older = Part { count, total, spread: 0.0 };
                let younger =
                    Part { count: self.window.count - count, total: self.window.total - total, spread: 0.0 };
                if older.count >= SHORTEST_PART
                    && younger.count >= SHORTEST_PART
                    && self.differ(older, younger)
                {
                    return true;
                }
            }
        }
        false
    }

    fn differ(&self, older: Part, younger: Part) -> bool {
        let width = self.window.count as f64;
        let confidence = libm::log(2.0 * libm::log(width) / self.delta);
        let spare = (SHORTEST_PART - 1) as f64;
        let reciprocal = 1.0 / (older.count as f64 - spare) + 1.0 / (younger.count as f64 - spare);
        let variance = self.window.spread.max(0.0) / width;
        let bound =
            libm::sqrt(2.0 * reciprocal * variance * confidence) + 2.0 / 3.0 * confidence * reciprocal;
        (older.mean() - younger.mean()).abs() > bound
    }
}

#[cfg(test)]
mod tests;
