//! Keeps the state of Bybit's contract tickers: mark price, funding, open interest.
//!
//! A ticker comes as a snapshot, then as changes ten times a second in which what is absent is
//! unchanged. `singleOpenInterest` counts one side, `openInterest` both since that field exists.
//! Tickers without it are older, and their `openInterest` has its old meaning: one side. Linear
//! contracts count in base units, inverse ones in US dollars. Source: Bybit's v5 documentation, 2026.

use std::collections::HashMap;

use market::{Price, Quantity, Timestamp};
use serde::Deserialize;
use smol_str::SmolStr;

use super::blank::{maybe_millis, maybe_number, maybe_price, maybe_quantity};
use super::contract_state::{ContractState, Funding};
use super::symbols::{Listed, Size, dollars};
use super::wire::{Scalar, required, wrong};
use crate::protocol::{DecodeError, Stamped};

/// No venue lists so many; more would mean that the symbols are invented.
const MOST_REMEMBERED: usize = 16_384;

/// The `data` of a ticker of a contract.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ticker<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow)]
    mark_price: Option<Scalar<'a>>,
    #[serde(borrow)]
    open_interest: Option<Scalar<'a>>,
    #[serde(borrow)]
    single_open_interest: Option<Scalar<'a>>,
    /// Blank for dated futures.
    #[serde(borrow)]
    funding_rate: Option<Scalar<'a>>,
    /// Blank for dated futures.
    #[serde(borrow)]
    next_funding_time: Option<Scalar<'a>>,
    /// Sent since 2025.
    #[serde(borrow)]
    funding_interval_hour: Option<Scalar<'a>>,
}

impl Ticker<'_> {
    /// The venue's symbol.
    pub(super) fn symbol(&self) -> Result<SmolStr, DecodeError> {
        required("symbol", self.symbol.as_ref()).map(|symbol| SmolStr::new(symbol.as_text()))
    }
}

/// How a ticker relates to the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// It is all there is.
    Snapshot,
    /// What it leaves out is unchanged.
    Delta,
}

impl Extent {
    /// The frame's `type`.
    pub(super) fn parse(kind: Option<&Scalar<'_>>) -> Result<Self, DecodeError> {
        match required("type", kind)?.as_text().as_ref() {
            "snapshot" => Ok(Self::Snapshot),
            "delta" => Ok(Self::Delta),
            other => Err(wrong("type", other, "neither snapshot nor delta")),
        }
    }
}

/// Every ticker's state.
#[derive(Debug, Default)]
pub(super) struct Tickers {
    states: HashMap<SmolStr, State>,
}

#[derive(Clone, Debug, Default)]
struct State {
    mark: Option<Price>,
    rate: Option<f64>,
    next_funding: Option<Timestamp>,
    interval_hours: Option<f64>,
    open: Open,
}

/// Open interest, one side, in the contract's own unit.
#[derive(Clone, Copy, Debug, Default)]
enum Open {
    /// Not told yet, or told in a way that might count both sides.
    #[default]
    Unknown,
    /// From `singleOpenInterest`.
    Single(Quantity),
    /// From the `openInterest` of a ticker that has no `singleOpenInterest`.
    Older(Quantity),
}

impl Tickers {
    /// Forgets every state: a new connection begins with snapshots.
    pub(super) fn reset(&mut self) {
        self.states.clear();
    }

    /// Takes one ticker in and appends what is now known of its contract to `out`.
    pub(super) fn take(
        &mut self,
        listed: &Listed,
        (extent, at): (Extent, Timestamp),
        ticker: &Ticker<'_>,
        out: &mut Vec<Stamped>,
    ) -> Result<(), DecodeError> {
        let mut state = match extent {
            Extent::Snapshot => State::default(),
            Extent::Delta => self.states.get(&listed.symbol).cloned().unwrap_or_default(),
        };
        state.change(extent, ticker)?;
        state.contract(listed)?.tell(listed, at, out);
        if self.states.len() >= MOST_REMEMBERED && !self.states.contains_key(&listed.symbol) {
            self.states.clear();
        }
        self.states.insert(listed.symbol.clone(), state);
        Ok(())
    }
}

impl State {
    fn change(&mut self, extent: Extent, ticker: &Ticker<'_>) -> Result<(), DecodeError> {
        if ticker.mark_price.is_some() {
            self.mark = maybe_price("markPrice", ticker.mark_price.as_ref())?;
        }
        if ticker.funding_rate.is_some() {
            self.rate = maybe_number("fundingRate", ticker.funding_rate.as_ref())?;
        }
        if ticker.next_funding_time.is_some() {
            self.next_funding = maybe_millis("nextFundingTime", ticker.next_funding_time.as_ref())?;
        }
        if ticker.funding_interval_hour.is_some() {
            let hours = maybe_number("fundingIntervalHour", ticker.funding_interval_hour.as_ref())?;
            self.interval_hours = hours.filter(|hours| *hours > 0.0);
        }
        let single = maybe_quantity("singleOpenInterest", ticker.single_open_interest.as_ref())?;
        let open = maybe_quantity("openInterest", ticker.open_interest.as_ref())?;
        self.open = match (single, open, self.open) {
            (Some(single), _, _) => Open::Single(single),
            (None, Some(open), Open::Older(_)) => Open::Older(open),
            (None, Some(open), _) if extent == Extent::Snapshot => Open::Older(open),
            (None, _, known) => known,
        };
        Ok(())
    }

    /// What is known of `listed` now.
    fn contract(&self, listed: &Listed) -> Result<ContractState, DecodeError> {
        let funding = |rate| Funding { rate, interval_hours: self.interval_hours, next: self.next_funding };
        let open = match self.open {
            Open::Unknown => Size::default(),
            Open::Single(size) | Open::Older(size) => self.size(size, listed)?,
        };
        Ok(ContractState { mark: self.mark, funding: self.rate.map(funding), open })
    }

    fn size(&self, told: Quantity, listed: &Listed) -> Result<Size, DecodeError> {
        if listed.instrument.quote == "USD" {
            let quantity = self.mark.and_then(|mark| Quantity::new(told.get() / mark.get()).ok());
            return Ok(Size { quantity, notional: Some(dollars(told.get())?) });
        }
        let notional = self.mark.map(|mark| listed.notional(told, mark)).transpose()?;
        Ok(Size { quantity: Some(told), notional: notional.flatten() })
    }
}

#[cfg(test)]
mod tests;
