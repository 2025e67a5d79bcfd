//! What a message tells of a contract's state, as the observations that everyone reads.

use market::{FundingRate, Instrument, Observation, OpenInterest, Price, Quote, QuoteKind, Timestamp};
use smol_str::{SmolStr, ToSmolStr};

use super::symbols::{Listed, Size};
use crate::protocol::Stamped;

/// Mark price, funding and open interest of one contract, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(super) struct ContractState {
    pub(super) mark: Option<Price>,
    pub(super) funding: Option<Funding>,
    /// One side, counted once.
    pub(super) open: Size,
}

/// A perpetual's funding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Funding {
    /// Fraction of the notional per interval.
    pub(super) rate: f64,
    pub(super) interval_hours: Option<f64>,
    pub(super) next: Option<Timestamp>,
}

impl ContractState {
    /// Appends what is known of `listed` at `at`.
    pub(super) fn tell(self, listed: &Listed, at: Timestamp, out: &mut Vec<Stamped>) {
        let (symbol, instrument): (&SmolStr, &Instrument) = (&listed.symbol, &listed.instrument);
        if let Some(price) = self.mark {
            out.push(Stamped::news(
                at,
                Observation::Quote(Quote {
                    symbol: instrument.to_smolstr(),
                    kind: QuoteKind::Mark,
                    price,
                    bid: None,
                    ask: None,
                    previous_close: None,
                    volume: None,
                }),
            ));
        }
        if let Some(Funding { rate, interval_hours, next }) = self.funding {
            out.push(Stamped::news(
                at,
                Observation::FundingRate(FundingRate {
                    symbol: symbol.clone(),
                    instrument: instrument.clone(),
                    rate,
                    interval_hours,
                    next_funding: next,
                }),
            ));
        }
        let Size { quantity, notional } = self.open;
        if quantity.is_some() || notional.is_some() {
            out.push(Stamped::news(
                at,
                Observation::OpenInterest(OpenInterest {
                    symbol: symbol.clone(),
                    instrument: instrument.clone(),
                    quantity,
                    notional,
                }),
            ));
        }
    }
}
