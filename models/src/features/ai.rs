//! Group `ai`: what the tokens of decentralised AI did beyond Bitcoin, and beyond the Nasdaq-100.

use std::collections::BTreeMap;

use market::{Timestamp, entities};

use super::baskets::Basket;
use super::miners::sums;
use super::prices::{Change, Prices, day_of};
use super::robust;
use super::sessions::sessions;

/// Days that say what is usual.
const LOOKBACK: usize = 120;
/// Days, or sessions, of the sums.
const SUM: usize = 5;
/// Ages are cut here, and what is older is not used, days.
const OLDEST: i64 = 5;

/// The group's columns.
pub(super) const COLUMNS: [&str; 4] = ["ai_1d_z", "ai_5d_z", "ai_qqq_5d_z", "ai_age"];

/// The tokens, as known so far.
#[derive(Debug)]
pub(super) struct Ai {
    bitcoin: usize,
    qqq: Option<usize>,
    tokens: Vec<usize>,
    basket: Basket,
    fund: BTreeMap<usize, f64>,
    is_stale: bool,
    last: Option<i64>,
    last_session: Option<usize>,
    z: [f64; 3],
}

impl Ai {
    /// Watches the basket's tokens; `bitcoin` is the number of that coin.
    pub(super) fn new(prices: &mut Prices, bitcoin: usize) -> Self {
        let basket = entities().basket("ai_tokens").unwrap_or_default();
        let tokens = basket.into_iter().map(|entity| prices.watch_token(entity)).collect();
        Self {
            bitcoin,
            qqq: prices.watch_qqq(),
            tokens,
            basket: Basket::default(),
            fund: BTreeMap::new(),
            is_stale: false,
            last: None,
            last_session: None,
            z: [0.0; 3],
        }
    }

    /// Follows a change of prices.
    pub(super) fn follow(&mut self, prices: &Prices, change: Change) {
        match change {
            Change::Coin(coin, touched) if self.tokens.contains(&coin) || coin == self.bitcoin => {
                let Some(day) = touched.day else { return };
                if self.tokens.contains(&coin) {
                    for day in [day, day + 1] {
                        self.basket.set(day, self.tokens.iter().map(|token| prices.coin(*token).day(day)));
                    }
                }
                self.is_stale = true;
            }
            Change::Share(share, session) if Some(share) == self.qqq => {
                for session in [session, session + 1] {
                    match prices.share(share).over_session(session) {
                        Some(step) => self.fund.insert(session, step),
                        None => self.fund.remove(&session),
                    };
                }
                self.is_stale = true;
            }
            Change::Coin(..) | Change::Share(..) => {}
        }
    }

    /// The group's columns at `at`, in the order of [`COLUMNS`].
    pub(super) fn at(&mut self, prices: &Prices, at: Timestamp) -> [f64; 4] {
        if self.is_stale {
            self.refresh(prices);
        }
        let today = day_of(at);
        let age = self.last.map_or(OLDEST + 1, |last| today - 1 - last);
        let is_usable = age <= OLDEST;
        let is_fund_usable =
            is_usable && self.last_session.is_some_and(|last| sessions().since(last, at) <= OLDEST as usize);
        let [one, five, fund] = self.z;
        let shown = |is_usable: bool, z: f64| if is_usable { z } else { 0.0 };
        [
            shown(is_usable, one),
            shown(is_usable, five),
            shown(is_fund_usable, fund),
            age.clamp(0, OLDEST) as f64,
        ]
    }

    fn refresh(&mut self, prices: &Prices) {
        self.is_stale = false;
        (self.last, self.last_session, self.z) = (None, None, [0.0; 3]);
        let bitcoin = prices.coin(self.bitcoin);
        let beyond = |day: i64| Some(self.basket.mean(day)? - bitcoin.day(day)?);
        let Some(newest) = self.basket.last() else { return };
        let span = (LOOKBACK + SUM) as i64;
        if let Some(last) = (newest - span..=newest).rev().find(|day| beyond(*day).is_some()) {
            let daily: Vec<Option<f64>> = (last - span + 1..=last).map(beyond).collect();
            let recent = |values: &[Option<f64>]| robust::z_of_last(&values[SUM..]);
            (self.z[0], self.z[1]) = (recent(&daily), recent(&sums(&daily, SUM)));
            self.last = Some(last);
        }
        // The same UTC days as a session's: those after the day of the session before it.
        let against_fund = |session: usize| {
            let days = |session: usize| sessions().date(session).map(|date| day_of(date.start()));
            let (from, to) = (days(session.checked_sub(1)?)?, days(session)?);
            let tokens: Option<f64> = (from + 1..=to).map(|day| self.basket.mean(day)).sum();
            Some(tokens? - self.fund.get(&session)?)
        };
        let Some(newest) = self.fund.keys().next_back().copied() else { return };
        let span = LOOKBACK + SUM;
        let is_known = |session: &usize| against_fund(*session).is_some();
        if let Some(last) = (newest.saturating_sub(span)..=newest).rev().find(is_known) {
            let first = last.saturating_sub(span - 1);
            let by_session: Vec<Option<f64>> = (first..=last).map(against_fund).collect();
            let five = sums(&by_session, SUM);
            self.z[2] = robust::z_of_last(&five[five.len().saturating_sub(LOOKBACK)..]);
            self.last_session = Some(last);
        }
    }
}
