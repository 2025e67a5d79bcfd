//! Mark prices, funding and open interest of Binance USD-M, as its streams and REST answers tell them.
//!
//! `r` is the funding rate expected at `T`, a fraction per interval. The interval is 8 hours unless
//! `/fapi/v1/fundingInfo` lists the contract with another one: that list holds only adjusted
//! contracts, so what is missing from it, once it was read, has the default. Open interest counts
//! base units, one side, and says nothing of its worth: that needs a mark price. Source: Binance's
//! USD-M documentation, 2026.

use std::collections::{BTreeSet, HashMap};

use market::{Contract, Price};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::{Market, market_of, parse_symbol};
use crate::config::Instruments;
use crate::protocol::{DecodeError, FrameKind, Stamped};
use crate::venues::blank::{filled, maybe_millis, maybe_number, maybe_price, maybe_quantity};
use crate::venues::contract_state::{ContractState, Funding};
use crate::venues::symbols::{Size, Symbols, is_plain};
use crate::venues::wire::{OneOrMany, Scalar, parse, required, wrong};

/// Hours between two payments of a contract that Binance has not adjusted.
const DEFAULT_INTERVAL_HOURS: f64 = 8.0;
/// No venue lists so many; more would mean that the symbols are invented.
const MOST_REMEMBERED: usize = 16_384;

/// What of the market is followed, and what REST answers told of it.
pub(in crate::venues) struct Context {
    wanted: Instruments,
    /// Hours by symbol, `None` where they cannot be right; none at all before they were read.
    intervals: Option<HashMap<SmolStr, Option<f64>>>,
    /// Latest mark prices by symbol.
    marks: HashMap<SmolStr, Price>,
    /// The perpetuals in USDT on wanted assets; `None` before they were read.
    perpetuals: Option<BTreeSet<SmolStr>>,
}

/// A list that REST answers with.
#[derive(Clone, Copy)]
pub(super) enum Reference {
    /// `/fapi/v1/fundingInfo`.
    Intervals,
    /// `/fapi/v1/premiumIndex` without a symbol: every contract.
    Premiums,
}

impl Reference {
    /// Of which list this is the first item, where it is one.
    pub(super) fn of(first: &str) -> Result<Option<Self>, DecodeError> {
        #[derive(Deserialize)]
        struct Outline {
            #[serde(rename = "fundingIntervalHours")]
            hours: Option<IgnoredAny>,
            #[serde(rename = "markPrice")]
            mark: Option<IgnoredAny>,
        }
        let outline: Outline = parse(first)?;
        Ok(match (outline.hours, outline.mark) {
            (Some(_), _) => Some(Self::Intervals),
            (None, Some(_)) => Some(Self::Premiums),
            (None, None) => None,
        })
    }
}

#[derive(Deserialize)]
struct MarkPrice<'a> {
    /// Event time, ms.
    #[serde(borrow, rename = "E")]
    time: Option<Scalar<'a>>,
    #[serde(borrow)]
    s: Option<Scalar<'a>>,
    /// Mark price.
    #[serde(borrow)]
    p: Option<Scalar<'a>>,
    /// Funding rate; blank or zero for dated futures.
    #[serde(borrow)]
    r: Option<Scalar<'a>>,
    /// Next funding time, ms; zero for dated futures.
    #[serde(borrow, rename = "T")]
    next_funding: Option<Scalar<'a>>,
    /// Market: 1 USD-M, 2 COIN-M.
    #[serde(borrow)]
    st: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpenSize<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow)]
    open_interest: Option<Scalar<'a>>,
    /// When it was so, ms.
    #[serde(borrow)]
    time: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Premium<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow)]
    mark_price: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Interval<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow)]
    funding_interval_hours: Option<Scalar<'a>>,
}

/// What is in the envelope of a combined stream, or stands alone.
fn unwrapped<'a, T: Deserialize<'a>>(text: &'a str) -> Result<OneOrMany<T>, DecodeError> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let envelope: Envelope<'_> = parse(text)?;
    parse(envelope.data.map_or(text, RawValue::get))
}

impl Context {
    pub(super) fn new(wanted: Instruments) -> Self {
        Self { wanted, intervals: None, marks: HashMap::new(), perpetuals: None }
    }

    /// Which assets are followed.
    pub(in crate::venues) fn wanted(&self) -> &Instruments {
        &self.wanted
    }

    /// The followed perpetuals, in the order of their symbols; `None` before the venue listed them.
    pub(in crate::venues) fn perpetuals(&self) -> Option<impl Iterator<Item = &SmolStr>> {
        self.perpetuals.as_ref().map(BTreeSet::iter)
    }

    /// Takes in `markPriceUpdate` events.
    pub(super) fn take_marks(
        &mut self,
        text: &str,
        symbols: &mut Symbols,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        let events: OneOrMany<MarkPrice<'_>> = unwrapped(text)?;
        let mut kind = FrameKind::Ignored("coin-m mark price");
        for event in events.as_slice() {
            let symbol = required("s", event.s.as_ref())?.as_text();
            let market = market_of(event.st.as_ref(), &symbol)?;
            if market == Market::Elsewhere {
                continue;
            }
            kind = FrameKind::Data("mark price");
            let listed = symbols.look_up("s", &symbol, market.parser())?;
            let at = required("E", event.time.as_ref())?.millis("E")?;
            let mark = maybe_price("p", event.p.as_ref())?;
            let rate = maybe_number("r", event.r.as_ref())?;
            let next = maybe_millis("T", event.next_funding.as_ref())?;
            if !self.wanted.wants(listed.instrument.asset()) {
                continue;
            }
            if let Some(mark) = mark {
                self.note(&listed.symbol, mark);
            }
            let interval_hours = self.interval_hours(market, &symbol);
            let funding = rate.filter(|_| next.is_some()).map(|rate| Funding { rate, interval_hours, next });
            ContractState { mark, funding, open: Size::default() }.tell(listed, at, out);
        }
        Ok(kind)
    }

    /// Takes in the answer of `/fapi/v1/openInterest`, also as recorders file it.
    pub(super) fn take_open_interest(
        &mut self,
        text: &str,
        symbols: &mut Symbols,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        let answers: OneOrMany<OpenSize<'_>> = unwrapped(text)?;
        let mut kind = None;
        for answer in answers.as_slice() {
            let symbol = required("symbol", answer.symbol.as_ref())?.as_text();
            if market_of(None, &symbol)? != Market::UsdM {
                // Contracts of a worth that this feed is not told.
                kind = kind.or(Some(FrameKind::Ignored("coin-m open interest")));
                continue;
            }
            let Some(time) = filled(answer.time.as_ref()) else {
                kind = kind.or(Some(FrameKind::Ignored("open interest without a time")));
                continue;
            };
            let at = time.millis("time")?;
            let listed = symbols.look_up("symbol", &symbol, parse_symbol)?;
            let Some(size) = maybe_quantity("openInterest", answer.open_interest.as_ref())? else {
                return Err(wrong("openInterest", "", "missing"));
            };
            kind = Some(FrameKind::Data("open interest"));
            if !self.wanted.wants(listed.instrument.asset()) {
                continue;
            }
            let mark = self.marks.get(&listed.symbol);
            let notional = mark.map(|mark| listed.notional(size, *mark)).transpose()?.flatten();
            let open = Size { quantity: Some(size), notional };
            ContractState { open, ..ContractState::default() }.tell(listed, at, out);
        }
        kind.ok_or(DecodeError::Unknown)
    }

    /// Takes in the answer of `/fapi/v1/premiumIndex?symbol=`, for its mark price.
    pub(super) fn take_premium(&mut self, text: &str) -> Result<FrameKind, DecodeError> {
        let premium: Premium<'_> = parse(text)?;
        let symbol = required("symbol", premium.symbol.as_ref())?.as_text();
        if let Some(mark) = maybe_price("markPrice", premium.mark_price.as_ref())? {
            self.note(&symbol, mark);
        }
        Ok(FrameKind::Reference("premium index"))
    }

    /// Takes in a list of every contract.
    pub(super) fn take_list(&mut self, list: Reference, text: &str) -> Result<FrameKind, DecodeError> {
        match list {
            Reference::Intervals => {
                let rows: Vec<Interval<'_>> = parse(text)?;
                let intervals = rows.iter().filter_map(|row| {
                    let symbol = SmolStr::new(row.symbol.as_ref()?.as_text());
                    let hours = maybe_number("fundingIntervalHours", row.funding_interval_hours.as_ref());
                    // An odd row must not read as the default, which is for contracts not listed.
                    Some((symbol, hours.ok().flatten().filter(|hours| *hours > 0.0)))
                });
                self.intervals = Some(intervals.collect());
                Ok(FrameKind::Reference("funding intervals"))
            }
            Reference::Premiums => {
                let rows: Vec<Premium<'_>> = parse(text)?;
                let mut perpetuals = BTreeSet::new();
                for row in &rows {
                    let Some(symbol) = row.symbol.as_ref().map(Scalar::as_text) else { continue };
                    let Some(instrument) =
                        Some(&symbol).filter(|s| is_plain(s)).and_then(|s| parse_symbol(s))
                    else {
                        continue;
                    };
                    let is_followed = instrument.contract == Contract::Perp
                        && instrument.quote == "USDT"
                        && self.wanted.wants(instrument.asset());
                    if !is_followed {
                        continue;
                    }
                    perpetuals.insert(SmolStr::new(&symbol));
                    if let Ok(Some(mark)) = maybe_price("markPrice", row.mark_price.as_ref()) {
                        self.note(&symbol, mark);
                    }
                }
                self.perpetuals = Some(perpetuals);
                Ok(FrameKind::Reference("premium index"))
            }
        }
    }

    fn note(&mut self, symbol: &str, mark: Price) {
        if self.marks.len() >= MOST_REMEMBERED && !self.marks.contains_key(symbol) {
            self.marks.clear();
        }
        self.marks.insert(SmolStr::new(symbol), mark);
    }

    fn interval_hours(&self, market: Market, symbol: &str) -> Option<f64> {
        let intervals = self.intervals.as_ref().filter(|_| market == Market::UsdM)?;
        intervals.get(symbol).copied().unwrap_or(Some(DEFAULT_INTERVAL_HOURS))
    }
}

#[cfg(test)]
mod tests;
