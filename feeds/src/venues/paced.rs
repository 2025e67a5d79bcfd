//! How often a streamed state is told: which of its many repetitions are news.
//!
//! Venues repeat marks, rates and open interest many times a second. Every frame is kept raw; an
//! event is made of a price once a second, of funding when it changes, and of open interest when it
//! changes, once a minute. All spans are of the venue's own time.

use std::collections::HashMap;
use std::time::Duration;

use market::{FundingRate, Observation, OpenInterest, QuoteKind, Timestamp};
use smol_str::SmolStr;

use crate::protocol::Stamped;

const QUOTE_EVERY: Duration = Duration::from_secs(1);
const OPEN_INTEREST_EVERY: Duration = Duration::from_mins(1);
/// An event that is earlier than the last one by more than this means that the venue's clock was set
/// back (or once was wrong): waiting for it to catch up could take for ever.
const SET_BACK: Duration = Duration::from_mins(1);
/// No venue lists so many; more would mean that the symbols are invented.
const MOST_REMEMBERED: usize = 16_384;

/// What was told last of each symbol.
#[derive(Debug, Default)]
pub(super) struct Paced {
    quotes: HashMap<(SmolStr, QuoteKind), Timestamp>,
    funding: HashMap<SmolStr, FundingRate>,
    open_interest: HashMap<SmolStr, (Timestamp, OpenInterest)>,
}

impl Paced {
    /// Drops from `out`, from the index `from` on, what is no news. Call it only for a frame that was
    /// understood whole: what passes counts as told.
    pub(super) fn sift(&mut self, out: &mut Vec<Stamped>, from: usize) {
        let candidates = out.split_off(from.min(out.len()));
        out.extend(candidates.into_iter().filter(|stamped| self.is_news(stamped)));
    }

    fn is_news(&mut self, stamped: &Stamped) -> bool {
        let at = stamped.event_time;
        match &stamped.observation {
            Observation::Quote(quote) => {
                let key = (quote.symbol.clone(), quote.kind);
                let is_due = self.quotes.get(&key).is_none_or(|last| is_due(*last, at, QUOTE_EVERY));
                if is_due {
                    make_room(&mut self.quotes);
                    self.quotes.insert(key, at);
                }
                is_due
            }
            Observation::FundingRate(funding) => {
                if self.funding.get(&funding.symbol) == Some(funding) {
                    return false;
                }
                make_room(&mut self.funding);
                self.funding.insert(funding.symbol.clone(), funding.clone());
                true
            }
            Observation::OpenInterest(open) => {
                let last = self.open_interest.get(&open.symbol);
                if last.is_some_and(|(last, told)| told == open || !is_due(*last, at, OPEN_INTEREST_EVERY)) {
                    return false;
                }
                make_room(&mut self.open_interest);
                self.open_interest.insert(open.symbol.clone(), (at, open.clone()));
                true
            }
            Observation::Liquidation(_)
            | Observation::Gap(_)
            | Observation::EtfFlow(_)
            | Observation::Bar(_)
            | Observation::ChainTip(_)
            | Observation::Holding(_)
            | Observation::Forecast(_)
            | Observation::Regime(_) => true,
        }
    }
}

fn is_due(last: Timestamp, at: Timestamp, every: Duration) -> bool {
    at >= last.plus(every) || at.plus(SET_BACK) < last
}

fn make_room<K, V>(map: &mut HashMap<K, V>) {
    if map.len() >= MOST_REMEMBERED {
        map.clear();
    }
}

#[cfg(test)]
mod tests {
    use market::{Instrument, Price, Quantity, Quote};

    use super::*;

    fn quote(symbol: &str, kind: QuoteKind, price: f64) -> Observation {
        Observation::Quote(Quote {
            symbol: symbol.into(),
            kind,
            price: Price::new(price).unwrap(),
            bid: None,
            ask: None,
            previous_close: None,
            volume: None,
        })
    }

    fn funding(rate: f64, next_millis: i64) -> Observation {
        Observation::FundingRate(FundingRate {
            symbol: "BTCUSDT".into(),
            instrument: Instrument::perp("BTC", "USDT"),
            rate,
            interval_hours: Some(8.0),
            next_funding: Timestamp::from_millis(next_millis),
        })
    }

    fn open_interest(quantity: f64) -> Observation {
        Observation::OpenInterest(OpenInterest {
            symbol: "BTCUSDT".into(),
            instrument: Instrument::perp("BTC", "USDT"),
            quantity: Quantity::new(quantity).ok(),
            notional: None,
        })
    }

    /// Which of the observations, each at its millisecond, are told.
    fn told(seen: &[(i64, Observation)]) -> Vec<bool> {
        let mut paced = Paced::default();
        seen.iter()
            .map(|(millis, observation)| {
                let at = Timestamp::from_millis(1_791_000_000_000 + millis).unwrap();
                let mut out =
                    vec![Stamped::news(at, funding(9.0, 0)), Stamped::news(at, observation.clone())];
                paced.sift(&mut out, 1);
                out.len() == 2
            })
            .collect()
    }

    #[test]
    fn a_price_is_told_once_a_second_and_each_symbol_and_kind_has_its_own() {
        let (last, mark) = (QuoteKind::Last, QuoteKind::Mark);
        let seen = [
            (0, quote("A", mark, 1.0)),
            (999, quote("A", mark, 2.0)),
            (999, quote("A", last, 2.0)),
            (999, quote("B", mark, 2.0)),
            (1_000, quote("A", mark, 1.0)),
            (1_900, quote("A", mark, 3.0)),
            (2_000, quote("A", mark, 3.0)),
        ];
        assert_eq!(told(&seen), [true, false, true, true, true, false, true]);
    }

    #[test]
    fn funding_is_told_when_it_changes() {
        let seen = [
            (0, funding(0.1, 8)),
            (60_000, funding(0.1, 8)),
            (60_001, funding(0.2, 8)),
            (60_002, funding(0.2, 16)),
            (99_000, funding(0.2, 16)),
        ];
        assert_eq!(told(&seen), [true, false, true, true, false]);
    }

    #[test]
    fn open_interest_is_told_when_it_changes_but_once_a_minute_at_most() {
        let seen = [
            (0, open_interest(1.0)),
            (30_000, open_interest(2.0)),
            (60_000, open_interest(1.0)),
            (61_000, open_interest(3.0)),
            (120_999, open_interest(4.0)),
        ];
        assert_eq!(told(&seen), [true, false, false, true, false]);
    }

    #[test]
    fn a_late_frame_is_no_news_but_a_clock_that_was_set_back_silences_nothing() {
        let at = |millis| (millis, quote("A", QuoteKind::Last, 1.0));
        assert_eq!(
            told(&[at(9_000_000), at(8_999_000), at(5_000), at(5_999), at(6_000)]),
            [true, false, true, false, true]
        );
    }

    #[test]
    fn memory_is_bounded_however_many_symbols_are_invented() {
        let mut paced = Paced::default();
        let at = Timestamp::from_millis(1_791_000_000_000).unwrap();
        for n in 0..2 * MOST_REMEMBERED {
            let mut out = vec![Stamped::news(at, quote(&n.to_string(), QuoteKind::Last, 1.0))];
            paced.sift(&mut out, 0);
            assert_eq!(out.len(), 1);
        }
        assert!(paced.quotes.len() <= MOST_REMEMBERED);
    }
}
