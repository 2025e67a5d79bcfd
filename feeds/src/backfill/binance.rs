//! Asks Binance for spot bars of coins against USDT, a thousand at a time, oldest first.
//!
//! A bar is known at its end. Bars that go on are not asked for. Source: Binance's spot documentation, 2026.

use std::collections::BTreeMap;

use market::{Bar, Interval, Observation, Payload, Price, Quantity, Timestamp, entities};
use serde::Deserialize;
use smol_str::SmolStr;

use super::history::{Answered, History, Lane, Left, Next, Page, Span};
use super::order::{BackfillRow, Order, Plan, PlanError};
use super::paging::millis;
use crate::config::{FeedConfig, Instruments};
use crate::protocol::{Ask, DecodeError, Stamped};
use crate::venues::prices::coherent;
use crate::venues::wire::{Scalar, parse, price, required, text, wrong};

/// Bars in one answer, the most that Binance gives.
const PAGE: usize = 1_000;
/// What coins are priced in.
const QUOTE: &str = "USDT";

pub(super) fn plan(_row: &BackfillRow, order: &Order, config: &FeedConfig) -> Result<Plan, PlanError> {
    let coins: Vec<SmolStr> = match (&config.instruments, order.symbols.is_empty()) {
        (_, false) => order.symbols_or(&[])?,
        (Instruments::Assets(named), true) => named.iter().map(SmolStr::new).collect(),
        (Instruments::All, true) => {
            entities().token_symbols(order.to).into_iter().map(SmolStr::new).collect()
        }
    };
    let mut symbols: Vec<SmolStr> = coins.iter().map(|coin| name(coin)).collect();
    symbols.dedup();
    let interval = order.interval.unwrap_or(Interval::Day);
    let history = Binance { interval, listed: None };
    Ok(Plan { history: Box::new(history), symbols, grain: interval.span() })
}

/// `TAO-USDT` of `TAO`, `TAOUSDT` and itself.
fn name(coin: &str) -> SmolStr {
    let base = coin.strip_suffix(QUOTE).map_or(coin, |base| base.trim_end_matches('-'));
    let base = if base.is_empty() { coin } else { base };
    format!("{base}-{QUOTE}").into()
}

struct Binance {
    interval: Interval,
    /// Binance's symbols by our names; `None` before they are known.
    listed: Option<BTreeMap<SmolStr, SmolStr>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pair<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow)]
    base_asset: Option<Scalar<'a>>,
    #[serde(borrow)]
    quote_asset: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Listing<'a> {
    #[serde(borrow)]
    symbols: Option<Vec<Pair<'a>>>,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    msg: Option<Scalar<'a>>,
}

impl History for Binance {
    fn next_reference(&mut self) -> Option<Ask> {
        // Pairs that no longer trade have a past too.
        const REQUEST: &str = "/api/v3/exchangeInfo?permissions=SPOT&showPermissionSets=false";
        self.listed.is_none().then(|| Ask::get(REQUEST))
    }

    fn learn(&mut self, answer: &Payload) -> Result<(), DecodeError> {
        let listing: Listing<'_> = parse(text(answer)?)?;
        let rows = listing.symbols.filter(|rows| !rows.is_empty()).ok_or(DecodeError::Unknown)?;
        let listed = rows.iter().filter_map(|row| {
            let quote = row.quote_asset.as_ref()?.as_text();
            let base = row.base_asset.as_ref()?.as_text();
            let symbol = row.symbol.as_ref()?.as_text();
            // The symbol becomes part of a request.
            let is_sound = quote == QUOTE && symbol.bytes().all(|c| c.is_ascii_alphanumeric());
            is_sound.then(|| (SmolStr::new(format!("{base}-{quote}")), SmolStr::new(symbol)))
        });
        self.listed = Some(listed.collect());
        Ok(())
    }

    fn next(&mut self, lane: &Lane) -> Next {
        let Some(symbol) = self.listed.as_ref().and_then(|listed| listed.get(&lane.symbol)) else {
            return Next::Skip(format!("Binance lists no spot pair {}", lane.symbol));
        };
        let (from, through) = (millis(lane.missing.from), millis(lane.missing.until) - 1);
        Next::Ask(Ask::get(format!(
            "/api/v3/klines?symbol={symbol}&interval={}&startTime={from}&endTime={through}&limit={PAGE}",
            self.interval
        )))
    }

    fn read(&mut self, lane: &Lane, answer: &Answered<'_>) -> Result<Page, DecodeError> {
        let body = text(answer.payload)?;
        if body.trim_start().starts_with('{') {
            let refusal: Refusal<'_> = parse(body)?;
            let code = required("code", refusal.code.as_ref())?.as_text();
            let words = refusal.msg.as_ref().map(Scalar::as_text).unwrap_or_default();
            return Ok(Page::none(format!("Binance says {code} {words}")));
        }
        let rows: Vec<Vec<Scalar<'_>>> = parse(body)?;
        let (mut told, mut refused, mut last) = (Vec::new(), Vec::new(), None);
        for row in &rows {
            let at = required("open time", row.first())?.millis("open time")?;
            last = last.max(Some(at));
            if !lane.missing.has(at) {
                continue;
            }
            match self.bar(&lane.symbol, row) {
                Ok(bar) => {
                    told.push(Stamped::history(at, at.plus(self.interval.span()), Observation::Bar(bar)));
                }
                Err(error) => refused.push(format!("{} {at}: {error}", lane.symbol)),
            }
        }
        told.sort_by_key(|stamped| stamped.event_time);
        let left = if rows.len() >= PAGE { self.after(lane.missing, last)? } else { Left::Nothing };
        Ok(Page { told, refused, left })
    }
}

impl Binance {
    /// What is missing after a full page whose last bar began then.
    fn after(&self, missing: Span, last: Option<Timestamp>) -> Result<Left, DecodeError> {
        let last = last.filter(|last| missing.has(*last));
        let from = last.map(|last| last.plus(self.interval.span()));
        let from = from.ok_or_else(|| wrong("open time", "", "not in the stretch that was asked for"))?;
        let rest = Span { from, ..missing };
        Ok(if rest.is_empty() { Left::Nothing } else { Left::Span(rest) })
    }

    /// `[open time, open, high, low, close, volume, close time, …]`.
    fn bar(&self, symbol: &SmolStr, row: &[Scalar<'_>]) -> Result<Bar, DecodeError> {
        let at = |index: usize, field| -> Result<Price, DecodeError> { price(field, row.get(index)) };
        let volume = required("volume", row.get(5))?;
        let bar = Bar {
            symbol: symbol.clone(),
            interval: self.interval,
            open: at(1, "open")?,
            high: at(2, "high")?,
            low: at(3, "low")?,
            close: at(4, "close")?,
            volume: Some(
                Quantity::new(volume.number("volume")?)
                    .map_err(|_| wrong("volume", &volume.as_text(), "not a volume"))?,
            ),
            is_final: true,
        };
        coherent(&bar)?;
        Ok(bar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coin_is_named_alone_or_with_its_tether() {
        for coin in ["TAO", "TAOUSDT", "TAO-USDT"] {
            assert_eq!(name(coin), "TAO-USDT");
        }
        assert_eq!(name("USDT"), "USDT-USDT");
    }
}
