//! Which tickers a feed of equities follows, and which of the user's it cannot.

use std::collections::HashMap;

use market::Timestamp;
use smol_str::SmolStr;
use tracing::warn;

use super::wire::wrong;
use crate::config::Instruments;
use crate::protocol::DecodeError;

/// No exchange's ticker is so long, bytes.
const LONGEST: usize = 20;
/// No feed follows so many; more would mean that the tickers are invented.
const MOST_REMEMBERED: usize = 16_384;

/// The tickers of one feed.
#[derive(Clone, Debug)]
pub(super) struct Tickers {
    wanted: Instruments,
    followed: Vec<SmolStr>,
    left_out: Vec<String>,
}

impl Tickers {
    /// Those in `wanted`, in the user's order, after those followed `always`; at most `most` of them,
    /// where the venue serves no more.
    pub(super) fn new(wanted: &Instruments, always: &[&str], most: Option<usize>) -> Self {
        let listed: &[String] = match wanted {
            Instruments::All => &[],
            Instruments::Assets(listed) => listed,
        };
        let mut followed: Vec<SmolStr> = always.iter().map(SmolStr::new).collect();
        let mut left_out = Vec::new();
        for ticker in listed {
            if followed.iter().any(|known| known == ticker) {
                continue;
            }
            if is_ticker(ticker) && most.is_none_or(|most| followed.len() < most) {
                followed.push(SmolStr::new(ticker));
            } else {
                left_out.push(ticker.clone());
            }
        }
        let wanted = match wanted {
            Instruments::All => Instruments::All,
            Instruments::Assets(listed) => {
                let always = always.iter().map(|ticker| (*ticker).to_owned());
                Instruments::Assets(always.chain(listed.iter().cloned()).collect())
            }
        };
        Self { wanted, followed, left_out }
    }

    /// What to ask the venue for.
    pub(super) fn followed(&self) -> &[SmolStr] {
        &self.followed
    }

    /// What the user named and the venue is not asked for.
    #[cfg(test)]
    pub(super) fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Says in the log which tickers are not followed, if any.
    pub(super) fn report(&self, feed: &str) {
        if self.left_out.is_empty() {
            return;
        }
        warn!(
            feed,
            followed = self.followed.len(),
            left_out = self.left_out.join(" "),
            "not every ticker in `instruments` is followed: more than the venue serves, or no ticker"
        );
    }

    /// The ticker in `field`, and whether the user wants it.
    pub(super) fn look_up(&self, field: &'static str, text: &str) -> Result<(SmolStr, bool), DecodeError> {
        if !is_ticker(text) {
            return Err(wrong(field, text, "not a ticker"));
        }
        Ok((SmolStr::new(text), self.wanted.wants(text)))
    }
}

/// What can stand in a request's path and in a table: `MARA`, `BRK-B`, `HIVE.V`, `BTC-USD`, `^VIX`.
pub(crate) fn is_ticker(text: &str) -> bool {
    let plain = text.strip_prefix('^').unwrap_or(text);
    !plain.is_empty()
        && text.len() <= LONGEST
        && plain.starts_with(|c: char| c.is_ascii_alphanumeric())
        && plain.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, b'-' | b'.'))
}

/// Keeps quotes to one a second of event time for each symbol, and in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    told: HashMap<SmolStr, i64>,
}

impl Pace {
    /// Whether nothing was told of `symbol` in the second of `at` or later; notes that it is now.
    pub(super) fn is_due(&mut self, symbol: &SmolStr, at: Timestamp) -> bool {
        let second = at.as_micros().div_euclid(1_000_000);
        if self.told.get(symbol).is_some_and(|told| *told >= second) {
            return false;
        }
        if self.told.len() >= MOST_REMEMBERED {
            self.told.clear();
        }
        self.told.insert(symbol.clone(), second);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(tickers: &[&str]) -> Instruments {
        Instruments::Assets(tickers.iter().map(|ticker| (*ticker).to_owned()).collect())
    }

    #[test]
    fn the_user_s_order_decides_who_fits_and_the_rest_is_named() {
        let wanted = listed(&["MARA", "BTC-USD", "RIOT", "MARA", "IREN", "BAD ONE", "../X"]);
        let tickers = Tickers::new(&wanted, &["BTC-USD"], Some(3));
        assert_eq!(tickers.followed(), ["BTC-USD", "MARA", "RIOT"]);
        assert_eq!(tickers.left_out(), ["IREN", "BAD ONE", "../X"]);
        assert_eq!(tickers.look_up("s", "MARA"), Ok(("MARA".into(), true)));
        assert_eq!(tickers.look_up("s", "BTC-USD"), Ok(("BTC-USD".into(), true)));
        assert_eq!(tickers.look_up("s", "SPY"), Ok(("SPY".into(), false)));
        assert!(tickers.look_up("s", "mara\u{1b}").is_err());
        assert!(Tickers::new(&wanted, &[], None).left_out().len() == 2);
        let all = Tickers::new(&Instruments::All, &["BTC-USD"], None);
        assert_eq!((all.followed().len(), all.look_up("s", "SPY")), (1, Ok(("SPY".into(), true))));
    }

    #[test]
    fn only_tickers_pass() {
        for good in ["MARA", "BRK-B", "HIVE.V", "BTC-USD", "^VIX", "0700.HK", "F"] {
            assert!(is_ticker(good), "{good}");
        }
        for bad in
            ["", "^", "-A", "mara", "A/B", "A?B", "A B", "A%", "ÀB", "VERYLONGVERYLONGVERYLONG", "EUR=X"]
        {
            assert!(!is_ticker(bad), "{bad}");
        }
    }

    #[test]
    fn one_quote_a_second_and_never_an_older_one() {
        let mut pace = Pace::default();
        let (mara, riot) = (SmolStr::new("MARA"), SmolStr::new("RIOT"));
        let at = |millis: i64| Timestamp::from_millis(1_763_048_000_000 + millis).unwrap();
        let due: Vec<bool> = [0, 999, 1_000, 500, 1_999, 7_000].map(|ms| pace.is_due(&mara, at(ms))).to_vec();
        assert_eq!(due, [true, false, true, false, false, true]);
        assert!(pace.is_due(&riot, at(0)));
    }
}
