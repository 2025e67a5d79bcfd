//! What one COIN-M contract is worth, from `/dapi/v1/exchangeInfo`.

use std::collections::BTreeMap;

use market::{Contract, Instrument};
use serde::Deserialize;
use smol_str::SmolStr;

use crate::protocol::DecodeError;
use crate::venues::symbols::{is_plain, parse_yymmdd};
use crate::venues::wire::{Nested, Scalar, wrong};

/// One row of `symbols`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    /// US dollars.
    #[serde(borrow)]
    contract_size: Option<Scalar<'a>>,
    #[serde(borrow)]
    contract_status: Option<Scalar<'a>>,
}

/// The contracts that Binance lists.
#[derive(Debug, Default)]
pub(super) struct Contracts {
    listed: BTreeMap<SmolStr, Entry>,
    /// Per pair: its contracts' worth, `None` where they differ.
    pairs: BTreeMap<SmolStr, Option<f64>>,
}

#[derive(Debug)]
struct Entry {
    worth: f64,
    is_trading: bool,
}

impl Contracts {
    /// Takes the whole list in. A row that cannot be right is left out, and what it is worth is unknown.
    ///
    /// # Errors
    /// The list tells nothing: this is not Binance's answer.
    pub(super) fn replace(&mut self, rows: &[Nested<Row<'_>>]) -> Result<(), DecodeError> {
        let mut fresh = Self::default();
        for row in rows {
            let Nested::Object(row) = row else { continue };
            let (Some(symbol), Some(size)) = (&row.symbol, &row.contract_size) else { continue };
            let (symbol, Ok(worth)) = (symbol.as_text(), size.number("contractSize")) else { continue };
            if worth <= 0.0 || !is_plain(&symbol) {
                continue;
            }
            let is_trading = row.contract_status.as_ref().is_some_and(|status| status.as_text() == "TRADING");
            let pair = fresh.pairs.entry(SmolStr::new(pair_of(&symbol))).or_insert(Some(worth));
            *pair = pair.filter(|known| known.to_bits() == worth.to_bits());
            fresh.listed.insert(SmolStr::new(&symbol), Entry { worth, is_trading });
        }
        if fresh.listed.is_empty() {
            return Err(wrong("symbols", "[]", "no list of contracts"));
        }
        *self = fresh;
        Ok(())
    }

    /// US dollars per contract; one that is not listed (expired, or new) borrows from its pair.
    pub(super) fn worth(&self, symbol: &str) -> Option<f64> {
        match self.listed.get(symbol) {
            Some(entry) => Some(entry.worth),
            None => *self.pairs.get(pair_of(symbol))?,
        }
    }

    /// The perpetuals that trade and are wanted.
    pub(super) fn trading_perpetuals(
        &self,
        wants: impl Fn(&Instrument) -> bool,
    ) -> impl Iterator<Item = &str> {
        self.listed.iter().filter(|(_, entry)| entry.is_trading).filter_map(move |(symbol, _)| {
            parse_symbol(symbol)
                .is_some_and(|known| known.contract == Contract::Perp && wants(&known))
                .then_some(symbol.as_str())
        })
    }
}

fn pair_of(symbol: &str) -> &str {
    symbol.split_once('_').map_or(symbol, |(pair, _)| pair)
}

/// `BTCUSD_PERP`, or `BTCUSD_261225`.
pub(super) fn parse_symbol(symbol: &str) -> Option<Instrument> {
    let (pair, contract) = symbol.split_once('_')?;
    let base = pair.strip_suffix("USD").filter(|base| !base.is_empty())?;
    Some(match contract {
        "PERP" => Instrument::perp(base, "USD"),
        expiry => Instrument::future(base, "USD", parse_yymmdd(expiry)?),
    })
}
