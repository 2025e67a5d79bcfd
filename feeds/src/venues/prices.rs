//! What decoders of share prices have in common.

use market::{Bar, Price, Quantity, Quote, QuoteKind};
use smol_str::SmolStr;

use super::wire::{Scalar, wrong};
use crate::protocol::{DecodeError, FrameKind};

/// The last price of `symbol`, and nothing else.
pub(super) fn last(symbol: SmolStr, price: Price) -> Quote {
    Quote { symbol, kind: QuoteKind::Last, price, bid: None, ask: None, previous_close: None, volume: None }
}

/// Refuses a bar whose open or close lies outside its low and high.
pub(crate) fn coherent(bar: &Bar) -> Result<(), DecodeError> {
    if bar.is_coherent() {
        return Ok(());
    }
    let Bar { open, high, low, close, .. } = bar;
    Err(wrong("open high low close", &format!("{open} {high} {low} {close}"), "not within low and high"))
}

/// A number of shares, zero included.
pub(super) fn shares(field: &'static str, value: &Scalar<'_>) -> Result<Quantity, DecodeError> {
    Quantity::new(value.size(field)?).map_err(|_| wrong(field, &value.as_text(), "not a number of shares"))
}

/// What a frame of several messages is: data before all, then a refusal, else the first of the rest.
pub(super) fn strongest(kinds: Vec<FrameKind>) -> Option<FrameKind> {
    let rank = |kind: &FrameKind| match kind {
        FrameKind::Data(_) | FrameKind::DataWithout { .. } | FrameKind::Reference(_) => 0,
        FrameKind::Refused(_) | FrameKind::Closing(_) => 1,
        FrameKind::Ack | FrameKind::Keepalive | FrameKind::Ignored(_) => 2,
    };
    kinds.into_iter().min_by_key(rank)
}
