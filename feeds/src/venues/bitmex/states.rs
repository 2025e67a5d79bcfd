//! The table of instruments: mark, funding and open interest, told as sparse changes.

use std::collections::HashMap;
use std::str::FromStr;

use market::{Price, Timestamp};
use serde::Deserialize;
use smol_str::SmolStr;

use super::orders::Action;
use crate::protocol::{DecodeError, Stamped};
use crate::venues::blank::{maybe_number, maybe_price};
use crate::venues::wire::{Scalar, required, wrong};

/// No venue lists so many; more would mean that the symbols are invented.
const MOST_SYMBOLS: usize = 16_384;
/// Whose mark is the dollar price of what settles quanto contracts.
pub(super) const BITCOIN: &str = "XBTUSD";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StateRow<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow)]
    mark_price: Option<Scalar<'a>>,
    /// Fraction per interval.
    #[serde(borrow)]
    funding_rate: Option<Scalar<'a>>,
    /// When the next payment is due, RFC 3339.
    #[serde(borrow)]
    funding_timestamp: Option<Scalar<'a>>,
    /// Contracts.
    #[serde(borrow)]
    open_interest: Option<Scalar<'a>>,
    #[serde(borrow)]
    timestamp: Option<Scalar<'a>>,
}

/// What is known of one instrument.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Known {
    pub(super) mark: Option<Price>,
    pub(super) rate: Option<f64>,
    pub(super) next_funding: Option<Timestamp>,
    pub(super) open: Option<f64>,
    at: Option<Timestamp>,
}

impl Known {
    /// When it was so, as far as the venue has said.
    pub(super) fn at(&self) -> Timestamp {
        self.at.unwrap_or(Stamped::UNTOLD)
    }

    /// Its mark, where it is that of bitcoin.
    pub(super) fn as_bitcoin_in_dollars(&self, symbol: &str) -> Option<f64> {
        self.mark.filter(|_| symbol == BITCOIN).map(Price::get)
    }
}

/// What is known of each instrument.
#[derive(Debug, Default)]
pub(super) struct States(HashMap<SmolStr, Known>);

impl States {
    /// What is known once `row` is taken in; nothing where the instrument leaves the table.
    pub(super) fn merged(
        &self,
        action: Action,
        row: &StateRow<'_>,
    ) -> Result<Option<(SmolStr, Known)>, DecodeError> {
        let symbol = SmolStr::new(required("symbol", row.symbol.as_ref())?.as_text());
        let mut known = match action {
            Action::Update => self.0.get(&symbol).cloned().unwrap_or_default(),
            Action::Partial | Action::Insert => Known::default(),
            Action::Delete => return Ok(None),
        };
        if row.mark_price.is_some() {
            known.mark = maybe_price("markPrice", row.mark_price.as_ref())?;
        }
        if row.funding_rate.is_some() {
            known.rate = maybe_number("fundingRate", row.funding_rate.as_ref())?;
        }
        if let Some(next) = &row.funding_timestamp {
            known.next_funding = Some(moment("fundingTimestamp", next)?);
        }
        if let Some(open) = &row.open_interest {
            known.open = Some(open.size("openInterest")?);
        }
        if let Some(at) = &row.timestamp {
            known.at = Some(moment("timestamp", at)?);
        }
        Ok(Some((symbol, known)))
    }

    /// Notes what is known now.
    pub(super) fn apply(&mut self, fresh: Vec<(SmolStr, Known)>) {
        if self.0.len() >= MOST_SYMBOLS {
            self.0.clear();
        }
        self.0.extend(fresh);
    }

    /// The dollar price of bitcoin, once it was told.
    pub(super) fn bitcoin_in_dollars(&self) -> Option<f64> {
        self.0.get(BITCOIN)?.as_bitcoin_in_dollars(BITCOIN)
    }
}

fn moment(field: &'static str, value: &Scalar<'_>) -> Result<Timestamp, DecodeError> {
    let text = value.as_text();
    Timestamp::from_str(&text).map_err(|_| wrong(field, &text, "not an RFC 3339 time"))
}
