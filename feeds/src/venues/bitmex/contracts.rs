//! What BitMEX's contracts are and what one is worth, from `/api/v1/instrument/active`.
//!
//! Formulas: BitMEX's help page on contract sizes, 2026. Inverse contracts are worth
//! `multiplier / underlyingToSettleMultiplier` in the quote currency; linear ones are
//! `1 / underlyingToPositionMultiplier` base units; quanto ones are worth `multiplier × price` in what
//! settles them, which is counted in hundred-millionths of a bitcoin (`XBt`).

use std::collections::BTreeMap;

use market::{Contract, Instrument, Price, Timestamp};
use serde::Deserialize;
use smol_str::SmolStr;

use crate::protocol::DecodeError;
use crate::venues::blank::maybe_number;
use crate::venues::symbols::{Listed, Size, common_name, is_plain, parse_month_code};
use crate::venues::wire::{Scalar, wrong};

/// Hundred-millionths of a bitcoin.
const SATOSHIS: f64 = 1e8;
const PERPETUAL: &str = "FFWCSX";
const FUTURE: &str = "FFCCSX";

/// One row of the answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow)]
    typ: Option<Scalar<'a>>,
    #[serde(borrow)]
    state: Option<Scalar<'a>>,
    #[serde(borrow)]
    underlying: Option<Scalar<'a>>,
    #[serde(borrow)]
    quote_currency: Option<Scalar<'a>>,
    #[serde(borrow)]
    settl_currency: Option<Scalar<'a>>,
    is_inverse: Option<bool>,
    is_quanto: Option<bool>,
    #[serde(borrow)]
    multiplier: Option<Scalar<'a>>,
    #[serde(borrow)]
    underlying_to_position_multiplier: Option<Scalar<'a>>,
    #[serde(borrow)]
    underlying_to_settle_multiplier: Option<Scalar<'a>>,
    #[serde(borrow)]
    expiry: Option<Scalar<'a>>,
    /// As a time of day: eight hours are `2000-01-01T08:00:00.000Z`.
    #[serde(borrow)]
    funding_interval: Option<Scalar<'a>>,
}

/// The contracts that BitMEX lists.
#[derive(Debug, Default)]
pub(super) struct Contracts(BTreeMap<SmolStr, Entry>);

#[derive(Debug)]
struct Entry {
    instrument: Instrument,
    worth: Worth,
    funding_hours: Option<f64>,
    is_open: bool,
}

/// What one contract is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Worth {
    /// This much in the quote currency, whatever the price.
    Quote(f64),
    /// This many base units.
    Base(f64),
    /// This many bitcoins per unit of price.
    Quanto(f64),
    Unknown,
}

impl Contracts {
    /// Takes the whole list in. What is no perpetual or future is left out.
    ///
    /// # Errors
    /// The list is not one of instruments.
    pub(super) fn replace(&mut self, rows: &[Row<'_>]) -> Result<(), DecodeError> {
        if rows.is_empty() || rows.iter().any(|row| row.symbol.is_none() || row.typ.is_none()) {
            return Err(wrong("symbol", "", "missing from a list that should be of instruments"));
        }
        let entries = rows.iter().filter_map(|row| {
            let symbol = row.symbol.as_ref().map(Scalar::as_text).filter(|symbol| is_plain(symbol))?;
            Some((SmolStr::new(&symbol), row.entry()?))
        });
        self.0 = entries.collect();
        Ok(())
    }

    /// What `symbol` means: as the list says, else as it reads.
    pub(super) fn instrument(&self, symbol: &str) -> Option<Instrument> {
        match self.0.get(symbol) {
            Some(entry) => Some(entry.instrument.clone()),
            None => parse_symbol(symbol),
        }
    }

    /// The perpetuals that trade and are wanted.
    pub(super) fn perpetuals(&self, wants: impl Fn(&Instrument) -> bool) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(_, entry)| {
                entry.is_open && entry.instrument.contract == Contract::Perp && wants(&entry.instrument)
            })
            .map(|(symbol, _)| symbol.as_str())
    }

    /// Hours between two payments of funding.
    pub(super) fn funding_hours(&self, symbol: &str) -> Option<f64> {
        self.0.get(symbol)?.funding_hours
    }

    /// How much `contracts` are at `price`, while a bitcoin is worth `bitcoin` dollars.
    pub(super) fn size(
        &self,
        field: &'static str,
        contracts: f64,
        price: Price,
        listed: &Listed,
        bitcoin: Option<f64>,
    ) -> Result<Size, DecodeError> {
        match (self.worth(&listed.symbol), bitcoin) {
            (Worth::Quote(each), _) => Size::of_quote(field, contracts * each, price, listed),
            (Worth::Base(each), _) => Size::of_base(field, contracts * each, price, listed),
            (Worth::Quanto(each), Some(bitcoin)) if listed.is_in_dollars => {
                Size::of_quote(field, contracts * each * price.get() * bitcoin, price, listed)
            }
            (Worth::Quanto(_) | Worth::Unknown, _) => Ok(Size::default()),
        }
    }

    fn worth(&self, symbol: &str) -> Worth {
        match self.0.get(symbol) {
            Some(entry) => entry.worth,
            // The oldest contract of all, and the measure of the others.
            None if symbol == "XBTUSD" => Worth::Quote(1.0),
            None => Worth::Unknown,
        }
    }
}

impl Row<'_> {
    fn entry(&self) -> Option<Entry> {
        let words = |part: &Option<Scalar<'_>>| part.as_ref().map(|part| part.as_text().into_owned());
        let (base, quote) = (words(&self.underlying)?, words(&self.quote_currency)?);
        let (base, quote) = (common_name(&base), common_name(&quote));
        if !is_plain(base) || !is_plain(quote) || quote.contains('-') {
            return None;
        }
        let instrument = match words(&self.typ)?.as_str() {
            PERPETUAL => Instrument::perp(base, quote),
            FUTURE => {
                let expiry: Timestamp = words(&self.expiry)?.parse().ok()?;
                Instrument::future(base, quote, expiry.date())
            }
            _ => return None,
        };
        Some(Entry {
            instrument,
            worth: self.worth(),
            funding_hours: self.funding_hours(),
            is_open: words(&self.state).is_none_or(|state| state == "Open"),
        })
    }

    fn worth(&self) -> Worth {
        let number = |part: &Option<Scalar<'_>>| {
            maybe_number("multiplier", part.as_ref()).ok().flatten().filter(|number| *number != 0.0)
        };
        let multiplier = number(&self.multiplier);
        let told = match (self.is_inverse == Some(true), self.is_quanto == Some(true)) {
            (true, _) => multiplier
                .zip(number(&self.underlying_to_settle_multiplier))
                .map(|(multiplier, settle)| Worth::Quote(multiplier / settle)),
            (false, true) => multiplier
                .filter(|_| self.settl_currency.as_ref().is_some_and(|settled| settled.as_text() == "XBt"))
                .map(|multiplier| Worth::Quanto(multiplier / SATOSHIS)),
            (false, false) => {
                number(&self.underlying_to_position_multiplier).map(|units| Worth::Base(1.0 / units))
            }
        };
        let is_sound = |worth: &Worth| match worth {
            Worth::Quote(each) | Worth::Base(each) | Worth::Quanto(each) => each.is_finite() && *each > 0.0,
            Worth::Unknown => false,
        };
        told.filter(is_sound).unwrap_or(Worth::Unknown)
    }

    fn funding_hours(&self) -> Option<f64> {
        let of_day: Timestamp = self.funding_interval.as_ref()?.as_text().parse().ok()?;
        let hours = of_day.since(of_day.date().start()).as_secs_f64() / 3_600.0;
        (hours > 0.0).then_some(hours)
    }
}

/// `XBTUSD`, `ETHUSDT`, and `XBTH27`, which is priced in dollars and expires on the last Friday of March
/// 2027: what can be told without the list.
fn parse_symbol(symbol: &str) -> Option<Instrument> {
    if let Some(expiry) = symbol.strip_prefix("XBT").and_then(parse_month_code) {
        return Some(Instrument::future("BTC", "USD", expiry));
    }
    let (base, quote) = ["USDT", "USD"]
        .into_iter()
        .find_map(|quote| symbol.strip_suffix(quote).map(|base| (base, quote)))
        .filter(|(base, _)| !base.is_empty() && !base.starts_with('.'))?;
    Some(Instrument::perp(common_name(base), quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_read_alike_without_the_list() {
        for (symbol, name) in [
            ("XBTUSD", Some("BTC-USD-PERP")),
            ("XBTUSDT", Some("BTC-USDT-PERP")),
            ("ETHUSD", Some("ETH-USD-PERP")),
            ("XBTH27", Some("BTC-USD-20270326")),
            ("ETHM19", None),
            (".BXBTUSD", None),
            ("USD", None),
        ] {
            assert_eq!(parse_symbol(symbol).map(|known| known.to_string()).as_deref(), name, "{symbol}");
        }
    }
}
