//! Brings prices of several markets onto common days, and averages peers.
//!
//! Returns run between consecutive days on which target and factors all have a close, so a Monday's return
//! of a coin holds its weekend, as the share's does.
//!
//! **Closes at different hours.** A coin's daily close is at midnight UTC, three or four hours after New York's
//! of the same date (21:00 or 20:00 UTC). Joined by date, a coin's return holds what happened in those hours,
//! which the share only answers the next day, and lacks those of the day before. That lowers slope and
//! explained variance against the coin (errors in variables) and moves part of a late shock into the wrong
//! day; give factors sampled at New York's close where they are to be had. In eight miners' returns on
//! bitcoin's, 400 sessions to November 2025, the coin's day before carried a further slope of 0.12 beside
//! one of 1.09 for the same day (means; Dimson's regression): about a tenth is lost. Shares among
//! themselves close together and have no such cost.
//!
//! **Peers.** The basket is a mean: a peer's own news on a day is in it (a seventh of WULF's 59.5 % on
//! 2025-08-14, in a basket of seven), on event days as in the estimation window. See who moved before
//! reading an abnormal return.

use market::Date;

/// Daily closes of one thing, under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Closes {
    name: String,
    closes: Vec<(Date, f64)>,
}

/// Why closes cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ClosesError {
    /// Days repeat or go backwards.
    #[error("{name}: {date} does not come after the day before it; give each day once, oldest first")]
    NotAscending {
        /// Whose.
        name: String,
        /// The day.
        date: Date,
    },
    /// A price that is no price.
    #[error("{name}: the close of {date} is {close}; a price is finite and above 0")]
    NotAPrice {
        /// Whose.
        name: String,
        /// The day.
        date: Date,
        /// What stands there.
        close: f64,
    },
}

impl Closes {
    /// Closes by day, oldest first, adjusted for splits.
    ///
    /// # Errors
    /// Days that repeat or go backwards, or a close that is not finite and above 0.
    pub fn new(name: &str, closes: Vec<(Date, f64)>) -> Result<Self, ClosesError> {
        let name = name.to_owned();
        if let Some(pair) = closes.windows(2).find(|pair| pair[1].0 <= pair[0].0) {
            return Err(ClosesError::NotAscending { name, date: pair[1].0 });
        }
        match closes.iter().find(|(_, close)| !close.is_finite() || *close <= 0.0) {
            Some(&(date, close)) => Err(ClosesError::NotAPrice { name, date, close }),
            None => Ok(Self { name, closes }),
        }
    }

    /// Whose closes these are.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Only the closes of `first` and later: before it, prices were another business's.
    #[must_use]
    pub fn since(mut self, first: Date) -> Self {
        self.closes.retain(|(date, _)| *date >= first);
        self
    }

    /// The close of `date`.
    pub fn on(&self, date: Date) -> Option<f64> {
        let at = self.closes.binary_search_by_key(&date, |(date, _)| *date).ok()?;
        Some(self.closes[at].1)
    }

    /// The simple return from one day's close to another's.
    fn between(&self, from: Date, to: Date) -> Option<f64> {
        Some(self.on(to)? / self.on(from)? - 1.0)
    }
}

/// The mean return of peers on one day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeersReturn {
    /// The equally weighted mean of their simple returns.
    pub mean: f64,
    /// How many there were.
    pub peers: usize,
}

/// The mean return of everyone in `series` but `exclude` between consecutive `dates`: of those who closed on both.
/// One less than the dates, the first being between the first two; `None` where no peer closed on both.
pub fn peers_basket(series: &[Closes], exclude: &str, dates: &[Date]) -> Vec<Option<PeersReturn>> {
    let peers: Vec<&Closes> = series.iter().filter(|closes| closes.name != exclude).collect();
    dates
        .windows(2)
        .map(|pair| {
            let returns: Vec<f64> = peers.iter().filter_map(|peer| peer.between(pair[0], pair[1])).collect();
            let count = returns.len();
            (count > 0)
                .then(|| PeersReturn { mean: returns.iter().sum::<f64>() / count as f64, peers: count })
        })
        .collect()
}

/// Returns of a target and of what is to explain it, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aligned {
    /// The day at whose close each row's return ends, oldest first.
    pub dates: Vec<Date>,
    /// The target's simple returns.
    pub target: Vec<f64>,
    /// The factors' returns, in the order given; the peers' mean, where peers were given, is the last.
    pub market: Vec<Vec<f64>>,
    /// How many peers each row's mean is of; empty where none were given.
    pub peers: Vec<usize>,
}

impl Aligned {
    /// The row that ends on `date`.
    pub fn row(&self, date: Date) -> Option<usize> {
        self.dates.binary_search(&date).ok()
    }

    /// The columns, as [`super::event_study`] takes them.
    pub fn regressors(&self) -> Vec<&[f64]> {
        self.market.iter().map(Vec::as_slice).collect()
    }
}

/// Aligns `target` with `factors` on the days on which all of them closed, and adds the mean return of `peers`
/// (the target, by name, left out) as the last column. Rows on which no peer traded are left out; no peers, no
/// such column.
pub fn align(target: &Closes, factors: &[&Closes], peers: &[Closes]) -> Aligned {
    let days = target.closes.iter().map(|(date, _)| *date);
    let dates: Vec<Date> =
        days.filter(|date| factors.iter().all(|factor| factor.on(*date).is_some())).collect();
    let has_peers = !peers.is_empty();
    let basket = peers_basket(peers, &target.name, &dates);
    let columns = factors.len() + usize::from(has_peers);
    let mut aligned = Aligned { market: vec![Vec::new(); columns], ..Aligned::default() };
    for (pair, basket) in dates.windows(2).zip(basket) {
        if has_peers && basket.is_none() {
            continue;
        }
        let Some(own) = target.between(pair[0], pair[1]) else { continue };
        aligned.dates.push(pair[1]);
        aligned.target.push(own);
        for (column, factor) in aligned.market.iter_mut().zip(factors) {
            // Both days are days of every factor.
            column.push(factor.between(pair[0], pair[1]).unwrap_or(f64::NAN));
        }
        if let (Some(basket), Some(column)) = (basket, aligned.market.last_mut()) {
            column.push(basket.mean);
            aligned.peers.push(basket.peers);
        }
    }
    aligned
}
