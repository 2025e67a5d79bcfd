//! Which products Kraken Futures lists, and what their names mean.

use std::collections::BTreeMap;

use market::Instrument;
use serde::Deserialize;
use smol_str::SmolStr;

use crate::protocol::DecodeError;
use crate::venues::symbols::{common_name, is_plain, parse_yymmdd};
use crate::venues::wire::{Scalar, wrong};

/// One row of `instruments`.
#[derive(Deserialize)]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    tradeable: Option<bool>,
}

/// What trades, upper case as in subscriptions.
#[derive(Debug, Default)]
pub(super) struct Products(BTreeMap<SmolStr, Instrument>);

impl Products {
    /// Takes the whole list in. What is no perpetual or future of a known family is left out.
    ///
    /// # Errors
    /// The list names no product at all: this is not Kraken's answer.
    pub(super) fn replace(&mut self, rows: &[Row<'_>]) -> Result<(), DecodeError> {
        let mut fresh = BTreeMap::new();
        for row in rows.iter().filter(|row| row.tradeable == Some(true)) {
            let symbol = row.symbol.as_ref().map(|symbol| symbol.as_text().to_ascii_uppercase());
            let Some(symbol) = symbol.filter(|symbol| is_plain(symbol)) else { continue };
            if let Some(instrument) = parse_symbol(&symbol) {
                fresh.insert(SmolStr::new(symbol), instrument);
            }
        }
        if fresh.is_empty() {
            return Err(wrong("instruments", "[]", "no list of products"));
        }
        self.0 = fresh;
        Ok(())
    }

    /// The products that are wanted.
    pub(super) fn tradeable(&self, wants: impl Fn(&Instrument) -> bool) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(_, instrument)| wants(instrument)).map(|(symbol, _)| symbol.as_str())
    }
}

/// Whether quantities of this product count base units: `PF_XBTUSD`. All others count dollars.
pub(super) fn is_linear(symbol: &str) -> bool {
    symbol.starts_with("PF_") || symbol.starts_with("FF_")
}

/// `PF_XBTUSD` and `PI_XBTUSD`, perpetuals; `FF_XBTUSD_261225` and `FI_XBTUSD_261225`, futures.
pub(super) fn parse_symbol(symbol: &str) -> Option<Instrument> {
    let (family, rest) = symbol.split_once('_')?;
    let (pair, expiry) = match (family, rest.split_once('_')) {
        ("PF" | "PI", None) => (rest, None),
        ("FF" | "FI", Some((pair, expiry))) => (pair, Some(parse_yymmdd(expiry)?)),
        _ => return None,
    };
    let base = common_name(pair.strip_suffix("USD").filter(|base| !base.is_empty())?);
    Some(match expiry {
        Some(expiry) => Instrument::future(base, "USD", expiry),
        None => Instrument::perp(base, "USD"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        for (symbol, instrument) in [
            ("PF_XBTUSD", Some("BTC-USD-PERP")),
            ("PI_ETHUSD", Some("ETH-USD-PERP")),
            ("FI_XBTUSD_261225", Some("BTC-USD-20261225")),
            ("FF_SOLUSD_261225", Some("SOL-USD-20261225")),
            ("PV_XRPXBT", None),
            ("IN_XBTUSD", None),
            ("PF_XBTUSD_261225", None),
            ("FI_XBTUSD", None),
            ("PF_USD", None),
            ("", None),
        ] {
            assert_eq!(
                parse_symbol(symbol).map(|known| known.to_string()).as_deref(),
                instrument,
                "{symbol}"
            );
        }
    }
}
